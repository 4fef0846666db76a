/**
 * What else a row needs in its message: conditions that the guide words in its own way, and what a value cannot do without. By table, source
 * and target as the guide writes them; places are fields of the message, or components (`.4`) of the field that a datatype stands in.
 */
export const FILLINGS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  ...alternates('CWE'),
  ...alternates('CF'),
  ...alternates('CNE'),
  'CE[CodeableConcept] CE.5 coding[2].display': { '.4': 'B' },
  'CE[CodeableConcept] CE.6 coding[2].system': { '.4': 'B' },
  'PID[Patient] PID-7 birthDate.extension[1].url': { 'PID-7': '20191103041526+0100' },
  'PID[Patient] PID-7 birthDate.extension[1].valueDateTime': { 'PID-7': '20191103041526+0100' },
  'PID[Patient] PID-12 address[1].district': { 'PID-11': 'Street' },
  'PID[Patient] PID-12 address[2].district': { 'PID-11': 'Street~Lane' },
};

/** A display, a system or a version needs its code. */
function alternates(type: string): Record<string, Record<string, string>> {
  const rows = [5, 6, 8].map((component) => [component, 2, '.4'] as const);
  const second = [11, 12, 13].map((component) => [component, 3, '.10'] as const);
  const element: Record<number, string> = { 5: 'display', 6: 'system', 8: 'version', 11: 'display', 12: 'system', 13: 'version' };
  return Object.fromEntries(
    [...rows, ...second].map(([component, coding, code]) => [
      `${type}[CodeableConcept] ${type}.${component} coding[${coding}].${element[component]}`,
      { [code]: 'B' },
    ]),
  );
}

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
  ...inError('DG1[Condition]', ''),
  ...inError('DG1[Encounter]', 'diagnosis.condition'),
  ...inError('DG1[EpisodeOfCare]', 'diagnosis.condition'),
  'MSH[MessageHeader] MSH-3 source[1].endpoint': { 'MSH-3': 'X^QZX7^DNS' },
  'MSH[MessageHeader] MSH-5 destination[1].endpoint': { 'MSH-5': 'X^QZX7^DNS' },
  'MSH[MessageHeader] MSH-17 sender(Organization.address.country)': { 'MSH-4': 'HOSPITAL' },
  'SFT[Device] SFT-6 version.extension[1].url': { 'SFT-2': '1.0' },
  'SFT[Device] SFT-6 version.extension[1].valueDateTime': { 'SFT-2': '1.0' },
  'PV1[Encounter] PV1-19 identifier[1].type.coding.code': { 'PV1-19': 'V7^^^AUTH' },
  'PV1[Encounter] PV1-53 episodeOfCare(EpisodeOfCare[1].extension.url)': { 'PV1-54': 'E1^^^AUTH' },
  'PV1[Encounter] PV1-53 episodeOfCare(EpisodeOfCare[1].extension.valueString)': { 'PV1-54': 'E1^^^AUTH' },
  'PID[Patient] PID-7 birthDate.extension[1].url': { 'PID-7': '20191103041526+0100' },
  'PID[Patient] PID-7 birthDate.extension[1].valueDateTime': { 'PID-7': '20191103041526+0100' },
  'PID[Patient] PID-12 address[1].district': { 'PID-11': 'Street' },
  'PID[Patient] PID-12 address[2].district': { 'PID-11': 'Street~Lane' },
};

/** Only D (HL7 Table 0206) takes a diagnosis back. */
function inError(table: string, at: string): Record<string, Record<string, string>> {
  const element = at === '' ? 'verificationStatus' : `${at}(Condition.verificationStatus`;
  const close = at === '' ? '' : ')';
  return {
    [`${table} DG1-21 ${element}.coding.code${close}`]: { 'DG1-21': 'D' },
    [`${table} DG1-21 ${element}.coding.system${close}`]: { 'DG1-21': 'D' },
  };
}

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

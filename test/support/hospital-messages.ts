/** Messages of an invented hospital, as short as they may be: persons, stays, orders. Imports nothing from src. */

export type Sent = { readonly type: string; readonly controlId: string; readonly patient: string; readonly bytes: Buffer };

let sent = 0;

/** An ADT message: `when` is EVN-2 and MSH-7. */
export function adt(event: string, when: string, ...segments: readonly string[]): Sent {
  return messageOf(`ADT^${event}`, when, [`EVN||${when}`, ...segments]);
}

/** PID of a number (or several, as in PID-3), with a name; further fields by their number. */
export function pid(numbers: string, name = 'Muster^Erika', fields: Readonly<Record<number, string>> = {}): string {
  const all: string[] = [
    'PID',
    '1',
    '',
    numbers
      .split('~')
      .map((number) => (number.includes('^') ? number : `${number}^^^HOSP^MR`))
      .join('~'),
    '',
    name,
  ];
  for (const [field, value] of Object.entries(fields)) all[Number(field)] = value;
  return Array.from(all, (field) => field ?? '').join('|');
}

/** MRG by fields. */
export function mrg(fields: Readonly<Record<number, string>>): string {
  const all: string[] = ['MRG'];
  for (const [field, value] of Object.entries(fields)) all[Number(field)] = value;
  return Array.from(all, (field) => field ?? '').join('|');
}

/** An ORM^O01 of one order. */
export function orm(
  placer: string,
  patient: string,
  when: string,
  extra: { readonly name?: string; readonly visit?: string; readonly control?: string } = {},
): Sent {
  return messageOf('ORM^O01', when, [
    pid(patient, extra.name),
    ...(extra.visit ? [pv1(extra.visit)] : []),
    `ORC|${extra.control ?? 'NW'}|${placer}^RIS`,
    `OBR|1|${placer}^RIS||24725-4^Head^LN||||||||||||||AC-${placer}||||||RAD`,
  ]);
}

/** PV1 of an inpatient with a visit number. */
export function pv1(visit: string, fields: Readonly<Record<number, string>> = {}): string {
  const all: string[] = ['PV1', '1', 'I'];
  all[19] = `${visit}^^^HOSP^VN`;
  for (const [field, value] of Object.entries(fields)) all[Number(field)] = value;
  return Array.from(all, (field) => field ?? '').join('|');
}

function messageOf(type: string, when: string, segments: readonly string[]): Sent {
  const controlId = `H${++sent}`;
  const head = `MSH|^~\\&|ADT|HOSPITAL|WAYSTATION|REMOTE|${when}||${type}|${controlId}|P|2.5.1`;
  const patient =
    segments
      .find((segment) => segment.startsWith('PID'))
      ?.split('|')[3]
      ?.split('^')[0] ?? '';
  return { type, controlId, patient, bytes: Buffer.from(`${[head, ...segments].join('\r')}\r`) };
}

/**
 * The messages in which rows are tried: as small as each type allows, so that a condition like NOT VALUED holds unless a row fills the field.
 * In: a message type, and what to put where. Out: the bytes.
 */

/** `PID-5`, `PV1-3.2`, `PRT-10.1.2`. */
export type Filling = ReadonlyMap<string, string>;

type Line = { readonly name: string; readonly fields: Map<number, string> };

/** `table`: of the segment under test, which is added where the type has none. Other fillings go into the first segment of their name. */
export function hostMessage(type: string, table: string, filling: Filling): Buffer {
  const segment = table.slice(0, 3);
  const lines = (HOSTS[type] ?? []).map(lineOf).filter(({ name }) => !WITHOUT[table]?.includes(name));
  if (!lines.some(({ name }) => name === segment)) {
    lines.splice(placeFor(FOLLOWS[table] ?? FOLLOWS[segment] ?? [], lines), 0, lineOf(SMALLEST[table] ?? SMALLEST[segment] ?? segment));
  }
  for (const [place, text] of filling) fill(lines, place, text);
  return Buffer.from(`${lines.map(written).join('\r')}\r`);
}

function lineOf(text: string): Line {
  const [name = '', ...fields] = text.split('|');
  return { name, fields: new Map(fields.map((field, index) => [name === 'MSH' ? index + 2 : index + 1, field])) };
}

function fill(lines: readonly Line[], place: string, text: string): void {
  const [, name, field = '', component, subcomponent] = /^(\w{3})-(\d+)(?:\.(\d+))?(?:\.(\d+))?$/.exec(place) ?? [];
  const line = lines.find((one) => one.name === name);
  if (!line) return;
  const before = line.fields.get(Number(field)) ?? '';
  line.fields.set(
    Number(field),
    component === undefined
      ? text
      : withPart(before, '^', Number(component), (one) =>
          subcomponent === undefined ? text : withPart(one, '&', Number(subcomponent), () => text),
        ),
  );
}

function withPart(whole: string, separator: string, number: number, change: (part: string) => string): string {
  const parts = whole.split(separator);
  while (parts.length < number) parts.push('');
  parts[number - 1] = change(parts[number - 1] as string);
  return parts.join(separator);
}

function written({ name, fields }: Line): string {
  const last = Math.max(0, ...fields.keys());
  const first = name === 'MSH' ? 2 : 1;
  return [name, ...Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => fields.get(index + first) ?? '')].join('|');
}

/** What a segment cannot do without, that is: what names the thing. */
const SMALLEST: Readonly<Record<string, string>> = {
  AL1: 'AL1|||A1^Latex^L',
  DG1: 'DG1|||D1^Fever^L',
  IN1: 'IN1||PLAN^Plan^L|I1|Insurer',
  NK1: 'NK1||Relative^Mina',
  PD1: 'PD1|||||||F',
  PR1: 'PR1|||P1^Operation^L',
  'ROL[Patient-GeneralPractitioner]': 'ROL|||PP|R1^Role^Rita^^^^^^AUTH',
  'ROL[CareTeam]': 'ROL|||AT|R1^Role^Rita^^^^^^AUTH',
  'ROL[Encounter-PractitionerRole]': 'ROL|||AT|R1^Role^Rita^^^^^^AUTH',
  'PRT[Patient-GeneralPractitioner-PractitionerRole]': 'PRT||||PP|R1^Role^Rita^^^^^^AUTH|SP|||W1',
  'PRT[Patient-GeneralPractitioner-Practitioner]': 'PRT||||PP|R1^Role^Rita^^^^^^AUTH',
  'PRT[CareTeam]': 'PRT||||AT|R1^Role^Rita^^^^^^AUTH',
  'PRT[PractitionerRole]': 'PRT||||AT|R1^Role^Rita^^^^^^AUTH|SP',
  'PRT[RelatedPerson]': 'PRT||||MTH|R1^Role^Rita^^^^^^AUTH',
  'PRT[Device]': 'PRT||||EQUIP||||||D1^AUTH',
};

/** After the segment that it follows in the standard's order of segments. */
function placeFor(before: readonly string[], lines: readonly Line[]): number {
  const index = Math.max(...before.map((name) => lines.findLastIndex((line) => line.name === name)), -1);
  return index < 0 ? lines.length : index + 1;
}

const FOLLOWS: Readonly<Record<string, readonly string[]>> = {
  SFT: ['MSH'],
  PD1: ['PID'],
  NK1: ['PID', 'PD1'],
  PV2: ['PV1'],
  'ROL[Patient-GeneralPractitioner]': ['PID', 'PD1'],
  'ROL[CareTeam]': ['PID', 'PD1'],
  'ROL[Encounter-PractitionerRole]': ['PV1', 'PV2'],
  'PRT[Patient-GeneralPractitioner-PractitionerRole]': ['PID', 'PD1'],
  'PRT[Patient-GeneralPractitioner-Practitioner]': ['PID', 'PD1'],
  'PRT[CareTeam]': ['PID', 'PD1'],
  'PRT[RelatedPerson]': ['PID', 'PD1'],
  MRG: ['PID'],
  AL1: ['PID', 'PV1', 'PV2'],
  DG1: ['PID', 'PV1', 'PV2', 'AL1'],
  PR1: ['PID', 'PV1', 'PV2', 'DG1'],
  IN1: ['PID', 'PV1', 'PV2'],
  IN3: ['PID', 'PV1', 'PV2', 'IN1'],
  TQ1: ['ORC', 'OBR'],
  'NTE[ServiceRequest]': ['OBR'],
  NTE: ['OBR', 'OBX'],
  PRT: ['OBX', 'PV1'],
  CON: ['TXA'],
};

/** What says the same better: an OBR tells of the specimen where no SPM does. */
const WITHOUT: Readonly<Record<string, readonly string[]>> = { 'OBR[Specimen]': ['SPM'] };

const msh = (type: string) => `MSH|^~\\&|||||20260302081500+0100||${type}|C1|P|2.9`;
const EVENT = 'EVN||20260302081400+0100';
const PATIENT = 'PID|||4711^^^NORTH^MR||Brandt^Ida';
const VISIT = 'PV1||I|||||||||||||||||V1^^^NORTH^VN';
const ORDER = ['ORC|RE|P1^RIS|F1^NORTH', 'OBR||||24558-9^US^LN'];

const HOSTS: Readonly<Record<string, readonly string[]>> = {
  ADT_A01: [msh('ADT^A01^ADT_A01'), EVENT, PATIENT, VISIT],
  ADT_A02: [msh('ADT^A02^ADT_A02'), EVENT, PATIENT, VISIT],
  ADT_A05: [msh('ADT^A05^ADT_A05'), EVENT, PATIENT, VISIT],
  ADT_A06: [msh('ADT^A06^ADT_A06'), EVENT, PATIENT, VISIT],
  ADT_A09: [msh('ADT^A09^ADT_A09'), EVENT, PATIENT, VISIT],
  ADT_A11: [msh('ADT^A11^ADT_A09'), EVENT, PATIENT, VISIT],
  MDM_T02: [
    msh('MDM^T02^MDM_T02'),
    EVENT,
    PATIENT,
    VISIT,
    ...ORDER,
    'TXA||CN|TX|||||||||DOC1^NORTH|||||LA',
    'OBX||TX|11488-4^Note^LN||Text||||||F',
  ],
  OML_O21: [
    msh('OML^O21^OML_O21'),
    PATIENT,
    VISIT,
    'ORC|NW|P1^RIS|F1^NORTH',
    'OBR||||24558-9^US^LN',
    'OBX||ST|8302-2^Height^LN||172||||||F',
    'SPM||S1&RIS^S2&NORTH',
  ],
  ORM_O01: [
    msh('ORM^O01^ORM_O01'),
    PATIENT,
    VISIT,
    'ORC|NW|P1^RIS|F1^NORTH',
    'OBR||||24558-9^US^LN',
    'OBX||ST|8302-2^Height^LN||172||||||F',
  ],
  ORU_R01: [msh('ORU^R01^ORU_R01'), PATIENT, VISIT, ...ORDER, 'OBX||ST|8302-2^Height^LN||172||||||F', 'SPM||S1&RIS^S2&NORTH'],
};

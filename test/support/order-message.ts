/**
 * ORM^O01 messages of invented patients, about 1 KB each: the n-th of a run is always the same bytes, and everything that identifies
 * (MSH-10, patient, visit, placer and group number, accession) is unique to it. Imports nothing from src.
 */

export type Order = {
  /** MSH-10: at most 20 characters. */
  readonly controlId: string;
  /** ORC-2, OBR-2. */
  readonly placer: string;
  /** ORC-4: becomes Task.groupIdentifier. */
  readonly group: string;
  /** OBR-18. */
  readonly accession: string;
  /** PID-3.1. */
  readonly patient: string;
  /** Without the MLLP frame. */
  readonly bytes: Buffer;
};

export type OrderOptions = {
  /** At most 6 characters; tells runs apart. */
  readonly run: string;
  /** ORC-7.6 and OBR-27.6: S is stat, R routine (HL7 Table 0485). */
  readonly priority?: 'S' | 'R';
  /** MSH-3: how the gateway recognises the sender. */
  readonly application?: string;
};

export function orderMessage(n: number, { run, priority = 'R', application = 'LOADRIS' }: OrderOptions): Order {
  const id = `${run}${String(n).padStart(8, '0')}`;
  const order = { controlId: `M${id}`, placer: `PL${id}`, group: `GR${id}`, accession: `AC${id}`, patient: `PT${id}` };
  const segments = [
    `MSH|^~\\&|${application}|INVENTED|WAYSTATION|REMOTE|20260302093000||ORM^O01^ORM_O01|${order.controlId}|P|2.5.1||||||UNICODE UTF-8`,
    `PID|1||${order.patient}^^^HOSP^MR||${pick(FAMILY, n)}^${pick(GIVEN, n * 7)}^${pick(GIVEN, n * 13)}||19${String(20 + (n % 80))}0${1 + (n % 9)}1${n % 10}|${n % 2 === 0 ? 'F' : 'M'}|||${n % 300} Invented Street^^Sampletown^^${String(10000 + (n % 89999))}^XX||^PRN^PH^^^555^${String(1000000 + (n % 8999999))}`,
    `PV1|1|O|RAD^^^HOSP||||4711^Beispiel^Berta^^^Dr.||||||||||||V${id}^^^HOSP^VN|||||||||||||||||||||||||20260302091500`,
    `ORC|NW|${order.placer}^LOADRIS||${order.group}^LOADRIS|||^^^20260302100000^^${priority}||20260302092900|||4711^Beispiel^Berta^^^Dr.`,
    `OBR|1|${order.placer}^LOADRIS||CTHEAD^CT head without contrast^LOCAL|||||||||Fell from a ladder, no loss of consciousness|||4711^Beispiel^Berta^^^Dr.||${order.accession}||||||CT|||^^^20260302100000^^${priority}||||^Headache after a fall; on no anticoagulants`,
    `NTE|1|P|${SENTENCES[n % SENTENCES.length]}`,
    'DG1|1||S09.90XA^Unspecified injury of head, initial encounter^I10|||W',
    'OBX|1|NM|2160-0^Creatinine [Mass/volume] in Serum or Plasma^LN||0.9|mg/dL^^UCUM|0.6-1.2|N|||F|||20260301080000',
  ];
  return { ...order, bytes: Buffer.from(`${segments.join('\r')}\r`, 'utf8') };
}

function pick(list: readonly string[], n: number): string {
  return list[n % list.length] as string;
}

const FAMILY = ['Invented', 'Beispiel', 'Muster', 'Sample', 'Exempel', 'Przykład', 'Voorbeeld', 'Ejemplo', 'Esempio', 'Näidis', 'Paraugs'];
const GIVEN = ['Ada', 'Bela', 'Carla', 'Dimitri', 'Edda', 'Fjodor', 'Greta', 'Henk', 'Ines', 'Jörg', 'Kaja', 'Lubomír', 'Mona'];
const SENTENCES = [
  'The patient asks that nobody phones before noon. Previous images are said to be on a disc that was handed over at the desk.',
  'Please compare with the study of last spring if it can be had. Contrast medium was refused once; the reason is not known to us.',
  'Transport by ambulance, on a stretcher. An interpreter for sign language is needed when the result is talked over with the family.',
];

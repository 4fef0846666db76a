/**
 * Acknowledgments: the one place where a Failure becomes MSA-1 and ERR, and where the answers of others are read
 * (HL7 v2.5.1 §2.9.2, §2.14.1, §2.15.5 ERR, §2.15.8 MSA).
 * A header and what was wrong come in, the exact bytes of an ACK go out; an ACK's bytes come in, code, MSA-2 and errors go out.
 * Promises: what is echoed are the sender's own bytes in the sender's delimiters; the texts are the table's and never quote a message.
 *
 * MSA-1 follows from the code of HL7 Table 0357, which calls 1xx errors (AE: the content must be mended) and 2xx rejections
 * (AR: 200–203 not a message for this receiver; 207 unrelated to its content, §2.9.2.2 c: send it again later).
 * Which code answers in which mode, and whether at all, is decided in acknowledgment-mode.ts.
 */
import { type Failure, type FailureCode, failure } from '../../model/failure.ts';
import { type Header, isRefusal, type Location, part, type Refusal, readFields, readHeader, readSegments } from './header.ts';

/** HL7 Table 0008, without the delayed ones. */
export type AckCode = 'AA' | 'AE' | 'AR' | 'CA' | 'CE' | 'CR';

/** What an answer is stamped with: MSH-7 and MSH-10. */
export type AckStamp = { readonly now: Date; readonly controlId: string };

/** An application acknowledgment is a message of its own: it asks for an accept acknowledgment, and for no other (MSH-15, MSH-16). */
export type AckWording = { readonly code: AckCode; readonly initiates?: boolean };

/**
 * The answer to a message. `header` null: the message had none that can be read. Without `wording` AA, or AE or AR by what was refused.
 */
export function buildAck(header: Header | null, refused: Refusal | null, stamp: AckStamp, wording?: AckWording): Buffer {
  const answered = header ?? NO_HEADER;
  const code = wording?.code ?? (refused ? ackCodeOf(refused.failure.code) : 'AA');
  const segments = [
    buildHeader(answered, stamp, wording?.initiates ?? false),
    ...(refused ? buildRefusal(answered, refused, code) : [join(answered, ['MSA', code, answered.controlId])]),
  ];
  return Buffer.from(`${segments.join('\r')}\r`, 'latin1');
}

/** What MSA-1 says for a Failure. */
export function ackCodeOf(code: FailureCode): 'AE' | 'AR' {
  return CONDITIONS[code] < '200' ? 'AE' : 'AR';
}

/** ERR-3 for a Failure: a code of HL7 Table 0357. */
export function conditionOf(code: FailureCode): string {
  return CONDITIONS[code];
}

/** MSH-10 of what is written here: 20 characters, the length every version allows. `uuid` is a UUIDv7: its time and 26 random bits are kept. */
export function shortControlId(uuid: string): string {
  return uuid.replaceAll('-', '').slice(0, 20);
}

/** An acknowledgment as read: MSA-1, MSA-2, and ERR-3.1 (before v2.5 ERR-1.4 or MSA-6) of each error. */
export type Acknowledgment = { readonly code: AckCode; readonly controlId: string; readonly errors: readonly string[] };

/** Reads an answer. A Failure: it is no acknowledgment. */
export function parseAck(bytes: Buffer): Acknowledgment | Failure {
  const header = readHeader(bytes);
  if (isRefusal(header)) return header.failure;
  const places = readSegments(bytes, header);
  const msa = places.find((place) => place.name === 'MSA');
  if (!msa) return failure('protocols', 'malformed', 'an answer without MSA');
  const fields = readFields(bytes, msa, header, 6);
  const code = fields[1] ?? '';
  if (!isAckCode(code)) return failure('protocols', 'malformed', 'MSA-1 is not of HL7 Table 0008');
  const errors = places.filter((place) => place.name === 'ERR').map((place) => errorCodeOf(readFields(bytes, place, header, 3), header));
  const condition = part(fields[6] ?? '', header.delimiters.component, 1);
  return { code, controlId: (fields[2] ?? '').trim(), errors: [...errors, condition].filter((error) => error !== '') };
}

function isAckCode(text: string): text is AckCode {
  return text === 'AA' || text === 'AE' || text === 'AR' || text === 'CA' || text === 'CE' || text === 'CR';
}

function errorCodeOf(fields: readonly string[], { delimiters }: Header): string {
  const since25 = part(fields[3] ?? '', delimiters.component, 1);
  return since25 || part(part(fields[1] ?? '', delimiters.component, 4), delimiters.subcomponent, 1);
}

/** MSH of the answer: sender and receiver change places, the rest of what the sender said of itself is kept. */
function buildHeader(header: Header, { now, controlId }: AckStamp, initiates: boolean): string {
  const { fields } = header;
  const echo = (number: number): string => fields[number] ?? '';
  const answer = [`MSH${echo(1)}${echo(2)}`, echo(5), echo(6), echo(3), echo(4), timestamp(now), '', messageTypeOf(header), controlId];
  const version = isVersion(header.version) ? echo(12) : DEFAULT_VERSION;
  const modes = initiates ? ['AL', 'NE'] : ['', ''];
  const rest = initiates || echo(18) !== '' ? ['', '', ...modes, '', echo(18)] : [];
  return [...answer, echo(11) || 'P', version, ...rest].join(echo(1));
}

/** MSH-9: the structure came with v2.3.1, and before that an acknowledgment needs no trigger. */
function messageTypeOf(header: Header): string {
  const { component } = header.delimiters;
  return header.trigger === '' || isBefore(header, '2.3.1') ? 'ACK' : `ACK${component}${header.trigger}${component}ACK`;
}

function buildRefusal(header: Header, { failure: why, location }: Refusal, code: AckCode): string[] {
  const condition = CONDITIONS[why.code];
  const text = TEXTS[condition];
  const { component, subcomponent } = header.delimiters;
  const place = location ? locationText(location, component) : '';
  if (!isBefore(header, '2.5')) {
    const coded = [condition, text, 'HL70357'].join(component);
    return [join(header, ['MSA', code, header.controlId]), join(header, ['ERR', '', place, coded, 'E', '', '', '', text])];
  }
  const at = location ? place + component.repeat(location.field > 0 ? 1 : 2) : component.repeat(3);
  const coded = [condition, text, 'HL70357'].join(subcomponent);
  return [join(header, ['MSA', code, header.controlId, text]), join(header, ['ERR', `${at}${coded}`])];
}

/** `PID^1^3`. */
function locationText({ segment, sequence, field }: Location, component: string): string {
  return field > 0 ? [segment, sequence, field].join(component) : [segment, sequence].join(component);
}

function join(header: Header, fields: readonly string[]): string {
  return fields.join(header.delimiters.field);
}

/** Whether the sender speaks a version before `version`. Versions have one digit a part, so that text sorts them. */
function isBefore(header: Header, version: string): boolean {
  return (isVersion(header.version) ? header.version : DEFAULT_VERSION) < version;
}

function isVersion(text: string): boolean {
  return /^2\.\d(\.\d)?$/.test(text);
}

/** `20260314092653+0000`. */
export function timestamp(now: Date): string {
  return `${now.toISOString().slice(0, 19).replace(/[-T:]/g, '')}+0000`;
}

const DEFAULT_VERSION = '2.5.1';

/** What is answered to bytes that are no message. */
const NO_HEADER: Header = {
  delimiters: { field: '|', component: '^', repetition: '~', escape: '\\', subcomponent: '&', truncation: '' },
  fields: ['MSH', '|', '^~\\&', '', '', 'WAYSTATION'],
  sendingApplication: '',
  sendingFacility: '',
  code: '',
  trigger: '',
  controlId: '',
  processingId: '',
  version: '',
  end: 0,
  acceptAck: '',
  applicationAck: '',
  trail: 'none',
};

/** Failure codes in HL7 Table 0357 (message error condition codes). 104 is of v2.7, and the only one that says it. */
const CONDITIONS: Readonly<Record<FailureCode, keyof typeof TEXTS>> = {
  malformed: '100',
  'segment-sequence': '100',
  'required-field': '101',
  invalid: '102',
  forbidden: '103',
  'too-large': '104',
  'unsupported-type': '200',
  'unsupported-event': '201',
  'unsupported-processing-id': '202',
  'unsupported-version': '203',
  'not-found': '204',
  'duplicate-control-id': '205',
  conflict: '206',
  signature: '207',
  'out-of-resources': '207',
  unreachable: '207',
  timeout: '207',
  rejected: '207',
  internal: '207',
};

const TEXTS = {
  '100': 'Segment sequence error',
  '101': 'Required field missing',
  '102': 'Data type error',
  '103': 'Table value not found',
  '104': 'Value too long',
  '200': 'Unsupported message type',
  '201': 'Unsupported event code',
  '202': 'Unsupported processing id',
  '203': 'Unsupported version id',
  '204': 'Unknown key identifier',
  '205': 'Duplicate key identifier',
  '206': 'Application record locked',
  '207': 'Application error',
} as const;

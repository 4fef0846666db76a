/**
 * The tree of an HL7 v2 message: bytes as received come in, a read-only tree of segments goes out (HL7 v2.5.1 §2.5, §2.6, §2.7).
 * Promises: MSH fields are numbered as in the standard (MSH-1 is the separator); values are decoded when they are read, in the
 * message's own delimiters and character set; `""` (delete) is told apart from '' (absent); CR, LF and CRLF all end a segment.
 *
 * Our own tree rather than node-hl7-client's `Message`: reading every value of a message took ten times as long there, its import costs
 * 0.35 s and 116 MB in each process, MSH-1 and `PID.3.4.2` throw, `PID.3[2].1` reads the first repetition, and `\.br\` and multi-byte
 * `\Xhh..\` are not decoded. A test holds the two against each other over the corpora.
 */

import type { CharsetName } from '../../model/charset.ts';
import { type Failure, failure } from '../../model/failure.ts';
import type { FieldPath } from '../../model/field-path.ts';
import type { Gap } from '../../model/mapped.ts';
import { decodeText } from './charset.ts';
import { type Delimiters, escapeText, unescapeText } from './escape.ts';
import { part, readDelimiters } from './header.ts';
import { ReadMarks } from './read-marks.ts';
import { maskTrailBytes, trailBytesIn } from './trail-bytes.ts';

export type Hl7Message = {
  /** MSH-12.1, '' where empty. */
  readonly version: string;
  /** MSH-10. */
  readonly controlId: string;
  readonly delimiters: Delimiters;
  readonly segments: readonly Segment[];
  /** Doubts about the reading itself: character set, stray line ends. */
  readonly gaps: readonly Gap[];
  first(name: string): Segment | undefined;
  all(name: string): readonly Segment[];
};

/**
 * Parses one message; `fallback` is the character set of its sender, for when MSH-18 is empty. A Failure says that it is no HL7 v2 message;
 * it never quotes it.
 */
export function parseMessage(bytes: Buffer, fallback: CharsetName | '' = ''): Hl7Message | Failure {
  const body = bytes.subarray(startOf(bytes));
  const line = firstLine(body);
  const header = maskTrailBytes(line, trailBytesIn(line, fallback));
  if (!/^MSH[^A-Za-z0-9\s]/.test(header)) return failure('protocols', 'malformed', 'does not begin with an MSH segment');
  const delimiters = readDelimiters(header);
  if (delimiters === null) return failure('protocols', 'malformed', 'MSH-1 and MSH-2 are no usable set of delimiters');
  const declared = header.split(delimiters.field)[17]?.split(delimiters.repetition) ?? [];
  if (isOverfull(body, delimiters)) return failure('protocols', 'too-large', 'has more parts than a message may have');
  const { text, charset, doubt } = decodeText(body, hasByteOrderMark(bytes) ? ['UNICODE UTF-8'] : declared, fallback);
  const gaps: Gap[] = doubt === '' ? [] : [{ path: 'MSH-18', reason: doubt }];
  const segments = readSegments(text, { delimiters, charset }, gaps);
  const msh = segments[0] as Segment;
  return {
    version: msh.get(12),
    controlId: msh.get(10),
    delimiters,
    gaps,
    ...foundIn(segments),
  };
}

/** The same message with other segments in place of its own. */
export function withSegments(message: Hl7Message, segments: readonly Segment[]): Hl7Message {
  return { ...message, ...foundIn(segments) };
}

function foundIn(segments: readonly Segment[]): Pick<Hl7Message, 'segments' | 'first' | 'all'> {
  return {
    segments,
    first: (name) => segments.find((one) => one.name === name),
    all: (name) => segments.filter((one) => one.name === name),
  };
}

/**
 * Whether a message has more segments, fields, repetitions and components than anybody means: the tree of 16 MiB of separators would
 * take gigabytes. A document in Base64 has none, however long.
 */
export function isOverfull(bytes: Buffer, { field, repetition, component, subcomponent }: Delimiters): boolean {
  if (bytes.length <= MAX_PARTS) return false;
  const separators = new Uint8Array(256);
  for (const one of [field, repetition, component, subcomponent, '\r', '\n']) separators[one.charCodeAt(0)] = 1;
  let parts = 0;
  for (const byte of bytes) parts += separators[byte] as number;
  return parts > MAX_PARTS;
}

const MAX_PARTS = 200_000;

type Reading = { readonly delimiters: Delimiters; readonly charset: CharsetName };

type Parts = readonly (readonly string[])[];
const NO_PARTS: Parts = [];

/** Numbers from 1; 0 for what is not said. */
type Place = Omit<FieldPath, 'segment'>;

/** A value that nobody read. `path` as in `OBX[2]-5[3].1.2`: an index of 1 is left out. */
export type Unread = { readonly path: string; readonly value: string };

/**
 * One segment. Fields, components, repetitions and subcomponents count from 1, as in the standard.
 * A segment remembers what `get` and `text` have read of it, so that whoever maps a message can list what it left (`unread`); `peek`,
 * `raw`, `tree` and `repetitions` look without taking note.
 */
export class Segment {
  readonly name: string;
  /** Place in the message: MSH is 1. */
  readonly position: number;
  /** Which one of its name in the message, from 1. */
  readonly occurrence: number;
  readonly #fields: readonly string[];
  readonly #reading: Reading;
  readonly #cut: Parts[] = [];
  readonly #marks = new ReadMarks();

  constructor(line: string, position: number, occurrence: number, reading: Reading) {
    const fields = line.split(reading.delimiters.field);
    this.name = line.slice(0, 3);
    this.position = position;
    this.occurrence = occurrence;
    // MSH-1 is the separator itself, so every later field of MSH stands one further.
    if (isHeader(this.name)) fields.splice(1, 0, reading.delimiters.field);
    this.#fields = fields;
    this.#reading = reading;
  }

  /** Number of the last field that is there. */
  get length(): number {
    return this.#fields.length - 1;
  }

  /** Decoded value; '' where absent, `""` where the sender wrote it. */
  get(field: number, component = 1, repetition = 1, subcomponent = 1): string {
    const raw = this.#rawPart(field, component, repetition, subcomponent);
    // A subcomponent that is not there needs no mark: most components have none.
    if (subcomponent === 1 || raw !== '') this.#marks.add(field, repetition, component, subcomponent);
    return this.#decoded(raw);
  }

  /** As `get`, for conditions: looking at a value does not carry it. */
  peek(field: number, component = 1, repetition = 1, subcomponent = 1): string {
    return this.#decoded(this.#rawPart(field, component, repetition, subcomponent));
  }

  /** One repetition as text, not cut at component separators: for ST, TX and FT, where senders forget to escape. */
  text(field: number, repetition = 1): string {
    this.#marks.addWhole(field, repetition);
    const { delimiters, charset } = this.#reading;
    return unescapeText(this.#parts(field)[repetition - 1]?.join(delimiters.component) ?? '', delimiters, charset);
  }

  /** Notes that what was read of a field which holds the same, of this segment or another, was read of this one. */
  readAs(field: number, other: Segment, otherField: number): void {
    this.#marks.addAs(field, other.#marks, otherField);
  }

  /** How often a field is repeated; 0 where it is empty. */
  repetitions(field: number): number {
    return this.#parts(field).length;
  }

  /** The field as it stands in the message: undecoded, in the message's delimiters. */
  raw(field: number): string {
    return this.#fields[field] ?? '';
  }

  /** What stands at a place, undecoded; what is not said of it is not cut, but a component without its repetition is of the first. */
  rawAt({ field, repetition, component, subcomponent }: Place): string {
    const { delimiters } = this.#reading;
    const raw = this.raw(field);
    if (repetition === 0 && component === 0) return raw;
    const one = part(raw, delimiters.repetition, repetition || 1);
    if (component === 0) return one;
    const two = part(one, delimiters.component, component);
    return subcomponent === 0 ? two : part(two, delimiters.subcomponent, subcomponent);
  }

  /** This segment with another undecoded value at a place. Nothing has been read of it yet. */
  replaced({ field, repetition, component, subcomponent }: Place, raw: string): Segment {
    const { delimiters } = this.#reading;
    const inner =
      subcomponent === 0 ? raw : put(this.rawAt({ ...WHOLE, field, repetition, component }), delimiters.subcomponent, subcomponent, raw);
    const one =
      component === 0 ? inner : put(this.rawAt({ ...WHOLE, field, repetition: repetition || 1 }), delimiters.component, component, inner);
    const whole = repetition === 0 && component === 0 ? one : put(this.raw(field), delimiters.repetition, repetition || 1, one);
    const fields = this.#fields.map((known, index) => (index === field ? whole : known));
    while (fields.length <= field) fields.push(fields.length === field ? whole : '');
    if (isHeader(this.name)) fields.splice(1, 1);
    return new Segment(fields.join(delimiters.field), this.position, this.occurrence, this.#reading);
  }

  /** As much of an undecoded value as a place can hold: the first component of a field, for a component. */
  cutFor({ repetition, component, subcomponent }: Place, raw: string): string {
    const { delimiters } = this.#reading;
    if (repetition === 0 && component === 0) return raw;
    const one = part(raw, delimiters.repetition, 1);
    const two = component === 0 ? one : part(one, delimiters.component, 1);
    return subcomponent === 0 ? two : part(two, delimiters.subcomponent, 1);
  }

  /** A text as it stands in this message. */
  escaped(text: string): string {
    return escapeText(text, this.#reading.delimiters);
  }

  /** The field decoded as repetitions of components of subcomponents, ready to be written again: `{ repetitions: tree(3) }`. */
  tree(field: number): readonly (readonly (readonly string[])[])[] {
    const { delimiters, charset } = this.#reading;
    if (this.#isLiteral(field)) return [[[this.raw(field)]]];
    const decoded = (text: string): string => unescapeText(text, delimiters, charset);
    return this.#parts(field).map((one) => one.map((two) => two.split(delimiters.subcomponent).map(decoded)));
  }

  /** What holds something and was never read, decoded: whole fields where nothing of them was, else each value. */
  *unread(): Generator<Unread> {
    const name = indexed(this.name, this.occurrence);
    for (let field = isHeader(this.name) ? 3 : 1; field <= this.length; field++) {
      const raw = this.raw(field);
      if (raw === '' || raw === '""') continue;
      if (!this.#marks.has(field)) {
        if (this.#says(raw)) yield { path: `${name}-${field}`, value: this.#decoded(raw) };
        continue;
      }
      const parts = this.#parts(field);
      for (let repetition = 1; repetition <= parts.length; repetition++) {
        const components = parts[repetition - 1] as readonly string[];
        for (let component = 1; component <= components.length; component++) {
          const whole = components[component - 1] as string;
          if (whole === '' || whole === '""' || this.#isRead(whole, field, repetition, component)) continue;
          yield* this.#unreadOf(`${name}-${indexed(String(field), repetition)}.${component}`, whole, field, repetition, component);
        }
      }
    }
  }

  /** Of a component without subcomponents. */
  #isRead(whole: string, field: number, repetition: number, component: number): boolean {
    return !whole.includes(this.#reading.delimiters.subcomponent) && this.#marks.covers(field, repetition, component, 1);
  }

  *#unreadOf(path: string, whole: string, field: number, repetition: number, component: number): Generator<Unread> {
    const subcomponents = whole.split(this.#reading.delimiters.subcomponent);
    for (const [index, raw] of subcomponents.entries()) {
      if (raw === '' || this.#marks.covers(field, repetition, component, index + 1)) continue;
      yield { path: subcomponents.length > 1 ? `${path}.${index + 1}` : path, value: this.#decoded(raw) };
    }
  }

  /** Whether there is more than separators. */
  #says(raw: string): boolean {
    const { repetition, component, subcomponent } = this.#reading.delimiters;
    for (const character of raw) if (character !== repetition && character !== component && character !== subcomponent) return true;
    return false;
  }

  /** As it stands in the message. */
  #rawPart(field: number, component: number, repetition: number, subcomponent: number): string {
    const found = this.#parts(field)[repetition - 1]?.[component - 1] ?? '';
    return found === '' || this.#isLiteral(field) ? found : part(found, this.#reading.delimiters.subcomponent, subcomponent);
  }

  #decoded(raw: string): string {
    return unescapeText(raw, this.#reading.delimiters, this.#reading.charset);
  }

  /** Repetitions of components, cut when the field is first read. */
  #parts(field: number): Parts {
    const known = this.#cut[field];
    if (known !== undefined) return known;
    const { repetition, component } = this.#reading.delimiters;
    const raw = this.raw(field);
    const parts = raw === '' ? NO_PARTS : this.#isLiteral(field) ? [[raw]] : raw.split(repetition).map((one) => one.split(component));
    this.#cut[field] = parts;
    return parts;
  }

  /** MSH-1 and MSH-2 hold the delimiters themselves: never cut, and nothing in them is an escape sequence. */
  #isLiteral(field: number): boolean {
    return field <= 2 && isHeader(this.name);
  }
}

/** The text with its nth part replaced. */
function put(text: string, separator: string, n: number, value: string): string {
  const parts = text.split(separator);
  while (parts.length < n) parts.push('');
  parts[n - 1] = value;
  return parts.join(separator);
}

const WHOLE = { repetition: 0, component: 0, subcomponent: 0 };

/** `3` or `3[2]`. */
function indexed(name: string, index: number): string {
  return index === 1 ? name : `${name}[${index}]`;
}

function isHeader(name: string): boolean {
  return name === 'MSH' || name === 'BHS' || name === 'FHS';
}

/** UTF-8, whatever MSH-18 says. */
function hasByteOrderMark(bytes: Buffer): boolean {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
}

/** Where the message begins: after a UTF-8 byte order mark and blank lines. */
function startOf(bytes: Buffer): number {
  let start = hasByteOrderMark(bytes) ? 3 : 0;
  while (bytes[start] === 0x20 || bytes[start] === 0x09 || bytes[start] === 0x0d || bytes[start] === 0x0a) start++;
  return start;
}

/** The header line byte by byte: enough to find delimiters and MSH-18, which are ASCII in every set that MLLP can carry. */
function firstLine(body: Buffer): string {
  let end = 0;
  while (end < body.length && body[end] !== 0x0d && body[end] !== 0x0a) end++;
  return body.toString('latin1', 0, end);
}

/** A line that begins with no segment name is the rest of the one before: senders put bare line ends into text. */
function readSegments(text: string, reading: Reading, gaps: Gap[]): Segment[] {
  const { field, escape: mark } = reading.delimiters;
  const lines: string[] = [];
  let strays = 0;
  for (const line of text.split(/[\r\n]+/)) {
    const trimmed = line.trimStart();
    const named = /^[A-Z][A-Z0-9]{2}/.test(trimmed) && (trimmed.length === 3 || trimmed.startsWith(field, 3));
    if (named) lines.push(trimmed);
    else if (trimmed !== '') strays = lines.push(`${lines.pop()}${mark}.br${mark}${line}`);
  }
  if (strays > 0) gaps.push({ path: 'MSH', reason: 'lines without a segment name were read as the rest of the segment before' });
  const counts = new Map<string, number>();
  return lines.map((line, index) => {
    const name = line.slice(0, 3);
    const occurrence = (counts.get(name) ?? 0) + 1;
    counts.set(name, occurrence);
    return new Segment(line, index + 1, occurrence, reading);
  });
}

/**
 * The cheap reading of a message at the door: MSH and where each segment stands, on the raw bytes (HL7 v2.5.1 §2.15.9, §2.5).
 * Bytes as received come in; a Header goes out, or a Failure where they are no HL7 v2 message. Nothing is decoded: the text is the
 * bytes one by one (Latin-1), which is right for delimiters, codes and identifiers in every character set that MLLP can carry
 * (trail-bytes.ts), and gives the same bytes back when it is written into an answer.
 * Promises: what is read here the tree in message.ts reads in the same place; no field given here is longer than `MAX_FIELD_LENGTH`
 * or holds a control character, so that each may stand in an index column of the journal.
 */
import { type Failure, failure } from '../../model/failure.ts';
import type { TrailBytes } from './charset.ts';
import { type Delimiters, STANDARD_DELIMITERS } from './escape.ts';
import { maskTrailBytes, trailBytesIn, unmaskTrailBytes } from './trail-bytes.ts';

/** The longest of the fields read here is HD with 227 (HL7 v2.5.1 §2.A.33); MSH-10 grew to 199 in v2.7. */
const MAX_FIELD_LENGTH = 250;
const MAX_HEADER_BYTES = 16_384;

export type Header = {
  readonly delimiters: Delimiters;
  /** MSH fields as they stand in the message, by their number: `fields[10]`. */
  readonly fields: readonly string[];
  /** MSH-3 and MSH-4: their first component that is not empty. */
  readonly sendingApplication: string;
  readonly sendingFacility: string;
  /** MSH-9.1 and MSH-9.2. */
  readonly code: string;
  readonly trigger: string;
  /** MSH-10. */
  readonly controlId: string;
  /** MSH-11.1 and MSH-12.1. */
  readonly processingId: string;
  readonly version: string;
  /** MSH-15.1 and MSH-16.1, HL7 Table 0155. */
  readonly acceptAck: string;
  readonly applicationAck: string;
  /** Where the line of MSH ends. */
  readonly end: number;
  /** How bytes of this message may be half of a character. */
  readonly trail: TrailBytes;
};

/** Where in a message something is, as ERR-2 says it; field 0: the segment as a whole. */
export type Location = { readonly segment: string; readonly sequence: number; readonly field: number };

/** A Failure with the place in the message that it speaks of. */
export type Refusal = { readonly failure: Failure; readonly location: Location | null };

export function isRefusal(value: object): value is Refusal {
  return 'failure' in value;
}

/** Reads the header of a message. */
export function readHeader(bytes: Buffer): Header | Refusal {
  const start = startOf(bytes);
  const end = lineEnd(bytes, start);
  const line = bytes.toString('latin1', start, Math.min(end, start + MAX_HEADER_BYTES));
  if (isWide(bytes)) return refusal('invalid', 'is written in UTF-16 or UTF-32, which MLLP cannot carry', 'MSH', 18);
  if (!line.startsWith('MSH')) return refusal('malformed', 'does not begin with an MSH segment', 'MSH', 0);
  if (line.length < end - start) return refusal('invalid', 'MSH is too long', 'MSH', 0);
  const delimiters = readDelimiters(line);
  if (delimiters === null) return refusal('invalid', 'MSH-1 and MSH-2 are no usable set of delimiters', 'MSH', 2);
  const trail = trailBytesIn(line, '');
  const masked = maskTrailBytes(line, trail).split(delimiters.field);
  // MSH-1 is the separator itself, so every later field stands one further.
  masked.splice(1, 0, delimiters.field);
  const fields = trail === 'none' ? masked : masked.map(unmaskTrailBytes);
  const unfit = READ_FIELDS.find((number) => !isFit(withoutEscapes(fields[number] ?? '', trail)));
  if (unfit !== undefined) return refusal('invalid', `MSH-${unfit} is too long or holds control characters`, 'MSH', unfit);
  const component = (number: number, n: number): string => unmaskTrailBytes(part(masked[number] ?? '', delimiters.component, n));
  return {
    delimiters,
    fields,
    trail,
    sendingApplication: component(3, 1) || component(3, 2),
    sendingFacility: component(4, 1) || component(4, 2),
    code: component(9, 1),
    trigger: component(9, 2),
    controlId: fields[10] ?? '',
    processingId: component(11, 1),
    version: component(12, 1),
    acceptAck: component(15, 1).trim(),
    applicationAck: component(16, 1).trim(),
    end,
  };
}

/**
 * Delimiters from the header line, by their place (HL7 v2.5.1 §2.15.9.2): MSH-2 is component, repetition, escape, subcomponent and,
 * from v2.7, truncation. Missing ones are the standard's. Null where two are the same or one is no punctuation.
 */
export function readDelimiters(line: string): Delimiters | null {
  if (line.startsWith('MSH|^~\\&|')) return STANDARD_DELIMITERS;
  const field = line[3] ?? '';
  const encoding = line.slice(4).split(field, 1)[0] ?? '';
  const [component = '^', repetition = '~', mark = '\\', subcomponent = '&', truncation = ''] = encoding;
  const used = [field, component, repetition, mark, subcomponent, ...truncation];
  const usable = new Set(used).size === used.length && used.every((one) => /[!-/:-@[-`{-~]/.test(one));
  return usable ? { field, component, repetition, escape: mark, subcomponent, truncation } : null;
}

export function refusal(code: Failure['code'], detail: string, segment: string, field: number, sequence = 1): Refusal {
  return { failure: failure('protocols', code, detail), location: { segment, sequence, field } };
}

/** A segment after MSH, by where it stands in the bytes. */
export type SegmentPlace = { readonly name: string; readonly start: number; readonly end: number };

/** The segments after MSH. A line that begins with no segment name belongs to the segment before it, as in message.ts. */
export function readSegments(bytes: Buffer, header: Header): SegmentPlace[] {
  const separator = header.delimiters.field.charCodeAt(0);
  const places: SegmentPlace[] = [];
  for (let at = header.end; at < bytes.length; ) {
    while (isBlank(bytes[at])) at++;
    const end = lineEnd(bytes, at);
    if (isNamed(bytes, at, end, separator)) places.push({ name: bytes.toString('latin1', at, at + 3), start: at, end });
    at = end;
  }
  return places;
}

/** Fields of a segment as they stand, by number: up to field `last`. Bytes that are half of a character stay masked. */
export function readFields(bytes: Buffer, place: SegmentPlace, header: Header, last: number): string[] {
  const line = bytes.toString('latin1', place.start, place.end);
  return maskTrailBytes(line, header.trail).split(header.delimiters.field, last + 1);
}

/** The first subcomponent of a field's first repetition, as the tree of the message has it. */
export function firstPart(field: string | undefined, { delimiters }: Header): string {
  const component = part(part(field ?? '', delimiters.repetition, 1), delimiters.component, 1);
  return part(component, delimiters.subcomponent, 1);
}

/** The n-th part (from 1), '' where there are fewer. */
export function part(text: string, separator: string, n: number): string {
  if (n === 1) {
    const end = text.indexOf(separator);
    return end < 0 ? text : text.slice(0, end);
  }
  return text.split(separator, n)[n - 1] ?? '';
}

/** Two or four bytes a character: such bytes hold VT, FS and CR where no character is one. */
function isWide(bytes: Buffer): boolean {
  const [first, second] = bytes;
  return (
    (first === 0xff && second === 0xfe) ||
    (first === 0xfe && second === 0xff) ||
    (first === 0x4d && second === 0) ||
    (first === 0 && (second === 0x4d || second === 0))
  );
}

/** Where the message begins: after a UTF-8 byte order mark and blanks. */
function startOf(bytes: Buffer): number {
  let start = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  while (isBlank(bytes[start])) start++;
  return start;
}

/** CR is the standard's segment terminator; LF and CRLF are written by many senders. */
function lineEnd(bytes: Buffer, start: number): number {
  let end = start;
  while (end < bytes.length && bytes[end] !== 0x0d && bytes[end] !== 0x0a) end++;
  return end;
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x0d || byte === 0x0a || byte === 0x20 || byte === 0x09;
}

/** `[A-Z][A-Z0-9][A-Z0-9]`, then the field separator or the end of the line. */
function isNamed(bytes: Buffer, at: number, end: number, separator: number): boolean {
  const ends = end - at === 3 || (end - at > 3 && bytes[at + 3] === separator);
  return ends && isLetter(bytes[at] as number) && isLetterOrDigit(bytes[at + 1] as number) && isLetterOrDigit(bytes[at + 2] as number);
}

function isLetter(byte: number): boolean {
  return byte >= 0x41 && byte <= 0x5a;
}

function isLetterOrDigit(byte: number): boolean {
  return isLetter(byte) || (byte >= 0x30 && byte <= 0x39);
}

/** Names of systems may switch to two bytes a character; what is kept of them in an index is made safe by whoever keeps it. */
function withoutEscapes(field: string, trail: TrailBytes): string {
  return trail === 'iso-2022' ? field.replaceAll('\x1b', '') : field;
}

/** Whether a text may stand in an index column. */
export function isFit(text: string): boolean {
  return text.length <= MAX_FIELD_LENGTH && !CONTROLS.test(text);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: it is control characters that are looked for
const CONTROLS = /[\u0000-\u001f\u007f]/;

/** MSH fields that are read, kept in the journal or echoed in an answer. */
const READ_FIELDS = [3, 4, 5, 6, 9, 10, 11, 12, 18] as const;

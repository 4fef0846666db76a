/**
 * A dataset written from its metadata in the DICOM JSON Model (PS3.18 Annex F): Explicit VR Little Endian, text in UTF-8 (ISO_IR 192).
 * In: the JSON of one instance, trusted in nothing, and how long the values are that it leaves to a BulkDataURI. Out: the dataset in pieces,
 * those values named where they go; or why it is none. What describes the encoding (File Meta Information, group lengths, padding) is made
 * anew; the same input gives the same bytes.
 */
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import { vrOf } from './dictionary.ts';
import { bytesOfBase64, bytesOfValues, padOf } from './json-value.ts';

/** Bytes, or the n-th part of what came under a BulkDataURI. */
export type Piece = Buffer | { readonly uri: string; readonly part: number };

/** Lengths of the parts that came under a BulkDataURI (frames of an image, or the whole in one); null where nothing came. */
export type BulkLengths = (uri: string) => readonly number[] | null;

/** `encapsulated`: each part of the pixel data is one frame in a compressed form (PS3.5 §A.4), or all of a film. */
export function datasetOf(json: unknown, lengthsOf: BulkLengths, encapsulated: boolean): readonly Piece[] | Failure {
  const pieces: Piece[] = [];
  const problem = writeItem(json, { pieces, lengthsOf, encapsulated }, 0);
  return problem ?? joined(pieces);
}

type Context = { readonly pieces: Piece[]; readonly lengthsOf: BulkLengths; readonly encapsulated: boolean };
type Element = { readonly vr?: unknown; readonly Value?: unknown; readonly InlineBinary?: unknown; readonly BulkDataURI?: unknown };

function writeItem(json: unknown, context: Context, depth: number): Failure | null {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return wrong('an instance or item is no object');
  if (depth > MAX_DEPTH) return wrong('sequences are nested too deep');
  const elements = new Map<number, Element>();
  for (const [name, element] of Object.entries(json as Record<string, unknown>)) {
    if (!/^[0-9A-Fa-f]{8}$/.test(name) || typeof element !== 'object' || element === null) return wrong('a member is no element');
    const tag = Number.parseInt(name, 16);
    if (!isOfEncoding(tag)) elements.set(tag, element);
  }
  if (depth === 0) elements.set(SPECIFIC_CHARACTER_SET, { vr: 'CS', Value: ['ISO_IR 192'] });
  else elements.delete(SPECIFIC_CHARACTER_SET);
  for (const [tag, element] of [...elements].sort(([a], [b]) => a - b)) {
    const problem = writeElement(tag, element, context, depth);
    if (problem) return problem;
  }
  return null;
}

function writeElement(tag: number, element: Element, context: Context, depth: number): Failure | null {
  const vr = element.vr ?? vrOf(tag);
  if (typeof vr !== 'string' || !VRS.has(vr)) return wrong(`${named(tag)} is of a VR that is none`);
  if (vr === 'SQ') return writeSequence(tag, element.Value ?? [], context, depth);
  if (element.BulkDataURI !== undefined) return writeBulk(tag, vr, element.BulkDataURI, context, depth);
  const bytes = element.InlineBinary !== undefined ? bytesOfBase64(element.InlineBinary) : bytesOfValues(vr, valuesIn(element));
  const value = bytes ?? (isEmpty(element) ? Buffer.alloc(0) : null);
  if (!value) return wrong(`${named(tag)} is no ${vr}`);
  const header = headerOf(tag, vr, value.length);
  if (isFailure(header)) return header;
  context.pieces.push(header, value);
  return null;
}

function isEmpty({ Value, InlineBinary }: Element): boolean {
  return InlineBinary === undefined && (Value === undefined || (Array.isArray(Value) && Value.length === 0));
}

function valuesIn({ Value = [] }: Element): readonly unknown[] {
  return Array.isArray(Value) ? Value : [Value];
}

/** Lengths are left open (PS3.5 §7.5): what comes in the items may be as long as it is. */
function writeSequence(tag: number, items: unknown, context: Context, depth: number): Failure | null {
  if (!Array.isArray(items)) return wrong(`${named(tag)} is no sequence`);
  context.pieces.push(openHeader(tag, 'SQ'));
  for (const item of items) {
    context.pieces.push(itemHeader(UNDEFINED_LENGTH));
    const problem = writeItem(item ?? {}, context, depth + 1);
    if (problem) return problem;
    context.pieces.push(END_OF_ITEM);
  }
  context.pieces.push(END_OF_SEQUENCE);
  return null;
}

function writeBulk(tag: number, vr: string, uri: unknown, { pieces, lengthsOf, encapsulated }: Context, depth: number): Failure | null {
  const lengths = typeof uri === 'string' ? lengthsOf(uri) : null;
  if (typeof uri !== 'string' || !lengths) return wrong(`bulk data of ${named(tag)} is not in the request`);
  if (tag === PIXEL_DATA && depth === 0 && encapsulated) return writeFrames(uri, lengths, pieces);
  // A part for each frame: of no other value, or a few references to many parts would be a dataset of any size.
  if (lengths.length > 1 && !(PIXELS.has(tag) && depth === 0)) return wrong(`${named(tag)} is in several parts`);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const header = headerOf(tag, vr, total + (total % 2));
  if (isFailure(header)) return header;
  pieces.push(header, ...lengths.map((_, part) => ({ uri, part })));
  if (total % 2 === 1) pieces.push(Buffer.from([padOf(vr)]));
  return null;
}

/** PS3.5 §A.4: an empty Basic Offset Table, then one fragment a frame. */
function writeFrames(uri: string, lengths: readonly number[], pieces: Piece[]): Failure | null {
  if (lengths.some((length) => length >= UNDEFINED_LENGTH - 1)) return wrong('a frame is too long');
  pieces.push(openHeader(PIXEL_DATA, 'OB'), itemHeader(0));
  for (const [part, length] of lengths.entries()) {
    pieces.push(itemHeader(length + (length % 2)), { uri, part });
    if (length % 2 === 1) pieces.push(Buffer.from([0]));
  }
  pieces.push(END_OF_SEQUENCE);
  return null;
}

/** PS3.5 §7.1.2. */
function headerOf(tag: number, vr: string, length: number): Buffer | Failure {
  const long = LONG_VRS.has(vr);
  if (length > (long ? UNDEFINED_LENGTH - 1 : MAX_SHORT_LENGTH)) return wrong(`${named(tag)} is too long`);
  if (long) return openHeader(tag, vr, length);
  const header = openHeader(tag, vr).subarray(0, 8);
  header.writeUInt16LE(length, 6);
  return header;
}

function openHeader(tag: number, vr: string, length = UNDEFINED_LENGTH): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt16LE(tag >>> 16, 0);
  header.writeUInt16LE(tag & 0xffff, 2);
  header.write(vr, 4, 'latin1');
  header.writeUInt32LE(length, 8);
  return header;
}

function itemHeader(length: number): Buffer {
  const header = Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
  header.writeUInt32LE(length, 4);
  return header;
}

/** Bytes that follow each other as one piece. */
function joined(pieces: readonly Piece[]): readonly Piece[] {
  const out: Piece[] = [];
  let held: Buffer[] = [];
  const settle = (): void => {
    if (held.length > 0) out.push(Buffer.concat(held));
    held = [];
  };
  for (const piece of pieces) {
    if (Buffer.isBuffer(piece)) held.push(piece);
    else {
      settle();
      out.push(piece);
    }
  }
  settle();
  return out;
}

/** File Meta Information and commands, group lengths, delimiters, padding. */
function isOfEncoding(tag: number): boolean {
  return tag < FIRST_OF_DATASET || (tag & 0xffff) === 0 || tag >>> 16 === 0xfffe || tag === TRAILING_PADDING || tag === LENGTH_TO_END;
}

/** No value: it may be of a patient. */
function named(tag: number): string {
  return `(${(tag >>> 16).toString(16).padStart(4, '0')},${(tag & 0xffff).toString(16).padStart(4, '0')})`;
}

function wrong(detail: string): Failure {
  return failure('dicom', 'invalid', detail);
}

const FIRST_OF_DATASET = 0x00080000;
const LENGTH_TO_END = 0x00080001;
const SPECIFIC_CHARACTER_SET = 0x00080005;
const PIXEL_DATA = 0x7fe00010;
/** Float, double and other pixel data. */
const PIXELS: ReadonlySet<number> = new Set([0x7fe00008, 0x7fe00009, PIXEL_DATA]);
const TRAILING_PADDING = 0xfffcfffc;
const UNDEFINED_LENGTH = 0xffffffff;
const MAX_SHORT_LENGTH = 0xfffe;
const MAX_DEPTH = 32;
const END_OF_ITEM = Buffer.from([0xfe, 0xff, 0x0d, 0xe0, 0, 0, 0, 0]);
const END_OF_SEQUENCE = Buffer.from([0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]);
/** VRs with a 32-bit length (PS3.5 Table 7.1-1). */
const LONG_VRS: ReadonlySet<string> = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'SV', 'UC', 'UN', 'UR', 'UT', 'UV']);
const VRS: ReadonlySet<string> = new Set([
  ...LONG_VRS,
  ...['AE', 'AS', 'AT', 'CS', 'DA', 'DS', 'DT', 'FD', 'FL', 'IS', 'LO', 'LT', 'PN', 'SH', 'SL', 'SS', 'ST', 'TM', 'UI', 'UL', 'US'],
]);

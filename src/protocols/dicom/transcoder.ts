/**
 * A dataset in another uncompressed transfer syntax (PS3.5 Annex A), while it streams by: Implicit or Explicit VR, either byte order,
 * deflated or not, to Implicit or Explicit VR Little Endian. Values stay what they are; only how they are written changes.
 * In: the dataset in chunks. Out: the same in the other syntax, with sequences and items of undefined length, because what they will take
 * is not known when they begin. Group Lengths and Length to End are left out. Memory does not grow with the object.
 * An element whose VR the dictionary does not know becomes UN (PS3.5 §6.2.2). Compressed pixels need somebody who decodes them: what
 * he has stands in their place.
 */
import { pipeline } from 'node:stream';
import { createInflateRaw } from 'node:zlib';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import { isDecodable } from './coded-image.ts';
import { type DatasetSink, DatasetWalker, SHORT_LENGTH_VRS, type WalkedElement } from './dataset-walker.ts';
import { isSignedByPixels } from './dictionary.ts';
import { elementBytes, elementHeader, ITEM, type NewElement } from './element-bytes.ts';
import { EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN, transferSyntax } from './transfer-syntax.ts';

/** The transfer syntaxes that a stored one can be converted into, the best first; none for one that cannot. */
export function conversionsOf(stored: string): string[] {
  if (transferSyntax(stored)?.pixels !== 'native') return [];
  return [EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN].filter((target) => target !== stored);
}

/** The same for one whose pixels are compressed, where they can be decoded. */
export function decompressionsOf(stored: string): string[] {
  return isDecodable(stored) ? [EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN] : [];
}

/** What stands in the place of compressed pixels, and what the image says of itself then: ascending, of group 0028. */
export type NativePixels = {
  readonly attributes: readonly NewElement[];
  readonly bytes: number;
  read(): AsyncIterable<Buffer>;
};

/**
 * Throws where the dataset cannot be walked to its end. `from` and `to` as `conversionsOf` has them, or `decompressionsOf`, which asks for
 * `pixels`.
 */
export async function* transcoded(
  dataset: AsyncIterable<Buffer> | Iterable<Buffer>,
  from: string,
  to: string,
  pixels?: NativePixels,
): AsyncGenerator<Buffer, void> {
  const writer = transcoder(from, to, pixels);
  const source = transferSyntax(from)?.deflated ? inflated(dataset) : dataset;
  for await (const chunk of source) yield* joined(writer.push(chunk), pixels);
  yield* joined(writer.end(), pixels);
}

async function* joined(pieces: readonly (Buffer | typeof PIXELS)[], pixels: NativePixels | undefined): AsyncGenerator<Buffer, void> {
  let held: Buffer[] = [];
  for (const piece of pieces) {
    if (piece !== PIXELS) held.push(piece);
    else if (pixels) {
      yield Buffer.concat(held);
      held = [];
      yield* pixels.read();
    }
  }
  if (held.length > 0) yield Buffer.concat(held);
}

/** Where the native pixels go. */
const PIXELS = 'pixels';
/** New bytes, the native pixels, or a range of the value bytes that stream by, in units whose byte order is turned round. */
type Piece = Buffer | typeof PIXELS | Passing;
type Passing = { start: number; readonly end: number; readonly unit: number };

function transcoder(from: string, to: string, pixels: NativePixels | undefined) {
  const source = transferSyntax(from);
  if (!source) throw new Error(`transcoder: ${from} is not known`);
  const pieces: Piece[] = [];
  const explicit = to === EXPLICIT_LITTLE_ENDIAN;
  const walker = new DatasetWalker(source, pixels ? decoding(explicit, pieces, pixels) : rewriting(explicit, pieces));
  let position = 0;
  let carried: Buffer = EMPTY;

  const passOn = (range: Passing, chunk: Buffer): Buffer => {
    const stop = Math.min(range.end, position + chunk.length);
    const bytes = chunk.subarray(range.start - position, stop - position);
    range.start = stop;
    if (range.unit === 1) return bytes;
    const whole = Buffer.concat([carried, bytes]);
    const turned = whole.length - (whole.length % range.unit);
    carried = range.start === range.end ? EMPTY : whole.subarray(turned);
    // What is left of a value that is no whole number of units stays as it is.
    return Buffer.concat([turn(whole.subarray(0, turned), range.unit), range.start === range.end ? whole.subarray(turned) : EMPTY]);
  };
  const take = (chunk: Buffer): (Buffer | typeof PIXELS)[] => {
    const out: (Buffer | typeof PIXELS)[] = [];
    for (let piece = pieces[0]; piece !== undefined; piece = pieces[0]) {
      if (Buffer.isBuffer(piece) || piece === PIXELS) out.push(piece);
      else {
        if (piece.start < position + chunk.length) out.push(passOn(piece, chunk));
        if (piece.start < piece.end) break;
      }
      pieces.shift();
    }
    position += chunk.length;
    return out;
  };
  return {
    push: (chunk: Buffer) => {
      refuse(walker.push(chunk));
      return take(chunk);
    },
    end: () => {
      refuse(walker.end());
      return take(EMPTY);
    },
  };
}

/** Hears of every element, and says how it is written. */
function rewriting(explicit: boolean, pieces: Piece[]): DatasetSink {
  const target = { explicit, bigEndian: false };
  let signed = false;
  const header = (tag: number, vr: string, length: number) => void pieces.push(elementHeader(tag, vr, length, target));
  const write = (element: WalkedElement, value: (unit: number) => Exclude<Piece, string>) => {
    if ((element.tag & 0xffff) === GROUP_LENGTH || element.tag === LENGTH_TO_END) return;
    const odd = element.length % 2;
    header(element.tag, writtenVr(element, signed), element.length + odd);
    pieces.push(value(element.bigEndian ? (UNITS[element.vr] ?? 1) : 1));
    // Values are of even length (PS3.5 §7.1.1); numbers have no other, and a NUL at the end of a text means nothing.
    if (odd === 1) pieces.push(Buffer.alloc(1));
  };
  return {
    wants: ({ tag, length }) => tag === PIXEL_REPRESENTATION && length === 2,
    value: (element, value) => {
      signed = value[element.bigEndian ? 1 : 0] === 1;
      write(element, (unit) => turn(value, unit));
    },
    passed: (element) => write(element, (unit) => ({ start: element.start, end: element.start + element.length, unit })),
    entered: ({ tag }) => {
      header(tag, 'SQ', UNDEFINED_LENGTH);
      return true;
    },
    left: () => header(SEQUENCE_DELIMITATION, '', 0),
    itemEntered: () => header(ITEM, '', UNDEFINED_LENGTH),
    itemLeft: () => header(ITEM_DELIMITATION, '', 0),
  };
}

/** The same, with native pixels where there were fragments, and with other values for what describes them, whether it had some or none. */
function decoding(explicit: boolean, pieces: Piece[], pixels: NativePixels): DatasetSink {
  const rest = [...pixels.attributes];
  const rewritten = rewriting(explicit, pieces);
  const isReplaced = ({ tag, topLevel }: WalkedElement): boolean => topLevel && pixels.attributes.some((one) => one.tag === tag);
  /** Those that come before an element. */
  const upTo = ({ tag, topLevel }: WalkedElement): void => {
    for (let next = rest[0]; next && topLevel && next.tag <= tag; next = rest[0]) {
      const bytes = elementBytes(next, { explicit, bigEndian: false, charsets: [] });
      if (isFailure(bytes)) throw new Error(bytes.detail);
      pieces.push(bytes);
      rest.shift();
    }
  };
  const write = (): void => {
    const odd = pixels.bytes % 2;
    // PS3.5 §A.2: OW holds samples of any size.
    pieces.push(elementHeader(PIXEL_DATA, 'OW', pixels.bytes + odd, { explicit, bigEndian: false }), PIXELS);
    if (odd === 1) pieces.push(Buffer.alloc(1));
  };
  return {
    ...rewritten,
    value: (element, value) => {
      upTo(element);
      if (!isReplaced(element) && !isOfFragments(element)) rewritten.value(element, value);
    },
    passed: (element) => {
      upTo(element);
      if (isReplaced(element) || isOfFragments(element)) return;
      if (Number.isFinite(element.length)) rewritten.passed?.(element);
      else if (element.topLevel) write();
      else throw new Error(COMPRESSED_ICON.detail, { cause: COMPRESSED_ICON });
    },
    entered: (element) => {
      upTo(element);
      return rewritten.entered(element);
    },
  };
}

/** Extended Offset Table with its lengths, Encapsulated Pixel Data Value Total Length: of nothing that is native (PS3.3 §C.7.6.3.1.8). */
function isOfFragments({ tag, topLevel }: WalkedElement): boolean {
  return topLevel && tag >= EXTENDED_OFFSET_TABLE && tag <= ENCAPSULATED_TOTAL_LENGTH;
}

/** What did not say its VR gets it from the dictionary; what was called UN stays so, for nobody knows how its value was written. */
function writtenVr({ tag, vr, implied, explicit, length }: WalkedElement, signed: boolean): string {
  if (implied && explicit) return 'UN';
  const known = implied && signed && isSignedByPixels(tag) ? 'SS' : vr;
  return SHORT_LENGTH_VRS.has(known) && length > MAX_SHORT_LENGTH ? 'UN' : known;
}

function turn(bytes: Buffer, unit: number): Buffer {
  const copy = Buffer.from(bytes);
  if (unit === 1) return copy;
  return unit === 2 ? copy.swap16() : unit === 4 ? copy.swap32() : copy.swap64();
}

function inflated(dataset: AsyncIterable<Buffer> | Iterable<Buffer>): AsyncIterable<Buffer> {
  // Whoever reads hears of the error.
  return pipeline(dataset, createInflateRaw(), () => {});
}

function refuse(broken: Failure | null): void {
  if (broken) throw new Error(broken.detail);
}

const COMPRESSED_ICON = failure('dicom', 'invalid', 'cannot be decompressed: an icon is compressed, too');
const EMPTY = Buffer.alloc(0);
const UNDEFINED_LENGTH = 0xffffffff;
const MAX_SHORT_LENGTH = 0xfffe;
const ITEM_DELIMITATION = 0xfffee00d;
const SEQUENCE_DELIMITATION = 0xfffee0dd;
const GROUP_LENGTH = 0x0000;
const LENGTH_TO_END = 0x00080001;
const PIXEL_REPRESENTATION = 0x00280103;
const EXTENDED_OFFSET_TABLE = 0x7fe00001;
const ENCAPSULATED_TOTAL_LENGTH = 0x7fe00003;
const PIXEL_DATA = 0x7fe00010;

/** Bytes of one number in a value of that VR (PS3.5 Table 6.2-1); of all others the order means nothing. */
const UNITS: Readonly<Record<string, number>> = {
  ...{ AT: 2, OW: 2, SS: 2, US: 2 },
  ...{ FL: 4, OF: 4, OL: 4, SL: 4, UL: 4 },
  ...{ FD: 8, OD: 8, OV: 8, SV: 8, UV: 8 },
};

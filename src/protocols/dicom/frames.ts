/**
 * Where the frames of an image lie in its file (PS3.5 §8.1.1 native, §A.4 encapsulated).
 * In: a way to read the file by ranges, where the pixel data element begins, and the frames asked for, counted from 1.
 * Out: for each its byte ranges, in order; the pixels themselves are not touched. Only headers, offsets and the last bytes of fragments
 * are read, whatever the size of the file. A Failure `not-found` for a frame that is not there, `invalid` for pixels that cannot be cut.
 */
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import { type DicomJson, integerOf, textOf } from './header.ts';
import type { TransferSyntax } from './transfer-syntax.ts';

export type Range = { readonly start: number; readonly length: number };
/** Bytes at a position; fewer where the file ends. */
export type ReadAt = (position: number, length: number) => Promise<Buffer>;

export type Pixels = { readonly syntax: TransferSyntax; readonly header: DicomJson; readonly frames: number; readonly pixelOffset: number };

/** Fragments walked for one request, whatever an offset table says: an image of more cannot be cut here, or is an attack. */
export const MAX_FRAGMENTS = 100_000;
/** Headers of small fragments lie close together: read some at once. */
const WINDOW_BYTES = 4 * 1024;

export async function locateFrames(
  readAt: ReadAt,
  pixels: Pixels,
  wanted: readonly number[],
): Promise<readonly (readonly Range[])[] | Failure> {
  const absent = wanted.find((frame) => frame < 1 || frame > pixels.frames);
  if (absent !== undefined) return failure('dicom', 'not-found', `frame ${absent} of ${pixels.frames}`);
  const native = await nativeRange(readAt, pixels);
  if (native) return nativeFrames(native, pixels, wanted);
  // PS3.5 §A.5: a deflated dataset is otherwise Explicit VR Little Endian. To walk fragments it would be inflated for each.
  if (pixels.syntax.deflated) return failure('dicom', 'invalid', 'fragments in a deflated dataset');
  return encapsulatedFrames(windowed(readAt), pixels, wanted);
}

/** Bytes of one native frame; null where frames do not begin at a byte. */
export function frameBytes(header: DicomJson, frames: number): number | null {
  const bits = frameBits(header);
  return bits % 8 === 0 || frames === 1 ? Math.ceil(bits / 8) : null;
}

/** Bits of one native frame; 0 where the header does not say. */
export function frameBits(header: DicomJson): number {
  const [rows, columns, samples, bits] = (['Rows', 'Columns', 'SamplesPerPixel', 'BitsAllocated'] as const).map(
    (name) => integerOf(header, name) ?? 0,
  );
  const pixels = (rows as number) * (columns as number);
  // PS3.3 §C.7.6.3.1.2: two pixels share their chrominance.
  const subsampled = ['YBR_FULL_422', 'YBR_PARTIAL_422'].includes(textOf(header, 'PhotometricInterpretation'));
  return pixels * (subsampled ? 2 : (samples as number)) * (bits as number);
}

/** The value of a pixel data element of defined length, or null for an encapsulated one. */
async function nativeRange(readAt: ReadAt, { syntax, pixelOffset }: Pixels): Promise<Range | null> {
  const header = await readAt(pixelOffset, 12);
  const long = syntax.explicit && LONG_VRS.has(header.toString('latin1', 4, 6));
  const at = long ? 8 : syntax.explicit ? 6 : 4;
  const width = syntax.explicit && !long ? 2 : 4;
  const length = syntax.bigEndian ? header.readUIntBE(at, width) : header.readUIntLE(at, width);
  return length === UNDEFINED_LENGTH ? null : { start: pixelOffset + at + width, length };
}

function nativeFrames({ start, length }: Range, { header, frames }: Pixels, wanted: readonly number[]): Range[][] | Failure {
  const size = frameBytes(header, frames);
  if (size === null || size === 0 || size * frames > length) return failure('dicom', 'invalid', 'the pixels cannot be cut into frames');
  return wanted.map((frame) => [{ start: start + (frame - 1) * size, length: size }]);
}

async function encapsulatedFrames(
  readAt: ReadAt,
  pixels: Pixels,
  wanted: readonly number[],
): Promise<readonly (readonly Range[])[] | Failure> {
  const first = pixels.pixelOffset + 12;
  const table = await itemAt(readAt, first);
  if (!table) return failure('dicom', 'invalid', 'no basic offset table');
  const base = table.start + table.length;
  if (table.length === pixels.frames * 4) return byOffsetTable(readAt, table, base, wanted);
  const fragments = await fragmentsFrom(readAt, base, Number.POSITIVE_INFINITY, MAX_FRAGMENTS);
  if (isFailure(fragments)) return fragments;
  const frames = await groupFragments(readAt, fragments, pixels.frames);
  if (frames.length !== pixels.frames) return failure('dicom', 'invalid', 'the fragments cannot be put together to frames');
  return wanted.map((frame) => frames[frame - 1] as Range[]);
}

/**
 * The Basic Offset Table tells where the item of each frame's first fragment begins, counted from behind the table. Frames lie one behind
 * the other: a table that has two of them share bytes would have a small file answered as a large one.
 */
async function byOffsetTable(
  readAt: ReadAt,
  table: Range,
  base: number,
  wanted: readonly number[],
): Promise<(readonly Range[])[] | Failure> {
  const found = new Map<number, readonly Range[]>();
  let left = MAX_FRAGMENTS;
  let before = base;
  for (const frame of [...wanted].sort((one, other) => one - other)) {
    const offsets = await readAt(table.start + (frame - 1) * 4, Math.min(8, table.length - (frame - 1) * 4));
    const end = offsets.length === 8 ? base + offsets.readUInt32LE(4) : Number.POSITIVE_INFINITY;
    const start = offsets.length < 4 ? -1 : base + offsets.readUInt32LE(0);
    if (start < before || end <= start) return failure('dicom', 'invalid', 'the offsets of the frames do not ascend');
    const fragments = await fragmentsFrom(readAt, start, end, left);
    if (isFailure(fragments)) return fragments;
    const last = fragments.at(-1);
    if (!last || last.start + last.length > end) return failure('dicom', 'invalid', 'an offset does not lead to a frame');
    before = last.start + last.length;
    left -= fragments.length;
    found.set(frame, fragments);
  }
  return wanted.map((frame) => found.get(frame) as readonly Range[]);
}

/** Without a table: one fragment a frame, one frame in all, or frames that end with their code stream's end marker. */
async function groupFragments(readAt: ReadAt, fragments: readonly Range[], frames: number): Promise<Range[][]> {
  if (fragments.length === frames) return fragments.map((fragment) => [fragment]);
  if (frames === 1) return [[...fragments]];
  const groups: Range[][] = [];
  let open: Range[] = [];
  for (const fragment of fragments) {
    open.push(fragment);
    if (!(await endsImage(readAt, fragment))) continue;
    groups.push(open);
    open = [];
  }
  return open.length === 0 ? groups : [];
}

/** FFD9 ends JPEG (EOI), JPEG-LS and JPEG 2000 (EOC) alike; a padding byte may follow. */
async function endsImage(readAt: ReadAt, { start, length }: Range): Promise<boolean> {
  const tail = await readAt(start + Math.max(0, length - 3), Math.min(3, length));
  return tail.subarray(-2).equals(END_OF_IMAGE) || tail.subarray(0, 2).equals(END_OF_IMAGE);
}

/** Fragments from an item's position on, up to `end` or the sequence delimiter; a Failure when there are more than `most`. */
async function fragmentsFrom(readAt: ReadAt, position: number, end: number, most: number): Promise<Range[] | Failure> {
  const fragments: Range[] = [];
  for (let next = position; next < end; ) {
    const item = await itemAt(readAt, next);
    if (!item) break;
    if (fragments.length === most) return failure('dicom', 'invalid', 'too many fragments');
    fragments.push(item);
    next = item.start + item.length;
  }
  return fragments;
}

/** The value of the item at a position, or null when there is something else: the delimiter. */
async function itemAt(readAt: ReadAt, position: number): Promise<Range | null> {
  const header = await readAt(position, 8);
  if (header.length < 8 || !header.subarray(0, 4).equals(ITEM_TAG)) return null;
  return { start: position + 8, length: header.readUInt32LE(4) };
}

/** Reads ahead a little and answers short reads from that. */
function windowed(readAt: ReadAt): ReadAt {
  let start = 0;
  let window: Buffer = Buffer.alloc(0);
  return async (position, length) => {
    if (position < start || position + length > start + window.length) {
      start = position;
      window = await readAt(position, Math.max(length, WINDOW_BYTES));
    }
    return window.subarray(position - start, position - start + length);
  };
}

const UNDEFINED_LENGTH = 0xffffffff;
const ITEM_TAG = Buffer.from([0xfe, 0xff, 0x00, 0xe0]);
const END_OF_IMAGE = Buffer.from([0xff, 0xd9]);
/** What pixel data may be of (PS3.5 §8.2), with 32-bit lengths. */
const LONG_VRS: ReadonlySet<string> = new Set(['OB', 'OW', 'OF', 'OD', 'UN']);

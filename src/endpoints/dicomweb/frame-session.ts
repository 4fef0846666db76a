/**
 * The frames of one stored instance as sources of bytes: finds them by reading the file in ranges, then streams those ranges.
 * Promises: memory bounded by a few read buffers, whatever the size of frame and file. A deflated dataset has no ranges: it is inflated
 * twice, once up to its pixels and once up to the last frame asked for, and those frames are held in memory, so they may not be large.
 */
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import type { StoredObject } from '../../model/instance.ts';
import { locateFrames, type Range } from '../../protocols/dicom/frames.ts';
import type { DicomJson } from '../../protocols/dicom/header.ts';
import type { TransferSyntax } from '../../protocols/dicom/transfer-syntax.ts';
import type { ByteRange } from '../../protocols/dicom/web-range.ts';
import type { Blocks } from '../../store/spare-blocks.ts';
import { type Files, MAX_AT_ONCE_BYTES, type Reader, type Source, sourceOf, withReader } from './dataset-session.ts';
import { sliced } from './reply.ts';

export type Frame = {
  readonly length: number;
  open(range?: ByteRange): AsyncIterable<Buffer>;
  /** Where all of it is in memory: gives the memory to the next, once nothing reads it any more. */
  readonly release?: () => void;
};

/** Image and header of a usual slice. */
export const FRAME_BLOCK_BYTES = MAX_AT_ONCE_BYTES + 4 * 1024;

/** Finds the frames asked for, counted from 1. */
export async function findFrames(
  files: Files,
  instance: StoredObject,
  header: DicomJson,
  syntax: TransferSyntax,
  wanted: readonly number[],
  blocks: Blocks,
): Promise<readonly Frame[] | Failure> {
  if (instance.pixelOffset === null) return failure('dicomweb', 'not-found', 'the instance has no pixels');
  const pixels = { syntax, header, frames: instance.frames, pixelOffset: instance.pixelOffset };
  const source = sourceOf(files, instance, syntax);
  const located = await withReader(source, async (reader) => {
    const whole = await wholeImage(reader, instance, pixels.pixelOffset, blocks);
    const found = await locateFrames(whole?.readAt ?? reader.readAt, pixels, wanted);
    const small = isFailure(found) || syntax.deflated ? null : onlySmall(found);
    if (small && whole?.holds(small)) return held(await whole.readAt(small.start, small.length), small.length, whole.release);
    whole?.release();
    return small ? held(await reader.readAt(small.start, small.length), small.length) : found;
  });
  if (isFailure(located)) return located;
  if (!isRanges(located)) return [located];
  if (syntax.deflated) return collected(source, located.flat());
  return located.map((ranges) => ({
    length: ranges.reduce((total, range) => total + range.length, 0),
    open: (part) =>
      sliced(
        (async function* () {
          for (const range of ranges) yield* source.stream(range);
        })(),
        part,
      ),
  }));
}

type Located = readonly (readonly Range[])[];

function isRanges(located: Located | Frame): located is Located {
  return Array.isArray(located);
}

/**
 * The pixels of an image of one frame in one read, with their header, where they fit into a block: each read waits for its turn at the disk.
 * What is read of the block must be done with before it is released.
 */
async function wholeImage({ readAt, fill }: Reader, { frames, bytes, datasetOffset }: StoredObject, pixelOffset: number, blocks: Blocks) {
  const wanted = bytes - datasetOffset - pixelOffset;
  if (frames !== 1 || !fill || wanted > blocks.bytes) return null;
  const block = blocks.take();
  const length = await fill(pixelOffset, block.subarray(0, wanted));
  const holds = (range: Range) => range.start >= pixelOffset && range.start + range.length <= pixelOffset + length;
  const from = (start: number, size: number) => block.subarray(start - pixelOffset, start - pixelOffset + size);
  return {
    holds,
    readAt: async (start: number, size: number) => (holds({ start, length: size }) ? from(start, size) : readAt(start, size)),
    release: () => blocks.giveBack(block),
  };
}

/** One frame of a usual slice: it is read with the file that is open already. */
function onlySmall(located: Located): Range | null {
  const [frame, ...others] = located;
  const [range, ...more] = frame ?? [];
  return range && others.length === 0 && more.length === 0 && range.length <= MAX_AT_ONCE_BYTES ? range : null;
}

function held(frame: Buffer, length: number, release?: () => void): Frame {
  if (frame.length < length) throw new Error('stored dataset: the file is shorter than it was');
  return {
    length,
    ...(release ? { release } : {}),
    open: async function* (part) {
      yield part ? frame.subarray(part.start, part.end + 1) : frame;
    },
  };
}

/** Frames of a deflated dataset, each one range, by inflating it once. */
async function collected({ stream }: Source, ranges: readonly Range[]): Promise<readonly Frame[] | Failure> {
  const end = Math.max(...ranges.map(({ start, length }) => start + length));
  const bytes = ranges.reduce((sum, { length }) => sum + length, 0);
  if (bytes > MAX_INFLATED_FRAME_BYTES || end > MAX_INFLATED_BYTES) return failure('dicomweb', 'invalid', 'too large to be inflated');
  const frames = ranges.map(({ length }) => Buffer.alloc(length));
  let position = 0;
  for await (const chunk of stream({ start: 0, length: end })) {
    // What of the chunk lies before a frame is skipped, what lies behind it is not copied.
    for (const [index, { start, length }] of ranges.entries()) {
      const [from, to] = [Math.max(start, position), Math.min(start + length, position + chunk.length)];
      if (to > from) chunk.copy(frames[index] as Buffer, from - start, from - position, to - position);
    }
    position += chunk.length;
  }
  if (position < end) return failure('dicomweb', 'invalid', 'the dataset ends before its pixels do');
  return frames.map((frame) => held(frame, frame.length));
}

/** Asked for at once, and inflated on the way to them. */
const MAX_INFLATED_FRAME_BYTES = 32 * 1024 * 1024;
const MAX_INFLATED_BYTES = 1024 * 1024 * 1024;

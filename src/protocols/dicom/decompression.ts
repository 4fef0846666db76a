/**
 * A stored image of compressed frames, decoded (PS3.5 §A.4 to §A.2): its frames one by one, or its dataset with native pixels in their place.
 * In: where its bytes are, and who decodes a frame. Out: the image, or why it cannot be decoded, known as soon as its first frame is.
 * Promises: one or two frames are in memory, whatever there are; a frame is as long as the image says. What comes of it is the same each time.
 * Left out are offset tables of encapsulated pixels. An image with a compressed icon (PS3.3 §C.7.6.1.1.6) is not decoded.
 */
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import type { DecodeFrame, EncodedFrame } from '../../model/pixel-decoder.ts';
import { CODED_IMAGE_TAGS, type CodedImage, codedImage, decodedAttributes, decodedBytes } from './coded-image.ts';
import { isIrreversible } from './codestream-coding.ts';
import { keepElements, type RawElement } from './dataset-reader.ts';
import { DatasetWalker } from './dataset-walker.ts';
import { type StoredDataset, walkDataset } from './edited-dataset.ts';
import { frameProblem } from './frame-check.ts';
import { locateFrames, type Range } from './frames.ts';
import { type NativePixels, transcoded } from './transcoder.ts';

export type DecodedFrames = {
  /** Of each frame. */
  readonly frameBytes: number;
  /** Counted from 1. */
  frame(number: number): Promise<Buffer | Failure>;
};

export type DecompressedImage = DecodedFrames & {
  /** `source`: the dataset, perhaps edited, with its pixels as they are stored. What it throws where a frame cannot be had tells `failureIn` why. */
  dataset(source: AsyncIterable<Buffer>, transferSyntax: string): AsyncGenerator<Buffer, void>;
};

/** Longer frames are not decoded. */
const MAX_ENCODED_BYTES = 128 * 1024 * 1024;

/** All of it. */
export async function openDecompressed(stored: StoredDataset, decode: DecodeFrame): Promise<DecompressedImage | Failure> {
  const opened = await openFrames(stored, 'all', decode);
  if (isFailure(opened)) return opened;
  const { image, ranges, irreversible, frameBytes, frame } = opened;
  const encodedBytes = ranges.flat().reduce((sum, { length }) => sum + length, 0);
  const bytes = frameBytes * image.frames;
  const pixels: NativePixels = {
    attributes: decodedAttributes(image, irreversible, bytes / encodedBytes),
    bytes,
    read: () => allFrames(frame, image.frames),
  };
  return { frameBytes, frame, dataset: (source, to) => transcoded(source, stored.syntax.uid, to, pixels) };
}

/** Some of its frames, in the order in which they will be asked for: no others are looked for, whatever there are. */
export function openDecoded(stored: StoredDataset, wanted: readonly number[], decode: DecodeFrame): Promise<DecodedFrames | Failure> {
  return openFrames(stored, wanted, decode);
}

type Opened = DecodedFrames & {
  readonly image: CodedImage;
  readonly ranges: readonly (readonly Range[])[];
  readonly irreversible: boolean;
};

/** The first one is decoded at once. */
async function openFrames(stored: StoredDataset, asked: readonly number[] | 'all', decode: DecodeFrame): Promise<Opened | Failure> {
  const kept = new Map<number, RawElement>();
  const walker = new DatasetWalker(stored.syntax, keepElements(kept, CODED_IMAGE_TAGS));
  const broken = await walkDataset(walker, stored, () => walker.pixelOffset !== null);
  if (broken) return broken;
  if (walker.pixelOffset === null) return failure('dicom', 'invalid', 'cannot be decompressed: there are no pixels');
  const image = codedImage(kept, stored.syntax.uid);
  if (isFailure(image)) return image;
  const wanted = asked === 'all' ? Array.from({ length: image.frames }, (_, index) => index + 1) : asked;
  const ranges = await rangesOf(stored, image, walker.pixelOffset, wanted);
  if (isFailure(ranges)) return ranges;
  const [first = []] = ranges;
  const irreversible = isIrreversible(await headOf(stored, first));
  const decoded = await decodedFrame(stored, image, first, decode);
  if (isFailure(decoded)) return decoded;
  const places = new Map(wanted.map((number, index) => [number, ranges[index] as readonly Range[]]));
  let held: Buffer | null = decoded;
  const frame = async (number: number): Promise<Buffer | Failure> => {
    const ready = number === wanted[0] ? held : null;
    held = null;
    const place = places.get(number);
    return ready ?? (place ? decodedFrame(stored, image, place, decode) : failure('dicom', 'not-found', `frame ${number}`));
  };
  return { image, ranges, irreversible, frameBytes: decodedBytes(image), frame };
}

/** While one is sent the next is decoded. */
async function* allFrames(frame: DecodedFrames['frame'], count: number): AsyncGenerator<Buffer, void> {
  let next = frame(1);
  for (let number = 1; number <= count; number++) {
    const pixels = await next;
    if (isFailure(pixels)) throw new Error(pixels.detail, { cause: pixels });
    if (number < count) next = frame(number + 1);
    // Its error is met when its turn comes, or never, where the reader has gone before.
    next.catch(() => {});
    yield pixels;
  }
}

async function rangesOf(
  stored: StoredDataset,
  image: CodedImage,
  pixelOffset: number,
  wanted: readonly number[],
): Promise<readonly (readonly Range[])[] | Failure> {
  const header = await stored.readAt(pixelOffset, 12);
  // PS3.5 §A.4: encapsulated pixels are of undefined length.
  if (header.length < 12 || header.readUInt32LE(8) !== UNDEFINED_LENGTH)
    return failure('dicom', 'invalid', 'cannot be decompressed: the pixels are not in fragments');
  return locateFrames(stored.readAt, { syntax: stored.syntax, header: {}, frames: image.frames, pixelOffset }, wanted);
}

async function decodedFrame(
  stored: StoredDataset,
  image: CodedImage,
  ranges: readonly Range[],
  decode: DecodeFrame,
): Promise<Buffer | Failure> {
  const { frames: _, lossy: __, ...described } = image;
  const expected = decodedBytes(image);
  const decoded = await decode(async (): Promise<EncodedFrame | Failure> => {
    const bytes = await bytesOf(stored, ranges);
    if (isFailure(bytes)) return bytes;
    const problem = frameProblem(Buffer.from(bytes.buffer), image);
    return problem === null ? { ...described, bytes } : failure('dicom', 'invalid', `cannot be decompressed: ${problem}`);
  });
  if (isFailure(decoded) || decoded.length === expected) return decoded;
  return failure('dicom', 'invalid', `cannot be decompressed: a frame of ${decoded.length} bytes, not ${expected}`);
}

async function bytesOf({ stream }: StoredDataset, ranges: readonly Range[]): Promise<Uint8Array<ArrayBuffer> | Failure> {
  const length = ranges.reduce((sum, range) => sum + range.length, 0);
  if (length > MAX_ENCODED_BYTES) return failure('dicom', 'too-large', 'cannot be decompressed: the frame is too large');
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const range of ranges) {
    for await (const chunk of stream(range)) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
  }
  return at === length ? bytes : failure('dicom', 'malformed', 'cannot be decompressed: the file ends within a frame');
}

async function headOf({ readAt }: StoredDataset, [first]: readonly Range[]): Promise<Buffer> {
  return first ? readAt(first.start, Math.min(first.length, HEAD_BYTES)) : Buffer.alloc(0);
}

/** Why a dataset could not be read on, where that was one of its frames. */
export function failureIn(error: unknown): Failure | null {
  const { cause } = error as { readonly cause?: unknown };
  return isFailure(cause) ? cause : null;
}

const HEAD_BYTES = 4 * 1024;
const UNDEFINED_LENGTH = 0xffffffff;

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
import { codestreamSize } from './codestream-size.ts';
import { keepElements, type RawElement } from './dataset-reader.ts';
import { DatasetWalker } from './dataset-walker.ts';
import { type StoredDataset, walkDataset } from './edited-dataset.ts';
import { locateFrames, type Range } from './frames.ts';
import { type NativePixels, transcoded } from './transcoder.ts';

export type DecompressedImage = {
  /** Of each frame. */
  readonly frameBytes: number;
  /** Counted from 1. */
  frame(number: number): Promise<Buffer | Failure>;
  /** `source`: the dataset, perhaps edited, with its pixels as they are stored. What it throws where a frame cannot be had tells `failureIn` why. */
  dataset(source: AsyncIterable<Buffer>, transferSyntax: string): AsyncGenerator<Buffer, void>;
};

/** Longer frames are not decoded. */
const MAX_ENCODED_BYTES = 128 * 1024 * 1024;

/** `first`: the frame that is decoded at once. */
export async function openDecompressed(stored: StoredDataset, decode: DecodeFrame, first = 1): Promise<DecompressedImage | Failure> {
  const kept = new Map<number, RawElement>();
  const walker = new DatasetWalker(stored.syntax, keepElements(kept, CODED_IMAGE_TAGS));
  const broken = await walkDataset(walker, stored, () => walker.pixelOffset !== null);
  if (broken) return broken;
  if (walker.pixelOffset === null) return failure('dicom', 'invalid', 'cannot be decompressed: there are no pixels');
  const image = codedImage(kept, stored.syntax.uid);
  if (isFailure(image)) return image;
  const frames = await rangesOf(stored, image, walker.pixelOffset);
  if (isFailure(frames)) return frames;
  const ranges = frames[first - 1];
  if (!ranges) return failure('dicom', 'not-found', `frame ${first} of ${image.frames}`);
  const head = await headOf(stored, ranges);
  const decoded = await decodedFrame(stored, image, ranges, decode);
  if (isFailure(decoded)) return decoded;
  return decompressedImage(stored, image, frames, { first, decoded, irreversible: isIrreversible(head) }, decode);
}

type Begun = { readonly first: number; readonly decoded: Buffer; readonly irreversible: boolean };

function decompressedImage(
  stored: StoredDataset,
  image: CodedImage,
  frames: readonly (readonly Range[])[],
  { first, decoded, irreversible }: Begun,
  decode: DecodeFrame,
): DecompressedImage {
  const frameBytes = decodedBytes(image);
  let held: Buffer | null = decoded;
  const frame = async (number: number): Promise<Buffer | Failure> => {
    const ready = number === first ? held : null;
    held = null;
    const ranges = frames[number - 1];
    return ready ?? (ranges ? decodedFrame(stored, image, ranges, decode) : failure('dicom', 'not-found', `frame ${number}`));
  };
  const encodedBytes = frames.flat().reduce((sum, { length }) => sum + length, 0);
  const pixels: NativePixels = {
    attributes: decodedAttributes(image, irreversible, (frameBytes * frames.length) / encodedBytes),
    bytes: frameBytes * frames.length,
    read: () => allFrames(frame, frames.length),
  };
  return { frameBytes, frame, dataset: (source, to) => transcoded(source, stored.syntax.uid, to, pixels) };
}

/** While one is sent the next is decoded. */
async function* allFrames(frame: DecompressedImage['frame'], count: number): AsyncGenerator<Buffer, void> {
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

async function rangesOf(stored: StoredDataset, image: CodedImage, pixelOffset: number): Promise<readonly (readonly Range[])[] | Failure> {
  const header = await stored.readAt(pixelOffset, 12);
  // PS3.5 §A.4: encapsulated pixels are of undefined length.
  if (header.length < 12 || header.readUInt32LE(8) !== UNDEFINED_LENGTH)
    return failure('dicom', 'invalid', 'cannot be decompressed: the pixels are not in fragments');
  const all = Array.from({ length: image.frames }, (_, index) => index + 1);
  return locateFrames(stored.readAt, { syntax: stored.syntax, header: {}, frames: image.frames, pixelOffset }, all);
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
    return isFailure(bytes) ? bytes : (liesOf(bytes, image) ?? { ...described, bytes });
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

/** A code stream that is of another size than the image says, or of none: a decoder makes room for what is said there. */
function liesOf(bytes: Uint8Array<ArrayBuffer>, { transferSyntax, rows, columns, samples }: CodedImage): Failure | null {
  if (!transferSyntax.startsWith(CODE_STREAMS)) return null;
  const size = codestreamSize(Buffer.from(bytes.buffer));
  const agrees = size?.rows === rows && size.columns === columns && (size.components ?? samples) === samples;
  return agrees ? null : failure('dicom', 'invalid', 'cannot be decompressed: the code stream is not of the size that the object says');
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
const CODE_STREAMS = '1.2.840.10008.1.2.4.';

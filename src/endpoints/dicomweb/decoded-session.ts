/**
 * Objects and frames in Explicit VR Little Endian that are stored otherwise (PS3.18 §8.7.3): converted, or decompressed, while they are sent.
 * Promises: of a compressed image one or two frames are in memory; whether it can be decoded is known from its first frame that is asked for,
 * before anything is answered for it alone.
 */
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import type { StoredObject } from '../../model/instance.ts';
import type { DecodeFrame } from '../../model/pixel-decoder.ts';
import { type DecodedFrames, openDecoded, openDecompressed } from '../../protocols/dicom/decompression.ts';
import type { StoredDataset } from '../../protocols/dicom/edited-dataset.ts';
import { part10Prefix } from '../../protocols/dicom/part10.ts';
import { conversionsOf, transcoded } from '../../protocols/dicom/transcoder.ts';
import { EXPLICIT_LITTLE_ENDIAN, type TransferSyntax, transferSyntax } from '../../protocols/dicom/transfer-syntax.ts';
import { readRanges } from '../../store/blob-range-store.ts';
import type { BlobStore } from '../../store/blob-store.ts';
import type { Frame } from './frame-session.ts';
import { sliced } from './reply.ts';

export type DecodedDeps = { readonly blobs: Pick<BlobStore, 'read' | 'path'>; readonly decode: DecodeFrame };

/** Frames of a compressed image as native pixels, counted from 1. */
export async function decodedFrames(
  object: StoredObject,
  wanted: readonly number[],
  deps: DecodedDeps,
): Promise<readonly Frame[] | Failure> {
  const absent = wanted.find((number) => number > object.frames);
  if (absent !== undefined) return failure('dicomweb', 'not-found', `frame ${absent} of ${object.frames}`);
  const image = await openDecoded(datasetOf(object, deps), wanted, deps.decode);
  if (isFailure(image)) return image;
  return wanted.map((number) => ({ length: image.frameBytes, open: (range) => sliced(frameOf(image, number), range) }));
}

async function* frameOf(image: DecodedFrames, number: number): AsyncGenerator<Buffer, void> {
  const pixels = await image.frame(number);
  if (isFailure(pixels)) throw new Error(pixels.detail, { cause: pixels });
  yield pixels;
}

/** A Part 10 file of the object, to be read once; a Failure where it cannot be decoded. */
export async function explicitObject(object: StoredObject, deps: DecodedDeps): Promise<AsyncIterable<Buffer> | Failure> {
  const { sopClassUid, sopInstanceUid, transferSyntax: stored } = object;
  const prefix = part10Prefix({ sopClassUid, sopInstanceUid, transferSyntax: EXPLICIT_LITTLE_ENDIAN });
  const dataset = datasetOf(object, deps);
  const read = () => dataset.stream({ start: 0, length: dataset.bytes });
  if (conversionsOf(stored).includes(EXPLICIT_LITTLE_ENDIAN))
    return behind(prefix, () => transcoded(read(), stored, EXPLICIT_LITTLE_ENDIAN));
  const image = await openDecompressed(dataset, deps.decode);
  return isFailure(image) ? image : behind(prefix, () => image.dataset(read(), EXPLICIT_LITTLE_ENDIAN));
}

/** The file is opened when it is read: who never begins leaves none open. */
async function* behind(prefix: Buffer, open: () => AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  yield prefix;
  yield* open();
}

function datasetOf(object: StoredObject, { blobs }: DecodedDeps): StoredDataset {
  return { syntax: transferSyntax(object.transferSyntax) as TransferSyntax, ...readRanges(blobs, object) };
}

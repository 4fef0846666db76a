/**
 * Whether native pixel data is as long as its image (PS3.5 §8.1.1, PS3.3 §C.7.6.3.1). What would be stored otherwise is an image that no
 * frame can be cut out of, or one that a viewer reads past its end.
 * In: the JSON of one instance, trusted in nothing, and the lengths of the parts that hold its pixels. Out: why they are not that image's,
 * or null.
 */
import { type Failure, failure } from '../../model/failure.ts';
import { frameBits } from './frames.ts';
import { type DicomJson, integerOf } from './header.ts';
import type { BulkLengths } from './json-dataset.ts';
import { bytesOfBase64 } from './json-value.ts';
import { keyOf } from './value-json.ts';

export function pixelLengthProblem(json: DicomJson, lengthsOf: BulkLengths): Failure | null {
  const tag = PIXELS.find((one) => json[keyOf(one)] !== undefined);
  const lengths = tag === undefined ? [] : lengthsIn(json[keyOf(tag)] as Bulk, lengthsOf);
  if (lengths.length === 0) return null;
  const frames = integerOf(json, 'NumberOfFrames') ?? 1;
  const bits = frameBits(json);
  const described = Number.isSafeInteger(bits * frames) && bits > 0 && frames > 0;
  if (!described) return failure('dicom', 'invalid', 'the metadata does not describe the pixels');
  const expected = Math.ceil((bits * frames) / 8);
  const fits = lengths.length === 1 ? isPaddedTo(lengths[0] as number, expected) : areFrames(lengths, frames, bits / 8);
  return fits ? null : failure('dicom', 'invalid', `${sum(lengths)} bytes of pixel data for an image of ${expected}`);
}

type Bulk = { readonly InlineBinary?: unknown; readonly BulkDataURI?: unknown } | null;

/** None where there is no value, or one that is refused for itself. */
function lengthsIn(element: Bulk, lengthsOf: BulkLengths): readonly number[] {
  if (typeof element?.BulkDataURI === 'string') return lengthsOf(element.BulkDataURI) ?? [];
  const bytes = element?.InlineBinary === undefined ? null : bytesOfBase64(element.InlineBinary);
  return bytes ? [bytes.length] : [];
}

/** PS3.5 §7.1.1: a value read out of a dataset is of even length. */
function isPaddedTo(length: number, expected: number): boolean {
  return length === expected || length === expected + (expected % 2);
}

function areFrames(lengths: readonly number[], frames: number, bytes: number): boolean {
  return lengths.length === frames && lengths.every((length) => length === bytes);
}

function sum(lengths: readonly number[]): number {
  return lengths.reduce((total, length) => total + length, 0);
}

/** Pixel Data, Float Pixel Data, Double Float Pixel Data: an image has one of them. */
const PIXELS = [0x7fe00010, 0x7fe00008, 0x7fe00009];

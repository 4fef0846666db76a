/**
 * Whether a compressed frame is whole, and of the image that it is said to be of, before it is decoded: decoders make room for what a code
 * stream says of itself, fill up what was cut off, and give samples of other lengths as they are.
 * In: the frame and its image. Out: why it is not decoded, or null. What is altered within a code stream nobody can see.
 */
import type { EncodedFrame } from '../../model/pixel-decoder.ts';
import { codestreamSize } from './codestream-size.ts';

type Image = Pick<EncodedFrame, 'transferSyntax' | 'rows' | 'columns' | 'samples' | 'bitsAllocated'>;

export function frameProblem(frame: Buffer, image: Image): string | null {
  if (image.transferSyntax === RLE) return rleProblem(frame, image);
  return image.transferSyntax.startsWith(CODE_STREAMS) ? codestreamProblem(frame, image) : null;
}

function codestreamProblem(stream: Buffer, { transferSyntax, rows, columns, samples, bitsAllocated }: Image): string | null {
  const size = codestreamSize(stream);
  const agrees = size?.rows === rows && size.columns === columns && (size.components ?? samples) === samples;
  if (!size || !agrees) return 'the code stream is not of the size that the object says';
  const isJpeg = stream.readUInt16BE(0) === START_OF_IMAGE;
  const bits = size.bits ?? bitsAllocated;
  if (bits > bitsAllocated || (isJpeg && bits <= 8 && bitsAllocated > 8)) return `the code stream has ${bits} bits a sample`;
  return transferSyntax === JPEG_XL || isEnded(stream) ? null : 'the code stream is cut off';
}

/** FFD9 ends JPEG (EOI), JPEG-LS and JPEG 2000 (EOC) alike; padding may follow, of either kind. */
function isEnded(stream: Buffer): boolean {
  let end = stream.length;
  while (end > 0 && (stream[end - 1] === 0 || stream[end - 1] === 0xff)) end--;
  return end >= 2 && stream.readUInt16BE(end - 2) === END_OF_IMAGE;
}

/** A segment for each byte of a sample (PS3.5 §G.2), each of which has all pixels (§G.3). */
function rleProblem(frame: Buffer, { rows, columns, samples, bitsAllocated }: Image): string | null {
  const count = (samples * bitsAllocated) / 8;
  if (frame.length < RLE_HEADER_BYTES || frame.readUInt32LE(0) !== count || count > MAX_SEGMENTS)
    return 'not a segment for each byte of a sample';
  const starts = Array.from({ length: count }, (_, index) => frame.readUInt32LE(4 + 4 * index));
  const isWhole = starts.every((start, index) => {
    const end = starts[index + 1] ?? frame.length;
    return start >= RLE_HEADER_BYTES && end <= frame.length && holds(frame.subarray(start, end), rows * columns);
  });
  return isWhole ? null : 'a segment is cut off';
}

/** PackBits (§G.3.2): runs of what follows as it is, or of one byte again and again. */
function holds(segment: Buffer, bytes: number): boolean {
  let made = 0;
  for (let at = 0; at < segment.length && made < bytes; ) {
    const run = segment.readInt8(at);
    const taken = run >= 0 ? run + 1 : run === NO_RUN ? 0 : 1;
    at += 1 + taken;
    if (at > segment.length) return false;
    made += run >= 0 ? run + 1 : run === NO_RUN ? 0 : 1 - run;
  }
  return made >= bytes;
}

const RLE = '1.2.840.10008.1.2.5';
const JPEG_XL = '1.2.840.10008.1.2.4.110';
const CODE_STREAMS = '1.2.840.10008.1.2.4.';
const START_OF_IMAGE = 0xffd8;
const END_OF_IMAGE = 0xffd9;
const RLE_HEADER_BYTES = 64;
const MAX_SEGMENTS = 15;
const NO_RUN = -128;

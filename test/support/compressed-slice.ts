/** Slices as a modality compresses them: RLE Lossless (PS3.5 Annex G), of literal runs alone. */
import type { SampleObject } from '../../src/protocols/dicom/sample-series.ts';

export const RLE_LOSSLESS = '1.2.840.10008.1.2.5';
const PIXEL_DATA = Buffer.from('e07f10004f570000', 'hex');
const MAX_RUN = 128;

/** Of one frame of 16 bits, whose pixels end it. */
export function rleCompressed<T extends SampleObject>(slice: T): T {
  const at = slice.dataset.lastIndexOf(PIXEL_DATA);
  const pixels = slice.dataset.subarray(at + 12);
  const planes = [1, 0].map((byte) => Buffer.from(pixels.filter((_, index) => index % 2 === byte)));
  const segments = planes.map(literalRuns);
  const header = Buffer.alloc(64);
  for (const [index, value] of [2, 64, 64 + (segments[0] as Buffer).length].entries()) header.writeUInt32LE(value, index * 4);
  const frame = Buffer.concat([header, ...segments]);
  const item = (length: number) =>
    Buffer.from([0xfe, 0xff, 0x00, 0xe0, length & 0xff, (length >> 8) & 0xff, (length >> 16) & 0xff, length >>> 24]);
  const end = Buffer.from('feffdde000000000', 'hex');
  const element = Buffer.concat([Buffer.from('e07f10004f420000ffffffff', 'hex'), item(0), item(frame.length), frame, end]);
  return { ...slice, transferSyntax: RLE_LOSSLESS, dataset: Buffer.concat([slice.dataset.subarray(0, at), element]) };
}

function literalRuns(plane: Buffer): Buffer {
  const runs: Buffer[] = [];
  for (let at = 0; at < plane.length; at += MAX_RUN) {
    const run = plane.subarray(at, at + MAX_RUN);
    runs.push(Buffer.from([run.length - 1]), run);
  }
  const bytes = Buffer.concat(runs);
  return bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(1)]);
}

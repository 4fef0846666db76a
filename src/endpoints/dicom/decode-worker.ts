/**
 * The thread that decodes compressed frames, one at a time. In: a frame and what its image says of it. Out: native little-endian pixels,
 * colour by pixel, or that it cannot be done. What comes in is not trusted: this thread may be ended at any moment.
 */
import { parentPort } from 'node:worker_threads';
import { inflateRawSync } from 'node:zlib';
import codecs from 'dcmjs-codecs';
import type { EncodedFrame } from '../../model/pixel-decoder.ts';
import { convertsToRgb, decodedBytes } from '../../protocols/dicom/coded-image.ts';
import { isByPlane, isSigned } from '../../protocols/dicom/codestream-coding.ts';

export type DecodeJob = { readonly frame: EncodedFrame };
export type DecodedFrame = { readonly pixels: Uint8Array<ArrayBuffer> };
type DecodeResult = DecodedFrame | { readonly problem: string };

const { Context, NativeCodecs } = codecs;
const ready = NativeCodecs.initializeAsync();

parentPort?.on('message', async (job: DecodeJob) => {
  const result = await decode(job).catch((error: unknown): DecodeResult => ({ problem: error instanceof Error ? error.name : 'failed' }));
  parentPort?.postMessage(result, 'pixels' in result ? [result.pixels.buffer] : []);
});

async function decode({ frame }: DecodeJob): Promise<DecodeResult> {
  await ready;
  const decoder = DECODERS.get(frame.transferSyntax);
  if (!decoder) return { problem: 'no decoder' };
  // A copy that is the thread's own: it is given away with the answer.
  return { pixels: Uint8Array.from(decoder(frame)) };
}

type Decoder = (frame: EncodedFrame) => Uint8Array;
type Codec = 'decodeRle' | 'decodeJpeg' | 'decodeJpegLs' | 'decodeJpeg2000' | 'decodeHtJpeg2000' | 'decodeJpegXl';

function by(codec: Codec): Decoder {
  return (frame) => {
    const { columns, rows, bitsAllocated, bitsStored, samples, signed, photometric, bytes } = frame;
    const context = new Context({
      ...{ width: columns, height: rows, bitsAllocated, bitsStored, samplesPerPixel: samples, planarConfiguration: 0 },
      ...{ pixelRepresentation: signed ? 1 : 0, photometricInterpretation: photometric, encodedBuffer: bytes },
    });
    const decoded = NativeCodecs[codec](context, { convertColorspaceToRgb: convertsToRgb(frame) }).getDecodedBuffer();
    if (!decoded) throw new Error('nothing was decoded');
    return decoded;
  };
}

/** The codec leaves components that came in scans of their own one behind the other. */
const jpegLs: Decoder = (frame) => {
  const decoded = by('decodeJpegLs')(frame);
  return isByPlane(Buffer.from(frame.bytes.buffer)) ? byPixel(decoded, frame) : decoded;
};

/** The codec holds samples within what the image says, and would cut off what its code stream has beyond: of one it says with a sign, half. */
const htJpeg2000: Decoder = (frame) => by('decodeHtJpeg2000')({ ...frame, signed: isSigned(Buffer.from(frame.bytes.buffer)) });

function byPixel(planes: Uint8Array, { samples, bitsAllocated }: EncodedFrame): Uint8Array {
  const size = bitsAllocated / 8;
  const plane = planes.length / samples;
  const pixels = new Uint8Array(planes.length);
  for (let at = 0; at < planes.length; at++) {
    const [sample, offset] = [Math.floor(at / plane), at % plane];
    pixels[Math.floor(offset / size) * samples * size + sample * size + (offset % size)] = planes[at] as number;
  }
  return pixels;
}

/** PS3.5 §A.4.9: each frame a deflated stream. */
const inflated: Decoder = (frame) => inflateRawSync(frame.bytes, { maxOutputLength: decodedBytes(frame) });

/** PS3.5 §A.4.11: fragments of even length. */
const asItIs: Decoder = (frame) => frame.bytes.subarray(0, decodedBytes(frame));

/** By transfer syntax. */
const DECODERS: ReadonlyMap<string, Decoder> = new Map([
  ['1.2.840.10008.1.2.1.98', asItIs],
  ...['50', '51', '57', '70'].map((last) => [`1.2.840.10008.1.2.4.${last}`, by('decodeJpeg')] as const),
  ...['80', '81'].map((last) => [`1.2.840.10008.1.2.4.${last}`, jpegLs] as const),
  ...['90', '91'].map((last) => [`1.2.840.10008.1.2.4.${last}`, by('decodeJpeg2000')] as const),
  ['1.2.840.10008.1.2.4.110', by('decodeJpegXl')],
  ...['201', '202', '203'].map((last) => [`1.2.840.10008.1.2.4.${last}`, htJpeg2000] as const),
  ['1.2.840.10008.1.2.5', by('decodeRle')],
  ['1.2.840.10008.1.2.8.1', inflated],
]);

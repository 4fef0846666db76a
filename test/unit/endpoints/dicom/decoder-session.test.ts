import { deflateRawSync } from 'node:zlib';
import { afterAll, describe, expect, it } from '@jest/globals';
import codecs from 'dcmjs-codecs';
import { openDecoder } from '../../../../src/endpoints/dicom/decoder-session.ts';
import { failure, isFailure } from '../../../../src/model/failure.ts';
import type { EncodedFrame } from '../../../../src/model/pixel-decoder.ts';

const { Context, NativeCodecs } = codecs;
const ROOT = '1.2.840.10008.1.2.';
const [ROWS, COLUMNS] = [24, 16];
type Described = Omit<EncodedFrame, 'bytes' | 'transferSyntax'>;
const SIGNED: Described = {
  rows: ROWS,
  columns: COLUMNS,
  samples: 1,
  bitsAllocated: 16,
  bitsStored: 16,
  signed: true,
  photometric: 'MONOCHROME2',
};
const COLOUR: Described = { ...SIGNED, samples: 3, bitsAllocated: 8, bitsStored: 8, signed: false, photometric: 'RGB' };

describe('the decoding thread', () => {
  const decoder = openDecoder();
  afterAll(() => decoder.close());
  const decoded = (frame: EncodedFrame) => decoder.decode(async () => frame);

  it.each([
    ['High-Throughput JPEG 2000, lossless', '4.201', 'encodeHtJpeg2000'],
    ['High-Throughput JPEG 2000 with RPCL', '4.202', 'encodeHtJpeg2000'],
    ['JPEG 2000, lossless', '4.90', 'encodeJpeg2000'],
    ['JPEG XL, lossless', '4.110', 'encodeJpegXl'],
    ['RLE', '5', 'encodeRle'],
  ] as const)('makes of %s what it was', async (_, syntax, encode) => {
    await NativeCodecs.initializeAsync();
    for (const image of [SIGNED, COLOUR]) {
      const pixels = pixelsOf(image);
      const context = contextOf(image, { decodedBuffer: new Uint8Array(pixels) });
      const bytes = Uint8Array.from(
        NativeCodecs[encode](context, { lossy: false, progressionOrder: syntax === '4.202' ? 2 : 0 }).getEncodedBuffer() ?? [],
      );
      expect(await decoded({ ...image, transferSyntax: `${ROOT}${syntax}`, bytes })).toEqual(pixels);
    }
  });

  it.each([
    ['4.90', 'encodeJpeg2000'],
    ['4.201', 'encodeHtJpeg2000'],
  ] as const)('leaves numbers as they are coded by %s, whatever sign the image gives them', async (syntax, encode) => {
    await NativeCodecs.initializeAsync();
    for (const signed of [true, false]) {
      const pixels = pixelsOf(SIGNED);
      const context = contextOf({ ...SIGNED, signed }, { decodedBuffer: new Uint8Array(pixels) });
      const bytes = Uint8Array.from(NativeCodecs[encode](context, { lossy: false, progressionOrder: 0 }).getEncodedBuffer() ?? []);
      expect(await decoded({ ...SIGNED, signed: !signed, transferSyntax: `${ROOT}${syntax}`, bytes })).toEqual(pixels);
    }
  });

  it('inflates what is a deflated frame, and not more than that', async () => {
    const frame = { ...SIGNED, transferSyntax: `${ROOT}8.1` };
    const pixels = pixelsOf(SIGNED);
    const even = Buffer.concat([deflateRawSync(pixels), Buffer.alloc(1)]);
    expect(await decoded({ ...frame, bytes: Uint8Array.from(even) })).toEqual(pixels);
    const bomb = deflateRawSync(Buffer.alloc(10_000_000));
    expect(isFailure(await decoded({ ...frame, bytes: Uint8Array.from(bomb) }))).toBe(true);
  });

  it('has native frames as they are, without their padding', async () => {
    const pixels = Buffer.from([1, 2, 3]);
    const frame: EncodedFrame = { ...COLOUR, rows: 1, columns: 1, transferSyntax: `${ROOT}1.98`, bytes: Uint8Array.from([1, 2, 3, 0]) };
    expect(await decoded(frame)).toEqual(pixels);
  });

  it('goes on after a frame that is none, one that cannot be read and one without a decoder', async () => {
    const none = { ...SIGNED, transferSyntax: `${ROOT}4.90`, bytes: Uint8Array.from([1, 2, 3, 4]) };
    expect(await decoded(none)).toMatchObject({ code: 'invalid', class: 'permanent' });
    expect(await decoder.decode(async () => failure('dicom', 'not-found', 'gone'))).toMatchObject({ code: 'not-found' });
    expect(isFailure(await decoded({ ...none, transferSyntax: `${ROOT}4.102`, bytes: Uint8Array.from([1]) }))).toBe(true);
    await expect(decoder.decode(() => Promise.reject(new Error('away')))).rejects.toThrow('away');
    const frame = { ...SIGNED, transferSyntax: `${ROOT}8.1`, bytes: Uint8Array.from(deflateRawSync(pixelsOf(SIGNED))) };
    expect(await decoded(frame)).toEqual(pixelsOf(SIGNED));
  });

  it('has no longer than its limit', async () => {
    const hasty = openDecoder(0);
    const frame = { ...SIGNED, transferSyntax: `${ROOT}8.1`, bytes: Uint8Array.from(deflateRawSync(pixelsOf(SIGNED))) };
    expect(await hasty.decode(async () => frame)).toMatchObject({ code: 'timeout', class: 'transient' });
    await hasty.close();
  });
});

/** A ramp, with something of every size in it. */
function pixelsOf({ samples, bitsAllocated }: Described): Buffer {
  return Buffer.from(Array.from({ length: (ROWS * COLUMNS * samples * bitsAllocated) / 8 }, (_, at) => (at * 7 + (at >> 4)) & 0xff));
}

function contextOf({ rows, columns, samples, bitsAllocated, bitsStored, signed, photometric }: Described, buffers: object) {
  return new Context({
    ...{ width: columns, height: rows, samplesPerPixel: samples, bitsAllocated, bitsStored, planarConfiguration: 0 },
    ...{ pixelRepresentation: signed ? 1 : 0, photometricInterpretation: photometric, ...buffers },
  });
}

import { beforeAll, describe, expect, it } from '@jest/globals';
import codecs from 'dcmjs-codecs';
import { frameProblem } from '../../../../src/protocols/dicom/frame-check.ts';

const { Context, NativeCodecs } = codecs;
const ROOT = '1.2.840.10008.1.2.';
const [ROWS, COLUMNS] = [24, 16];
const IMAGE = { rows: ROWS, columns: COLUMNS, samples: 1, bitsAllocated: 16 };
const LOSSLESS = { lossy: false, progressionOrder: 0, predictor: 1, pointTransform: 0 };
const CODECS = [
  ['RLE', '5', 'encodeRle'],
  ['JPEG Lossless', '4.70', 'encodeJpeg'],
  ['JPEG-LS', '4.80', 'encodeJpegLs'],
  ['JPEG 2000', '4.90', 'encodeJpeg2000'],
  ['High-Throughput JPEG 2000', '4.201', 'encodeHtJpeg2000'],
] as const;

describe('a compressed frame', () => {
  beforeAll(() => NativeCodecs.initializeAsync());
  const encoded = (encode: (typeof CODECS)[number][2], bits = 16): Buffer => {
    const decodedBuffer = Uint8Array.from({ length: (ROWS * COLUMNS * bits) / 8 }, (_, at) => (at * 37 + (at >> 3) * 11) & 0xff);
    const context = new Context({
      ...{ width: COLUMNS, height: ROWS, samplesPerPixel: 1, bitsAllocated: bits, bitsStored: bits, planarConfiguration: 0 },
      ...{ pixelRepresentation: 0, photometricInterpretation: 'MONOCHROME2', decodedBuffer },
    });
    return Buffer.from(NativeCodecs[encode](context, LOSSLESS).getEncodedBuffer() ?? []);
  };

  it.each(CODECS)('of %s is taken whole, and not cut off anywhere', (_, syntax, encode) => {
    const image = { ...IMAGE, transferSyntax: `${ROOT}${syntax}` };
    const frame = encoded(encode);
    expect(frameProblem(frame, image)).toBeNull();
    for (const fill of [0, 0xff]) expect(frameProblem(Buffer.concat([frame, Buffer.alloc(3, fill)]), image)).toBeNull();
    for (let length = 0; length < frame.length - 1; length++) expect(frameProblem(frame.subarray(0, length), image)).not.toBeNull();
  });

  it.each(CODECS)('of %s is of the size that its image says', (_, syntax, encode) => {
    const image = { ...IMAGE, transferSyntax: `${ROOT}${syntax}` };
    for (const other of [{ rows: ROWS + 40 }, { samples: 3 }, { bitsAllocated: 8 }])
      expect(frameProblem(encoded(encode), { ...image, ...other })).not.toBeNull();
  });

  it('of eight bits is none of an image of sixteen, where its decoder would give bytes', () => {
    const asSixteen = (syntax: string, frame: Buffer) => frameProblem(frame, { ...IMAGE, transferSyntax: `${ROOT}${syntax}` });
    expect(asSixteen('5', encoded('encodeRle', 8))).toMatch(/segment/);
    expect(asSixteen('4.70', encoded('encodeJpeg', 8))).toMatch(/8 bits/);
    expect(asSixteen('4.201', encoded('encodeHtJpeg2000', 8))).toBeNull();
  });

  it('of JPEG 2000 has all samples of each component', () => {
    const frame = encoded('encodeJpeg2000');
    frame[43] = 2;
    expect(frameProblem(frame, { ...IMAGE, transferSyntax: `${ROOT}4.90` })).toMatch(/size/);
  });
});

import { describe, expect, it } from '@jest/globals';
import { isFailure } from '../../../../src/model/failure.ts';
import type { DecodeFrame } from '../../../../src/model/pixel-decoder.ts';
import { failureIn, openDecoded, openDecompressed } from '../../../../src/protocols/dicom/decompression.ts';
import { EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN } from '../../../../src/protocols/dicom/transfer-syntax.ts';
import { bytesOf, inPieces, storedDataset } from '../../../support/stored-dataset.ts';

const RLE = '1.2.840.10008.1.2.5';
const JPEG_LS_NEAR = '1.2.840.10008.1.2.4.81';
const JPEG_2000 = '1.2.840.10008.1.2.4.91';
/** SIZ of 1 × 3 pixels of one component, and COD with its wavelet. */
const codestream = (wavelet: string) =>
  hex(`ff4f ff51 0029 0000 00000003 00000001 00000000 00000000 00000003 00000001 00000000 00000000 0001 07 01 01
       ff52 000c 00 00 0001 00 05 04 04 00 ${wavelet} ff90 0000 ffd9`);
/** SOF55 of 1 × 3 pixels of one component. */
const JPEG_LS_FRAME = hex('ffd8 fff7 000b 08 0001 0003 01 01 11 00 ffd9');

describe('an image of compressed frames', () => {
  it('has native pixels in their place, padded as a whole, in whatever pieces it came', async () => {
    const dataset = Buffer.concat([image(), fragments(rle(1), rle(2), rle(3)), hex('fcfffcff 4f42 0000 02000000 0000')]);
    for (const size of [1, 7, 1000]) {
      expect(await decompressed(dataset, RLE, size)).toEqual(
        Buffer.concat([image(), hex('e07f1000 4f57 0000 0a000000 010101020202030303 00 fcfffcff 4f42 0000 02000000 0000')]),
      );
    }
  });

  it('is written in Implicit VR, too', async () => {
    const implicit = await decompressed(Buffer.concat([image(), fragments(rle(1), rle(2), rle(3))]), RLE, 100, IMPLICIT_LITTLE_ENDIAN);
    expect(implicit.toString('hex')).toMatch(/e07f10000a00000001010102020203030300$/);
  });

  it('leaves out what was of fragments', async () => {
    const tables = hex('e07f0100 4f56 0000 08000000 0000000000000000 e07f0200 4f56 0000 08000000 0200000000000000');
    const dataset = Buffer.concat([image({ frames: '1 ' }), tables, fragments(rle(5))]);
    expect(await decompressed(dataset, RLE)).toEqual(
      Buffer.concat([image({ frames: '1 ' }), hex('e07f1000 4f57 0000 04000000 050505 00')]),
    );
  });

  it.each([
    ['YBR_RCT ', 'RGB '],
    ['YBR_FULL', 'YBR_FULL'],
    ['YBR_FULL_422', 'YBR_FULL'],
    ['RGB ', 'RGB '],
  ])('of %s is one of %s, by pixel', async (before, after) => {
    const colour = { samples: 3, frames: '1 ' };
    const dataset = Buffer.concat([image({ ...colour, photometric: before, planar: 1 }), fragments(rle(7, 3))]);
    const pixels = hex('e07f1000 4f57 0000 0a000000 070707070707070707 00');
    expect(await decompressed(dataset, RLE)).toEqual(Buffer.concat([image({ ...colour, photometric: after, planar: 0 }), pixels]));
  });

  it('gets the attributes that it lacked', async () => {
    const dataset = Buffer.concat([image({ samples: 3, frames: '1 ', photometric: 'RGB ' }), fragments(rle(7, 3))]);
    const written = await decompressed(dataset, RLE);
    expect(written.toString('hex')).toContain('28000400435304005247422028000600555302000000280008004953');
  });

  it.each([
    ['near-lossless', JPEG_LS_NEAR, JPEG_LS_FRAME, true, 'ISO_14495_1'],
    ['irreversible', JPEG_2000, codestream('00'), true, 'ISO_15444_1'],
    ['reversible', JPEG_2000, codestream('01'), false, 'ISO_15444_1'],
  ])('stays marked as %s', async (_, syntax, frame, isLossy, method) => {
    const written = await decompressed(Buffer.concat([image({ frames: '1 ' }), fragments(frame)]), syntax);
    const ratio = `${(3 / (frame.length + (frame.length % 2))).toFixed(2)}`.padEnd(4);
    const marks = [text('28001021 4353', '01'), text('28001221 4453', ratio), text('28001421 4353', method.padEnd(12))];
    expect(written.includes(Buffer.concat(marks))).toBe(isLossy);
    expect(written.includes(marks[0] as Buffer)).toBe(isLossy);
  });

  it('keeps what it said of its compression', async () => {
    const said = hex('28001021 4353 0200 3031 28001221 4453 0200 3720');
    const dataset = Buffer.concat([image({ frames: '1 ' }), said, fragments(JPEG_LS_FRAME)]);
    expect((await decompressed(dataset, JPEG_LS_NEAR)).includes(said)).toBe(true);
  });

  it.each([
    ['of a syntax without a decoder', '1.2.840.10008.1.2.4.102', image(), fragments(rle(1), rle(2), rle(3))],
    ['without a size', RLE, image({ rows: 0 }), fragments(rle(1), rle(2), rle(3))],
    ['of two samples a pixel', RLE, image({ samples: 2 }), fragments(rle(1), rle(2), rle(3))],
    ['of frames that are missing', RLE, image(), fragments(rle(1))],
    ['whose pixels are in no fragments', RLE, image(), hex('e07f1000 4f42 0000 0a000000 01010102020203030300')],
    ['without pixels', RLE, image(), Buffer.alloc(0)],
    ['whose frame is of another length', RLE, image({ rows: 2 }), fragments(rle(1), rle(2), rle(3))],
    ['whose code stream is of another size', JPEG_LS_NEAR, image({ rows: 2, frames: '1 ' }), fragments(JPEG_LS_FRAME)],
    ['of more frames than can be counted', RLE, image({ rows: 1, columns: 1, frames: '4000000000' }), fragments(rle(1))],
    ['that would take all memory', RLE, image({ rows: 65535, columns: 65535 }), fragments(rle(1), rle(2), rle(3))],
  ])('cannot be had of one %s', async (_, syntax, header, pixels) => {
    expect(isFailure(await openDecompressed(storedDataset(Buffer.concat([header, pixels]), syntax), threefold))).toBe(true);
  });

  it('ends with what is wrong with a later frame', async () => {
    const dataset = Buffer.concat([image(), fragments(rle(1), rle(2), rle(255))]);
    const broken = await decompressed(dataset, RLE).catch(failureIn);
    expect(isFailure(broken) && broken.detail).toBe('not understood');
  });

  it('is not sent with an icon that is compressed', async () => {
    const icon = hex('88000002 5351 0000 ffffffff feff00e0 ffffffff e07f1000 4f42 0000 ffffffff feff00e0 00000000 feffdde0 00000000');
    const end = hex('feff0de0 00000000 feffdde0 00000000');
    const dataset = Buffer.concat([image({ frames: '1 ' }), icon, end, fragments(rle(1))]);
    const refused = await decompressed(dataset, RLE).catch(failureIn);
    expect(refused).toMatchObject({ class: 'permanent', detail: expect.stringContaining('icon') });
  });

  it('has one frame at a time, the first of which is known to be decodable', async () => {
    const dataset = Buffer.concat([image(), fragments(rle(1), rle(2), rle(3))]);
    const opened = await openDecoded(storedDataset(dataset, RLE), [2, 3], threefold);
    if (isFailure(opened)) throw new Error(opened.detail);
    expect([opened.frameBytes, await opened.frame(2), await opened.frame(3), isFailure(await opened.frame(4))]).toEqual([
      3,
      hex('020202'),
      hex('030303'),
      true,
    ]);
  });

  it('is not looked through for frames that nobody asks for', async () => {
    // The second offset leads to nothing.
    const table = hex('e07f1000 4f42 0000 ffffffff feff00e0 0c000000 00000000 4b000000 94000000');
    const items = [hex('feff00e0 42000000'), rle(1), hex('feff00e0 42000000'), rle(2), hex('feff00e0 42000000'), rle(3)];
    const stored = storedDataset(Buffer.concat([image(), table, ...items, hex('feffdde0 00000000')]), RLE);
    expect(isFailure(await openDecompressed(stored, threefold))).toBe(true);
    const opened = await openDecoded(stored, [3], threefold);
    if (isFailure(opened)) throw new Error(opened.detail);
    expect([await opened.frame(3), isFailure(await opened.frame(2))]).toEqual([hex('030303'), true]);
  });
});

/** Makes each pixel of the first byte; 255 is none. */
const threefold: DecodeFrame = async (read) => {
  const frame = await read();
  if (isFailure(frame)) return frame;
  const value = frame.bytes[frame.transferSyntax === RLE ? 65 : 0] ?? 0;
  if (value === 255 && frame.transferSyntax === RLE)
    return { failure: true, code: 'invalid', class: 'permanent', room: 'dicom', detail: 'not understood' };
  return Buffer.alloc(3 * frame.samples, value);
};

async function decompressed(dataset: Buffer, syntax: string, size = 1000, to = EXPLICIT_LITTLE_ENDIAN): Promise<Buffer> {
  const opened = await openDecompressed(storedDataset(dataset, syntax), threefold);
  if (isFailure(opened)) throw new Error(opened.detail, { cause: opened });
  return bytesOf(opened.dataset(inPieces(dataset, size), to));
}

type Header = { rows?: number; columns?: number; samples?: number; photometric?: string; frames?: string; planar?: number };

/** Three frames of 1 × 3 pixels of 8 bits. */
function image({ rows = 1, columns = 3, samples = 1, photometric = 'MONOCHROME2 ', frames = '3 ', planar }: Header = {}): Buffer {
  return Buffer.concat([
    short(0x0002, samples),
    text('28000400 4353', photometric),
    ...(planar === undefined ? [] : [short(0x0006, planar)]),
    text('28000800 4953', frames),
    ...[short(0x0010, rows), short(0x0011, columns), short(0x0100, 8), short(0x0101, 8), short(0x0102, 7), short(0x0103, 0)],
  ]);
}

function short(element: number, value: number): Buffer {
  const bytes = hex('28000000 5553 0200 0000');
  bytes.writeUInt16LE(element, 2);
  bytes.writeUInt16LE(value, 8);
  return bytes;
}

function text(start: string, value: string): Buffer {
  return Buffer.concat([hex(start), Buffer.from([value.length, 0]), Buffer.from(value)]);
}

/** Behind an empty offset table, each frame in a fragment of its own. */
function fragments(...frames: readonly Buffer[]): Buffer {
  const items = frames.map((frame) => {
    const even = frame.length % 2 === 0 ? frame : Buffer.concat([frame, Buffer.alloc(1)]);
    const header = hex('feff00e0 00000000');
    header.writeUInt32LE(even.length, 4);
    return Buffer.concat([header, even]);
  });
  return Buffer.concat([hex('e07f1000 4f42 0000 ffffffff feff00e0 00000000'), ...items, hex('feffdde0 00000000')]);
}

/** A run of three pixels, for each sample. */
function rle(value: number, samples = 1): Buffer {
  const header = Buffer.alloc(64);
  header.writeUInt32LE(samples);
  for (let sample = 0; sample < samples; sample++) header.writeUInt32LE(64 + 2 * sample, 4 + 4 * sample);
  return Buffer.concat([header, ...Array.from({ length: samples }, () => Buffer.from([0xfe, value]))]);
}

function hex(text: string): Buffer {
  return Buffer.from(text.replace(/\s/g, ''), 'hex');
}

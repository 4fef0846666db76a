import { describe, expect, it } from '@jest/globals';
import { type Failure, isFailure } from '../../../../src/model/failure.ts';
import { frameBytes, locateFrames, type Range } from '../../../../src/protocols/dicom/frames.ts';
import type { DicomJson } from '../../../../src/protocols/dicom/header.ts';
import { type TransferSyntax, transferSyntax } from '../../../../src/protocols/dicom/transfer-syntax.ts';
import fc from '../../../support/properties.ts';

const JPEG = '1.2.840.10008.1.2.4.50';
const EXPLICIT = '1.2.840.10008.1.2.1';
/** Something in front of the pixels. */
const BEFORE = Buffer.alloc(40, 0xee);

describe('frames of native pixels', () => {
  it.each([
    ['Explicit VR Little Endian', EXPLICIT, 'e07f10004f57000010000000'],
    ['Implicit VR Little Endian', '1.2.840.10008.1.2', 'e07f100010000000'],
    ['Explicit VR Big Endian', '1.2.840.10008.1.2.2', '7fe000104f57000000000010'],
  ])('are cut by their size in %s', async (_, syntax, head) => {
    const file = Buffer.concat([BEFORE, Buffer.from(head, 'hex'), Buffer.from('aaaabbbbccccdddd')]);
    expect(await bytesOf(file, syntax, shape(2, 2, 1, 8), 4, [2, 4, 1])).toEqual(['bbbb', 'dddd', 'aaaa']);
  });

  it('that end before the last frame cannot be cut', async () => {
    const file = Buffer.concat([BEFORE, Buffer.from('e07f10004f5700000c000000', 'hex'), Buffer.from('aaaabbbbcccc')]);
    expect(await bytesOf(file, EXPLICIT, shape(2, 2, 1, 8), 4, [1])).toMatchObject({ code: 'invalid' });
  });

  it.each<[{ rows: number; columns: number; samples: number; bits: number; photometric?: string }, number, number | null]>([
    [{ rows: 512, columns: 512, samples: 1, bits: 16 }, 1, 524_288],
    [{ rows: 100, columns: 100, samples: 3, bits: 8 }, 5, 30_000],
    [{ rows: 100, columns: 100, samples: 3, bits: 8, photometric: 'YBR_FULL_422' }, 1, 20_000],
    [{ rows: 24, columns: 38, samples: 1, bits: 1 }, 3, 114],
    [{ rows: 3, columns: 3, samples: 1, bits: 1 }, 1, 2],
    [{ rows: 3, columns: 3, samples: 1, bits: 1 }, 2, null],
  ])('of %j in %i frames have %s bytes each', ({ rows, columns, samples, bits, photometric }, frames, bytes) => {
    expect(frameBytes(shape(rows, columns, samples, bits, photometric), frames)).toBe(bytes);
  });
});

describe('frames of encapsulated pixels', () => {
  it.each([
    ['one fragment each, no offset table', encapsulated([], ['aa', 'bbbb', 'cc']), 3, ['aa', 'bbbb', 'cc']],
    ['one fragment each, with an offset table', encapsulated([0, 10, 22], ['aa', 'bbbb', 'cc']), 3, ['aa', 'bbbb', 'cc']],
    ['several fragments each, with an offset table', encapsulated([0, 22], ['aa', 'bbbb', 'cc', 'dd']), 2, ['aabbbb', 'ccdd']],
    ['several fragments of the only frame', encapsulated([], ['aa', 'bbbb', 'cc']), 1, ['aabbbbcc']],
    [
      'several fragments each, told by end-of-image markers',
      encapsulated([], ['aa', 'b\xff\xd9', 'cc', 'dd\xff\xd9\0']),
      2,
      ['aab\xff\xd9', 'ccdd\xff\xd9\0'],
    ],
  ])('are found with %s', async (_, pixels, frames, expected) => {
    const file = Buffer.concat([BEFORE, pixels, Buffer.from('fcfffcff4f4200000000', 'hex')]);
    const wanted = expected.map((__, index) => index + 1).reverse();
    expect(await bytesOf(file, JPEG, {}, frames, wanted)).toEqual([...expected].reverse());
  });

  it('cannot be put together when nothing tells where one ends', async () => {
    const file = Buffer.concat([BEFORE, encapsulated([], ['aa', 'bb', 'cc'])]);
    expect(await bytesOf(file, JPEG, {}, 2, [1])).toMatchObject({ code: 'invalid' });
  });

  it('are not there beyond the last', async () => {
    const file = Buffer.concat([BEFORE, encapsulated([], ['aa'])]);
    expect(await bytesOf(file, JPEG, {}, 1, [2])).toMatchObject({ code: 'not-found' });
    expect(await bytesOf(file, JPEG, {}, 1, [0])).toMatchObject({ code: 'not-found' });
  });

  it('are found by reading a few bytes a fragment, not the pixels', async () => {
    const file = Buffer.concat([
      BEFORE,
      encapsulated(
        [],
        Array.from({ length: 20 }, () => 'x'.repeat(100_000)),
      ),
    ]);
    let read = 0;
    const syntax = transferSyntax(JPEG) as TransferSyntax;
    await locateFrames(
      async (position, length) => {
        read += length;
        return file.subarray(position, position + length);
      },
      { syntax, header: {}, frames: 20, pixelOffset: BEFORE.length },
      [20],
    );
    expect(read).toBeLessThan(file.length / 10);
  });

  it.each([
    ['that descend', [0, 22, 10], [2]],
    ['that lead two frames to the same bytes', [0, 0, 10], [1, 2, 3]],
    ['that lead into each other, asked with gaps', [0, 22, 0], [1, 3]],
    ['into the middle of an item', [0, 11, 22], [2]],
    ['beyond the end', [0, 10, 9000], [3]],
    ['to the delimiter', [0, 10, 32], [3]],
  ] as [string, number[], number[]][])('are refused with offsets %s', async (_, offsets, wanted) => {
    const file = Buffer.concat([BEFORE, encapsulated(offsets, ['aa', 'bbbb', 'cc'])]);
    expect(await bytesOf(file, JPEG, {}, 3, wanted)).toMatchObject({ code: 'invalid' });
  });

  it('are refused when one request would walk too many fragments, with an offset table as without', async () => {
    const empty = Array.from({ length: 60_000 }, () => '');
    const file = Buffer.concat([BEFORE, encapsulated([0, 60_000 * 8], [...empty, ...empty])]);
    expect(await bytesOf(file, JPEG, {}, 2, [2])).toEqual(['']);
    expect(await bytesOf(file, JPEG, {}, 2, [1, 2])).toMatchObject({ code: 'invalid', detail: 'too many fragments' });
  });

  it('are refused in a deflated dataset', async () => {
    const file = Buffer.concat([BEFORE, encapsulated([], ['aa'])]);
    expect(await bytesOf(file, '1.2.840.10008.1.2.1.99', {}, 1, [1])).toMatchObject({ code: 'invalid' });
  });

  it('are a failure or ranges, never an exception, whatever the file says', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 120 }), fc.integer({ min: 1, max: 4 }), async (bytes, frames) => {
        const head = Buffer.from('e07f10004f420000ffffffff', 'hex');
        const found = await bytesOf(Buffer.concat([BEFORE, head, Buffer.from(bytes)]), JPEG, {}, frames, [1]);
        expect(Array.isArray(found) || isFailure(found)).toBe(true);
      }),
    );
  });
});

function shape(rows: number, columns: number, samples: number, bits: number, photometric = 'MONOCHROME2'): DicomJson {
  const us = (value: number) => ({ vr: 'US', Value: [value] });
  return {
    '00280002': us(samples),
    '00280004': { vr: 'CS', Value: [photometric] },
    '00280010': us(rows),
    '00280011': us(columns),
    '00280100': us(bits),
  };
}

function encapsulated(offsets: readonly number[], fragments: readonly string[]): Buffer {
  const table = Buffer.alloc(offsets.length * 4);
  for (const [index, offset] of offsets.entries()) table.writeUInt32LE(offset, index * 4);
  const items = [table, ...fragments.map((fragment) => Buffer.from(fragment, 'latin1'))].flatMap((value) => {
    const head = Buffer.from('feff00e000000000', 'hex');
    head.writeUInt32LE(value.length, 4);
    return [head, value];
  });
  return Buffer.concat([Buffer.from('e07f10004f420000ffffffff', 'hex'), ...items, Buffer.from('feffdde000000000', 'hex')]);
}

async function bytesOf(
  file: Buffer,
  uid: string,
  header: DicomJson,
  frames: number,
  wanted: readonly number[],
): Promise<string[] | Failure> {
  const syntax = transferSyntax(uid) as TransferSyntax;
  const readAt = async (position: number, length: number) => file.subarray(position, position + length);
  const found = await locateFrames(readAt, { syntax, header, frames, pixelOffset: BEFORE.length }, wanted);
  if (isFailure(found)) return found;
  const text = ({ start, length }: Range) => file.toString('latin1', start, start + length);
  return found.map((ranges) => ranges.map(text).join(''));
}

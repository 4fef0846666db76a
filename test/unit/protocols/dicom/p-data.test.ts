import { describe, expect, it } from '@jest/globals';
import { gathered } from '../../../../src/protocols/dicom/p-data.ts';
import fc from '../../../support/properties.ts';

const arrayOf = async (chunks: Iterable<Buffer>, size: number): Promise<Buffer[]> => {
  const pieces: Buffer[] = [];
  for await (const piece of gathered(chunks, size)) pieces.push(piece);
  return pieces;
};

describe('an object in pieces for PDUs', () => {
  it('is the same bytes, and fills every PDU but the last, however it came', async () => {
    const chunks = fc.array(
      fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
      { maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(chunks, fc.integer({ min: 1, max: 20 }), async (given, size) => {
        const pieces = await arrayOf(given, size);
        expect(Buffer.concat(pieces)).toEqual(Buffer.concat(given));
        for (const piece of pieces.slice(0, -1)) expect(piece.length % size).toBe(0);
        expect(pieces.every(({ length }) => length > 0)).toBe(true);
      }),
    );
  });
});

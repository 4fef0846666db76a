import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import sharp, { type JpegOptions, type Sharp } from 'sharp';
import { readCoefficients, writeCoefficients } from '../../../../src/protocols/media/jpeg-coefficients.ts';
import { turnedJpeg } from '../../../../src/protocols/media/jpeg-turn.ts';
import { MEDIA } from '../../../support/located-photo.ts';
import fc from '../../../support/properties.ts';

const ORIENTATIONS = [2, 3, 4, 5, 6, 7, 8];
const raw = (file: Buffer | Sharp) => (Buffer.isBuffer(file) ? sharp(file) : file).raw().toBuffer({ resolveWithObject: true });

/** A picture with something different at every side: 96 × 64 of the fixture, enlarged to a size. */
function photo(width: number, height: number, options: JpegOptions = {}): Promise<Buffer> {
  const picture = sharp(readFileSync(`${MEDIA}/upright.png`)).resize(width, height, { fit: 'fill' });
  return picture.jpeg({ quality: 88, ...options }).toBuffer();
}

/** The decoder rounds each side of the diagonal for itself. */
function farthest(one: Buffer, other: Buffer): number {
  return one.reduce((most, value, index) => Math.max(most, Math.abs(value - (other[index] as number))), 0);
}

describe('a baseline JPEG', () => {
  it.each([
    ['4:2:0', { chromaSubsampling: '4:2:0' }],
    ['4:4:4', { chromaSubsampling: '4:4:4' }],
    ['optimized codes', { optimizeCoding: true }],
    ['standard codes', { optimizeCoding: false }],
  ])('is the same picture when its coefficients are written anew: %s', async (_name, options) => {
    for (const [width, height] of [
      [96, 64],
      [101, 67],
      [7, 5],
    ] as const) {
      const file = await photo(width, height, options);
      const again = writeCoefficients(readCoefficients(file) as NonNullable<ReturnType<typeof readCoefficients>>) as Buffer;
      expect((await raw(again)).data.equals((await raw(file)).data)).toBe(true);
    }
  });

  it('is read in grey, and not where it is progressive', async () => {
    const grey = await sharp(await photo(64, 48))
      .toColourspace('b-w')
      .jpeg()
      .toBuffer();
    expect(readCoefficients(grey)?.planes).toHaveLength(1);
    expect((await raw(turnedJpeg(grey, 3) as Buffer)).data.equals((await raw(sharp(grey).rotate(180))).data)).toBe(true);
    expect(readCoefficients(await photo(64, 48, { progressive: true }))).toBeNull();
  });

  it('is read with restart markers: twice the same MCU, side by side', async () => {
    const one = await photo(16, 16, { chromaSubsampling: '4:2:0' });
    const scan = one.indexOf(Buffer.from([0xff, 0xda]));
    const data = scan + 2 + one.readUInt16BE(scan + 2);
    const [coded, end] = [one.subarray(data, one.length - 2), one.subarray(one.length - 2)];
    const interval = Buffer.from([0xff, 0xdd, 0, 4, 0, 1]);
    const two = Buffer.concat([one.subarray(0, scan), interval, one.subarray(scan, data), coded, Buffer.from([0xff, 0xd0]), coded, end]);
    const frame = two.indexOf(Buffer.from([0xff, 0xc0]));
    two.writeUInt16BE(32, frame + 7);
    expect(readCoefficients(two)).toMatchObject({ columns: 32, rows: 16 });
    expect(farthest((await raw(turnedJpeg(two, 3) as Buffer)).data, (await raw(sharp(two).rotate(180))).data)).toBeLessThanOrEqual(3);
  });

  it.each(ORIENTATIONS)('stands upright without a loss, orientation %d', async (orientation) => {
    for (const chromaSubsampling of ['4:4:4', '4:2:0']) {
      const file = await photo(96, 64, { chromaSubsampling });
      const turned = turnedJpeg(file, orientation) as Buffer;
      const expected = await raw(sharp(await sharp(file).withMetadata({ orientation }).png().toBuffer()).autoOrient());
      const { data, info } = await raw(turned);
      expect([info.width, info.height, data.length]).toEqual([expected.info.width, expected.info.height, expected.data.length]);
      expect(farthest(data, expected.data)).toBeLessThanOrEqual(3);
    }
  });

  it('is what it was after it was turned all the way', async () => {
    const file = await photo(96, 64);
    const around = [6, 6, 6, 6].reduce((turned, orientation) => turnedJpeg(turned, orientation) as Buffer, file);
    expect(readCoefficients(around)).toEqual(readCoefficients(file));
  });

  it('is left to others where a side would begin with a part of an MCU', async () => {
    const file = await photo(101, 64);
    expect(turnedJpeg(file, 2)).toBeNull();
    expect(turnedJpeg(file, 4)).not.toBeNull();
    expect(turnedJpeg(file, 5)).not.toBeNull();
  });

  it('is refused when it is broken, and never read for long', async () => {
    const file = await photo(96, 64);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 2, max: file.length - 1 }), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: file.length }),
        (changes, length) => {
          const bytes = Buffer.from(file.subarray(0, length % 3 === 0 ? length : file.length));
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          const turned = turnedJpeg(bytes, 6);
          expect(turned === null || Buffer.isBuffer(turned)).toBe(true);
        },
      ),
      { numRuns: 400 },
    );
  });
});

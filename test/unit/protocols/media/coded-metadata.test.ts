import { describe, expect, it } from '@jest/globals';
import sharp from 'sharp';
import { PICTURE_HEAD_BYTES, pictureCleaner } from '../../../../src/protocols/media/coded-metadata.ts';
import fc from '../../../support/properties.ts';

function cleaned(picture: Buffer, cuts: readonly number[] = []): Buffer {
  const clean = pictureCleaner(picture.subarray(0, PICTURE_HEAD_BYTES));
  if (!clean) throw new Error('no picture');
  const places = [0, ...cuts.map((cut) => cut % picture.length).sort((a, b) => a - b), picture.length];
  const before = Buffer.from(picture);
  const out = Buffer.concat(places.slice(1).map((end, index) => clean(picture.subarray(places[index], end))));
  // What came is another's memory.
  expect(picture.equals(before)).toBe(true);
  expect(out).toHaveLength(picture.length);
  return out;
}

function segment(code: number, content: string | Buffer): Buffer {
  const body = Buffer.isBuffer(content) ? content : Buffer.from(content, 'latin1');
  const header = Buffer.from([0xff, code, 0, 0]);
  header.writeUInt16BE(body.length + 2, 2);
  return Buffer.concat([header, body]);
}

function box(type: string, body: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(body.length + 8);
  header.write(type, 4, 'latin1');
  return Buffer.concat([header, body]);
}

/** A coded picture with segments put in behind SOI, before its last scan, and bytes behind EOI. */
async function jpeg(progressive: boolean, said: readonly Buffer[], behind = ''): Promise<Buffer> {
  const noise = Buffer.from(Array.from({ length: 64 * 48 * 3 }, (_, n) => (n * n * 31 + n) % 256));
  const coded = await sharp(noise, { raw: { width: 64, height: 48, channels: 3 } })
    .jpeg({ progressive, quality: 90 })
    .toBuffer();
  const lastScan = coded.lastIndexOf(Buffer.from([0xff, 0xda]));
  return Buffer.concat([
    coded.subarray(0, 2),
    ...said,
    coded.subarray(2, lastScan),
    ...said,
    coded.subarray(lastScan),
    Buffer.from(behind),
  ]);
}

const SAID = [
  segment(0xe1, 'Exif\0\0SECRET'),
  segment(0xfe, 'SECRET comment'),
  segment(0xe0, 'JFXX\0\x10SECRET'),
  segment(0xe2, 'MPF\0SECRET'),
  segment(0xed, 'Photoshop 3.0\0SECRET'),
];
const SHOWN = [segment(0xe2, 'ICC_PROFILE\0\x01\x01colours'), segment(0xee, 'Adobe\0\x64\0\0\0\0\x01')];

describe('a JPEG', () => {
  it.each([false, true])('keeps its picture, and loses what is said beside it: progressive %s', async (progressive) => {
    const picture = await jpeg(progressive, SAID, 'SECRET film');
    const bare = cleaned(picture);
    expect([picture.includes('SECRET'), bare.includes('SECRET'), bare.includes('Photoshop')]).toEqual([true, false, false]);
    const decoded = (bytes: Buffer) => sharp(bytes).raw().toBuffer();
    expect((await decoded(bare)).equals(await decoded(picture))).toBe(true);
  });

  it('is the same where nothing is said beside it, and keeps what says how it is shown', async () => {
    const picture = await jpeg(false, SHOWN);
    expect(cleaned(picture).equals(picture)).toBe(true);
    const lossless = Buffer.concat([Buffer.from([0xff, 0xd8]), segment(0xe8, 'mrfx\0\x02'), segment(0xe8, 'other SECRET')]);
    const bare = cleaned(lossless);
    expect([bare.includes('mrfx\0\x02'), bare.includes('SECRET')]).toEqual([true, false]);
  });

  it('is made bare alike however it is cut into chunks', async () => {
    const picture = await jpeg(true, [...SAID, ...SHOWN], 'behind');
    const whole = cleaned(picture);
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 40 }), (cuts) => {
        expect(cleaned(picture, cuts).equals(whole)).toBe(true);
      }),
      { numRuns: 100 },
    );
  });
});

/** Main header, one tile-part with a header of its own, end. */
function codestream(tileData: Buffer, comment: string, behind = ''): Buffer {
  const said = segment(0x64, `\0\x01${comment}`);
  const sot = segment(0x90, Buffer.alloc(8));
  sot.writeUInt32BE(sot.length + said.length + 2 + tileData.length, 6);
  const siz = segment(0x51, Buffer.alloc(36, 1));
  const sod = Buffer.from([0xff, 0x93]);
  return Buffer.concat([Buffer.from([0xff, 0x4f]), siz, said, sot, said, sod, tileData, Buffer.from([0xff, 0xd9]), Buffer.from(behind)]);
}

describe('a JPEG 2000', () => {
  /** It has what would be a comment elsewhere. */
  const data = Buffer.concat([Buffer.from('data'), segment(0x64, 'KEPT'), Buffer.from([0xff, 0xd9]), Buffer.from('KEPT')]);

  it('loses comments of its main header and of tile-parts, and what stands behind it, never what is coded', () => {
    const picture = codestream(data, 'SECRET', 'SECRET');
    const bare = cleaned(picture);
    expect(bare.includes('SECRET')).toBe(false);
    expect(bare.includes(data)).toBe(true);
    expect(bare.equals(codestream(data, '\0'.repeat(6), '\0'.repeat(6)))).toBe(true);
  });

  it('loses boxes that say something beside the picture', () => {
    const signature = box('jP  ', Buffer.from('0d0a870a', 'hex'));
    const picture = Buffer.concat([
      signature,
      box('xml ', Buffer.from('<SECRET/>')),
      box('jp2h', Buffer.from('KEPT')),
      box('jp2c', codestream(data, 'SECRET')),
      box('uuid', Buffer.from('SECRET')),
    ]);
    const bare = cleaned(picture);
    expect([bare.includes('SECRET'), bare.toString('latin1').match(/KEPT/g)?.length]).toEqual([false, 3]);
  });

  it('ends at any length that is none', () => {
    const head = Buffer.from([0xff, 0x4f, 0xff, 0x51]);
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom(head, Buffer.from('ffd8ff', 'hex'), box('jP  ', Buffer.alloc(4))),
        (tail, start) => {
          cleaned(Buffer.concat([start, tail]));
        },
      ),
    );
  });
});

it('knows no other coding', () => {
  for (const head of ['00000001', '000001b3', '0000000167640028', 'ff0a'])
    expect(pictureCleaner(Buffer.from(head.padEnd(2 * PICTURE_HEAD_BYTES, '0'), 'hex'))).toBeNull();
});

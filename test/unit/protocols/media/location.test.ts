import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import sharp from 'sharp';
import { type Box, boxesIn } from '../../../../src/protocols/media/boxes.ts';
import { heifPixels } from '../../../../src/protocols/media/heif.ts';
import { bareJpeg, readJpeg } from '../../../../src/protocols/media/jpeg.ts';
import { mediaKind, withoutLocation } from '../../../../src/protocols/media/location.ts';
import { readMovie } from '../../../../src/protocols/media/movie.ts';
import { isAnimatedPng } from '../../../../src/protocols/media/png.ts';
import { commentedGif, HAS_FFMPEG, locatedJpeg, locatedPng, locatedWebm, MEDIA, recoded } from '../../../support/located-photo.ts';
import { isInstalled } from '../../../support/programs.ts';
import fc from '../../../support/properties.ts';
import { temporaryDirectory } from '../../../support/temporary-directory.ts';

const read = (name: string): Buffer => readFileSync(`${MEDIA}/${name}`);
/** Coding takes time: each is made once. */
function once(make: () => Promise<Buffer>): () => Promise<Buffer> {
  let made: Promise<Buffer> | undefined;
  return () => (made ??= make());
}
const pixels = (file: Buffer) => sharp(file).raw().toBuffer();

const FILES: readonly (readonly [kind: string, file: () => Promise<Buffer>])[] = [
  ['jpeg', () => locatedJpeg({ orientation: 6 })],
  ['jpeg', () => locatedJpeg({ progressive: true })],
  ['png', locatedPng],
  ['heif', async () => read('located.heic')],
  ['heif', once(() => recoded('avif'))],
  ['webp', once(() => recoded('webp'))],
  ['tiff', once(() => recoded('tiff'))],
  ['gif', once(commentedGif)],
  ...(HAS_FFMPEG ? [['matroska', once(locatedWebm)] as const] : []),
  ['movie', async () => read('located.mp4')],
];
/** As Exif tells degrees (rationals), as text, and by name. */
const PLACES = [
  Buffer.from('52.5163'),
  Buffer.from('+52.5'),
  Buffer.from('Berlin'),
  Buffer.from('13.3777'),
  Buffer.from('loci'),
  Buffer.from('©xyz', 'latin1'),
];

describe('a photo or film that is passed on', () => {
  it('is known by its beginning', async () => {
    for (const [kind, file] of FILES) expect(mediaKind(await file())).toBe(kind);
    expect(mediaKind(read('upright.png'))).toBe('png');
    expect(mediaKind(Buffer.from('%PDF-1.7 and so on'))).toBe('other');
    expect(withoutLocation(Buffer.from('%PDF-1.7 and so on'))).toBeNull();
  });

  it.each(FILES)('has no place in it any more: %s', async (_kind, file) => {
    const before = await file();
    const after = withoutLocation(before) as Buffer;
    expect(PLACES.some((place) => before.includes(place))).toBe(true);
    expect(PLACES.filter((place) => after.includes(place)).map(String)).toEqual([]);
  });

  it('keeps every pixel, the orientation, the camera and the profile of a photo', async () => {
    const made = await Promise.all([recoded('webp'), recoded('avif')]);
    for (const before of [await locatedJpeg({ orientation: 6 }), await locatedJpeg({ progressive: true }), await locatedPng(), ...made]) {
      const after = withoutLocation(before) as Buffer;
      expect((await pixels(after)).equals(await pixels(before))).toBe(true);
      const [was, is] = [await sharp(before).metadata(), await sharp(after).metadata()];
      expect([is.orientation, is.width, is.height, is.icc?.equals(was.icc ?? Buffer.alloc(0))]).toEqual([
        was.orientation,
        was.width,
        was.height,
        was.icc ? true : undefined,
      ]);
      expect(is.exif?.includes('Phone')).toBe(true);
      expect(is.exif?.includes('2026:03:02 08:00:00')).toBe(true);
      // In a HEIF file what was XMP is white space.
      expect(is.xmp?.toString().trim() ?? '').toBe('');
    }
  });

  it('keeps every pixel, the orientation and the profile of a TIFF and a GIF, and of a TIFF every byte in its place', async () => {
    for (const before of [await recoded('tiff'), await commentedGif()]) {
      const after = withoutLocation(before) as Buffer;
      expect((await pixels(after)).equals(await pixels(before))).toBe(true);
      const [was, is] = [await sharp(before).metadata(), await sharp(after).metadata()];
      expect([is.orientation, is.icc?.length, is.exif, is.xmp]).toEqual([was.orientation, was.icc?.length, undefined, undefined]);
      expect(was.format !== 'tiff' || after.length === before.length).toBe(true);
    }
  });

  it('keeps every byte of a film and of a HEIC in its place', () => {
    for (const name of ['located.heic', 'located.mp4']) expect(withoutLocation(read(name))?.length).toBe(read(name).length);
  });

  (HAS_FFMPEG ? it : it.skip)('keeps every frame of a WebM, and every byte in its place', async () => {
    const before = await locatedWebm();
    const after = withoutLocation(before) as Buffer;
    expect(after.length).toBe(before.length);
    const frames = (input: Buffer) =>
      spawnSync('ffmpeg', ['-v', 'error', '-i', 'pipe:0', '-f', 'framemd5', 'pipe:1'], { input }).stdout.toString().split('\n').slice(-12);
    expect(frames(after)).toEqual(frames(before));
  });

  it('stays as it is the second time', async () => {
    for (const [, file] of FILES) {
      const once = withoutLocation(await file()) as Buffer;
      expect(withoutLocation(once)?.equals(once)).toBe(true);
    }
  });

  it('is not passed on when it is cut short or broken, and never takes more than its size', async () => {
    const files = await Promise.all(FILES.map(([, file]) => file()));
    const hostile = fc.record({
      file: fc.constantFrom(...files),
      cut: fc.double({ min: 0, max: 1, noNaN: true }),
      changes: fc.array(fc.tuple(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.integer({ min: 0, max: 255 })), { maxLength: 12 }),
    });
    fc.assert(
      fc.property(hostile, ({ file, cut, changes }) => {
        const bytes = Buffer.from(file.subarray(0, Math.ceil(file.length * (cut < 0.5 ? 1 : cut))));
        for (const [place, value] of changes) bytes[Math.floor(place * bytes.length)] = value;
        const after = withoutLocation(bytes);
        expect(after === null || after.length <= bytes.length + 64).toBe(true);
        // What only looks at a file never throws either.
        for (const look of [readJpeg, bareJpeg, heifPixels, isAnimatedPng, (file: Buffer) => readMovie(file.subarray(32))]) look(bytes);
      }),
      { numRuns: 2000 },
    );
    expect(withoutLocation((await locatedJpeg()).subarray(0, 400))).toBeNull();
    expect(withoutLocation(read('located.mp4').subarray(0, 900))).toBeNull();
  });

  it('is not passed on when its boxes are made to be counted for ever', () => {
    const boxes = Buffer.alloc(8 * 200_000, Buffer.from([0, 0, 0, 8, ...Buffer.from('free')]));
    expect(withoutLocation(Buffer.concat([read('located.mp4').subarray(0, 32), boxes]))).toBeNull();
  });

  it.each([
    ['a HEIC photo with a film in a box', 'located.heic', (file: Buffer) => Buffer.concat([file, boxOf('mpvd', read('located.mp4'))])],
    ['a HEIC photo with a film behind it', 'located.heic', (file: Buffer) => Buffer.concat([file, read('located.mp4')])],
    ['a HEIC photo with XMP beside its items', 'located.heic', (file: Buffer) => Buffer.concat([file, boxOf('uuid', PLACE)])],
    [
      "a HEIC photo with a maker's trailer",
      'located.heic',
      (file: Buffer) => Buffer.concat([file, Buffer.from([255, 255, 255, 255]), PLACE]),
    ],
    ['a film with what was made free', 'located.mp4', (file: Buffer) => Buffer.concat([file, boxOf('free', PLACE)])],
    ['a film with what was skipped', 'located.mp4', (file: Buffer) => Buffer.concat([file, boxOf('skip', PLACE)])],
    [
      'a film with metadata in the media of a track',
      'turned-hevc.mp4',
      (file: Buffer) => withinBoxes(file, ['moov', 'trak', 'mdia'], boxOf('udta', PLACE)),
    ],
    [
      'a film with a second media in a track',
      'turned-hevc.mp4',
      (file: Buffer) => withinBoxes(file, ['moov', 'trak'], boxOf('mdia', boxOf('minf', boxOf('stbl', PLACE)))),
    ],
    ['a film with a second movie', 'turned-hevc.mp4', (file: Buffer) => Buffer.concat([file, boxOf('moov', boxOf('udta', PLACE))])],
    ['a film with metadata in a fragment', 'turned-hevc.mp4', (file: Buffer) => Buffer.concat([file, boxOf('moof', boxOf('udta', PLACE))])],
  ] as [string, string, (file: Buffer) => Buffer][])('has no place in it any more: %s', (_, name, changed) => {
    const before = changed(read(name));
    const after = withoutLocation(before) as Buffer;
    expect(PLACES.some((place) => before.includes(place))).toBe(true);
    expect(PLACES.filter((place) => after.includes(place)).map(String)).toEqual([]);
    expect(after).toHaveLength(before.length);
  });

  it('is not passed on where positions may lie in fragments', () => {
    expect(withoutLocation(Buffer.concat([read('located.mp4'), boxOf('moof', Buffer.alloc(0))]))).toBeNull();
  });

  const judged = isInstalled('exiftool') ? it : it.skip;
  judged('has no position that exiftool finds', async () => {
    const directory = temporaryDirectory('waystation-location-');
    for (const [index, [, file]] of FILES.entries()) {
      const [before, after] = [join(directory, `before-${index}`), join(directory, `after-${index}`)];
      await writeFile(before, await file());
      await writeFile(after, withoutLocation(await file()) as Buffer);
      expect(positions(before).length).toBeGreaterThan(0);
      expect(positions(after)).toEqual([]);
      expect(said('-validate', after)).not.toMatch(/Error/i);
    }
  });
});

const PLACE = Buffer.from('Berlin +52.5163+013.3777/');

function boxOf(type: string, body: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(8 + body.length);
  header.write(type, 4, 'latin1');
  return Buffer.concat([header, body]);
}

/** The file with one box more at the end of the one under `path`; what stands behind it is moved. */
function withinBoxes(file: Buffer, path: readonly string[], added: Buffer): Buffer {
  const copy = Buffer.from(file);
  let [from, to] = [0, file.length];
  for (const type of path) {
    const box = boxesIn(file, from, to).find((one) => one.type === type) as Box;
    copy.writeUInt32BE(box.end - box.start + added.length, box.start);
    [from, to] = [box.body, box.end];
  }
  return Buffer.concat([copy.subarray(0, to), added, copy.subarray(to)]);
}

function said(...args: string[]): string {
  return spawnSync('exiftool', ['-ee', '-a', '-u', '-G1', '-s', ...args], { encoding: 'utf8' }).stdout;
}

function positions(file: string): string[] {
  return said(file)
    .split('\n')
    .filter((line) => /gps|location|city|latitude|longitude|berlin/i.test(line) && !/^(\[System\]|\[ExifTool\])/.test(line));
}

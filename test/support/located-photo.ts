/** A photo as phones take it: coded by sharp, with a position in Exif, XMP and IPTC, and with something behind its end. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { isInstalled } from './programs.ts';

export const MEDIA = 'fixtures/media';
/** It makes films in fragments and WebM: a test of these is skipped without it. */
export const HAS_FFMPEG = isInstalled('ffmpeg');

export type LocatedOptions = { readonly orientation?: number; readonly progressive?: boolean; readonly width?: number };

export async function locatedJpeg({ orientation = 1, progressive = false, width = 96 }: LocatedOptions = {}): Promise<Buffer> {
  const exif = {
    IFD0: { Make: 'Phone', ImageDescription: 'at home in Berlin' },
    IFD2: { DateTimeOriginal: '2026:03:02 08:00:00' },
    IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '52/1 30/1 59/1', GPSLongitudeRef: 'E', GPSLongitude: '13/1 22/1 40/1' },
  };
  const coded = await sharp(readFileSync(`${MEDIA}/upright.png`))
    .resize(width, 64, { fit: 'fill' })
    .withExif(exif)
    .withMetadata({ orientation })
    .withXmp(`<x:xmpmeta xmlns:x="adobe:ns:meta/"><city>Berlin</city></x:xmpmeta>`)
    .jpeg({ progressive, quality: 90 })
    .toBuffer();
  return Buffer.concat([coded, Buffer.from('a film behind the end: 52.5163 13.3777')]);
}

export async function locatedPng(): Promise<Buffer> {
  return sharp(await locatedJpeg({ orientation: 6 }))
    .keepMetadata()
    .png()
    .toBuffer();
}

/** The same in another coding, turned by Exif. */
export async function recoded(format: 'png' | 'webp' | 'avif' | 'tiff', { deep = false } = {}): Promise<Buffer> {
  const picture = sharp(await locatedJpeg({ orientation: 6 })).keepMetadata();
  if (format === 'png') return (deep ? picture.toColourspace('rgb16') : picture).png().toBuffer();
  if (format === 'tiff') return picture.tiff({ compression: 'lzw' }).toBuffer();
  return format === 'webp' ? picture.webp({ quality: 90 }).toBuffer() : picture.avif({ quality: 90, effort: 0 }).toBuffer();
}

export async function animated(format: 'webp' | 'gif'): Promise<Buffer> {
  const frames = await Promise.all(
    ['red', 'blue'].map((background) =>
      sharp({ create: { width: 8, height: 8, channels: 3, background } })
        .png()
        .toBuffer(),
    ),
  );
  return sharp(frames, { join: { animated: true } })
    [format]()
    .toBuffer();
}

/** The film with a position, written in pieces as cameras write it that may be cut off. */
export async function fragmented(): Promise<Buffer> {
  const copy = [
    '-v',
    'error',
    '-i',
    `${MEDIA}/located.mp4`,
    '-c',
    'copy',
    '-map_metadata',
    '0',
    '-metadata',
    'location=+52.5163+013.3777/',
  ];
  const options = ['-movflags', 'frag_keyframe+empty_moov+use_metadata_tags', '-frag_duration', '200000', '-f', 'mp4', 'pipe:1'];
  const { stdout, status } = spawnSync('ffmpeg', [...copy, ...options]);
  if (status !== 0) throw new Error('ffmpeg failed');
  return stdout;
}

/** With a comment, and what an application put in (GIF89a §24, §26). */
export async function commentedGif(): Promise<Buffer> {
  const gif = await animated('gif');
  const block = (label: number, head: string, text: string): Buffer =>
    Buffer.concat([Buffer.from([0x21, label]), ...[head, text].filter((part) => part !== '').map(counted), Buffer.from([0])]);
  const said = [block(0xfe, '', 'at home in Berlin'), block(0xff, 'XMP DataXMP', 'Berlin 52.5163')];
  const screen = 13 + ((gif[10] as number) & 0x80 ? 3 * 2 ** (((gif[10] as number) & 7) + 1) : 0);
  return Buffer.concat([gif.subarray(0, screen), ...said, gif.subarray(screen), Buffer.from('13.3777')]);
}

function counted(text: string): Buffer {
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
}

/** The film as browsers record it, with a tag and a title. */
export async function locatedWebm(): Promise<Buffer> {
  const coded = [
    '-c:v',
    'libvpx',
    '-b:v',
    '200k',
    '-an',
    '-metadata',
    'title=at home in Berlin',
    '-metadata',
    'location=+52.5163+013.3777/',
  ];
  const { stdout, status, stderr } = spawnSync('ffmpeg', ['-v', 'error', '-i', `${MEDIA}/located.mp4`, ...coded, '-f', 'webm', 'pipe:1']);
  if (status !== 0) throw new Error(`ffmpeg failed: ${stderr}`);
  return stdout;
}

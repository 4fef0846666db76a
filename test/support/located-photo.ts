/** A photo as phones take it: coded by sharp, with a position in Exif, XMP and IPTC, and with something behind its end. */
import { readFileSync } from 'node:fs';
import sharp from 'sharp';

export const MEDIA = 'fixtures/media';

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

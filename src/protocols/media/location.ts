/**
 * Photos and films without what tells where they were taken. In: the bytes of a file. Out: what kind it is, told by its beginning and not by
 * what its sender called it; the same picture, not coded anew, without location. Null where it is not read to its end: such a file is
 * not passed on.
 */
import { blanked, boxesIn, type Edit, edited } from './boxes.ts';
import { gifWithoutLocation } from './gif.ts';
import { heifEdits } from './heif.ts';
import { jpegWithoutLocation } from './jpeg.ts';
import { matroskaEdits } from './matroska.ts';
import { fragmentEdits, hasOtherTracks, movieEdits, staysInFile } from './movie.ts';
import { pngWithoutLocation } from './png.ts';
import { tiffEdits } from './tiff.ts';
import { isWebp, webpWithoutLocation } from './webp.ts';

export type PictureKind = 'jpeg' | 'png' | 'heif' | 'webp' | 'tiff' | 'gif';
/** `matroska`: WebM, too. */
export type MediaKind = PictureKind | 'movie' | 'matroska' | 'other';

/** Bytes that tell it. */
export const KIND_BYTES = 12;

export function mediaKind(beginning: Buffer): MediaKind {
  if (beginning.length < KIND_BYTES) return 'other';
  if (beginning.toString('latin1', 0, 3) === '\xff\xd8\xff') return 'jpeg';
  if (beginning.toString('latin1', 1, 4) === 'PNG') return 'png';
  if (isWebp(beginning)) return 'webp';
  if (beginning.toString('latin1', 0, 4) === 'GIF8') return 'gif';
  if (TIFF_BEGINNINGS.has(beginning.toString('latin1', 0, 4))) return 'tiff';
  if (beginning.readUInt32BE(0) === EBML) return 'matroska';
  const type = beginning.toString('latin1', 4, 8);
  if (type === 'ftyp') return HEIF_BRANDS.test(beginning.toString('latin1', 8, 12)) ? 'heif' : 'movie';
  return QUICKTIME_BEGINNINGS.has(type) ? 'movie' : 'other';
}

export function withoutLocation(file: Buffer): Buffer | null {
  switch (mediaKind(file)) {
    case 'jpeg':
      return jpegWithoutLocation(file);
    case 'png':
      return pngWithoutLocation(file);
    case 'webp':
      return webpWithoutLocation(file);
    case 'gif':
      return gifWithoutLocation(file);
    case 'tiff':
      return withEdits(file, tiffEdits(file));
    case 'heif':
      return withEdits(file, heifEdits(file));
    case 'movie':
      return withEdits(file, wholeMovieEdits(file));
    case 'matroska':
      return withEdits(file, matroskaEdits(file));
    case 'other':
      return null;
  }
}

function withEdits(file: Buffer, edits: readonly Edit[] | null): Buffer | null {
  return edits && edited(file, 0, edits);
}

function wholeMovieEdits(file: Buffer): Edit[] | null {
  const boxes = boxesIn(file, 0, file.length);
  const fragmented = boxes.some(({ type }) => type === 'moof');
  const movie = boxes.find(({ type }) => type === 'moov');
  const within = boxes.map((box) => {
    if (!staysInFile(box.type) || (box.type === 'moov' && box !== movie)) return blanked(box);
    if (box.type === 'moof') return fragmentEdits(file.subarray(box.start, box.end), box.start);
    if (box.type !== 'moov') return [];
    const moov = file.subarray(box.start, box.end);
    return fragmented && hasOtherTracks(moov) ? null : movieEdits(moov, box.start);
  });
  const whole = boxes.at(-1)?.end === file.length && within.every((edits) => edits !== null);
  return whole ? (within as Edit[][]).flat() : null;
}

/** ISO/IEC 23008-12 §10, and of AVIF. */
const HEIF_BRANDS = /^(hei[cxms]|hev[cxms]|mif1|msf1|avi[fs])$/;
/** RFC 8794 §11.2.1. */
const EBML = 0x1a45dfa3;
/** BigTIFF (43) as well: it is not read. */
const TIFF_BEGINNINGS: ReadonlySet<string> = new Set(['II*\0', 'MM\0*', 'II+\0', 'MM\0+']);
/** Files of QuickTime before it had a file type box. */
const QUICKTIME_BEGINNINGS: ReadonlySet<string> = new Set(['moov', 'mdat', 'wide', 'free', 'skip']);

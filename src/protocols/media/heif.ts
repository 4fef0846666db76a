/**
 * A HEIF photo (HEIC, AVIF; ISO/IEC 23008-12, items as in 14496-12 §8.11). In: a file. Out: the edits that take out of it what may tell
 * where it was taken: its Exif item becomes what exif.ts keeps; other metadata items (XMP), boxes that no picture needs, and whatever follows
 * the picture are blanked. Every byte keeps its place.
 * Null where the item boxes are not as they should be.
 */
import { type Box, blanked, boxesIn, boxUnder, type Edit, tried } from './boxes.ts';
import { exifWithoutLocation } from './exif.ts';
import { movieEdits } from './movie.ts';

type Extent = { readonly start: number; readonly end: number };
type Location = { readonly item: number; readonly extents: readonly Extent[] };

export function heifEdits(file: Buffer): Edit[] | null {
  return tried(() => {
    const boxes = boxesIn(file, 0, file.length);
    const meta = boxes.find(({ type }) => type === 'meta');
    if (!meta) return null;
    // A full box: version and flags come before its boxes.
    const whole = { ...meta, body: meta.body + 4 };
    const besideItems = boxesIn(file, whole.body, whole.end).filter(({ type }) => !KEPT_IN_META.has(type));
    return [...besideMeta(file, boxes, meta), ...besideItems.flatMap(blanked), ...itemEdits(file, whole)];
  });
}

/** Phones put the film of a moving photo beside it, in a box or as a file of its own behind it. */
function besideMeta(file: Buffer, boxes: readonly Box[], meta: Box): Edit[] {
  const behind = boxes.findIndex(({ type }, index) => index > 0 && type === 'ftyp');
  const own = new Set(behind < 0 ? boxes : boxes.slice(0, behind));
  const end = boxes.at(-1)?.end ?? 0;
  const edits = boxes.flatMap((box) => {
    const stays = own.has(box) && (box === meta || box.type === 'ftyp' || box.type === 'mdat');
    if (stays) return [];
    if (box.type !== 'moov' || !own.has(box)) return blanked(box);
    const within = movieEdits(file.subarray(box.start, box.end), box.start);
    if (!within) throw new RangeError('a sequence of pictures that is not understood');
    return within;
  });
  return [...edits, { start: end, end: file.length, bytes: null }];
}

/** AV1 pictures, which libheif's HEVC decoder does not read; a sequence of them moves. */
export function readAvif(file: Buffer): { readonly animated: boolean } | null {
  const type = boxesIn(file, 0, file.length).find((box) => box.type === 'ftyp');
  const brands: readonly string[] = type ? (file.toString('latin1', type.body, type.end).match(/.{4}/gs) ?? []) : [];
  return brands.includes('avif') || brands.includes('avis') ? { animated: brands.includes('avis') } : null;
}

function itemEdits(file: Buffer, meta: Box): Edit[] {
  const hidden = itemTypes(file, meta).filter(({ type }) => METADATA.has(type));
  if (hidden.length === 0) return [];
  const locations = locationsOf(file, meta);
  return hidden.flatMap(({ item, type }) => {
    const extents = locations.find((one) => one.item === item)?.extents ?? [];
    return type === 'Exif' && extents.length === 1 ? exifEdits(file, extents[0] as Extent) : extents.map(spaces);
  });
}

/** The largest picture in it, in pixels (§6.5.3, Image Spatial Extents), before anything is decoded; 0 where none says its size. */
export function heifPixels(file: Buffer): number {
  const meta = boxesIn(file, 0, file.length).find(({ type }) => type === 'meta');
  const properties = meta && boxUnder(file, { ...meta, body: meta.body + 4 }, 'iprp', 'ipco');
  const extents = properties ? boxesIn(file, properties.body, properties.end).filter(({ type }) => type === 'ispe') : [];
  const pixels = extents.map(({ body, end }) => (end < body + 12 ? 0 : file.readUInt32BE(body + 4) * file.readUInt32BE(body + 8)));
  return pixels.reduce((most, one) => Math.max(most, one), 0);
}

/** §8.11.6: of each entry its number and type. */
function itemTypes(file: Buffer, meta: Box): { item: number; type: string }[] {
  const infos = boxUnder(file, meta, 'iinf');
  if (!infos) throw new RangeError('no item information');
  const count = file[infos.body] === 0 ? 6 : 8;
  return boxesIn(file, infos.body + count, infos.end).map(({ body }) => {
    const version = file.readUInt8(body);
    if (version < 2) throw new RangeError('item information of an older version');
    const wide = version > 2;
    const at = body + 4 + (wide ? 6 : 4);
    return { item: wide ? file.readUInt32BE(body + 4) : file.readUInt16BE(body + 4), type: file.toString('latin1', at, at + 4) };
  });
}

/** §8.11.3. */
function locationsOf(file: Buffer, meta: Box): Location[] {
  const box = boxUnder(file, meta, 'iloc');
  if (!box) throw new RangeError('no item locations');
  const version = file.readUInt8(box.body);
  const [first, second] = [file.readUInt8(box.body + 4), file.readUInt8(box.body + 5)];
  const [offsetSize, lengthSize, baseSize, indexSize] = [first >> 4, first & 15, second >> 4, version === 0 ? 0 : second & 15];
  const idat = boxUnder(file, meta, 'idat');
  let at = box.body + 6;
  const next = (size: number): number => {
    if (size > 6) at += size - 6;
    const value = size === 0 ? 0 : file.readUIntBE(at, Math.min(size, 6));
    at += Math.min(size, 6);
    return value;
  };
  const wide = version === 2 ? 4 : 2;
  return Array.from({ length: Math.min(next(wide), MAX_ITEMS) }, () => {
    const item = next(wide);
    const method = version === 0 ? 0 : next(2) & 15;
    next(2);
    const base = next(baseSize) + (method === 1 ? (idat?.body ?? file.length) : 0);
    const count = next(2);
    // An extent without a field is the whole file: there is one, or the numbers are made up to keep us busy.
    if (count > 1 && indexSize + offsetSize + lengthSize === 0) throw new RangeError('many extents without a place');
    const extents = Array.from({ length: count }, () => {
      next(indexSize);
      const start = base + next(offsetSize);
      return { start, end: start + next(lengthSize) };
    });
    if (method > 1 || extents.some(({ end }) => end > file.length)) throw new RangeError('an item that lies elsewhere');
    return { item, extents };
  });
}

/** 23008-12 Annex A.2.1: four bytes say where the TIFF structure begins behind them. */
function exifEdits(file: Buffer, extent: Extent): Edit[] {
  const start = extent.start + 4 + file.readUInt32BE(extent.start);
  const kept = start < extent.end ? exifWithoutLocation(file.subarray(start, extent.end)) : null;
  if (kept === null || start + kept.length > extent.end) return [{ ...extent, bytes: null }];
  return [
    { start, end: start + kept.length, bytes: kept },
    { start: start + kept.length, end: extent.end, bytes: null },
  ];
}

/** XML of nothing but white space. */
function spaces({ start, end }: Extent): Edit {
  return { start, end, bytes: Buffer.alloc(end - start, ' ') };
}

const MAX_ITEMS = 65_535;
const METADATA: ReadonlySet<string> = new Set(['Exif', 'mime', 'uri ']);
/** 14496-12 §8.11. */
const KEPT_IN_META: ReadonlySet<string> = new Set('hdlr pitm iinf iloc iprp iref idat dinf grpl ipro'.split(' '));

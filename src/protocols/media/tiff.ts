/**
 * TIFF (revision 6.0, and the SubIFDs of its Technical Note 1) as a picture file. In: a file. Out: how its pictures are coded; the edits that
 * take out of it what may tell where it was taken: of each directory only the entries stay that say how the picture is to be shown, and of the
 * file only what they name. Every byte keeps its place. Null where it is no whole TIFF (BigTIFF, for one).
 */
import { type Edit, tried } from './boxes.ts';
import { longOf, openTiff, shortAt, type Tiff } from './exif.ts';

type Entry = {
  readonly tag: number;
  readonly type: number;
  readonly count: number;
  readonly at: number;
  readonly start: number;
  readonly end: number;
};
type Directory = { readonly start: number; readonly end: number; readonly entries: readonly Entry[]; readonly next: number };
type Extent = { readonly start: number; readonly end: number };

const MAX_DIRECTORIES = 1000;
const MAX_ENTRIES = 4096;
const MAX_EXTENTS = 500_000;

export type TiffFacts = { readonly pictures: number; readonly lossy: boolean };

export function readTiff(file: Buffer): TiffFacts | null {
  const tiff = openTiff(file);
  if (!tiff) return null;
  return tried(() => {
    const directories = directoriesOf(tiff, false);
    const codings = directories.flatMap(({ entries }) =>
      entries.filter(({ tag }) => tag === COMPRESSION).flatMap((one) => valuesOf(tiff, one)),
    );
    return { pictures: directories.length, lossy: codings.some((one) => LOSSY.has(one)) };
  });
}

export function tiffEdits(file: Buffer): Edit[] | null {
  const tiff = openTiff(file);
  if (!tiff) return null;
  return tried(() => {
    const directories = directoriesOf(tiff, true);
    const kept = directories.flatMap((one) => [
      { start: one.start, end: one.end },
      ...one.entries.flatMap((entry) => namedBy(tiff, one, entry)),
    ]);
    if (kept.length > MAX_EXTENTS || kept.some(({ start, end }) => end < start || end > file.length)) return null;
    return [...directories.map((one) => rewritten(tiff, one)), ...besides([{ start: 0, end: 8 }, ...kept], file.length)];
  });
}

/** The pictures of the file, and where `within` the directories below them. */
function directoriesOf(tiff: Tiff, within: boolean): Directory[] {
  const found = new Map<number, Directory>();
  const waiting = [longOf(tiff.little, tiff.bytes, 4)];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    if (at === 0 || found.has(at)) continue;
    if (found.size === MAX_DIRECTORIES) throw new RangeError('too many directories');
    const directory = directoryAt(tiff, at);
    found.set(at, directory);
    waiting.push(directory.next);
    if (within) waiting.push(...directory.entries.filter(({ tag }) => tag === SUB_IFDS).flatMap((entry) => valuesOf(tiff, entry)));
  }
  return [...found.values()];
}

function directoryAt({ bytes, little }: Tiff, start: number): Directory {
  const count = shortAt(little, bytes, start);
  if (count > MAX_ENTRIES) throw new RangeError('too many entries');
  const entries = Array.from({ length: count }, (_, index): Entry => {
    const at = start + 2 + 12 * index;
    const [type, values] = [shortAt(little, bytes, at + 2), longOf(little, bytes, at + 4)];
    const length = (TYPE_BYTES[type] ?? 0) * values;
    const from = length <= 4 ? at + 8 : longOf(little, bytes, at + 8);
    return { tag: shortAt(little, bytes, at), type, count: values, at, start: from, end: from + length };
  });
  const end = start + 2 + 12 * count + 4;
  return { start, end, entries: entries.filter(({ tag }) => isShown(tag)), next: longOf(little, bytes, end - 4) };
}

/** The values of an entry, and the data that they are the places of. */
function namedBy(tiff: Tiff, { entries }: Directory, entry: Entry): Extent[] {
  const lengths = LENGTHS.get(entry.tag);
  const sizes = lengths === undefined ? undefined : entries.find(({ tag }) => tag === lengths);
  const bytes = sizes ? valuesOf(tiff, sizes) : [];
  const data = sizes ? valuesOf(tiff, entry).map((start, index) => ({ start, end: start + (bytes[index] ?? 0) })) : [];
  return [{ start: entry.start, end: entry.end }, ...data];
}

/** The directory with the entries that stay, as long as it was. */
function rewritten({ bytes, little }: Tiff, { start, end, entries }: Directory): Edit {
  const directory = Buffer.alloc(end - start);
  if (little) directory.writeUInt16LE(entries.length);
  else directory.writeUInt16BE(entries.length);
  for (const [index, { at }] of entries.entries()) bytes.copy(directory, 2 + 12 * index, at, at + 12);
  bytes.copy(directory, 2 + 12 * entries.length, end - 4, end);
  return { start, end, bytes: directory };
}

function besides(kept: readonly Extent[], length: number): Edit[] {
  const edits: Edit[] = [];
  let at = 0;
  for (const { start, end } of [...kept].sort((a, b) => a.start - b.start)) {
    if (start > at) edits.push({ start: at, end: start, bytes: null });
    at = Math.max(at, end);
  }
  return at < length ? [...edits, { start: at, end: length, bytes: null }] : edits;
}

function valuesOf({ bytes, little }: Tiff, { type, count, start }: Entry): number[] {
  if (count > MAX_EXTENTS) throw new RangeError('too many values');
  const read = type === SHORT ? shortAt : longOf;
  return Array.from({ length: count }, (_, index) => read(little, bytes, start + index * (type === SHORT ? 2 : 4)));
}

/** Baseline and extensions of TIFF 6.0 that describe the picture, and its profile: no words, no places, nobody. */
function isShown(tag: number): boolean {
  return SHOWN.has(tag) || (tag >= 0x0152 && tag <= 0x0157) || (tag >= 0x0200 && tag <= 0x0214);
}

const SHORT = 3;
const COMPRESSION = 0x0103;
const SUB_IFDS = 0x014a;
/** JPEG, old and new; WebP, JPEG XL and JPEG 2000 may be without loss, but nobody says so. */
const LOSSY: ReadonlySet<number> = new Set([6, 7, 34712, 34892, 50001, 50002, 52546]);
/** StripOffsets, TileOffsets, JPEGInterchangeFormat, and the tags of their lengths. */
const LENGTHS: ReadonlyMap<number, number> = new Map([
  [0x0111, 0x0117],
  [0x0144, 0x0145],
  [0x0201, 0x0202],
]);
const SHOWN: ReadonlySet<number> = new Set([
  ...[0x00fe, 0x00ff, 0x0100, 0x0101, 0x0102, 0x0103, 0x0106, 0x0107, 0x0108, 0x0109, 0x010a, 0x0111, 0x0112, 0x0115, 0x0116, 0x0117],
  ...[
    0x0118, 0x0119, 0x011a, 0x011b, 0x011c, 0x011e, 0x011f, 0x0122, 0x0123, 0x0124, 0x0125, 0x0128, 0x0129, 0x012d, 0x013d, 0x013e, 0x013f,
  ],
  ...[0x0140, 0x0141, 0x0142, 0x0143, 0x0144, 0x0145, SUB_IFDS, 0x014c, 0x015b, 0x828d, 0x828e, 0x8773],
]);
/** TIFF 6.0 §2, and IFD (13). */
const TYPE_BYTES: Readonly<Record<number, number>> = { 1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4 };

/**
 * A film in its file (MP4, QuickTime; ISO/IEC 14496-12), of any size: only its tables are held. In: how to read a part of the file, and its
 * length. Out: its boxes, and the edits by which it is passed on without what tells where it was taken. Null where it is no whole film.
 */
import { type Box, blanked, boxAt, type Edit, MAX_HEADER_BYTES } from './boxes.ts';
import { type Fragment, fragmentEdits, hasOtherTracks, movieEdits, staysInFile } from './movie.ts';

export type ReadPart = (start: number, length: number) => Promise<Buffer>;

export type Film = {
  readonly boxes: readonly Box[];
  readonly moov: Buffer;
  readonly moovAt: number;
  /** Where it was written in pieces. */
  readonly fragments: readonly Fragment[];
};

/** The tables of a film of hours. */
const MAX_TABLE_BYTES = 64 * 1024 * 1024;
const MAX_FILE_BOXES = 10_000;

export async function readFilm(read: ReadPart, bytes: number): Promise<Film | null> {
  const boxes = await fileBoxes(read, bytes);
  const place = boxes?.find(({ type }) => type === 'moov');
  if (!boxes || !place) return null;
  const tables = boxes.filter((box) => box === place || box.type === 'moof');
  if (tables.reduce((sum, { start, end }) => sum + end - start, 0) > MAX_TABLE_BYTES) return null;
  const fragments: Fragment[] = [];
  for (const { type, start, end } of tables) if (type === 'moof') fragments.push({ bytes: await read(start, end - start), at: start });
  return { boxes, moov: await read(place.start, place.end - place.start), moovAt: place.start, fragments };
}

export function filmEdits({ boxes, moov, moovAt, fragments }: Film): Edit[] | null {
  const within = movieEdits(moov, moovAt);
  // Samples of fragments are found for no track: one that is no film would stay.
  if (!within || (fragments.length > 0 && hasOtherTracks(moov))) return null;
  // Players go by one `moov`: another is no part of the film.
  const beside = boxes.filter(({ type, start }) => !staysInFile(type) || (type === 'moov' && start !== moovAt)).flatMap(blanked);
  return [...beside, ...within, ...fragments.flatMap(({ bytes, at }) => fragmentEdits(bytes, at))];
}

/** The boxes at the top of a file, header by header. */
async function fileBoxes(read: ReadPart, bytes: number): Promise<Box[] | null> {
  const boxes: Box[] = [];
  for (let at = 0; at < bytes; ) {
    const box = boxAt(await read(at, Math.min(MAX_HEADER_BYTES, bytes - at)), at, bytes);
    if (!box || boxes.length === MAX_FILE_BOXES) return null;
    boxes.push(box);
    at = box.end;
  }
  return boxes;
}

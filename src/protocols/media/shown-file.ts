/**
 * A stored file as somebody is shown it who did not send it: a photo or film without where it was taken, anything else as it is. In: how to read
 * a part of the file, its length, what its sender calls it. Out: its bytes, or the edits by which it is streamed; null for a photo or film that
 * is not understood well enough. By the same functions as what is pushed.
 */
import { type Edit, edited } from './boxes.ts';
import { filmEdits, type ReadPart, readFilm } from './film-file.ts';
import { KIND_BYTES, mediaKind, withoutLocation } from './location.ts';

/** A picture is read whole. */
export const MAX_SHOWN_BYTES = 64 * 1024 * 1024;

/** `bytes`: the file itself, of another length than stored. Else it is as long as it is stored, with these edits. */
export type ShownFile = { readonly bytes: Buffer } | { readonly edits: readonly Edit[] };

export async function shownFile(read: ReadPart, length: number, contentType: string): Promise<ShownFile | null> {
  const kind = mediaKind(await read(0, Math.min(length, KIND_BYTES)));
  if (kind === 'other') return isPictured(contentType) ? null : { edits: [] };
  if (kind === 'movie') {
    const film = await readFilm(read, length);
    const edits = film && filmEdits(film);
    return edits && { edits };
  }
  if (length > MAX_SHOWN_BYTES) return null;
  const bytes = withoutLocation(await read(0, length));
  return bytes && { bytes };
}

/** The same of bytes that are here. */
export function shownBytes(file: Buffer, contentType: string): Buffer | null {
  return isPictured(contentType) || mediaKind(file) !== 'other' ? withoutLocation(file) : file;
}

/** A part of the file, as it is streamed. */
export async function* shownPart(chunks: AsyncIterable<Buffer>, start: number, edits: readonly Edit[]): AsyncGenerator<Buffer> {
  let at = start;
  for await (const chunk of chunks) {
    yield edited(chunk, at, edits);
    at += chunk.length;
  }
}

export function isPictured(contentType: string): boolean {
  return /^(image|video)\//.test(contentType);
}

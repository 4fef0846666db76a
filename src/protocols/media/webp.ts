/**
 * WebP (RFC 9649), chunk by chunk. In: a file. Out: whether it moves and was coded with loss; the file without what may tell where it was taken:
 * of the chunks only those stay that show the picture, and Exif as exif.ts keeps it. Null where it is no whole WebP.
 */
import { exifWithoutLocation } from './exif.ts';

type Chunk = { readonly type: string; readonly data: Buffer };

/** Frames of an animation are chunks. */
const MAX_CHUNKS = 100_000;

export type WebpFacts = { readonly animated: boolean; readonly lossy: boolean };

export function readWebp(file: Buffer): WebpFacts | null {
  const chunks = chunksOf(file);
  if (!chunks) return null;
  const has = (type: string): boolean => chunks.some((chunk) => chunk.type === type);
  return { animated: has('ANMF') || has('ANIM'), lossy: !has('VP8L') };
}

export function webpWithoutLocation(file: Buffer): Buffer | null {
  const chunks = chunksOf(file);
  if (!chunks) return null;
  const kept = chunks.flatMap(forwarded);
  const hasExif = kept.some(({ type }) => type === 'EXIF');
  const body = Buffer.concat([
    Buffer.from('WEBP'),
    ...kept.map((chunk) => written(chunk.type === 'VP8X' ? flagged(chunk, hasExif) : chunk)),
  ]);
  return written({ type: 'RIFF', data: body });
}

/** To the end that the file says; what follows is no part of the picture. */
function chunksOf(file: Buffer): Chunk[] | null {
  if (!isWebp(file) || file.length < 12) return null;
  const end = 8 + file.readUInt32LE(4);
  return end > file.length ? null : chunksIn(file.subarray(12, end));
}

function chunksIn(bytes: Buffer): Chunk[] | null {
  const chunks: Chunk[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (at + 8 > bytes.length || chunks.length === MAX_CHUNKS) return null;
    const length = bytes.readUInt32LE(at + 4);
    if (at + 8 + length > bytes.length) return null;
    chunks.push({ type: bytes.toString('latin1', at, at + 4), data: bytes.subarray(at + 8, at + 8 + length) });
    at += 8 + length + (length % 2);
  }
  return chunks;
}

export function isWebp(beginning: Buffer): boolean {
  return beginning.toString('latin1', 0, 4) === 'RIFF' && beginning.toString('latin1', 8, 12) === 'WEBP';
}

function forwarded(chunk: Chunk): Chunk[] {
  if (SHOWN.has(chunk.type)) return [chunk];
  if (chunk.type === 'ANMF') return frame(chunk);
  if (chunk.type !== 'EXIF') return [];
  // Some writers begin it as JPEG has it.
  const exif = exifWithoutLocation(chunk.data.toString('latin1', 0, 6) === 'Exif\0\0' ? chunk.data.subarray(6) : chunk.data);
  return exif ? [{ type: 'EXIF', data: exif }] : [];
}

/** §2.7.1.5: sixteen bytes of place and time, then chunks, which may be unknown ones. */
function frame({ data }: Chunk): Chunk[] {
  const within = chunksIn(data.subarray(FRAME_BYTES)) ?? [];
  const shown = within.filter(({ type }) => SHOWN_IN_FRAME.has(type)).map(written);
  return [{ type: 'ANMF', data: Buffer.concat([data.subarray(0, FRAME_BYTES), ...shown]) }];
}

/** §2.7.1.1: which metadata there are. */
function flagged({ type, data }: Chunk, hasExif: boolean): Chunk {
  const flags = Buffer.from(data);
  flags[0] = ((data[0] ?? 0) & ~(EXIF_FLAG | XMP_FLAG)) | (hasExif ? EXIF_FLAG : 0);
  return { type, data: flags };
}

function written({ type, data }: Chunk): Buffer {
  const head = Buffer.alloc(8);
  head.write(type, 0, 'latin1');
  head.writeUInt32LE(data.length, 4);
  return Buffer.concat([head, data, Buffer.alloc(data.length % 2)]);
}

const FRAME_BYTES = 16;
const EXIF_FLAG = 0x08;
const XMP_FLAG = 0x04;
const SHOWN_IN_FRAME: ReadonlySet<string> = new Set(['VP8 ', 'VP8L', 'ALPH']);
const SHOWN: ReadonlySet<string> = new Set([...SHOWN_IN_FRAME, 'VP8X', 'ANIM', 'ICCP']);

/**
 * PNG (ISO/IEC 15948), chunk by chunk. In: a file. Out: whether it is animated; the file without what may tell where it was taken: of the chunks
 * only those stay that say how the picture is to be shown (Table 5.3), and Exif as exif.ts keeps it. Null where it is no whole PNG.
 */
import { crc32 } from 'node:zlib';
import { exifWithoutLocation } from './exif.ts';

type Chunk = { readonly type: string; readonly data: Buffer; readonly bytes: Buffer };

/** IDAT comes by the thousand at most. */
const MAX_CHUNKS = 100_000;

/** An animation (APNG), of which a decoder shows the first picture. */
export function isAnimatedPng(file: Buffer): boolean {
  return chunksOf(file)?.some(({ type }) => type === 'acTL') ?? false;
}

export function pngWithoutLocation(file: Buffer): Buffer | null {
  const chunks = chunksOf(file);
  return chunks && Buffer.concat([SIGNATURE, ...chunks.flatMap(forwarded)]);
}

/** To IEND; what follows is no part of the picture. */
function chunksOf(file: Buffer): Chunk[] | null {
  if (!file.subarray(0, SIGNATURE.length).equals(SIGNATURE)) return null;
  const chunks: Chunk[] = [];
  for (let at = SIGNATURE.length; at + 12 <= file.length && chunks.length < MAX_CHUNKS; ) {
    const end = at + 12 + file.readUInt32BE(at);
    if (end > file.length) return null;
    const type = file.toString('latin1', at + 4, at + 8);
    chunks.push({ type, data: file.subarray(at + 8, end - 4), bytes: file.subarray(at, end) });
    if (type === 'IEND') return chunks;
    at = end;
  }
  return null;
}

function forwarded({ type, data, bytes }: Chunk): Buffer[] {
  if (type !== 'eXIf') return SHOWN.has(type) ? [bytes] : [];
  const kept = exifWithoutLocation(data);
  return kept === null ? [] : [chunkOf(type, kept)];
}

/** §5.3: length, type, data, CRC of type and data. */
function chunkOf(type: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const bytes = Buffer.alloc(8 + named.length);
  bytes.writeUInt32BE(data.length, 0);
  named.copy(bytes, 4);
  bytes.writeUInt32BE(crc32(named), 4 + named.length);
  return bytes;
}

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** ISO/IEC 15948 Table 5.3, and of its third edition cICP, acTL, fcTL, fdAT. */
const SHOWN: ReadonlySet<string> = new Set(
  'IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB cICP bKGD hIST pHYs sPLT acTL fcTL fdAT'.split(' '),
);

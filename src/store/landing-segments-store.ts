/**
 * The files of the landing log: `<data>/landing/<n>`, segments of equal size that are used again and again. Each is written full of zeros
 * before its first use, so that a sync has nothing to write but the bytes themselves: no allocation, no size, no name.
 * Promises: there are never more than configured; who needs one when all are taken waits until one is freed.
 */
import { type FileHandle, mkdir, open, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncDirectory } from './directory-store.ts';
import { bodyCrcOf, decodeHeader, RECORD_ALIGNMENT, RECORD_HEADER_BYTES, type RecordHeader, recordBytes } from './landing-record.ts';

/** One use of a segment: from its first record until it is freed. */
export type Segment = { readonly number: number; readonly lap: number };
export type LandedPlace = Omit<RecordHeader, 'lap'> & { readonly segment: Segment; readonly offset: number };

export type LandingSizes = { readonly segmentBytes: number; readonly maxSegments: number };

export type Segments = {
  /** For a new lap of one that is free. */
  take(): Promise<Segment>;
  file(segment: Segment): FileHandle;
  /** Makes one more, if none is free. Never rejects: who needs it makes it again, and hears. */
  makeAhead(): void;
  free(segment: Segment): Promise<void>;
  /** Part of those there may be that are taken. */
  fullness(): number;
  close(): Promise<void>;
};

/** Beside the blobs, under the data directory. */
export const LANDING = 'landing';
const ZEROS_BYTES = 1024 * 1024;

/** `left`: the records that are in no segment that was freed, in the order in which they came. `now`: laps are counted on from there. */
export async function openSegments(
  directory: string,
  now: number,
  sizes: LandingSizes,
): Promise<{ readonly segments: Segments; readonly left: readonly LandedPlace[] }> {
  await makeDirectory(directory);
  const files = await openFiles(directory);
  const byFile = await Promise.all([...files].map(([number, handle]) => recordsOf(number, handle)));
  const left = byFile.flatMap((records) => (records[0] ? [{ segment: records[0].segment, records }] : []));
  left.sort((a, b) => a.segment.lap - b.segment.lap);
  const taken = new Set(left.map(({ segment }) => segment.number));
  const lap = Math.max(now, (left.at(-1)?.segment.lap ?? 0) + 1);
  return { segments: segmentsOf(directory, files, { taken, lap }, sizes), left: left.flatMap(({ records }) => records) };
}

function segmentsOf(
  directory: string,
  files: Map<number, FileHandle>,
  { taken, lap: firstLap }: { readonly taken: Set<number>; readonly lap: number },
  { segmentBytes, maxSegments }: LandingSizes,
): Segments {
  let lap = firstLap;
  let making: Promise<void> | null = null;
  let freed = Promise.withResolvers<void>();
  const file = ({ number }: Segment): FileHandle => files.get(number) as FileHandle;
  const make = (): Promise<void> => {
    const number = Math.max(-1, ...files.keys()) + 1;
    making ??= makeFile(join(directory, String(number)), segmentBytes)
      .then((handle) => void files.set(number, handle))
      .finally(() => {
        making = null;
      });
    return making;
  };
  return {
    take: async () => {
      for (;;) {
        const number = [...files.keys()].find((one) => !taken.has(one));
        if (number !== undefined) {
          taken.add(number);
          return { number, lap: lap++ };
        }
        await (files.size < maxSegments ? make() : freed.promise);
      }
    },
    file,
    makeAhead: () => {
      if (taken.size === files.size && files.size < maxSegments) make().catch(() => {});
    },
    free: async (segment) => {
      // Forgotten by a power cut, this costs a repetition and nothing else: it is not synced.
      await writeAll(file(segment), [Buffer.alloc(RECORD_ALIGNMENT)], 0);
      taken.delete(segment.number);
      freed.resolve();
      freed = Promise.withResolvers<void>();
    },
    fullness: () => taken.size / maxSegments,
    close: async () => {
      await making?.catch(() => {});
      for (const handle of files.values()) await handle.close();
    },
  };
}

/** Synced whoever made it, and the files in it: he may have been killed before he came to that. */
async function makeDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await syncDirectory(directory);
  await syncDirectory(dirname(directory));
}

async function openFiles(directory: string): Promise<Map<number, FileHandle>> {
  const numbers = (await readdir(directory)).filter((name) => /^\d+$/.test(name)).map(Number);
  const opened = async (number: number): Promise<[number, FileHandle]> => [number, await open(join(directory, String(number)), 'r+')];
  return new Map(await Promise.all(numbers.map(opened)));
}

async function makeFile(path: string, bytes: number): Promise<FileHandle> {
  const handle = await open(path, 'w+', 0o600);
  try {
    const zeros = Buffer.alloc(Math.min(bytes, ZEROS_BYTES));
    for (let at = 0; at < bytes; at += zeros.length) await writeAll(handle, [zeros], at);
    await handle.sync();
    await syncDirectory(dirname(path));
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** From the beginning as far as they are whole and of one lap. */
async function recordsOf(number: number, handle: FileHandle): Promise<LandedPlace[]> {
  const places: LandedPlace[] = [];
  for (let offset = 0; ; ) {
    const header = decodeHeader(await readAt(handle, offset, RECORD_HEADER_BYTES));
    const segment = places[0]?.segment ?? { number, lap: header?.lap ?? 0 };
    if (header?.lap !== segment.lap) return places;
    const place = { segment, offset, factsBytes: header.factsBytes, fileBytes: header.fileBytes, bodyCrc: header.bodyCrc };
    const body = await readAt(handle, offset + RECORD_HEADER_BYTES, header.factsBytes + header.fileBytes);
    if (body.length < header.factsBytes + header.fileBytes || bodyCrcOf([body]) !== header.bodyCrc) return places;
    places.push(place);
    offset += recordBytes(header.factsBytes, header.fileBytes);
  }
}

/** Shorter where the file ends. */
async function readAt(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(bytes, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

/** A write may take less than all of it. */
export async function writeAll(handle: FileHandle, pieces: readonly Buffer[], offset: number): Promise<void> {
  let left = [...pieces];
  for (let at = offset; left.length > 0; ) {
    const { bytesWritten } = await handle.writev(left, at);
    at += bytesWritten;
    left = without(left, bytesWritten);
  }
}

function without(pieces: readonly Buffer[], bytes: number): Buffer[] {
  let skip = bytes;
  return pieces.flatMap((piece) => {
    const skipped = Math.min(skip, piece.length);
    skip -= skipped;
    return skipped === piece.length ? [] : [piece.subarray(skipped)];
  });
}

/** What stands in a blob behind an offset, to be read by ranges: positions count from there. */
import { open } from 'node:fs/promises';
import type { BlobStore } from './blob-store.ts';

/** A large read does not take more memory than this. */
const CHUNK_BYTES = 1024 * 1024;

export type BlobRange = { readonly blob: string; readonly bytes: number; readonly datasetOffset: number };

export function readRanges(blobs: Pick<BlobStore, 'read' | 'path'>, { blob, bytes, datasetOffset }: BlobRange) {
  return {
    bytes: bytes - datasetOffset,
    /** Fewer bytes where the file ends. */
    readAt: async (position: number, length: number): Promise<Buffer> => {
      const file = await open(blobs.path(blob), 'r');
      try {
        const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, datasetOffset + position);
        return buffer.subarray(0, bytesRead);
      } finally {
        await file.close();
      }
    },
    /** The file is opened when it is read: who never begins leaves none open. */
    stream: async function* ({ start, length }: { readonly start: number; readonly length: number }): AsyncGenerator<Buffer, void> {
      if (length === 0) return;
      const from = datasetOffset + start;
      yield* blobs.read(blob, { start: from, end: from + length - 1, highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>;
    },
  };
}

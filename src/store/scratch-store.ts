/**
 * Bytes that are wanted again within one request, on disk instead of in memory. In: chunks. Out: any range of them.
 * Promises: the file has no name, so that whatever ends the process, nothing is left.
 */
import { randomUUID } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';

export type Scratch = {
  /** Appends. */
  write(bytes: Uint8Array): Promise<void>;
  read(start: number, length: number): AsyncGenerator<Buffer>;
  close(): Promise<void>;
};

const READ_BYTES = 512 * 1024;

export async function openScratch(directory: string): Promise<Scratch> {
  const path = join(directory, `${process.pid}-${randomUUID()}`);
  const file = await open(path, 'wx+', 0o600);
  await rm(path);
  return {
    write: async (bytes) => {
      for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten;
    },
    read: async function* (start, length) {
      for (let at = 0; at < length; ) {
        const block = Buffer.allocUnsafe(Math.min(READ_BYTES, length - at));
        const { bytesRead } = await file.read(block, 0, block.length, start + at);
        if (bytesRead === 0) throw new Error('scratch file: shorter than it was');
        yield block.subarray(0, bytesRead);
        at += bytesRead;
      }
    },
    close: () => file.close(),
  };
}

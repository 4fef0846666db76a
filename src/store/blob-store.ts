/**
 * Large bytes as files named by their SHA-256: `<data>/blobs/ab/<hex>`, written in `<data>/blobs/tmp/`.
 * In: chunks, hashed as they come. Out: the digest, once the bytes and their name would survive a power cut
 * (fdatasync, rename, fsync of the directory). The same bytes twice are one file.
 * Errors of the file system are thrown as they are: a door turns them into its answer with `blobFailure` (blob-failure.ts).
 */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { syncDirectory } from './directory-store.ts';
import { openScratch, type Scratch } from './scratch-store.ts';
import { type Blocks, spareBlocks } from './spare-blocks.ts';

/** What comes is gathered in blocks of this size: one system call a block, and no memory that is given back for each chunk. */
const BLOCK_BYTES = 512 * 1024;
/** How long what was free a moment ago is believed. */
const FREE_SPACE_MS = 1_000;
/** Blocks kept for the next writer. */
const SPARE_BLOCKS = 8;
const BLOBS = 'blobs';
const FAN_OUT = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

export type StoredBlob = {
  /** Hex SHA-256. */
  readonly digest: string;
  readonly bytes: number;
};

export type BlobWriter = {
  /** Resolves when more is welcome: wait for it. The chunk is copied. */
  write(chunk: Uint8Array): Promise<void>;
  /** Durable when it resolves. */
  commit(): Promise<StoredBlob>;
  /** Forgets what was written; without effect after a commit. Never throws. */
  abort(): Promise<void>;
};

export type BlobStore = {
  writer(): Promise<BlobWriter>;
  put(bytes: Uint8Array): Promise<StoredBlob>;
  /** For what a request needs twice before it is stored. */
  scratch(): Promise<Scratch>;
  /** `start` and `end` are offsets of the first and last byte (both inclusive). An absent blob is the stream's error. */
  read(digest: string, range?: { readonly start?: number; readonly end?: number; readonly highWaterMark?: number }): Readable;
  /** The same for large objects: each piece is good until the next is asked for, for its memory is used again. */
  pieces(digest: string, range?: { readonly start?: number; readonly end?: number }): AsyncIterable<Buffer>;
  path(digest: string): string;
  stat(digest: string): Promise<{ readonly bytes: number } | null>;
  /** Reads the whole file: does it still have the bytes that gave it its name? False when it is absent. */
  verify(digest: string): Promise<boolean>;
  /** Bytes that are free on the disk, as looked up within the last second. */
  freeBytes(): Promise<number>;
  /** Removes what writers left that did not live to commit: once at start, before any door opens. Returns how many. */
  sweep(): Promise<number>;
};

export function blobPath(dataDirectory: string, digest: string): string {
  return join(dataDirectory, BLOBS, checked(digest).slice(0, 2), digest);
}

/** Where files are that have no name yet. */
export function blobTemporary(dataDirectory: string): string {
  return join(dataDirectory, BLOBS, 'tmp');
}

/** Opens the store under a data directory, making its directories where they are missing. */
export async function openBlobs(dataDirectory: string): Promise<BlobStore> {
  const root = join(dataDirectory, BLOBS);
  const temporary = blobTemporary(dataDirectory);
  await makeDirectories(dataDirectory, root);
  const path = (digest: string): string => blobPath(dataDirectory, digest);
  const blocks = spareBlocks(BLOCK_BYTES, SPARE_BLOCKS);
  const writer = () => openWriter(join(temporary, `${process.pid}-${randomUUID()}`), root, blocks);
  return {
    writer,
    put: async (bytes) => {
      const one = await writer();
      try {
        await one.write(bytes);
        return await one.commit();
      } finally {
        await one.abort();
      }
    },
    scratch: () => openScratch(temporary),
    read: (digest, range = {}) => createReadStream(path(digest), range),
    pieces: (digest, range = {}) => piecesOf(path(digest), range, blocks),
    path,
    stat: async (digest) => {
      const found = await stat(path(digest)).catch(nullWhenAbsent);
      return found && { bytes: found.size };
    },
    verify: (digest) => hasDigest(path(digest), digest),
    freeBytes: freeSpace(root),
    sweep: async () => {
      const left = await readdir(temporary);
      await Promise.all(left.map((name) => rm(join(temporary, name), { force: true })));
      return left.length;
    },
  };
}

/** Through one block. Whoever stops before the end may still have it under way: then nobody gets it after him. */
async function* piecesOf(
  path: string,
  { start = 0, end = Number.POSITIVE_INFINITY }: { readonly start?: number; readonly end?: number },
  blocks: Blocks,
): AsyncGenerator<Buffer> {
  const file = await open(path, 'r');
  try {
    const block = blocks.take();
    for (let at = start; at <= end; ) {
      const { bytesRead } = await file.read(block, 0, Math.min(block.length, end - at + 1), at);
      if (bytesRead === 0) break;
      yield block.subarray(0, bytesRead);
      at += bytesRead;
    }
    blocks.giveBack(block);
  } finally {
    await file.close();
  }
}

/** All 256 directories at once: a new blob then needs the fsync of one directory, its own. */
async function makeDirectories(dataDirectory: string, root: string): Promise<void> {
  const first = await mkdir(join(root, 'tmp'), { recursive: true, mode: 0o700 });
  const present = new Set(await readdir(root));
  for (const name of FAN_OUT) if (!present.has(name)) await mkdir(join(root, name), { recursive: true, mode: 0o700 });
  await syncDirectory(root);
  await syncDirectory(dataDirectory);
  if (first) await syncDirectory(dirname(first));
}

async function openWriter(temporary: string, root: string, blocks: Blocks): Promise<BlobWriter> {
  const file = await open(temporary, 'wx', 0o600);
  const hash = createHash('sha256');
  let bytes = 0;
  let block: Buffer | null = null;
  let filled = 0;
  let written: Promise<void> = Promise.resolve();
  let ended = false;

  const flush = (): Promise<void> => {
    const [full, length] = [block, filled];
    block = null;
    filled = 0;
    if (!full) return written;
    hash.update(full.subarray(0, length));
    written = written.then(() => writeAll(file, full.subarray(0, length))).finally(() => blocks.giveBack(full));
    // The error reaches the caller through this flush or the next; between the two it must not count as unhandled.
    written.catch(() => {});
    return written;
  };
  const discard = async (): Promise<void> => {
    ended = true;
    if (block) blocks.giveBack(block);
    block = null;
    await written.catch(() => {});
    await file.close().catch(() => {});
    await rm(temporary, { force: true }).catch(() => {});
  };
  return {
    write: async (chunk) => {
      if (ended) throw new Error('blob writer: written to after its end');
      bytes += chunk.byteLength;
      let flushed: Promise<void> | undefined;
      for (let at = 0; at < chunk.byteLength; ) {
        block ??= blocks.take();
        const part = chunk.subarray(at, at + block.length - filled);
        block.set(part, filled);
        filled += part.byteLength;
        at += part.byteLength;
        if (filled === block.length) flushed = flush();
      }
      await flushed;
    },
    commit: async () => {
      if (ended) throw new Error('blob writer: committed after its end');
      try {
        await flush();
        ended = true;
        await file.datasync();
        await file.close();
        const digest = hash.digest('hex');
        await nameIt(temporary, join(root, digest.slice(0, 2)), digest);
        return { digest, bytes };
      } catch (error) {
        await discard();
        throw error;
      }
    },
    abort: async () => {
      if (!ended) await discard();
    },
  };
}

/** A write may take less than all of it. */
async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten;
}

/** A file of that name holds these very bytes: replacing it loses nothing, and heals one that the disk has damaged. */
async function nameIt(temporary: string, directory: string, digest: string): Promise<void> {
  await rename(temporary, join(directory, digest));
  await syncDirectory(directory);
}

/** Asked for with every fragment, and so remembered for a while. */
function freeSpace(directory: string): () => Promise<number> {
  let looked = Number.NEGATIVE_INFINITY;
  let free: Promise<number> = Promise.resolve(0);
  return () => {
    if (performance.now() - looked > FREE_SPACE_MS) {
      looked = performance.now();
      free = statfs(directory).then(({ bavail, bsize }) => bavail * bsize);
    }
    return free;
  };
}

async function hasDigest(path: string, digest: string): Promise<boolean> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path), hash);
  } catch (error) {
    nullWhenAbsent(error);
    return false;
  }
  return hash.digest('hex') === digest;
}

/** Digests become paths: nothing else may. */
function checked(digest: string): string {
  if (!/^[0-9a-f]{64}$/.test(digest)) throw new TypeError('a blob is named by 64 hexadecimal digits');
  return digest;
}

function nullWhenAbsent(error: unknown): null {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
  throw error;
}

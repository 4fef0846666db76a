/**
 * The dataset of a stored instance, read from its file: walked by whoever listens, or by ranges. Positions count from its first byte,
 * inflated where it is deflated. Promises: memory bounded by a few read buffers; what nobody wants to hear of is not read, but for
 * a deflated dataset, which must be inflated up to the place that is asked for.
 */
import { closeSync, open as openCallback, read as readCallback } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { createInflateRaw } from 'node:zlib';
import type { StoredObject } from '../../model/instance.ts';
import { type DatasetSink, DatasetWalker } from '../../protocols/dicom/dataset-walker.ts';
import type { Range, ReadAt } from '../../protocols/dicom/frames.ts';
import type { TransferSyntax } from '../../protocols/dicom/transfer-syntax.ts';
import type { BlobStore } from '../../store/blob-store.ts';

export type Reader = {
  readonly readAt: ReadAt;
  /** Fills the block as far as there are bytes from a position on; null where there is no reading by positions. */
  readonly fill: ((position: number, block: Buffer) => Promise<number>) | null;
  close(): void;
};

export type Source = {
  reader(): Promise<Reader>;
  stream(range: Range): AsyncIterable<Buffer>;
};

export type Files = Pick<BlobStore, 'path' | 'read'>;

/** Bare descriptors: a frame is one open and one read, each of which waits for its turn; closing what was only read does not. */
const openFile = promisify(openCallback);
const readFile = promisify(readCallback);

/** First read: the whole header of most objects. */
const FIRST_READ_BYTES = 32 * 1024;
/** After a leap: the header of the next fragment, or the end. */
const NEXT_READ_BYTES = 4 * 1024;
const MAX_READ_BYTES = 256 * 1024;
/** A frame of a usual slice is read in one go: each piece of a stream waits for its turn at the disk. */
export const MAX_AT_ONCE_BYTES = 512 * 1024;

export function sourceOf(files: Files, object: StoredObject, syntax: TransferSyntax): Source {
  return syntax.deflated ? inflated(files, object) : plain(files, object);
}

/** Works with a reader of the source, which is closed afterwards. */
export async function withReader<T>(source: Source, work: (reader: Reader) => Promise<T>): Promise<T> {
  const reader = await source.reader();
  try {
    return await work(reader);
  } finally {
    reader.close();
  }
}

/** Walks the whole dataset; yields after each piece, so that what the sink gathered can be taken. Throws where the file is not what was stored. */
export async function* walkStored(files: Files, object: StoredObject, syntax: TransferSyntax, sink: DatasetSink): AsyncGenerator<void> {
  const walker = new DatasetWalker(syntax, sink);
  const check = (problem: { detail: string } | null): void => {
    if (problem) throw new Error(`stored dataset: ${problem.detail}`);
  };
  if (syntax.deflated) {
    for await (const chunk of sourceOf(files, object, syntax).stream({ start: 0, length: Number.POSITIVE_INFINITY })) {
      check(walker.push(chunk));
      yield;
    }
    return check(walker.end());
  }
  const file = await open(files.path(object.blob), 'r');
  try {
    let size = FIRST_READ_BYTES;
    for (let position = object.datasetOffset; ; ) {
      const chunk = await readFully(file, position, size);
      if (chunk.length === 0) break;
      check(walker.push(chunk));
      yield;
      position += chunk.length + walker.skipping;
      size = walker.skipping > 0 ? NEXT_READ_BYTES : Math.min(MAX_READ_BYTES, size * 2);
      // What lies behind the end of the file is not leapt over: it would hide that the file was cut.
      if (walker.skipping > 0 && position <= object.bytes) walker.leap();
    }
    check(walker.end());
  } finally {
    await file.close();
  }
}

function plain(files: Files, { blob, datasetOffset }: StoredObject): Source {
  return {
    reader: async () => {
      const fd = await openFile(files.path(blob), 'r');
      const fill = async (position: number, block: Buffer) =>
        (await readFile(fd, block, 0, block.length, datasetOffset + position)).bytesRead;
      return {
        readAt: async (position, length) => {
          const bytes = Buffer.allocUnsafe(length);
          return bytes.subarray(0, await fill(position, bytes));
        },
        fill,
        close: () => closeSync(fd),
      };
    },
    stream: ({ start, length }) => {
      if (length === 0) return nothing();
      if (length <= MAX_AT_ONCE_BYTES) return atOnce(files.path(blob), datasetOffset + start, length);
      return files.read(blob, { start: datasetOffset + start, end: datasetOffset + start + length - 1 });
    },
  };
}

function inflated(files: Files, { blob, datasetOffset }: StoredObject): Source {
  const stream = async function* ({ start, length }: Range): AsyncGenerator<Buffer> {
    const file = files.read(blob, { start: datasetOffset });
    const inflate = file.on('error', (error) => inflate.destroy(error)).pipe(createInflateRaw());
    let position = 0;
    try {
      for await (const chunk of inflate as AsyncIterable<Buffer>) {
        const from = Math.max(0, start - position);
        const to = Math.min(chunk.length, start + length - position);
        if (to > from) yield chunk.subarray(from, to);
        position += chunk.length;
        if (position >= start + length) return;
      }
    } finally {
      inflate.destroy();
      file.destroy();
    }
  };
  const readAt: ReadAt = async (start, length) => {
    const chunks: Buffer[] = [];
    for await (const chunk of stream({ start, length })) chunks.push(chunk);
    return Buffer.concat(chunks);
  };
  return { stream, reader: async () => ({ readAt, fill: null, close: () => {} }) };
}

async function readFully(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}

async function* atOnce(path: string, position: number, length: number): AsyncGenerator<Buffer> {
  const file = await open(path, 'r');
  try {
    const bytes = await readFully(file, position, length);
    if (bytes.length < length) throw new Error('stored dataset: the file is shorter than it was');
    yield bytes;
  } finally {
    await file.close();
  }
}

async function* nothing(): AsyncGenerator<Buffer> {}

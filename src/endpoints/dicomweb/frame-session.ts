/**
 * The frames of one stored instance as sources of bytes: finds them by reading the file in ranges, then streams those ranges.
 * Promises: memory bounded by a few read buffers, whatever the size of frame and file. A deflated dataset has no ranges: it is inflated
 * twice, once up to its pixels and once up to the last frame asked for, and those frames are held in memory, so they may not be large.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { createInflateRaw } from 'node:zlib';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import type { Instance } from '../../model/instance.ts';
import { locateFrames, type Range, type ReadAt } from '../../protocols/dicom/frames.ts';
import type { DicomJson } from '../../protocols/dicom/header.ts';
import type { TransferSyntax } from '../../protocols/dicom/transfer-syntax.ts';
import type { BlobStore } from '../../store/blob-store.ts';

export type Frame = { readonly length: number; open(): AsyncIterable<Buffer> };

/** Finds the frames asked for, counted from 1. */
export async function findFrames(
  blobs: Pick<BlobStore, 'path' | 'read'>,
  instance: Instance,
  syntax: TransferSyntax,
  wanted: readonly number[],
): Promise<readonly Frame[] | Failure> {
  if (instance.pixelOffset === null) return failure('dicomweb', 'not-found', 'the instance has no pixels');
  const header = JSON.parse(instance.header.toString()) as DicomJson;
  const pixels = { syntax, header, frames: instance.frames, pixelOffset: instance.pixelOffset };
  const source = syntax.deflated ? inflated(blobs, instance) : plain(blobs, instance);
  const located = await withReader(source, (readAt) => locateFrames(readAt, pixels, wanted));
  if (isFailure(located)) return located;
  if (syntax.deflated) return collected(source, located.flat());
  return located.map((ranges) => ({
    length: ranges.reduce((total, range) => total + range.length, 0),
    open: async function* () {
      for (const range of ranges) yield* source.stream(range);
    },
  }));
}

/** Frames of a deflated dataset, each one range, by inflating it once. */
async function collected({ stream }: Source, ranges: readonly Range[]): Promise<readonly Frame[] | Failure> {
  const end = Math.max(...ranges.map(({ start, length }) => start + length));
  const bytes = ranges.reduce((sum, { length }) => sum + length, 0);
  if (bytes > MAX_INFLATED_FRAME_BYTES || end > MAX_INFLATED_BYTES) return failure('dicomweb', 'invalid', 'too large to be inflated');
  const frames = ranges.map(({ length }) => Buffer.alloc(length));
  let position = 0;
  for await (const chunk of stream({ start: 0, length: end })) {
    // What of the chunk lies before a frame is skipped, what lies behind it is not copied.
    for (const [index, { start, length }] of ranges.entries()) {
      const [from, to] = [Math.max(start, position), Math.min(start + length, position + chunk.length)];
      if (to > from) chunk.copy(frames[index] as Buffer, from - start, from - position, to - position);
    }
    position += chunk.length;
  }
  if (position < end) return failure('dicomweb', 'invalid', 'the dataset ends before its pixels do');
  return frames.map((frame) => ({
    length: frame.length,
    open: async function* () {
      yield frame;
    },
  }));
}

/** Asked for at once, and inflated on the way to them. */
const MAX_INFLATED_FRAME_BYTES = 32 * 1024 * 1024;
const MAX_INFLATED_BYTES = 1024 * 1024 * 1024;

/** A dataset read by ranges; positions count from its first byte. */
type Source = { reader(): Promise<{ readAt: ReadAt; close(): Promise<void> }>; stream(range: Range): AsyncIterable<Buffer> };

async function withReader<T>(source: Source, work: (readAt: ReadAt) => Promise<T>): Promise<T> {
  const { readAt, close } = await source.reader();
  try {
    return await work(readAt);
  } finally {
    await close();
  }
}

function plain(blobs: Pick<BlobStore, 'path' | 'read'>, { blob, datasetOffset }: Instance): Source {
  return {
    reader: async () => {
      const file = await open(blobs.path(blob), 'r');
      return { readAt: (position, length) => readFully(file, datasetOffset + position, length), close: () => file.close() };
    },
    stream: ({ start, length }) =>
      length === 0 ? nothing() : blobs.read(blob, { start: datasetOffset + start, end: datasetOffset + start + length - 1 }),
  };
}

function inflated(blobs: Pick<BlobStore, 'read'>, { blob, datasetOffset }: Instance): Source {
  const stream = async function* ({ start, length }: Range): AsyncGenerator<Buffer> {
    const file = blobs.read(blob, { start: datasetOffset });
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
  return { stream, reader: async () => ({ readAt, close: async () => {} }) };
}

async function readFully(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}

async function* nothing(): AsyncGenerator<Buffer> {}

/** A dataset in memory, read as one in a file would be. */
import type { StoredDataset } from '../../src/protocols/dicom/edited-dataset.ts';
import { type TransferSyntax, transferSyntax } from '../../src/protocols/dicom/transfer-syntax.ts';

export function storedDataset(bytes: Buffer, uid: string): StoredDataset {
  return {
    syntax: transferSyntax(uid) as TransferSyntax,
    bytes: bytes.length,
    readAt: async (position, length) => bytes.subarray(position, position + length),
    stream: async function* ({ start, length }) {
      for (let at = start; at < start + length; at += 4096) yield bytes.subarray(at, Math.min(at + 4096, start + length));
    },
  };
}

export async function bytesOf(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

/** In pieces of that size. */
export async function* inPieces(dataset: Buffer, size: number): AsyncGenerator<Buffer, void> {
  for (let at = 0; at < dataset.length; at += size) yield dataset.subarray(at, at + size);
}

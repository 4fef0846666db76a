/** A dataset in memory where the code expects one in a file. */
import type { StoredDataset } from '../../src/protocols/dicom/edited-dataset.ts';
import { type TransferSyntax, transferSyntax } from '../../src/protocols/dicom/transfer-syntax.ts';

export function memoryDataset(dataset: Buffer, syntax: string): StoredDataset {
  return {
    syntax: transferSyntax(syntax) as TransferSyntax,
    bytes: dataset.length,
    readAt: async (start, length) => dataset.subarray(start, start + length),
    stream: async function* ({ start, length }) {
      yield dataset.subarray(start, start + length);
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

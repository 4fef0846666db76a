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

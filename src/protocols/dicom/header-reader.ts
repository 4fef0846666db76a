/**
 * Reads the header of a dataset in any transfer syntax as it streams by, and judges the dataset as a whole:
 * a deflated one (PS3.5 §A.5) is inflated beside the stream, only to be read, never to be kept.
 */
import { createInflateRaw, type InflateRaw } from 'node:zlib';
import { type Failure, failure } from '../../model/failure.ts';
import { DatasetReader } from './dataset-reader.ts';
import { HEADER_TAGS, type Header, headerOf } from './header.ts';
import type { TransferSyntax } from './transfer-syntax.ts';

/** More than any dataset worth deflating: headers, segmentations and reports. Beyond it a dataset is an attack. */
const MAX_INFLATED_BYTES = 1024 * 1024 * 1024;

export type ReadHeader = { readonly header: Header; readonly pixelOffset: number | null };

export type HeaderReader = {
  push(chunk: Buffer): Promise<Failure | null>;
  /** Call once after the last chunk, if none failed. */
  end(): Promise<ReadHeader | Failure>;
  /** Gives back what a dataset that is not read to its end holds. */
  abandon(): void;
};

export function headerReader(syntax: TransferSyntax, maxInflatedBytes = MAX_INFLATED_BYTES): HeaderReader {
  const reader = new DatasetReader(syntax, HEADER_TAGS);
  const conclude = (): ReadHeader | Failure => {
    const header = reader.end() ?? headerOf(reader.dataset);
    return 'failure' in header ? header : { header, pixelOffset: reader.pixelOffset };
  };
  return syntax.deflated
    ? inflating(reader, conclude, maxInflatedBytes)
    : { push: async (chunk) => reader.push(chunk), end: async () => conclude(), abandon: () => {} };
}

function inflating(reader: DatasetReader, conclude: () => ReadHeader | Failure, maxBytes: number): HeaderReader {
  const inflate: InflateRaw = createInflateRaw();
  let problem: Failure | null = null;
  let bytes = 0;
  inflate.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    problem ??= bytes > maxBytes ? failure('dicom', 'too-large', 'the dataset inflates beyond the limit') : reader.push(chunk);
    if (problem) inflate.destroy();
  });
  const broken = new Promise<void>((resolve) => {
    inflate.on('error', () => {
      problem ??= failure('dicom', 'malformed', 'the dataset cannot be inflated');
      resolve();
    });
    inflate.on('close', resolve);
  });
  return {
    push: async (chunk) => {
      if (!inflate.destroyed) await Promise.race([broken, new Promise((written) => inflate.write(chunk, written))]);
      return problem;
    },
    end: async () => {
      await Promise.race([broken, new Promise<void>((ended) => inflate.end(() => inflate.once('end', ended)))]);
      return problem ?? conclude();
    },
    abandon: () => inflate.destroy(),
  };
}

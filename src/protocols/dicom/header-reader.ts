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
export const MAX_INFLATED_BYTES = 1024 * 1024 * 1024;

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
  // zlib does not call back a write that it fails at: an error or the end of the stream does it then.
  let release = (): void => {};
  const settled = (begin: (done: () => void) => void): Promise<void> =>
    new Promise((resolve) => {
      release = resolve;
      begin(resolve);
    });
  inflate.on('close', () => release());
  inflate.on('error', () => {
    problem ??= failure('dicom', 'malformed', 'the dataset cannot be inflated');
    release();
  });
  return {
    push: async (chunk) => {
      if (!inflate.destroyed) await settled((done) => inflate.write(chunk, () => done()));
      return problem;
    },
    end: async () => {
      if (!inflate.destroyed) await settled((done) => inflate.once('end', done).end());
      return problem ?? conclude();
    },
    abandon: () => inflate.destroy(),
  };
}

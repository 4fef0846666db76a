/**
 * Blobs in two steps, for whoever has their bytes safe elsewhere until the second: a file under the name that its digest is, then its sync.
 * The calls wait for the disk: they are for a thread that has nothing else to do.
 */
import { closeSync, fdatasyncSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { blobPath, blobTemporary } from './blob-store.ts';

/** Readers have it when it returns, in the place of one that was there before. */
export function placeBlob(dataDirectory: string, bytes: Buffer, digest: string): void {
  const unnamed = join(blobTemporary(dataDirectory), `${process.pid}-landing-${digest}`);
  const file = openSync(unnamed, 'w', 0o600);
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
  } finally {
    closeSync(file);
  }
  renameSync(unnamed, blobPath(dataDirectory, digest));
}

/** Files and names are on the disk when it returns. */
export function syncBlobs(dataDirectory: string, digests: readonly string[]): void {
  const paths = digests.map((digest) => blobPath(dataDirectory, digest));
  for (const path of paths) withOpen(path, fdatasyncSync);
  for (const directory of new Set(paths.map(dirname))) withOpen(directory, fsyncSync);
}

function withOpen(path: string, sync: (file: number) => void): void {
  const file = openSync(path, 'r');
  try {
    sync(file);
  } finally {
    closeSync(file);
  }
}

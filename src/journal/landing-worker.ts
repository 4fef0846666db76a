/**
 * The thread in which files that landed are read back, digested and given their place, so that the doors' event loop stays free: for that
 * every byte is looked at three times. In: places in the landing log, or digests to be synced. Out: what is told of each file, its digests.
 * Promises: bytes that are not those that landed are an error; one buffer serves for all.
 */
import { createHash } from 'node:crypto';
import { openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { placeBlob, syncBlobs } from '../store/blob-placing-store.ts';
import { bodyCrcOf, RECORD_HEADER_BYTES } from '../store/landing-record.ts';
import { LANDING, type LandedPlace } from '../store/landing-segments-store.ts';
import { decodeFacts } from './landed-entry.ts';

export type PlacingOrder = { readonly place: readonly LandedPlace[] } | { readonly sync: readonly string[] };
/** `blob`: hex SHA-256 of the file; `digest`: of its dataset. */
export type Placed = { readonly facts: Uint8Array; readonly blob: string; readonly digest: Uint8Array };
export type PlacingAnswer = { readonly placed: readonly Placed[] } | { readonly fault: string };

const { dataDirectory } = workerData as { readonly dataDirectory: string };
const segments = new Map<number, number>();
let buffer = Buffer.alloc(0);

parentPort?.on('message', (order: PlacingOrder) => parentPort?.postMessage(answerTo(order)));

function answerTo(order: PlacingOrder): PlacingAnswer {
  try {
    if ('place' in order) return { placed: order.place.map(placeOne) };
    syncBlobs(dataDirectory, order.sync);
    return { placed: [] };
  } catch (error) {
    // A file system error names a path, which names nobody.
    return { fault: error instanceof Error ? error.message : 'failed' };
  }
}

function placeOne(place: LandedPlace): Placed {
  const body = bodyAt(place);
  const facts = Buffer.from(body.subarray(0, place.factsBytes));
  const file = body.subarray(place.factsBytes);
  const { datasetOffset } = decodeFacts(facts).instance;
  const blob = createHash('sha256').update(file).digest('hex');
  const digest = createHash('sha256').update(file.subarray(datasetOffset)).digest();
  placeBlob(dataDirectory, file, blob);
  return { facts, blob, digest };
}

/** A view of the one buffer. */
function bodyAt({ segment, offset, factsBytes, fileBytes, bodyCrc }: LandedPlace): Buffer {
  const bytes = factsBytes + fileBytes;
  if (buffer.length < bytes) buffer = Buffer.allocUnsafeSlow(bytes);
  let filled = 0;
  while (filled < bytes) {
    const read = readSync(fileOf(segment.number), buffer, filled, bytes - filled, offset + RECORD_HEADER_BYTES + filled);
    if (read === 0) break;
    filled += read;
  }
  const body = buffer.subarray(0, filled);
  if (filled < bytes || bodyCrcOf([body]) !== bodyCrc) throw new Error('landing log: a record reads back as something else');
  return body;
}

/** Segments are used again and never removed. */
function fileOf(number: number): number {
  const file = segments.get(number) ?? openSync(join(dataDirectory, LANDING, String(number)), 'r');
  segments.set(number, file);
  return file;
}

/**
 * Makes the DICOM objects of photos and films, one after the other, beside everything else. In: the table of those that wait. Out: each is
 * stored as an object that arrived, or the timeline of its case says why there is none.
 * Promises: what was ordered is made, also after a kill, and made twice it is the same object; one that cannot be made holds nothing up.
 */
import type { Clock } from '../../model/clock.ts';
import type { RetryPolicy } from '../../model/config.ts';
import type { Stored } from '../../model/entry.ts';
import { type Failure, isFailure } from '../../model/failure.ts';
import type { Log } from '../../model/log.ts';
import type { Metrics } from '../../model/metrics.ts';
import type { PhotoOrder } from '../../model/photo.ts';
import type { BlobStore } from '../../store/blob-store.ts';
import type { Database } from '../../store/database.ts';
import { claimPhoto, type DuePhoto, freePhotos, giveUpPhoto, putOffPhoto, settlePhoto } from '../../store/photo-store.ts';
import { type DueWorker, startDueWorker } from '../due-worker.ts';
import { delayMs } from '../retry.ts';
import { openPhoto, type PhotoObject } from './photo-session.ts';

/** A film of gigabytes is copied in less. */
const LEASE_MS = 30 * 60_000;
const RETRY: RetryPolicy = { firstDelayMs: 1_000, maxDelayMs: 10 * 60_000, maxAttempts: 250, onFailure: 'setAside' };

export type PhotoWorkerDeps = {
  readonly database: Database;
  readonly blobs: Pick<BlobStore, 'read' | 'stat'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Takes an object as a door takes it from `peer`. */
  readonly store: (object: PhotoObject, peer: string) => Promise<Stored | Failure>;
};

export function startPhotoWorker(deps: PhotoWorkerDeps): DueWorker {
  return startDueWorker({
    begin: () => freePhotos(deps.database, deps.clock.now()),
    work: () => makeDue(deps),
    failed: (reason) => deps.log.warn('photo.failed', { reason }),
  });
}

async function makeDue(deps: PhotoWorkerDeps): Promise<boolean> {
  const now = deps.clock.now();
  const due = await claimPhoto(deps.database, now, new Date(now.getTime() + LEASE_MS));
  if (due) await makeOne(deps, due);
  return due !== null;
}

async function makeOne(deps: PhotoWorkerDeps, { order, attempts }: DuePhoto): Promise<void> {
  const { database, clock, log, metrics } = deps;
  const made = await make(deps, order);
  const about = { case: order.caseId, media: order.media, sopInstanceUid: order.sopInstanceUid };
  metrics.count('waystation_photos_total', { outcome: isFailure(made) ? made.class : 'made' });
  if (!isFailure(made)) {
    await settlePhoto(database, order, clock.now());
    return log.info('photo.made', { ...about, seq: made.seq });
  }
  log.warn('photo.not-made', { ...about, attempts, why: made.detail });
  if (made.class === 'permanent' || attempts >= RETRY.maxAttempts) return giveUpPhoto(database, order, clock.now(), made.detail);
  await putOffPhoto(database, order, new Date(clock.now().getTime() + delayMs(attempts, RETRY, Math.random())), made.detail);
}

async function make({ blobs, store }: PhotoWorkerDeps, order: PhotoOrder): Promise<Stored | Failure> {
  const object = await openPhoto(order, blobs);
  return isFailure(object) ? object : store(object, order.peer);
}

/**
 * Gives files that landed their place, in a thread of its own that is started for the first of them (landing-worker.ts).
 * Promises: one order after the other; a thread that dies is an error for whoever waits for it, and the next order starts another one.
 */
import { Worker } from 'node:worker_threads';
import type { LandedPlace } from '../store/landing-segments-store.ts';
import type { Placed, PlacingAnswer, PlacingOrder } from './landing-worker.ts';

export type Placer = {
  /** Readers have the files when it resolves; they are not synced. */
  place(places: readonly LandedPlace[]): Promise<readonly Placed[]>;
  /** Files and names are on the disk when it resolves. */
  sync(digests: readonly string[]): Promise<void>;
  close(): Promise<void>;
};

export function openPlacer(dataDirectory: string): Placer {
  let worker: Worker | null = null;
  let before: Promise<unknown> = Promise.resolve();
  const started = (): Worker => {
    if (worker) return worker;
    const fresh = new Worker(new URL('./landing-worker.ts', import.meta.url), { workerData: { dataDirectory } });
    fresh.on('error', () => {});
    fresh.once('exit', () => {
      if (worker === fresh) worker = null;
    });
    worker = fresh;
    return fresh;
  };
  const inTurn = (order: PlacingOrder): Promise<readonly Placed[]> => {
    const answer = before.then(() => ask(started(), order));
    before = answer.catch(() => {});
    return answer;
  };
  return {
    place: (places) => inTurn({ place: places }),
    sync: async (digests) => void (await inTurn({ sync: digests })),
    close: async () => {
      await before;
      await worker?.terminate();
    },
  };
}

async function ask(worker: Worker, order: PlacingOrder): Promise<readonly Placed[]> {
  const { promise, resolve, reject } = Promise.withResolvers<PlacingAnswer>();
  const ended = (): void => reject(new Error('landing: the thread ended'));
  worker.once('message', resolve);
  worker.once('error', reject);
  worker.once('exit', ended);
  worker.postMessage(order);
  try {
    const answer = await promise;
    if ('fault' in answer) throw new Error(answer.fault);
    return answer.placed;
  } finally {
    worker.off('message', resolve).off('error', reject).off('exit', ended);
  }
}

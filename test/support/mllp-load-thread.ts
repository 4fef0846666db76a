/** The MLLP load on a thread of its own, so that who measures does not slow down who sends. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Latencies } from './latencies.ts';
import { type Address, type LoadResult, startMllpLoad } from './mllp-load.ts';
import { orderMessage } from './order-message.ts';

export type ThreadLoad = {
  readonly address: Address;
  readonly connections: number;
  readonly rate?: number;
  readonly seconds: number;
  readonly run: string;
  /** Tells `onSample` of every message whose number this divides. */
  readonly sampleEvery?: number;
};

/** A sampled message was acknowledged; `sentAt` as epoch milliseconds. */
export type Sample = { readonly group: string; readonly sentAt: number };

type Said = { readonly sample: Sample } | { readonly result: Omit<LoadResult, 'latencies'> & { readonly latencies: number[] } };

export async function runLoadThread(load: ThreadLoad, onSample: (sample: Sample) => void = () => {}): Promise<LoadResult> {
  const worker = new Worker(new URL(import.meta.url), { workerData: { mllpLoad: load } });
  return new Promise((resolve, reject) => {
    worker.on('message', (said: Said) => {
      if ('sample' in said) onSample(said.sample);
      else resolve({ ...said.result, latencies: Latencies.of(said.result.latencies) });
    });
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the load ended without a result')));
  });
}

async function sendFromThread(load: ThreadLoad): Promise<void> {
  const say = (said: Said): void => parentPort?.postMessage(said);
  const { finished } = startMllpLoad({
    address: () => load.address,
    connections: load.connections,
    rate: load.rate,
    seconds: load.seconds,
    message: (n) => orderMessage(n, { run: load.run }),
    onAcknowledged: (order, n, sentAt) => {
      if (load.sampleEvery && n % load.sampleEvery === 0) say({ sample: { group: order.group, sentAt } });
    },
  });
  const result = await finished;
  say({ result: { ...result, latencies: result.latencies.toArray() } });
}

const given = workerData as { mllpLoad?: ThreadLoad } | null;
if (!isMainThread && given?.mllpLoad) await sendFromThread(given.mllpLoad);

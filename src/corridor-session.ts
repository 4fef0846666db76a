/**
 * The corridor's thread, as the main thread has it (corridor-worker.ts is the other side). In: what it works with. Out: how it is told of renewed
 * destinations and stopped. It tells what it logs and counts; when it dies the gateway must not go on acknowledging unseen.
 */
import { Worker } from 'node:worker_threads';
import type { CorridorData, CorridorOrder, CorridorWord } from './corridor-worker.ts';
import type { Destination } from './model/config.ts';
import type { Log } from './model/log.ts';
import type { Metrics } from './model/metrics.ts';
import { giveBackStartMemory } from './store/start-memory.ts';

const STOP_MS = 15_000;
/** V8 would let what is young take 100 MB and more before it looks what is left of it; so few stay in the processor's caches, and cost less. */
const LIMITS = { maxYoungGenerationSizeMb: 24 };

/** Epoch ms of the corridor's last word; 0 before the first. */
export type Pulse = { seen: number };
type CorridorEars = { readonly log: Log; readonly metrics: Metrics; readonly pulse: Pulse; readonly onLost: (error: Error) => void };

type CorridorThread = { renew(destinations: readonly Destination[]): void; stop(): Promise<void> };

/** Resolves once it works. */
export async function startCorridor(data: CorridorData, { log, metrics, pulse, onLost }: CorridorEars): Promise<CorridorThread> {
  const worker = new Worker(new URL('./corridor-worker.ts', import.meta.url), { workerData: data, resourceLimits: LIMITS });
  const ready = Promise.withResolvers<void>();
  let stopping = false;
  worker.on('message', (word: CorridorWord) => {
    pulse.seen = Date.now();
    if (word.kind === 'ready') ready.resolve();
    if (word.kind === 'log') log[word.level](word.event, word.fields);
    if (word.kind === 'count') metrics.count(word.name, word.labels, word.by);
    if (word.kind === 'gauge') metrics.gauge(word.name, word.value, word.labels);
    if (word.kind === 'observe') metrics.observe(word.name, word.seconds, word.labels);
  });
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  const end = (error: Error): void => {
    ready.reject(error);
    if (!stopping) onLost(error);
  };
  worker.once('error', (error) => end(error as Error));
  worker.once('exit', (code) => end(new Error(`the corridor ended by itself, with exit code ${code}`)));
  giveBackStartMemory();
  await ready.promise;
  const say = (order: CorridorOrder): void => worker.postMessage(order);
  return {
    renew: (destinations) => say({ kind: 'renew', destinations }),
    stop: async () => {
      stopping = true;
      say({ kind: 'stop' });
      const impatience = setTimeout(() => void worker.terminate(), STOP_MS);
      await ended;
      clearTimeout(impatience);
    },
  };
}

/**
 * One rendering thread, given one frame after the other. Promises: a frame that takes too long, or that kills the thread, ends as a Failure and
 * the next one finds a new thread, also when it died without work; a frame is read when its turn comes, so that one at a time is held; no more
 * than a few wait; without work the thread ends and gives back its memory.
 */
import { Worker } from 'node:worker_threads';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import type { RenderJob, RenderResult } from './render-worker.ts';

/** `read` gets the frame, or says why there is none. */
export type Renderer = { render(read: () => Promise<RenderJob | Failure>): Promise<Buffer | Failure>; close(): Promise<void> };

const DEFAULT_LIMIT_MS = 20_000;
const IDLE_MS = 60_000;
const MAX_WAITING = 32;
/** Of the thread's JavaScript; what its decoders may take is bounded by the size of the image. */
const MAX_HEAP_MB = 512;

export function openRenderer(limitMs = DEFAULT_LIMIT_MS): Renderer {
  let worker: Worker | null = null;
  let idle: NodeJS.Timeout | undefined;
  let waiting = 0;
  let last: Promise<unknown> = Promise.resolve();
  const end = async (): Promise<void> => {
    const ended = worker;
    worker = null;
    await ended?.terminate();
  };
  const start = (): Worker => {
    const started = new Worker(new URL('./render-worker.ts', import.meta.url), { resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB } });
    started.unref();
    // Whoever waits for it hears of its end himself; a thread that dies while nobody does must take neither the gateway nor the next frame with it.
    started.on('error', () => {});
    started.on('exit', () => {
      if (worker === started) worker = null;
    });
    return started;
  };
  const one = async (read: () => Promise<RenderJob | Failure>): Promise<Buffer | Failure> => {
    const job = await read();
    if (isFailure(job)) return job;
    clearTimeout(idle);
    worker ??= start();
    const result = await answerOf(worker, job, limitMs);
    if ('image' in result) {
      idle = setTimeout(() => void end(), IDLE_MS).unref();
      return Buffer.from(result.image.buffer, result.image.byteOffset, result.image.byteLength);
    }
    // Whatever a decoder was left in, the next image shall not meet it.
    await end();
    return failure('dicomweb', result.problem === 'timeout' ? 'timeout' : 'invalid', result.problem);
  };
  return {
    render: async (read) => {
      if (waiting >= MAX_WAITING) return failure('dicomweb', 'out-of-resources', 'too many wait to be rendered', 'transient');
      waiting++;
      const turn = last.then(() => one(read)).finally(() => waiting--);
      last = turn.catch(() => {});
      return turn;
    },
    close: async () => {
      clearTimeout(idle);
      await end();
    },
  };
}

function answerOf(worker: Worker, job: RenderJob, limitMs: number): Promise<RenderResult> {
  return new Promise((resolve) => {
    const settle = (result: RenderResult): void => {
      clearTimeout(timer);
      worker.off('message', settle);
      worker.off('error', died);
      worker.off('exit', died);
      resolve(result);
    };
    const died = (): void => settle({ problem: 'the thread died' });
    const timer = setTimeout(() => settle({ problem: 'timeout' }), limitMs);
    worker.on('message', settle);
    worker.on('error', died);
    worker.on('exit', died);
    worker.postMessage(job, [job.frame]);
  });
}

/**
 * One thread that works on the frames of images, given one after the other. Promises: a frame that takes too long, or that kills the thread,
 * ends as a Failure and the next one finds a new thread, also when it died without work; a frame is read when its turn comes, so that one at a
 * time is held; without work the thread ends and gives back its memory.
 */
import { Worker } from 'node:worker_threads';
import { type Failure, isFailure } from '../../model/failure.ts';

export type CodecThread<Job, Done> = {
  /** `read` gets the job, or says why there is none. */
  run(read: () => Promise<Job | Failure>): Promise<Done | Failure>;
  close(): Promise<void>;
};

export type CodecWork<Job> = {
  readonly limitMs: number;
  /** What of a job is given away with it. */
  readonly transferred: (job: Job) => ArrayBuffer[];
  /** `problem`: TIMEOUT, or what the thread said, or that it died. */
  readonly failed: (problem: string) => Failure;
};

type Result<Done> = Done | { readonly problem: string };

export const TIMEOUT = 'timeout';
const IDLE_MS = 60_000;
/** Of the thread's JavaScript; WebAssembly has its memory beside it, of which the codecs take 2 GiB at most. */
const MAX_HEAP_MB = 512;

/** Nothing is started before there is work. The script answers each job with one message: what is done, or `{ problem }`. */
export function openCodecThread<Job, Done extends object>(
  script: URL,
  { limitMs, transferred, failed }: CodecWork<Job>,
): CodecThread<Job, Done> {
  let worker: Worker | null = null;
  let idle: NodeJS.Timeout | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const end = async (): Promise<void> => {
    const ended = worker;
    worker = null;
    await ended?.terminate();
  };
  const start = (): Worker => {
    const started = new Worker(script, { resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB }, stdout: true, stderr: true });
    started.unref();
    // What a decoder says of a broken image is not for our log.
    started.stdout.resume();
    started.stderr.resume();
    // Whoever waits for it hears of its end himself; a thread that dies while nobody does must take neither the gateway nor the next frame with it.
    started.on('error', () => {});
    started.on('exit', () => {
      if (worker === started) worker = null;
    });
    return started;
  };
  const one = async (read: () => Promise<Job | Failure>): Promise<Done | Failure> => {
    const job = await read();
    if (isFailure(job)) return job;
    clearTimeout(idle);
    worker ??= start();
    const result = await answerOf<Done>(worker, { job, transfer: transferred(job), limitMs });
    if (!('problem' in result)) {
      idle = setTimeout(() => void end(), IDLE_MS).unref();
      return result;
    }
    // Whatever a decoder was left in, the next frame shall not meet it.
    await end();
    return failed(result.problem);
  };
  return {
    run: (read) => {
      const turn = last.then(() => one(read));
      last = turn.catch(() => {});
      return turn;
    },
    close: async () => {
      clearTimeout(idle);
      await end();
    },
  };
}

type Asked = { readonly job: unknown; readonly transfer: ArrayBuffer[]; readonly limitMs: number };

function answerOf<Done>(worker: Worker, { job, transfer, limitMs }: Asked): Promise<Result<Done>> {
  return new Promise((resolve) => {
    const settle = (result: Result<Done>): void => {
      clearTimeout(timer);
      worker.off('message', settle);
      worker.off('error', died);
      worker.off('exit', died);
      resolve(result);
    };
    const died = (): void => settle({ problem: 'the thread died' });
    const timer = setTimeout(() => settle({ problem: TIMEOUT }), limitMs);
    worker.on('message', settle);
    worker.on('error', died);
    worker.on('exit', died);
    worker.postMessage(job, transfer);
  });
}

/**
 * One decoding thread, given one frame after the other. Promises: a frame that takes too long, or that kills the thread, ends as a Failure and
 * the next one finds a new thread; a frame is read when its turn comes, so that one at a time is held; without work the thread ends and
 * gives back its memory.
 */
import { Worker } from 'node:worker_threads';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import type { EncodedFrame, PixelDecoder } from '../../model/pixel-decoder.ts';
import type { DecodeJob, DecodeResult } from './decode-worker.ts';

const DEFAULT_LIMIT_MS = 60_000;
const IDLE_MS = 60_000;
/** Of the thread's JavaScript; what its decoders may take is bounded by the size of the image. */
const MAX_HEAP_MB = 512;

/** Nothing is started before there is work. */
export function openDecoder(limitMs = DEFAULT_LIMIT_MS): PixelDecoder {
  let worker: Worker | null = null;
  let idle: NodeJS.Timeout | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const end = async (): Promise<void> => {
    const ended = worker;
    worker = null;
    await ended?.terminate();
  };
  const start = (): Worker => {
    const started = new Worker(new URL('./decode-worker.ts', import.meta.url), { resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB } });
    started.unref();
    // Whoever waits for it hears of its end himself; a thread that dies while nobody does must take neither the gateway nor the next frame with it.
    started.on('error', () => {});
    started.on('exit', () => {
      if (worker === started) worker = null;
    });
    return started;
  };
  const one = async (read: () => Promise<EncodedFrame | Failure>): Promise<Buffer | Failure> => {
    const frame = await read();
    if (isFailure(frame)) return frame;
    clearTimeout(idle);
    worker ??= start();
    const result = await answerOf(worker, frame, limitMs);
    if ('pixels' in result) {
      idle = setTimeout(() => void end(), IDLE_MS).unref();
      return Buffer.from(result.pixels.buffer, result.pixels.byteOffset, result.pixels.byteLength);
    }
    // Whatever a decoder was left in, the next frame shall not meet it.
    await end();
    return failed(result.problem);
  };
  return {
    decode: (read) => {
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

/** A machine that is busy may have time later; a frame that no decoder understands is the same each time. */
function failed(problem: string): Failure {
  if (problem === TIMEOUT) return failure('dicom', 'timeout', 'cannot be decompressed: a frame takes too long', 'transient');
  return failure('dicom', 'invalid', `cannot be decompressed: a frame is not understood (${problem})`);
}

function answerOf(worker: Worker, frame: EncodedFrame, limitMs: number): Promise<DecodeResult> {
  return new Promise((resolve) => {
    const settle = (result: DecodeResult): void => {
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
    worker.postMessage({ frame } satisfies DecodeJob, [frame.bytes.buffer]);
  });
}

const TIMEOUT = 'timeout';

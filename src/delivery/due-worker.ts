/**
 * Works off what is due in a table, beside everything else, until it is stopped. In: what to do once at the start (rows that a killed
 * process had taken), and what to do for whatever is due. Promises: it looks again at once where there was something, else after a second;
 * what fails is told and tried again; a stop waits for what was begun.
 */
import { reasonOf } from '../store/database-failure.ts';

const POLL_MS = 1_000;

export type DueWorker = { stop(): Promise<void> };

export type DueWork = {
  /** Once, and again until it succeeds, before anything else. */
  readonly begin?: () => Promise<void>;
  /** True where something was due: then there may be more. `ending` is aborted by a stop: what only waits for others ends there. */
  readonly work: (ending: AbortSignal) => Promise<boolean>;
  readonly failed: (reason: string) => void;
};

export function startDueWorker({ begin = async () => {}, work, failed }: DueWork): DueWorker {
  const stopping = new AbortController();
  const ending = stopping.signal;
  let wake = (): void => {};
  const pause = () =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, POLL_MS);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  const run = async (): Promise<void> => {
    for (let begun = false; !ending.aborted; ) {
      try {
        if (!begun) await begin();
        begun = true;
        if (await work(ending)) continue;
      } catch (error) {
        failed(reasonOf(error));
      }
      if (!ending.aborted) await pause();
    }
  };
  const running = run();
  return {
    stop: async () => {
      stopping.abort();
      wake();
      await running;
    },
  };
}

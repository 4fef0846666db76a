/**
 * Waiting at the door for what the corridor makes of an order. In: the entry, and how long its sender may be kept waiting. Out: the answer
 * that stands in the journal when the entry is worked off, or when time is up.
 * Promises: what is answered is what every resend gets; a reply that comes later than this is sent as a message of its own, and one that
 * was given here is not (store/awaited-reply-store.ts); waits that end together are one statement; rejects when time is up and the
 * database does not say.
 */
import { ANSWERED, endedWaits } from '../../store/awaited-reply-store.ts';
import type { Database } from '../../store/database.ts';
import { type Ear, listen } from '../../store/notice-store.ts';

/** How soon it is looked for what NOTIFY missed. */
const POLL_MS = 1_000;
/** How soon a wait is looked at again that the corridor was just ending when time was up. */
const CLOSE_CALL_MS = 25;
/** Rest before a lost connection is opened again. */
const REST_MS = 1_000;

export type ReplyWaiter = {
  answered(seq: number, waitMs: number): Promise<Buffer>;
  /** Nobody is kept waiting any longer. */
  stop(): Promise<void>;
};

type Wait = { readonly seq: number; readonly due: number; resolve(answer: Buffer): void; reject(error: unknown): void };

export function openReplyWaiter(database: Database, onLost: (error: unknown) => void): ReplyWaiter {
  const waits = new Set<Wait>();
  let ear: Ear | null = null;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let running = false;
  let again = false;

  const isOver = ({ due }: Wait): boolean => stopped || due <= performance.now();
  const look = async (): Promise<void> => {
    const [seqs, expired] = [seqsOf(waits), seqsOf([...waits].filter(isOver))];
    try {
      const answers = await endedWaits(database, seqs, expired);
      end(
        (wait) => answers.has(wait.seq),
        (wait) => wait.resolve(answers.get(wait.seq) as Buffer),
      );
    } catch (error) {
      end(isOver, (wait) => wait.reject(error));
    }
  };
  const end = (which: (wait: Wait) => boolean, how: (wait: Wait) => void): void => {
    for (const wait of [...waits].filter(which)) {
      waits.delete(wait);
      how(wait);
    }
  };
  /** One look at a time; what is asked for meanwhile is looked for after it. */
  const wake = (): void => {
    clearTimeout(timer);
    again = true;
    if (!running) void run();
  };
  const run = async (): Promise<void> => {
    running = true;
    while (again && waits.size > 0) {
      again = false;
      await look();
    }
    running = false;
    if (waits.size > 0) timer = setTimeout(wake, restMs([...waits]));
  };
  const restMs = (open: readonly Wait[]): number => {
    if (open.some(isOver)) return CLOSE_CALL_MS;
    return Math.min(POLL_MS, ...open.map(({ due }) => due - performance.now()));
  };

  return {
    answered: (seq, waitMs) =>
      new Promise((resolve, reject) => {
        ear ??= listen(database, { [ANSWERED]: wake }, { restMs: REST_MS, onLost });
        waits.add({ seq, due: performance.now() + waitMs, resolve, reject });
        wake();
      }),
    stop: async () => {
      stopped = true;
      ear?.stop();
      while (waits.size > 0) {
        wake();
        await new Promise((soon) => setTimeout(soon, CLOSE_CALL_MS));
      }
    },
  };
}

function seqsOf(waits: Iterable<Wait>): number[] {
  return [...new Set([...waits].map(({ seq }) => seq))];
}

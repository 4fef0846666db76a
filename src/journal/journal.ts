/**
 * Nothing is acknowledged before it is in here.
 * Concurrent arrivals share one insert (group commit): while a batch is being committed the next one gathers, so that the cost of
 * a durable commit is paid once for all connections. `append` resolves after COMMIT; only then may a door answer.
 */
import type { Appended, NewEntry } from '../model/entry.ts';
import type { Metrics } from '../model/metrics.ts';
import type { Database, Transaction } from '../store/database.ts';
import { controlIdReused, insertEntries, lockControlId, wakeCorridor } from '../store/journal-store.ts';

/**
 * Arrivals wait this long for company where there was some lately, until they are as many or ENOUGH: a commit of eight entries costs less
 * than two of one, of more not much less an entry. Who sends alone never waits.
 */
const LINGER_MS = 4;
const ENOUGH = 8;
/** How fast company is forgotten, a batch. */
const FORGET = 0.9;
/** The corridor is woken at most this often: after work it looks once more by itself, and a NOTIFY is dear (a lock, a signal, a wake-up). */
const WAKE_MS = 20;
const MAX_BATCH = 512;
/** Bytes one insert carries; a larger entry goes alone. */
const MAX_BATCH_BYTES = 16 * 1024 * 1024;

export type Journal = {
  /** Durable when it resolves. Rejects when the database did not take it: then nothing was written, or it is found again as a resend. */
  append(entry: NewEntry): Promise<Appended>;
  /** Inside the caller's transaction (a FHIR write, a receipt): durable with it. */
  appendIn(tx: Transaction, entry: NewEntry): Promise<number>;
  appendAllIn(tx: Transaction, entries: readonly NewEntry[]): Promise<void>;
  /**
   * Appends `entry` when its peer never sent its control id with other bytes, else `otherwise`: of many that come at once on many
   * connections, to this gateway or to another one of the same database, one is the first.
   */
  appendUnused(entry: NewEntry, otherwise: NewEntry): Promise<Appended & { readonly reused: boolean }>;
  /** Waits until everything gathered is committed. */
  close(): Promise<void>;
};

type Waiting = { entry: NewEntry; resolve: (appended: Appended) => void; reject: (error: unknown) => void };

export function openJournal(database: Database, metrics?: Metrics): Journal {
  const waiting: Waiting[] = [];
  const bell = openBell(database);
  let running: Promise<void> | null = null;
  let crowd = 1;
  let joined: () => void = () => {};

  const commit = async (batch: readonly Waiting[]): Promise<void> => {
    try {
      const entries = batch.map((item) => item.entry);
      const appended = await insertEntries(database, entries, bell.isDue());
      for (const [index, item] of batch.entries()) item.resolve(appended[index] as Appended);
      metrics?.count('waystation_journal_entries_total', {}, batch.length);
      metrics?.count('waystation_journal_commits_total');
    } catch (error) {
      // What the database cannot hold is refused by itself: those that came at the same moment are not to blame.
      if (batch.length > 1 && isDataFault(error)) for (const item of batch) await commit([item]);
      else for (const item of batch) item.reject(error);
    }
  };
  const drain = async (): Promise<void> => {
    while (waiting.length > 0) {
      await company();
      const batch = takeBatch();
      crowd = Math.max(batch.length, crowd * FORGET);
      await commit(batch);
    }
    running = null;
  };
  const company = async (): Promise<void> => {
    const enough = Math.min(ENOUGH, Math.floor(crowd));
    if (waiting.length >= enough) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, LINGER_MS);
      joined = () => {
        if (waiting.length < enough) return;
        clearTimeout(timer);
        resolve();
      };
    });
    joined = () => {};
  };
  const takeBatch = (): Waiting[] => {
    let bytes = 0;
    let count = 0;
    while (count < waiting.length && count < MAX_BATCH) {
      bytes += (waiting[count] as Waiting).entry.payload.length;
      if (count > 0 && bytes > MAX_BATCH_BYTES) break;
      count++;
    }
    return waiting.splice(0, count);
  };

  return {
    append: (entry) =>
      new Promise((resolve, reject) => {
        waiting.push({ entry, resolve, reject });
        joined();
        running ??= Promise.resolve().then(drain);
      }),
    appendIn: async (tx, entry) => ((await insertEntries(tx, [entry]))[0] as Appended).seq,
    appendAllIn: async (tx, entries) => {
      if (entries.length > 0) await insertEntries(tx, entries);
    },
    appendUnused: (entry, otherwise) =>
      database.transaction(async (tx) => {
        await lockControlId(tx, entry.peer, entry.controlId);
        const reused = await controlIdReused(tx, entry.peer, entry.controlId, entry.digest);
        const [appended] = await insertEntries(tx, [reused ? otherwise : entry]);
        return { ...(appended as Appended), reused };
      }),
    close: async () => {
      while (running) await running;
      await bell.close();
    },
  };
}

type Bell = { isDue(): boolean; close(): Promise<void> };

/** Whether an insert wakes the corridor; what comes too soon after such a one is told by a NOTIFY of its own. One that fails the poll makes up for. */
function openBell(database: Database): Bell {
  let rung = 0;
  let timer: NodeJS.Timeout | null = null;
  let ringing: Promise<void> = Promise.resolve();
  const ring = (): void => {
    timer = null;
    rung = performance.now();
    ringing = wakeCorridor(database).catch(() => {});
  };
  return {
    isDue: () => {
      const early = WAKE_MS - (performance.now() - rung);
      if (early <= 0) rung = performance.now();
      else timer ??= setTimeout(ring, early);
      return early <= 0;
    },
    close: async () => {
      if (timer) {
        clearTimeout(timer);
        ring();
      }
      await ringing;
    },
  };
}

/** SQLSTATE class 22, data exception: a NUL in a text, for one. */
function isDataFault(error: unknown): boolean {
  return String((error as { code?: string }).code ?? '').startsWith('22');
}

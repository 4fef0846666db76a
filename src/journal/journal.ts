/**
 * Nothing is acknowledged before it is in here.
 * Concurrent arrivals share one insert (group commit): while a batch is being committed the next one gathers, so that the cost of
 * a durable commit is paid once for all connections. `append` resolves after COMMIT; only then may a door answer.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Appended, NewEntry } from '../model/entry.ts';
import type { Metrics } from '../model/metrics.ts';
import type { Database, Transaction } from '../store/database.ts';
import { insertInstances } from '../store/instance-store.ts';
import { controlIdReused, insertEntries, lockControlId } from '../store/journal-store.ts';

/** How long the first arrival waits for company, when there was company the last time. */
const LINGER_MS = 1;
const MAX_BATCH = 512;
/** Bytes one insert carries; a larger entry goes alone. */
const MAX_BATCH_BYTES = 16 * 1024 * 1024;

export type Journal = {
  /** Durable when it resolves. Rejects when the database did not take it: then nothing was written, or it is found again as a resend. */
  append(entry: NewEntry): Promise<Appended>;
  /** Inside the caller's transaction (a FHIR write, a receipt): durable with it. */
  appendIn(tx: Transaction, entry: NewEntry): Promise<number>;
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
  let running: Promise<void> | null = null;
  let lastBatch = 0;

  const commit = async (batch: readonly Waiting[]): Promise<void> => {
    try {
      const appended = await commitBatch(
        database,
        batch.map((item) => item.entry),
      );
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
      const batch = takeBatch();
      lastBatch = batch.length;
      await commit(batch);
    }
    running = null;
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
        running ??= (lastBatch > 1 ? pause(LINGER_MS) : Promise.resolve()).then(drain);
      }),
    appendIn: async (tx, entry) => ((await commitEntries(tx, [entry]))[0] as Appended).seq,
    appendUnused: (entry, otherwise) =>
      database.transaction(async (tx) => {
        await lockControlId(tx, entry.peer, entry.controlId);
        const reused = await controlIdReused(tx, entry.peer, entry.controlId, entry.digest);
        const [appended] = await commitEntries(tx, [reused ? otherwise : entry]);
        return { ...(appended as Appended), reused };
      }),
    close: async () => {
      while (running) await running;
    },
  };
}

/** One statement commits by itself; instance rows make it a transaction. */
function commitBatch(database: Database, entries: readonly NewEntry[]): Promise<Appended[]> {
  if (!entries.some((entry) => entry.instance)) return insertEntries(database, entries);
  return database.transaction((tx) => commitEntries(tx, entries));
}

async function commitEntries(tx: Transaction, entries: readonly NewEntry[]): Promise<Appended[]> {
  const appended = await insertEntries(tx, entries);
  const instances = entries.flatMap((entry, index) => {
    const { seq, duplicate } = appended[index] as Appended;
    return entry.instance && !duplicate ? [{ instance: entry.instance, seq }] : [];
  });
  if (instances.length > 0) await insertInstances(tx, instances);
  return appended;
}

/** SQLSTATE class 22, data exception: a NUL in a text, for one. */
function isDataFault(error: unknown): boolean {
  return String((error as { code?: string }).code ?? '').startsWith('22');
}

/**
 * Who read what. In: one line a read. Out: rows in `audit`, many an insert, so that a read does not wait for its own row.
 * Promises bounded memory: when the database does not keep up, `record` waits, and so does the read that asked.
 */
import type { Database } from './database.ts';

export type AuditLine = {
  readonly at: Date;
  /** Name of the client. */
  readonly client: string;
  /** `read`, `vread`, `history`, `search`, `binary`. */
  readonly action: string;
  /** `Type/id`, or `Type?` and the parameters of a search. */
  readonly target: string;
  /** HTTP status, and for a search how many were shown. */
  readonly result: string;
};

export type AuditTrail = {
  /** Resolves at once while there is room, else when rows have been written. */
  record(line: AuditLine): Promise<void>;
  /** Resolves when every line recorded is in the table, or the database refused once more. */
  close(): Promise<void>;
};

const MAX_BATCH = 500;
const MAX_WAITING = 5_000;
const LINGER_MS = 50;
const RETRY_MS = 1_000;

/** Opens the trail. `onError` hears of a database that did not take the rows; they are kept and tried again. */
export function openAudit(database: Database, onError: (error: Error) => void): AuditTrail {
  const waiting: AuditLine[] = [];
  let writing: Promise<void> | null = null;
  let closing = false;

  const drain = async (): Promise<void> => {
    await sleep(LINGER_MS);
    while (waiting.length > 0) {
      const isLastTry = closing;
      const batch = waiting.slice(0, MAX_BATCH);
      try {
        await insertLines(database, batch);
        waiting.splice(0, batch.length);
      } catch (error) {
        onError(error as Error);
        if (isLastTry) break;
        await sleep(RETRY_MS);
      }
    }
    writing = null;
  };
  const start = (): Promise<void> => {
    writing ??= drain();
    return writing;
  };
  return {
    record: async (line) => {
      waiting.push(line);
      const written = start();
      if (waiting.length > MAX_WAITING) await written;
    },
    close: async () => {
      closing = true;
      if (waiting.length > 0) await start();
    },
  };
}

async function insertLines(database: Database, lines: readonly AuditLine[]): Promise<void> {
  await database.query({
    name: 'audit-insert',
    text: `insert into audit (at, client, action, target, result)
           select * from unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[])`,
    values: [
      lines.map((line) => line.at),
      lines.map((line) => storable(line.client)),
      lines.map((line) => line.action),
      lines.map((line) => storable(line.target)),
      lines.map((line) => line.result),
    ],
  });
}

/** A client writes its own URLs: what PostgreSQL has no room for must not hold up the rows of others. */
function storable(text: string): string {
  return text.replaceAll('\0', '').slice(0, MAX_TEXT);
}

const MAX_TEXT = 1_000;

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

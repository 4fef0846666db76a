/**
 * One gateway a data directory. In: the directory and a way to connect to its database. Out: a Hold, that is an advisory lock on a
 * connection of its own, held for life: it ends with the process, however that ends, and leaves nothing stale behind.
 * Promises: a second gateway is refused with a text that says what to do. A broken connection is made again, with the lock;
 * when somebody else has the lock by then, `onLost` is told, and the gateway must stop.
 */
import { createHash, randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { Log } from '../model/log.ts';
import { openConnection } from './database.ts';

/** First of the lock's two numbers: sets these locks apart from others of this program. */
const HOLD_CLASS = 729_041;
/** A killed gateway's lock lives until the server sees that its connection is gone. */
const PATIENCE_MS = 2_000;
const LOCK_POLL_MS = 50;
const GOODBYE_MS = 1_000;
const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 15_000;

export type Hold = {
  /** Lets go, for good. */
  release(): Promise<void>;
};

export type HoldOptions = {
  readonly dataDirectory: string;
  readonly connect: Connect;
  readonly log: Log;
  /** Another gateway took the directory while our connection was broken. */
  readonly onLost?: (error: Error) => void;
};

/** Opens the connection; the embedded server also brings itself up here. */
export type Connect = (application: string) => Promise<pg.Client>;

/** Another gateway holds the directory. */
export class DirectoryInUse extends Error {}

type Locked = { readonly client: pg.Client; readonly ended: Promise<void> };

/** Takes the data directory, or throws what is in the way. */
export async function holdDataDirectory(options: HoldOptions): Promise<Hold> {
  const key = lockKey(await directoryIdentity(options.dataDirectory));
  let locked = await lock(options, key);
  let released = false;
  const keep = async (): Promise<void> => {
    while (!released) {
      await locked.ended;
      if (released) return;
      options.log.warn('data-directory.hold-broken');
      locked = await lockAgain(options, key, () => released);
    }
    await locked.client.end();
  };
  keep().catch((error: Error) => released || options.onLost?.(error));
  return {
    release: async () => {
      released = true;
      // A peer that vanished would let us wait for its goodbye.
      await Promise.race([locked.client.end(), sleep(GOODBYE_MS, undefined, { ref: false })]);
    },
  };
}

/** `connect` for a server that is not ours (DATABASE_URL). */
export function connectionTo(url: string): Connect {
  return (application) => openConnection(url, application);
}

async function lock(options: HoldOptions, key: number): Promise<Locked> {
  const client = await options.connect(`waystation ${process.pid}@${hostname()}`.slice(0, 63));
  const ended = new Promise<void>((resolve) => client.once('end', () => resolve()));
  try {
    for (let waited = 0; !(await tryLock(client, key)); waited += LOCK_POLL_MS) {
      if (waited >= PATIENCE_MS) throw await inUse(client, key, options.dataDirectory);
      await sleep(LOCK_POLL_MS);
    }
    return { client, ended };
  } catch (error) {
    await client.end().catch(() => {});
    throw error;
  }
}

/** Tries for as long as it takes: a database that is away for hours comes back without anybody's help. */
async function lockAgain(options: HoldOptions, key: number, released: () => boolean): Promise<Locked> {
  for (let delay = FIRST_DELAY_MS; ; delay = Math.min(2 * delay, MAX_DELAY_MS)) {
    try {
      const locked = await lock(options, key);
      options.log.info('data-directory.held-again');
      return locked;
    } catch (error) {
      if (released() || error instanceof DirectoryInUse) throw error;
      options.log.error('data-directory.hold-failed', { reason: (error as Error).message, retryMs: delay });
    }
    await sleep(delay, undefined, { ref: false });
  }
}

async function tryLock(client: pg.Client, key: number): Promise<boolean> {
  const { rows } = await client.query('select pg_try_advisory_lock($1::integer, $2::integer) as locked', [HOLD_CLASS, key]);
  return rows[0].locked;
}

async function inUse(client: pg.Client, key: number, dataDirectory: string): Promise<DirectoryInUse> {
  const { rows } = await client.query(
    `select application_name as holder from pg_stat_activity join pg_locks using (pid)
     where locktype = 'advisory' and classid = $1 and objid = $2 and objsubid = 2 and granted`,
    [HOLD_CLASS, key],
  );
  return new DirectoryInUse(
    `${dataDirectory} is in use by another gateway (${rows[0]?.holder ?? 'unknown'}): stop that one, ` +
      'or give this one a data directory of its own (WAYSTATION_DATA, or data in the configuration)',
  );
}

/** Second of the lock's two numbers, positive, so that it reads the same in pg_locks. */
function lockKey(identity: string): number {
  return createHash('sha256').update(identity).digest().readUInt32BE() >>> 1;
}

/** A name that travels with the directory: paths and host names differ between machines and containers that share it. */
async function directoryIdentity(dataDirectory: string): Promise<string> {
  const path = join(dataDirectory, 'identity');
  const known = await readFile(path, 'utf8').catch(() => null);
  if (known !== null) return known;
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, randomUUID(), { mode: 0o600, flush: true });
  // link, not rename: of two that start together, one wins and both read the winner's.
  await link(draft, path).catch(() => {});
  await rm(draft);
  return readFile(path, 'utf8');
}

/**
 * PostgreSQL from npm, kept running for as long as the gateway runs. In: the data directory. Out: a URL that stays the same through
 * crashes and restarts of the server.
 * Promises: a server that a killed gateway left behind is adopted; whatever a crash left behind is recovered from; one gateway a
 * directory; a server that dies is started again; `stop` ends it in order.
 * The Hold of the data directory supervises: when its connection breaks, `bringUp` runs before the next one is opened.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { open, readFile, rename, rm, rmdir, stat } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../model/log.ts';
import { type Connect, holdDataDirectory } from './data-directory-store.ts';
import { openConnection } from './database.ts';
import { asAccount, type EmbeddedHome, ensureSocketDirectory, isAlive, prepareHome } from './embedded-home-store.ts';
import {
  DATABASE_NAME,
  type PostmasterLock,
  parsePostmasterLock,
  serverArguments,
  socketLockFile,
  socketUrl,
} from './embedded-settings.ts';

const POLL_MS = 20;
/** A person who watches a long recovery is told every five seconds that it goes on. */
const TELL_TURNS = 250;
/** Crash recovery replays at most max_wal_size; a disk that needs longer is out of order. */
const START_LIMIT_MS = 10 * 60_000;
/** A fast shutdown writes out shared_buffers. After this, an immediate one: nothing is lost, the next start recovers. */
const STOP_LIMIT_MS = 60_000;
/** Backends of a killed postmaster hold its memory until they notice: starts are tried again after 100, 200, 400 … ms. */
const START_TRIES = 7;
const FIRST_RETRY_MS = 100;
const MAX_LOG_BYTES = 1024 * 1024;
const LOG_TAIL_BYTES = 1_000;

export type EmbeddedServer = {
  /** As store/database.ts takes it. */
  readonly url: string;
  /** True when a running server was found. */
  readonly adopted: boolean;
  /** Lets the directory go and ends the server. Close pools before. */
  stop(): Promise<void>;
};

export type EmbeddedOptions = {
  readonly dataDirectory: string;
  readonly log: Log;
  /** Directory with bin/ of a PostgreSQL installed on the machine, to use instead of the package's. */
  readonly binaries?: string;
  /** PostgreSQL's settings where they are not ours, as for a server whose data nobody will miss. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Another gateway took the directory while the server was down: this one must stop. */
  readonly onLost?: (error: Error) => void;
};

/** Starts or adopts the server of a data directory and holds the directory. Throws with a text that says what to do. */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const prepared = await prepareHome(options.dataDirectory, options.binaries);
  const adopted = await comesUp(prepared, options.log);
  const running = adopted ? await readLock(lockFile(prepared.cluster)) : null;
  // A server left behind keeps its socket where it was, also when it has to be started again: the URL is handed out once.
  const home = { ...prepared, sockets: running?.socketDirectory || prepared.sockets };
  const url = socketUrl(home.sockets, DATABASE_NAME);
  let stopped = false;
  const connect: Connect = async (application) => {
    if (stopped) throw new Error('the embedded database was stopped');
    await bringUp(home, options);
    await ensureDatabase(home);
    return openConnection(url, application);
  };
  const hold = await holdDataDirectory({ ...options, connect });
  return {
    url,
    adopted,
    stop: async () => {
      stopped = true;
      await hold.release();
      await shutDown(home, options.log);
      await rmdir(home.sockets).catch(() => {});
    },
  };
}

/** Afterwards a server answers: the one that was there, or a new one. */
async function bringUp(home: EmbeddedHome, { log, settings = {} }: Pick<EmbeddedOptions, 'log' | 'settings'>): Promise<void> {
  if (await comesUp(home, log)) return;
  for (let attempt = 1, delay = FIRST_RETRY_MS; ; attempt++, delay *= 2) {
    const child = await launch(home, log, settings);
    if (await comesUp(home, log, child)) {
      log.info('database.started', { pid: child.pid ?? 0, cluster: home.cluster });
      return;
    }
    if (attempt === START_TRIES) throw new Error(`the embedded database does not start (${home.logFile}): ${await logTail(home.logFile)}`);
    await sleep(delay);
  }
}

/** Waits for a server that is on its way. False when there is none, or none any more. */
async function comesUp(home: EmbeddedHome, log: Log, child: ChildProcess | null = null): Promise<boolean> {
  for (let turn = 1; turn <= START_LIMIT_MS / POLL_MS; turn++) {
    // Asked before the look: a child that ends after it is seen at the next turn.
    const childRuns = child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
    const found = await look(home.cluster);
    if (found === 'ready') return true;
    if (found === 'absent' && !childRuns) return false;
    if (turn % TELL_TURNS === 0) log.info('database.not-yet-up', { logFile: home.logFile });
    await sleep(POLL_MS);
  }
  throw new Error(`the embedded database has not come up within ${START_LIMIT_MS / 60_000} minutes: see ${home.logFile}`);
}

/** The lock file is read first: a server that starts logs every connection it has to refuse. */
async function look(cluster: string): Promise<'ready' | 'starting' | 'absent'> {
  const lock = await readLock(lockFile(cluster));
  if (!lock) return 'absent';
  const alive = isPostmaster(lock.pid, cluster);
  if (alive && !lock.ready) return 'starting';
  // Asked even when there is no such process: it may be in another container that shares the directory.
  const answer = lock.socketDirectory === '' ? 'silent' : await ask(lock.socketDirectory);
  if (answer === cluster) return 'ready';
  return alive || answer === 'not yet' ? 'starting' : 'absent';
}

/** Which data directory the server behind a socket serves; `not yet` while it starts, stops or recovers; `silent` when nobody is there. */
async function ask(socketDirectory: string): Promise<string> {
  try {
    const client = await openConnection(socketUrl(socketDirectory, 'postgres'), 'waystation start');
    try {
      return (await client.query('show data_directory')).rows[0].data_directory;
    } finally {
      await client.end();
    }
  } catch (error) {
    const code = (error as { code?: string }).code ?? 'none';
    if (NOBODY_THERE.has(code)) return 'silent';
    if (NOT_YET.has(code)) return 'not yet';
    throw error;
  }
}

/** In a session of its own, so that Ctrl-C reaches the gateway only; its output goes to a file, which outlives the gateway. */
async function launch(home: EmbeddedHome, log: Log, settings: Readonly<Record<string, string>>): Promise<ChildProcess> {
  await removeReusedLocks(home);
  await ensureSocketDirectory(home.sockets, home.account);
  await rotate(home.logFile);
  const output = await open(home.logFile, 'a', 0o600);
  try {
    const memory = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
    const child = spawn(join(home.binaries, 'bin', 'postgres'), serverArguments(home.cluster, home.sockets, memory, settings), {
      ...asAccount(home.account),
      detached: true,
      stdio: ['ignore', output.fd, output.fd],
    });
    child.once('error', (error) => log.error('database.spawn-failed', { reason: error.message }));
    child.unref();
    return child;
  } finally {
    await output.close();
  }
}

/**
 * PostgreSQL sees by itself that the lock file of a dead process is stale. It does not when another process of the same user got the
 * dead one's id, which in a restarted container is the rule, nor in a copied directory whose original runs: then the file goes.
 */
async function removeReusedLocks(home: EmbeddedHome): Promise<void> {
  for (const file of [lockFile(home.cluster), socketLockFile(home.sockets)]) {
    const lock = await readLock(file);
    if (lock && isAlive(lock.pid) && !isPostmaster(lock.pid, home.cluster)) await rm(file, { force: true });
  }
}

/** First fast (sessions are ended, memory is written out), then immediate. */
async function shutDown(home: EmbeddedHome, log: Log): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    const lock = await readLock(lockFile(home.cluster));
    if (!lock || !isPostmaster(lock.pid, home.cluster)) return;
    process.kill(lock.pid, signal);
    for (let turn = 0; turn < STOP_LIMIT_MS / POLL_MS; turn++) {
      if (!isPostmaster(lock.pid, home.cluster)) return log.info('database.stopped', { pid: lock.pid, signal });
      await sleep(POLL_MS);
    }
  }
  log.error('database.stop-failed', { cluster: home.cluster });
}

/** A postmaster's command line names its cluster; a number alone says nothing, for ids are used again. */
export function isPostmaster(pid: number, cluster: string): boolean {
  return isAlive(pid) && ` ${commandLine(pid)} `.includes(` -D ${cluster} `);
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    // macOS has no /proc; on Linux the process is gone, and ps says nothing.
    return spawnSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout?.trim() ?? '';
  }
}

async function readLock(file: string): Promise<PostmasterLock | null> {
  return parsePostmasterLock(await readFile(file, 'utf8').catch(() => ''));
}

function lockFile(cluster: string): string {
  return join(cluster, 'postmaster.pid');
}

async function ensureDatabase(home: EmbeddedHome): Promise<void> {
  const client = await openConnection(socketUrl(home.sockets, 'postgres'), 'waystation start');
  try {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [DATABASE_NAME]);
    if (rowCount === 0) await client.query(`create database ${DATABASE_NAME}`);
  } catch (error) {
    // Another gateway that starts at the same moment made it.
    if (!ALREADY_MADE.has((error as { code?: string }).code ?? '')) throw error;
  } finally {
    await client.end();
  }
}

async function rotate(logFile: string): Promise<void> {
  const found = await stat(logFile).catch(() => null);
  if (found && found.size > MAX_LOG_BYTES) await rename(logFile, `${logFile}.1`);
}

async function logTail(logFile: string): Promise<string> {
  return (await readFile(logFile, 'utf8').catch(() => '')).slice(-LOG_TAIL_BYTES).trim();
}

const NOBODY_THERE = new Set(['ENOENT', 'ECONNREFUSED']);
/** cannot_connect_now, admin_shutdown, crash_shutdown, too_many_connections, and connections cut off half way. */
const NOT_YET = new Set(['57P03', '57P01', '57P02', '53300', 'ECONNRESET', 'EPIPE', 'none']);
/** duplicate_database, and the same seen by the unique index. */
const ALREADY_MADE = new Set(['42P04', '23505']);

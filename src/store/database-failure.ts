/**
 * What an error says: whether the database is away (nobody's message is to blame), and what a log may tell of it.
 * An error that is not ours may quote what it could not read (JSON.parse quotes its input, PostgreSQL the row), so that its words are
 * kept only where they speak of the connection or the server.
 */

/** Connections (08), who may connect (28), which database (3D), resources as a full disk (53), a server that goes or comes (57P). */
const AWAY = /^(?:08|28|3D|53|57P)/;
/** A server that became a standby. */
const READ_ONLY = '25006';
/** What pg says without a code. `Query read timeout` comes after the server's own time limit: the server is silent, not slow. */
const PG_AWAY =
  /^(?:Connection terminated|Client has encountered a connection error|Client was closed|timeout exceeded when trying to connect|timeout expired|Query read timeout|Cannot use a pool after)/;
const SOCKET_CALLS: ReadonlySet<unknown> = new Set(['connect', 'getaddrinfo']);
/** Codes that no file gives. */
const SOCKET_CODES: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE']);

/** The database cannot be reached or cannot write. A missing file (ENOENT, but not from `connect`) is no such thing. */
export function isOutage(error: unknown): boolean {
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.every(isOutage);
  if (!(error instanceof Error)) return false;
  const { syscall } = error as NodeJS.ErrnoException;
  const code = codeOf(error);
  if (isPostgresql(error)) return AWAY.test(code) || code === READ_ONLY;
  return SOCKET_CALLS.has(syscall) || SOCKET_CODES.has(code) || PG_AWAY.test(error.message);
}

/** serialization_failure, deadlock_detected, lock_not_available: another transaction was in the way, and nothing is wrong with this one. */
export function isContention(error: unknown): boolean {
  return error instanceof Error && isPostgresql(error) && CONTENTION.has(codeOf(error));
}

const CONTENTION: ReadonlySet<string> = new Set(['40001', '40P01', '55P03']);

/** What a log may say of an error: its name, its code, where it was thrown; its words when they tell of the connection only. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const code = codeOf(error);
  if (isPostgresql(error)) return /^(?:08|53|57)/.test(code) ? `${code} ${error.message.slice(0, 200)}` : `PostgreSQL ${code}`;
  if (PG_AWAY.test(error.message)) return error.message.slice(0, 200);
  return [error.name, code, frameOf(error)].filter((word) => word !== '').join(' ');
}

/** A server's error has a severity beside its SQLSTATE. */
function isPostgresql(error: Error): boolean {
  return 'severity' in error && /^[0-9A-Z]{5}$/.test(codeOf(error));
}

function codeOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' && /^\w{1,60}$/.test(code) ? code : '';
}

/** File and line of the first frame that has one; the words before the frames are left out. */
function frameOf(error: Error): string {
  const stack = error.stack ?? '';
  const frames = stack.slice(Math.max(0, stack.indexOf(error.message)) + error.message.length);
  const at = /^ +at .*?(?:((?:src|test|node_modules)\/[\w./@-]+)|(node:[\w/]+)):(\d+)/m.exec(frames);
  return at ? `at ${at[1] ?? at[2]}:${at[3]}` : '';
}

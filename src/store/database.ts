/**
 * The connection to PostgreSQL: a pool, transactions that are tried again when the server says so, and LISTEN.
 * Only the store talks SQL; other rooms get a `Database` or a `Transaction` and hand it to store functions.
 */
import pg from 'pg';
import { stepBackServer } from './background-store.ts';
import { type ColumnType, copyData } from './binary.ts';
import { copyIn } from './copy-session.ts';
import { isOutage } from './database-failure.ts';
import { arrayLiteral } from './packed.ts';

// seq and 53-bit tokens fit a double exactly; pg would hand them out as strings.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);
pg.types.setTypeParser(1016 as never, (text: string) => (text === '{}' ? [] : text.slice(1, -1).split(',').map(Number)));

/** What store functions run on: the pool or one transaction's connection. */
export type Queryable = {
  query<Row extends pg.QueryResultRow = pg.QueryResultRow>(text: string | pg.QueryConfig, values?: unknown[]): Promise<pg.QueryResult<Row>>;
};
/** A connection inside BEGIN … COMMIT. */
export type Transaction = Queryable & {
  readonly inTransaction: true;
  /** Adds rows that are surely new: a key that is there already is an error. */
  copy(target: CopyTarget, rows: readonly (readonly unknown[])[]): Promise<void>;
};
/** A table, and columns of it in the order of the values. */
export type CopyTarget = { readonly table: string; readonly columns: readonly (readonly [name: string, type: ColumnType])[] };

/** A connection that the caller has for itself until it releases it. */
export type Connection = pg.PoolClient;

export type Database = Queryable & {
  /** Runs `work` in one READ COMMITTED transaction; again on 40001, 40P01 and 23505, at most `tries` times in all. */
  transaction<T>(work: (tx: Transaction) => Promise<T>, tries?: number): Promise<T>;
  /** A connection of its own, for LISTEN and session locks. The caller releases it. */
  connect(): Promise<Connection>;
  close(): Promise<void>;
};

/** serialization_failure, deadlock_detected, unique_violation (a race that the second try sees). */
const TRY_AGAIN = new Set(['40001', '40P01', '23505']);

const CONNECT_TIMEOUT_MS = 5_000;
const KEEP_ALIVE_MS = 10_000;
/** No statement of a pool takes longer; a migration may. */
const STATEMENT_TIMEOUT_MS = 60_000;
/** The server ends a slow statement; who hears nothing this long after that has a server that is silent. */
const SILENCE_MS = 5_000;

/**
 * Opens a pool, bounded in time: `statementTimeoutMs` 0 is for statements that may take as long as they need. `onError` hears of
 * connections lost while idle (a database restart), which the pool replaces by itself. What runs in the `background` gives way to the
 * other pools of a server on this machine.
 */
export function openDatabase(
  url: string,
  options: {
    max?: number;
    application?: string;
    statementTimeoutMs?: number;
    background?: boolean;
    onError?: (error: Error) => void;
  } = {},
): Database {
  const limit = options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS;
  const pool = new pg.Pool({
    ...connectionOptions(url),
    ...LASTING,
    ...(limit > 0 ? { statement_timeout: limit, query_timeout: limit + SILENCE_MS } : {}),
    max: options.max ?? 10,
    application_name: options.application ?? 'waystation',
  });
  pool.on('error', (error) => options.onError?.(error));
  pool.on('connect', (client) => client.on('error', (error) => options.onError?.(error)));
  if (options.background) pool.on('connect', (client) => stepBack(client as pg.PoolClient & Served));
  return {
    query: (text, values) => pool.query(...written(text, values)),
    connect: () => pool.connect(),
    close: () => pool.end(),
    transaction: async (work, tries = 5) => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await runTransaction(pool, work);
        } catch (error) {
          if (attempt >= tries || !TRY_AGAIN.has((error as { code?: string }).code ?? '')) throw error;
        }
      }
    },
  };
}

/** Whom a connection leads to: a directory where the server is on this machine; its process, as it said at the start (BackendKeyData). */
type Served = { readonly host: string; readonly processID: number };

function stepBack({ host, processID }: Served): void {
  if (host.startsWith('/')) stepBackServer(processID);
}

/** A connection is there soon or not at all, and one that is lost is noticed. */
const LASTING = { connectionTimeoutMillis: CONNECT_TIMEOUT_MS, keepAlive: true, keepAliveInitialDelayMillis: KEEP_ALIVE_MS } as const;

/** One connection outside any pool, for locks that must live as long as the program. The caller listens to `error` and ends it. */
export async function openConnection(url: string, application: string): Promise<pg.Client> {
  const client = new pg.Client({
    ...connectionOptions(url),
    ...LASTING,
    application_name: application,
  });
  // Without a listener a lost connection would end the process; the caller adds what it wants to know.
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** pg reads a socket directory only from `host`: `socket:/dir?db=name&user=name` and ordinary URLs are both taken. */
function connectionOptions(url: string): pg.ClientConfig {
  if (!url.startsWith('socket:')) return { connectionString: url };
  const parsed = new URL(url);
  // Port and ssl are said, because pg would take them from PGPORT and PGSSLMODE.
  return {
    host: decodeURIComponent(parsed.pathname),
    port: 5432,
    ssl: false,
    database: parsed.searchParams.get('db') ?? 'postgres',
    user: parsed.searchParams.get('user') ?? 'postgres',
  };
}

/** A statement with its arrays as literals. */
function written(text: string | pg.QueryConfig, values: unknown[] | undefined): [string, unknown[] | undefined] {
  const literals = (list: unknown[] | undefined) => list?.map((value) => (Array.isArray(value) ? arrayLiteral(value) : value));
  const statement = typeof text === 'string' ? text : { ...text, values: literals(text.values) };
  return [statement as string, literals(values)];
}

async function runTransaction<T>(pool: pg.Pool, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('begin');
    const result = await work({
      inTransaction: true,
      query: (text, values) => client.query(...written(text, values)),
      copy: ({ table, columns }, rows) => {
        const names = columns.map(([name]) => name).join(', ');
        const types = columns.map(([, type]) => type);
        return copyIn(client, `copy ${table} (${names}) from stdin (format binary)`, copyData(types, rows));
      },
    });
    // PostgreSQL answers ROLLBACK where a statement failed and `work` went on as if it had not.
    const { command } = await client.query('commit');
    if (command !== 'COMMIT') throw new Error(`the transaction was not committed: the server answered ${command}`);
    return result;
  } catch (error) {
    // A server that is silent would be silent once more.
    if (isOutage(error)) broken = error as Error;
    else await client.query('rollback').catch((lost: Error) => (broken = lost));
    throw error;
  } finally {
    client.release(broken);
  }
}

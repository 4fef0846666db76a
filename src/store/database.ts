/**
 * The connection to PostgreSQL: a pool, transactions that are tried again when the server says so, and LISTEN.
 * Only the store talks SQL; other rooms get a `Database` or a `Transaction` and hand it to store functions.
 */
import pg from 'pg';

// seq and 53-bit tokens fit a double exactly; pg would hand them out as strings.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);
pg.types.setTypeParser(1016 as never, (text: string) => (text === '{}' ? [] : text.slice(1, -1).split(',').map(Number)));

/** What store functions run on: the pool or one transaction's connection. */
export type Queryable = {
  query<Row extends pg.QueryResultRow = pg.QueryResultRow>(text: string | pg.QueryConfig, values?: unknown[]): Promise<pg.QueryResult<Row>>;
};
/** A connection inside BEGIN … COMMIT. */
export type Transaction = Queryable & { readonly inTransaction: true };

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

/** Opens a pool. `onError` hears of connections lost while idle (a database restart), which the pool replaces by itself. */
export function openDatabase(
  url: string,
  options: { max?: number; application?: string; onError?: (error: Error) => void } = {},
): Database {
  const pool = new pg.Pool({ ...connectionOptions(url), max: options.max ?? 10, application_name: options.application ?? 'waystation' });
  pool.on('error', (error) => options.onError?.(error));
  pool.on('connect', (client) => client.on('error', (error) => options.onError?.(error)));
  return {
    query: (text, values) => pool.query(text as string, values),
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

/** One connection outside any pool, for locks that must live as long as the program. The caller listens to `error` and ends it. */
export async function openConnection(url: string, application: string): Promise<pg.Client> {
  const client = new pg.Client({
    ...connectionOptions(url),
    application_name: application,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
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

async function runTransaction<T>(pool: pg.Pool, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('begin');
    const result = await work({ inTransaction: true, query: (text, values) => client.query(text as string, values) });
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch((lost: Error) => {
      broken = lost;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

/**
 * A database of its own for a test file: cloned from one migrated template on a real PostgreSQL server.
 * The server is started once a run by global-setup.ts, or is the one that WAYSTATION_TEST_DATABASE_URL names.
 */
import { randomBytes } from 'node:crypto';
import { type Database, openDatabase } from '../../src/store/database.ts';

/** Set by global-setup.ts for the workers. */
export const SERVER_VARIABLE = 'WAYSTATION_TEST_SERVER';
export const TEMPLATE_VARIABLE = 'WAYSTATION_TEST_TEMPLATE';

/** Settings of a server that dies with its data: nothing is lost but by the machine's own end, and nothing is waited for. */
export const VOLATILE = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' } as const;

export type FreshDatabase = {
  readonly name: string;
  readonly url: string;
  readonly database: Database;
  /** Closes the pool and drops the database, whoever is still connected. */
  drop(): Promise<void>;
};

/** A migrated, empty database. Call `drop()` in afterAll. */
export async function freshDatabase(): Promise<FreshDatabase> {
  return cloneOf(required(TEMPLATE_VARIABLE));
}

/** A database without any table, for tests of the migrations themselves. */
export async function emptyDatabase(): Promise<FreshDatabase> {
  return cloneOf('template0');
}

/** A database like another one, whose pool nobody has used: a template must have no sessions. */
export async function copyOf({ name }: FreshDatabase): Promise<FreshDatabase> {
  return cloneOf(name);
}

/** URL of another database on the same server. */
export function databaseUrl(server: string, name: string): string {
  const url = new URL(server);
  if (url.protocol === 'socket:') url.searchParams.set('db', name);
  else url.pathname = `/${name}`;
  return url.href;
}

async function cloneOf(template: string): Promise<FreshDatabase> {
  const server = required(SERVER_VARIABLE);
  const name = `test_${randomBytes(8).toString('hex')}`;
  await onServer(server, `create database ${name} template ${template}`);
  const url = databaseUrl(server, name);
  const database = openDatabase(url, { application: 'waystation-test' });
  return {
    name,
    url,
    database,
    drop: async () => {
      await database.close();
      await onServer(server, `drop database ${name} with (force)`);
    },
  };
}

/** One statement on a connection of its own. */
export async function onServer(server: string, sql: string): Promise<void> {
  const database = openDatabase(server, { max: 1 });
  try {
    await database.query(sql);
  } finally {
    await database.close();
  }
}

function required(variable: string): string {
  const value = process.env[variable];
  if (!value) throw new Error(`${variable} is not set: run tests through jest.config.mjs, whose globalSetup starts the server`);
  return value;
}

/**
 * Brings a database to the schema this program was written for.
 * In: a Database. Out: nothing; afterwards the table `schema_version` names every file of migrations/ once.
 * Promises: forward only; each file in one transaction with its row in `schema_version`; two programs that start
 * together wait for each other; a database that is newer than the program is refused and left untouched.
 */
import { readdir, readFile } from 'node:fs/promises';
import type { Database, Transaction } from './database.ts';

const MIGRATIONS = new URL('./migrations/', import.meta.url);
/** Any number, the same in every version of this program: one migration at a time in a database. */
const MIGRATION_LOCK = 7_290_417;

type Migration = { readonly version: number; readonly file: string };

/** Applies what is missing. Throws when the database knows a version that this program does not, or when a file fails. */
export async function migrate(database: Database, directory: URL = MIGRATIONS): Promise<void> {
  const migrations = await listMigrations(directory);
  await database.transaction((tx) => appliedVersion(tx, migrations.length));
  for (const migration of migrations) {
    const sql = await readFile(new URL(migration.file, directory), 'utf8');
    await database.transaction(async (tx) => {
      if ((await appliedVersion(tx, migrations.length)) >= migration.version) return;
      await tx.query(sql);
      await tx.query('insert into schema_version (version, file) values ($1, $2)', [migration.version, migration.file]);
    });
  }
}

/** Files `0001-words.sql` in order. A gap or a number taken twice is an error in the program, found before anything is applied. */
async function listMigrations(directory: URL): Promise<Migration[]> {
  const files = (await readdir(directory)).filter((file) => file.endsWith('.sql')).sort();
  return files.map((file, index) => {
    const version = index + 1;
    if (!file.startsWith(`${String(version).padStart(4, '0')}-`)) {
      throw new Error(`store/migrations: ${file} stands where number ${version} is expected`);
    }
    return { version, file };
  });
}

/** The newest version applied, read under the lock that this transaction then keeps to its end. */
async function appliedVersion(tx: Transaction, known: number): Promise<number> {
  await tx.query('select pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
  await tx.query(`create table if not exists schema_version (
    version integer primary key, file text not null, applied timestamptz not null default now())`);
  const { rows } = await tx.query<{ version: number }>('select coalesce(max(version), 0)::integer as version from schema_version');
  const version = rows[0]?.version ?? 0;
  if (version > known) {
    throw new Error(
      `the database has schema version ${version}, this program knows ${known}: it was last used by a newer program. ` +
        'Start that version, or give this one another database.',
    );
  }
  return version;
}

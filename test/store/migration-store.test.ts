import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { migrate } from '../../src/store/migration-store.ts';
import { emptyDatabase, type FreshDatabase, freshDatabase } from '../support/database.ts';

describe('migrate', () => {
  let fresh: FreshDatabase;
  let directory: string;

  beforeEach(async () => {
    fresh = await emptyDatabase();
    directory = await mkdtemp(join(tmpdir(), 'waystation-migrations-'));
  });
  afterEach(async () => {
    await fresh.drop();
    await rm(directory, { recursive: true });
  });

  const files = async (contents: Record<string, string>): Promise<URL> => {
    for (const [name, sql] of Object.entries(contents)) await writeFile(join(directory, name), sql);
    return pathToFileURL(`${directory}/`);
  };
  const versions = async () => (await fresh.database.query('select version, file from schema_version order by 1')).rows;

  it('makes the tables of the corridor in an empty database', async () => {
    await migrate(fresh.database);
    const { rows } = await fresh.database.query(
      "select to_regclass('journal') is not null as journal, to_regclass('case_keys') is not null as keys",
    );
    expect(rows).toEqual([{ journal: true, keys: true }]);
    expect((await versions())[0]).toEqual({ version: 1, file: '0001-corridor.sql' });
  });

  it('applies each file once, in order, and only what is new', async () => {
    await migrate(fresh.database, await files({ '0001-a.sql': 'create table a (n integer); insert into a values (1)' }));
    await migrate(fresh.database, await files({ '0002-b.sql': 'insert into a values (2)' }));
    await migrate(fresh.database, await files({}));
    expect((await fresh.database.query('select n from a order by n')).rows).toEqual([{ n: 1 }, { n: 2 }]);
    expect(await versions()).toEqual([
      { version: 1, file: '0001-a.sql' },
      { version: 2, file: '0002-b.sql' },
    ]);
  });

  it('leaves nothing of a file that fails, and keeps what came before', async () => {
    const broken = await files({
      '0001-a.sql': 'create table a (n integer)',
      '0002-b.sql': 'create table b (n integer); insert into nowhere values (1)',
    });
    await expect(migrate(fresh.database, broken)).rejects.toThrow('nowhere');
    const { rows } = await fresh.database.query("select to_regclass('a') is not null as a, to_regclass('b') is not null as b");
    expect(rows).toEqual([{ a: true, b: false }]);
    expect(await versions()).toEqual([{ version: 1, file: '0001-a.sql' }]);
  });

  it('is safe when several programs start at once', async () => {
    const slow = await files({ '0001-a.sql': 'create table a (n integer); select pg_sleep(0.05); insert into a values (1)' });
    await Promise.all([1, 2, 3, 4].map(() => migrate(fresh.database, slow)));
    expect((await fresh.database.query('select n from a')).rows).toEqual([{ n: 1 }]);
  });

  it('refuses a schema newer than it knows, and touches nothing', async () => {
    await migrate(fresh.database, await files({ '0001-a.sql': 'create table a (n integer)' }));
    await fresh.database.query("insert into schema_version (version, file) values (2, '0002-future.sql')");
    await expect(migrate(fresh.database, await files({}))).rejects.toThrow('schema version 2, this program knows 1');
  });

  it('refuses a gap in the numbers before anything is applied', async () => {
    const gap = await files({ '0001-a.sql': 'create table a (n integer)', '0003-c.sql': 'create table c (n integer)' });
    await expect(migrate(fresh.database, gap)).rejects.toThrow('0003-c.sql stands where number 2 is expected');
    expect((await fresh.database.query("select to_regclass('a') as a")).rows).toEqual([{ a: null }]);
  });
});

describe('freshDatabase', () => {
  it('is migrated, and shares nothing with the next one', async () => {
    const [one, other] = await Promise.all([freshDatabase(), freshDatabase()]);
    try {
      await one.database.query("insert into lane (name) values ('a')");
      expect((await other.database.query('select count(*)::int as n from lane')).rows).toEqual([{ n: 0 }]);
    } finally {
      await Promise.all([one.drop(), other.drop()]);
    }
  });
});

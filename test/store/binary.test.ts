/** Rows that are written in binary come back from a real server as they were. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { CopyTarget, Database } from '../../src/store/database.ts';
import { freshDatabase } from '../support/database.ts';
import fc from '../support/properties.ts';

let fresh: Awaited<ReturnType<typeof freshDatabase>>;
let database: Database;

const EVERY: CopyTarget = {
  table: 'every',
  columns: [
    ...([
      ['n', 'int'],
      ['yes', 'boolean'],
      ['small', 'smallint'],
      ['large', 'bigint'],
      ['said', 'text'],
      ['id', 'uuid'],
    ] as const),
    ...([
      ['at', 'timestamptz'],
      ['bytes', 'bytea'],
      ['texts', 'text[]'],
      ['numbers', 'bigint[]'],
    ] as const),
  ],
};

beforeAll(async () => {
  fresh = await freshDatabase();
  database = fresh.database;
  await database.query(
    `create table every (n integer primary key, yes boolean, small smallint, large bigint, said text, id uuid, at timestamptz, bytes bytea,
                         texts text[], numbers bigint[])`,
  );
});
afterAll(() => fresh.drop());

// PostgreSQL text holds no NUL.
const text = fc.string({ unit: 'binary', maxLength: 100 }).filter((value) => !value.includes('\0') && value.isWellFormed());
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
/** What pg reads back as a Date: years of four digits. */
const time = fc.date({ min: new Date('0100-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true });
const values = fc.tuple(
  ...([
    maybe(fc.boolean()),
    maybe(fc.integer({ min: -32768, max: 32767 })),
    maybe(fc.maxSafeInteger()),
    maybe(text),
    maybe(fc.uuid()),
  ] as const),
  ...([maybe(time), maybe(fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)))] as const),
  ...([maybe(fc.array(maybe(text), { maxLength: 5 })), maybe(fc.array(fc.maxSafeInteger(), { maxLength: 5 }))] as const),
);

describe('rows by COPY', () => {
  it('come back as they were', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(values, { maxLength: 10 }), async (all) => {
        const rows = all.map((row, n) => [n, ...row]);
        await database.query('truncate every');
        await database.transaction((tx) => tx.copy(EVERY, rows));
        const found = await database.query<Record<string, unknown>>('select * from every order by n');
        expect(found.rows.map((row) => EVERY.columns.map(([name]) => row[name]))).toEqual(rows);
      }),
      { numRuns: 150 },
    );
  });

  it('hold the last day there is', async () => {
    const last = new Date(8.64e15);
    await database.transaction((tx) =>
      tx.copy(
        {
          table: 'every',
          columns: [
            ['n', 'int'],
            ['at', 'timestamptz'],
          ],
        },
        [[-1, last]],
      ),
    );
    const { rows } = await database.query<{ ms: number }>('select (extract(epoch from at) * 1000)::bigint as ms from every where n = -1');
    expect(rows[0]?.ms).toBe(8.64e15);
  });

  it.each([
    ['a number that is none', ['n', 'bigint'], 1.5],
    ['a time that is none', ['at', 'timestamptz'], new Date(Number.NaN)],
    ['an id that is none', ['id', 'uuid'], 'x'],
    ['an id that is nearly one', ['id', 'uuid'], '0192c0de-0000-7000-8000-00000000000g'],
  ] as const)('are not written with %s', async (_, column, value) => {
    const one = database.transaction((tx) => tx.copy({ table: 'every', columns: [column] }, [[value]]));
    await expect(one).rejects.toThrow();
  });

  it('that are there already are refused, and the connection goes on', async () => {
    const add = (n: number) => database.transaction((tx) => tx.copy({ table: 'every', columns: [['n', 'int']] }, [[n]]), 1);
    await add(1000);
    await expect(add(1000)).rejects.toMatchObject({ code: '23505' });
    await expect(database.transaction((tx) => tx.copy({ table: 'nowhere', columns: [['n', 'int']] }, [[1]]))).rejects.toMatchObject({
      code: '42P01',
    });
    await add(1001);
    expect((await database.query('select 1 from every where n >= 1000')).rowCount).toBe(2);
  });
});

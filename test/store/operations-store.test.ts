/** What operators ask, among many: how many rows PostgreSQL looks at for it. Statistics are read back from the server, nothing is timed. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Queryable, Transaction } from '../../src/store/database.ts';
import { listCases, listDeliveries, listJournal, readDepths } from '../../src/store/operations-store.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';

const MANY = 30_000;
const PAGE = { before: null, limit: 10 };

let fresh: FreshDatabase;

beforeAll(async () => {
  fresh = await freshDatabase();
  await fill(fresh.database);
}, 60_000);
afterAll(() => fresh.drop());

/** Nearly all are done, and what is not is the oldest: a walk from the newest would see all before it. */
async function fill(q: Queryable): Promise<void> {
  await q.query(
    `insert into journal (received, kind, peer, type, control_id, digest, lane, payload, disposition, answer)
     select timestamptz '2026-01-01' + n * interval '1 second', 'hl7v2', 'north', 'ORM^O01', n::text, '', 'north', '', 'accepted', ''
     from generate_series(1, $1::int) n`,
    [MANY],
  );
  await q.query(
    `insert into outcome (seq, state)
     select n, (array['failed', 'held', 'refused', 'ignored'])[n] from generate_series(1, 4) n union all select n, 'done' from generate_series(5, $1::int) n`,
    [MANY],
  );
  await q.query(`insert into pending (seq, part, bytes) values (5, 0, 0)`);
  await q.query(
    `insert into cases (id, version, phase, specialty, opened, updated, content)
     select gen_random_uuid(), 1, case when n <= 2 then 'held' else 'closed' end, 'teleradiology', now(), timestamptz '2026-01-01' + n * interval '1 second', ''
     from generate_series(1, $1::int) n`,
    [MANY],
  );
  await q.query(
    `insert into delivery (id, destination, kind, lane, lane_seq, case_id, seq, control_id, content, state, due)
     select lpad(to_hex(n), 32, '0')::uuid, 'north', 'oru', 'north', n, gen_random_uuid(), n, n::text, '',
            case when n <= 2 then 'dead' when n <= 4 then 'waiting' else 'delivered' end, now()
     from generate_series(1, $1::int) n`,
    [MANY],
  );
  await q.query('vacuum analyze');
}

/** Rows of tables and of indexes that the server looked at: counted on one connection, so that nobody else's are among them. */
async function rowsRead(run: (tx: Transaction) => Promise<void>): Promise<number> {
  return fresh.database.transaction(async (tx) => {
    const count = async () => {
      const { rows } = await tx.query<{ n: number }>(
        `select sum(pg_stat_get_xact_tuples_returned(oid))::int as n from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'i')`,
      );
      return rows[0]?.n ?? 0;
    };
    const before = await count();
    await run(tx);
    return (await count()) - before;
  });
}

describe('among many', () => {
  it.each([
    ['', 10],
    ['waiting', 1],
    ['done', 10],
    ['failed', 1],
    ['held', 1],
    ['refused', 1],
    ['ignored', 1],
    ['unheard-of', 0],
  ])('journal entries of state "%s" are found without a walk through the others', async (state, found) => {
    const read = await rowsRead(async (tx) => {
      expect(await listJournal(tx, { ...PAGE, state, peer: '' })).toHaveLength(found);
    });
    expect(read).toBeLessThan(100);
  });

  it('an entry that is queued again is listed as waiting, and not by its last outcome', async () => {
    const listed = async (state: string) =>
      (await listJournal(fresh.database, { ...PAGE, state, peer: '', before: 6 })).map(({ seq }) => seq);
    expect([await listed('waiting'), await listed('done')]).toEqual([[5], []]);
  });

  it.each([
    ['', 10],
    ['held', 2],
    ['closed', 10],
  ])('cases of phase "%s" are found without a walk through the others', async (phase, found) => {
    const read = await rowsRead(async (tx) => {
      expect(await listCases(tx, { ...PAGE, phase })).toHaveLength(found);
    });
    expect(read).toBeLessThan(100);
  });

  it.each([
    ['', 10],
    ['dead', 2],
    ['waiting', 2],
    ['delivered', 10],
  ])('deliveries of state "%s" are found without a walk through the others', async (state, found) => {
    const read = await rowsRead(async (tx) => {
      expect(await listDeliveries(tx, { ...PAGE, state, destination: '' })).toHaveLength(found);
    });
    expect(read).toBeLessThan(100);
  });

  it('what is unsettled is counted without a walk through what is settled', async () => {
    const read = await rowsRead(async (tx) => {
      expect(await readDepths(tx)).toMatchObject({ pending: { depth: 1 }, failed: 1, held: 1, lanes: [{ waiting: 2, dead: 2 }] });
    });
    expect(read).toBeLessThan(100);
  });
});

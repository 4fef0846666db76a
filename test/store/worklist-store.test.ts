/** Which open orders a worklist reads, and how much of the others. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { CaseState } from '../../src/model/case.ts';
import { readCases, saveCases } from '../../src/store/case-store.ts';
import { readOpenOrders } from '../../src/store/worklist-store.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';

const FIRST = '00000000-0000-0000-0000-000000000000';
const NOW = new Date('2026-03-02T08:00:00Z');
const idOf = (n: number): string => `01a21cda-0000-7000-8000-${String(n).padStart(12, '0')}`;

let fresh: FreshDatabase;
let order: CaseState;

/** An open order of `hospital`, whose images are on their way. */
beforeAll(async () => {
  fresh = await freshDatabase();
  await fresh.database.query(readFileSync('fixtures/store/0001-corridor.sql', 'utf8'));
  order = [...(await readCases(fresh.database, ['01a21cda-cfc5-75c6-b858-3edf6a1f14fe'])).values()][0]?.state as CaseState;
});
afterAll(() => fresh.drop());

const save = (n: number, peer: string, change: Partial<CaseState> = {}) =>
  fresh.database.transaction((tx) =>
    saveCases(
      tx,
      [{ version: 1, state: { ...order, id: idOf(n), task: '', origin: { ...order.origin, peer } as CaseState['origin'], ...change } }],
      NOW,
    ),
  );
const request = (n: number) =>
  fresh.database.query(
    `with r as (insert into resource (type, id, version, updated, case_id, status, tokens, digest)
       values ('ServiceRequest', $1, 1, now(), $1, 'active', '{}', '') returning id)
     insert into resource_version (type, id, version, updated, content)
       select 'ServiceRequest', id, 1, now(), convert_to('{"resourceType":"ServiceRequest","id":"' || id || '"}', 'UTF8') from r`,
    [idOf(n)],
  );
async function pages(peers: readonly string[], limit: number): Promise<number[][]> {
  const read: number[][] = [];
  for (let after: string | null = FIRST; after !== null; ) {
    const { orders, next }: Awaited<ReturnType<typeof readOpenOrders>> = await readOpenOrders(fresh.database, peers, after, limit);
    read.push(orders.map(({ state }) => Number(state.id.slice(-12))));
    after = next;
  }
  return read;
}

describe('the open orders of a worklist', () => {
  it('are those of the peers that are named, each once, page by page', async () => {
    for (let n = 1; n <= 9; n++) {
      await save(n, n % 3 === 0 ? 'north' : n % 3 === 1 ? 'south' : 'west');
      await request(n);
    }
    expect(await pages(['north'], 2)).toEqual([[3, 6], [9]]);
    expect(await pages(['north', 'south', 'north'], 4)).toEqual([
      [1, 3, 4, 6],
      [7, 9],
    ]);
    expect(await pages([], 4)).toEqual([[]]);
    expect(await pages([''], 4)).toEqual([[]]);
  });

  it('go on behind a page of cases whose requests are not active', async () => {
    await save(10, 'east');
    await save(11, 'east');
    await request(11);
    expect(await pages(['east'], 1)).toEqual([[], [11], []]);
  });

  it.each<[Partial<CaseState>, boolean]>([
    [{ phase: 'assembling' }, true],
    [{ phase: 'requested' }, false],
    [{ phase: 'requested', studies: [] }, true],
    [{ phase: 'claimed', studies: [] }, true],
    [{ phase: 'reported', studies: [] }, false],
    [{ phase: 'cancelled', studies: [] }, false],
    [{ phase: 'assembling', serviceRequest: '' }, false],
    [{ phase: 'assembling', origin: null }, false],
  ])('are those for which images are to come: %j %s', async (change, isAwaited) => {
    await save(20, 'lonely', { phase: 'assembling' });
    await request(20).catch(() => {});
    await save(20, 'lonely', change);
    expect(await pages(['lonely'], 9)).toEqual([isAwaited ? [20] : []]);
  });

  it('are found by an index that has no others', async () => {
    const { rows } = await fresh.database.transaction(async (tx) => {
      await tx.query('set local enable_seqscan = off');
      return tx.query<{ 'QUERY PLAN': string }>(
        `explain select id from cases where awaited_by = 'north' and awaited_by <> '' and id > '${FIRST}' order by id limit 2`,
      );
    });
    expect(rows.map((row) => row['QUERY PLAN']).join(' ')).toMatch(/cases_awaited/);
  });
});

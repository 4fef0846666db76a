/** Open orders as a worklist shows them. In: whose, and a place to go on after. Out: requests with their cases, in the order in which they came. */
import type { CaseKey, CaseState } from '../model/case.ts';
import { claimCaseKeys, lockCases, readCases, saveCases, saveKeyMembers } from './case-store.ts';
import type { Database, Queryable } from './database.ts';
import { readResources, type StoredResource } from './resource-store.ts';

export type OpenOrder = { readonly request: StoredResource; readonly state: CaseState };

/** One page of the orders of peers for which images are to come, by case; `after`: the case to go on behind. `next` is null at the end. */
export async function readOpenOrders(
  q: Queryable,
  peers: readonly string[],
  after: string,
  limit: number,
): Promise<{ readonly orders: OpenOrder[]; readonly next: string | null }> {
  const { rows: page } = await q.query<{ id: string }>({
    name: 'worklist-cases',
    // Each peer's own in the order of the index: nothing is sorted but what is a page of each.
    text: `select c.id from unnest($1::text[]) peer cross join lateral (
             select id from cases where awaited_by = peer and awaited_by <> '' and id > $2::uuid order by id limit $3) c
           order by c.id limit $3`,
    values: [[...new Set(peers)], after, limit],
  });
  const ids = page.map(({ id }) => id);
  const { rows } = await q.query<{ id: string; case_id: string }>({
    name: 'worklist-requests',
    text: `select id, case_id from resource where case_id = any($1::uuid[]) and type = 'ServiceRequest' and status = 'active' and not deleted
           order by case_id, id`,
    values: [ids],
  });
  const requests = await readResources(
    q,
    rows.map(({ id }) => `ServiceRequest/${id}`),
  );
  const cases = await readCases(q, ids);
  const orders = rows.flatMap(({ id, case_id }) => {
    const [request, found] = [requests.get(`ServiceRequest/${id}`), cases.get(case_id)];
    return request && found ? [{ request, state: found.state }] : [];
  });
  return { orders, next: page.length < limit ? null : (ids.at(-1) as string) };
}

/** Has a case name one more key, so that what comes under it joins. Without effect where it does already. */
export async function nameCaseKey(database: Database, caseId: string, key: CaseKey, now: Date): Promise<void> {
  await database.transaction(async (tx) => {
    await claimCaseKeys(tx, [key]);
    const stored = (await lockCases(tx, [caseId])).get(caseId);
    if (!stored || stored.state.keys.some(({ kind, value }) => kind === key.kind && value === key.value)) return;
    const state = { ...stored.state, keys: [...stored.state.keys, key] };
    await saveCases(tx, [{ state, version: stored.version + 1 }], now);
    await saveKeyMembers(tx, [{ key, caseId }], []);
  });
}

/** Open orders as a worklist shows them. In: a place to go on after. Out: requests with their cases, in the order in which they came. */
import type { CaseKey, CaseState } from '../model/case.ts';
import { claimCaseKeys, lockCases, readCases, saveCases, saveKeyMembers } from './case-store.ts';
import type { Database, Queryable } from './database.ts';
import { readResources, type StoredResource } from './resource-store.ts';

export type OpenOrder = { readonly request: StoredResource; readonly state: CaseState };

/** `after`: id of the last one. Cases that are reported, closed or cancelled have no open order. */
export async function readOpenOrders(q: Queryable, after: string, limit: number): Promise<OpenOrder[]> {
  const { rows } = await q.query<{ id: string; case_id: string }>({
    name: 'worklist-orders',
    text: `select r.id, r.case_id from cases c join resource r on r.case_id = c.id
           where c.phase in ('assembling', 'requested', 'claimed') and r.type = 'ServiceRequest' and r.status = 'active' and not r.deleted
             and r.id > $1::uuid
           order by r.id limit $2`,
    values: [after, limit],
  });
  const [requests, cases] = [
    await readResources(
      q,
      rows.map(({ id }) => `ServiceRequest/${id}`),
    ),
    await readCases(
      q,
      rows.map(({ case_id }) => case_id),
    ),
  ];
  return rows.flatMap(({ id, case_id }) => {
    const [request, found] = [requests.get(`ServiceRequest/${id}`), cases.get(case_id)];
    return request && found ? [{ request, state: found.state }] : [];
  });
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

/**
 * Priors that a PACS is asked for, one order a case. Ordered in the transaction that says enough of the case; `due` is a lease as well: who
 * asks pushes it ahead, and it comes back by itself when he dies. What becomes of an order is said in its case in the same transaction.
 */
import type { CaseState, PriorState } from '../model/case.ts';
import type { PriorOrder } from '../model/prior.ts';
import { addCaseEvents, lockCases, saveCases } from './case-store.ts';
import type { Database, Queryable, Transaction } from './database.ts';

/** One that is ordered already is left as it is. */
export async function orderPriors(tx: Transaction, order: PriorOrder, now: Date): Promise<void> {
  await tx.query(`insert into prior (case_id, content, due) values ($1, $2, $3) on conflict do nothing`, [
    order.caseId,
    Buffer.from(JSON.stringify(order)),
    now,
  ]);
}

export type DuePriors = { readonly order: PriorOrder; readonly attempts: number };

/** Takes one that is due, for as long as `until`. */
export async function claimPriors(q: Queryable, now: Date, until: Date): Promise<DuePriors | null> {
  const { rows } = await q.query<{ content: Buffer; attempts: number }>(
    `update prior set due = $2, attempts = attempts + 1 where case_id = (
       select case_id from prior where state = 'waiting' and due <= $1 order by due limit 1 for update skip locked)
     returning content, attempts`,
    [now, until],
  );
  return rows[0] ? { order: orderIn(rows[0].content), attempts: rows[0].attempts } : null;
}

/** At start: nobody is at any of them. */
export async function freePriors(q: Queryable, now: Date): Promise<void> {
  await q.query(`update prior set due = $1 where state = 'waiting' and due > $1`, [now]);
}

/** The cases that asked for each of these studies. */
export async function casesAsking(q: Queryable, studyUids: readonly string[]): Promise<Map<string, string[]>> {
  const { rows } = await q.query<{ uid: string; case_id: string }>(
    `select w.uid, p.case_id from unnest($1::text[]) as w(uid) join prior p on p.study_uids @> array[w.uid] order by p.case_id`,
    [[...new Set(studyUids)]],
  );
  const cases = Map.groupBy(rows, ({ uid }) => uid);
  return new Map([...cases].map(([uid, of]) => [uid, of.map((row) => row.case_id)]));
}

/** Orders of a study at a destination that are not settled. */
export async function openOrders(q: Queryable, studyUid: string, destination: string): Promise<PriorOrder[]> {
  const { rows } = await q.query<{ content: Buffer }>(`select content from prior where study_uids @> array[$1] and state = 'waiting'`, [
    studyUid,
  ]);
  return rows.map(({ content }) => orderIn(content)).filter(({ from }) => from === destination);
}

/** Which studies are taken: before the first object of them is asked for, so that each finds its case. */
export async function nameStudies(database: Database, { caseId }: PriorOrder, studyUids: readonly string[], now: Date): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.query(`update prior set study_uids = $2 where case_id = $1`, [caseId, studyUids]);
    await changePriors(tx, caseId, now, (priors) => ({ ...priors, uids: studyUids }));
  });
}

export async function putOffPriors(q: Queryable, { caseId }: PriorOrder, due: Date, failure: string): Promise<void> {
  await q.query(`update prior set due = $2, last_failure = $3 where case_id = $1`, [caseId, due, failure]);
}

/** Nothing more is asked for: the timeline of the case says what has come of it, once. */
export async function settlePriors(
  database: Database,
  order: PriorOrder,
  now: Date,
  said: { detail: string; failure: string },
): Promise<void> {
  const { caseId, from } = order;
  await database.transaction(async (tx) => {
    const state = said.failure === '' ? 'done' : 'dead';
    const { rowCount } = await tx.query(
      `update prior set state = $2, settled = $3, last_failure = $4 where case_id = $1 and state = 'waiting'`,
      [caseId, state, now, said.failure],
    );
    if (rowCount !== 1) return;
    await changePriors(tx, caseId, now, (priors) => ({ ...priors, done: true }));
    const kind = said.failure === '' ? 'priors' : 'priors-missing';
    await addCaseEvents(tx, [{ caseId, event: { at: now, seq: null, kind, actor: from, detail: said.detail } }]);
  });
}

/** The corridor looks at the case at once. */
async function changePriors(tx: Transaction, caseId: string, now: Date, change: (priors: PriorState) => PriorState): Promise<void> {
  const stored = (await lockCases(tx, [caseId])).get(caseId);
  if (!stored?.state.priors) return;
  const state: CaseState = { ...stored.state, priors: change(stored.state.priors), wake: now.getTime() };
  await saveCases(tx, [{ state, version: stored.version + 1 }], now);
}

function orderIn(content: Buffer): PriorOrder {
  return JSON.parse(content.toString('utf8')) as PriorOrder;
}

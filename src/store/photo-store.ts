/**
 * Photos and films that are to become DICOM objects. Ordered in the transaction that routes their case; `due` is a lease as well: who makes
 * one pushes it ahead, and it comes back by itself when he dies.
 */
import type { PhotoOrder } from '../model/photo.ts';
import { addCaseEvents } from './case-store.ts';
import type { Database, Queryable, Transaction } from './database.ts';

/** Those of these objects that are not ordered yet. */
export async function unorderedPhotos(q: Queryable, sopInstanceUids: readonly string[]): Promise<Set<string>> {
  const { rows } = await q.query<{ sop_instance_uid: string }>(
    `select uid as sop_instance_uid from unnest($1::text[]) as w(uid) where not exists (select 1 from photo where sop_instance_uid = uid)`,
    [sopInstanceUids],
  );
  return new Set(rows.map((row) => row.sop_instance_uid));
}

/** One that is ordered already is left as it is. */
export async function orderPhotos(tx: Transaction, orders: readonly PhotoOrder[], now: Date): Promise<void> {
  for (const order of orders) {
    await tx.query(`insert into photo (sop_instance_uid, case_id, content, due) values ($1, $2, $3, $4) on conflict do nothing`, [
      order.sopInstanceUid,
      order.caseId,
      Buffer.from(JSON.stringify(order)),
      now,
    ]);
  }
}

export type DuePhoto = { readonly order: PhotoOrder; readonly attempts: number };

/** Takes one that is due, for as long as `until`. */
export async function claimPhoto(q: Queryable, now: Date, until: Date): Promise<DuePhoto | null> {
  const { rows } = await q.query<{ content: Buffer; attempts: number }>(
    `update photo set due = $2, attempts = attempts + 1 where sop_instance_uid = (
       select sop_instance_uid from photo where state = 'waiting' and due <= $1 order by due limit 1 for update skip locked)
     returning content, attempts`,
    [now, until],
  );
  return rows[0] ? { order: JSON.parse(rows[0].content.toString('utf8')) as PhotoOrder, attempts: rows[0].attempts } : null;
}

/** At start: nobody is at any of them. */
export async function freePhotos(q: Queryable, now: Date): Promise<void> {
  await q.query(`update photo set due = $1 where state = 'waiting' and due > $1`, [now]);
}

export async function settlePhoto(q: Queryable, { sopInstanceUid }: PhotoOrder, now: Date): Promise<void> {
  await q.query(`update photo set state = 'made', settled = $2, last_failure = '' where sop_instance_uid = $1`, [sopInstanceUid, now]);
}

export async function putOffPhoto(q: Queryable, { sopInstanceUid }: PhotoOrder, due: Date, failure: string): Promise<void> {
  await q.query(`update photo set due = $2, last_failure = $3 where sop_instance_uid = $1`, [sopInstanceUid, due, failure]);
}

/** It becomes no object: the timeline of its case says so, once. */
export async function giveUpPhoto(database: Database, order: PhotoOrder, now: Date, failure: string): Promise<void> {
  await database.transaction(async (tx) => {
    const { rowCount } = await tx.query(
      `update photo set state = 'dead', settled = $2, last_failure = $3 where sop_instance_uid = $1 and state = 'waiting'`,
      [order.sopInstanceUid, now, failure],
    );
    if (rowCount !== 1) return;
    const event = { at: now, seq: null, kind: 'photo-not-sent', actor: 'gateway', detail: `${order.media}: ${failure}` };
    await addCaseEvents(tx, [{ caseId: order.caseId, event }]);
  });
}

export type UnmadePhoto = {
  readonly sopInstanceUid: string;
  readonly caseId: string;
  readonly media: string;
  readonly since: Date;
  readonly lastFailure: string;
};

/** Those that became no object, from behind `before` on. */
export async function listUnmade(q: Queryable, before: string, limit: number): Promise<UnmadePhoto[]> {
  const { rows } = await q.query<{ sop_instance_uid: string; case_id: string; content: Buffer; settled: Date; last_failure: string }>(
    `select sop_instance_uid, case_id, content, settled, last_failure from photo
     where state = 'dead' and sop_instance_uid > $1 order by sop_instance_uid limit $2`,
    [before, limit],
  );
  return rows.map(({ sop_instance_uid: sopInstanceUid, case_id: caseId, content, settled: since, last_failure: lastFailure }) => {
    const { media } = JSON.parse(content.toString('utf8')) as PhotoOrder;
    return { sopInstanceUid, caseId, media, since, lastFailure };
  });
}

/** They wait again; of one case, or of all. How many there are. */
export async function replayPhotos(tx: Transaction, caseId: string | null, limit: number, now: Date): Promise<number> {
  const { rowCount } = await tx.query(
    `update photo set state = 'waiting', attempts = 0, due = $2, settled = null where sop_instance_uid in (
       select sop_instance_uid from photo where state = 'dead' and ($1::uuid is null or case_id = $1) limit $3 for update)`,
    [caseId, now, limit],
  );
  return rowCount ?? 0;
}

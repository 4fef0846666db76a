/**
 * Requests for storage commitment: kept until the peer has taken the answer, whatever happens to the gateway meanwhile.
 * `due` is a lease as well: who works on one pushes it ahead, and it comes back by itself when he dies.
 */
import type { Clock } from '../model/clock.ts';
import {
  type Commitment,
  type CommitmentAddress,
  type CommitmentAnswer,
  type CommitmentRequest,
  NOT_SAFE,
  type SopReference,
} from '../model/commitment.ts';
import { committedAt } from './asked-commitment-store.ts';
import type { BlobStore } from './blob-store.ts';
import type { Queryable, Transaction } from './database.ts';

export type NewCommitment = {
  readonly peer: string;
  readonly request: CommitmentRequest;
  readonly seq: number;
  readonly received: Date;
  readonly due: Date;
};

/** The same request again is answered again. Null where the peer's Transaction UID stands for another set of objects. */
export async function insertCommitment(tx: Transaction, one: NewCommitment): Promise<number | null> {
  const { rows } = await tx.query<{ id: number }>(
    `insert into commitment as c (peer, transaction_uid, request, seq, received, due) values ($1, $2, $3, $4, $5, $6)
     on conflict (peer, transaction_uid) do update
       set state = 'waiting', answer = null, attempts = 0, due = excluded.due, received = excluded.received, settled = null where c.request = excluded.request
     returning id`,
    [one.peer, one.request.transactionUid, Buffer.from(JSON.stringify(one.request)), one.seq, one.received, one.due],
  );
  return rows[0]?.id ?? null;
}

/** Takes up to `limit` that are due, for as long as `until`. */
export async function claimCommitments(q: Queryable, now: Date, until: Date, limit: number): Promise<Commitment[]> {
  const { rows } = await q.query<Row>(
    `update commitment set due = $2 where id in (
       select id from commitment where state = 'waiting' and due <= $1 order by due limit $3 for update skip locked)
     returning id, peer, request, answer, attempts, received`,
    [now, until, limit],
  );
  return rows.map(commitmentOf);
}

/** At start: nobody is at any of them. */
export async function freeCommitments(q: Queryable, now: Date): Promise<void> {
  await q.query(`update commitment set due = $1 where state = 'waiting' and attempts = 0 and due > $1`, [now]);
}

/** Who must have committed an object before it is granted here; absent where it is enough that it is kept. */
export type Grant = { readonly archive?: CommitmentAddress['archive']; readonly clock: Pick<Clock, 'now'> };

/** For how long who looks at a request has it for himself, if he does not say again that he is at it. */
export const LEASE_MS = 10 * 60_000;

/**
 * Looks at every object of a request, once: the answer is kept, and is the same however often it must be given. The request is nobody else's
 * meanwhile, however long it takes to read the objects.
 * Null: an archive behind us has not committed all of them, and has time to.
 */
export async function answerCommitment(
  q: Queryable,
  blobs: Verifying,
  { id, peer, request, answer, received }: Commitment,
  { archive, clock }: Grant,
): Promise<CommitmentAnswer | null> {
  if (answer !== null) return answer;
  const archived = archive ? await committedAt(q, archive.name, uidsOf(request.references)) : null;
  const isMissed = ({ sopInstanceUid }: SopReference): boolean => archived !== null && !archived.has(sopInstanceUid);
  let leased = clock.now().getTime();
  if (archive && leased - received.getTime() < archive.limitMs) {
    const awaited = await keptObjects(q, peer, uidsOf(request.references.filter(isMissed)));
    if (awaited.size > 0) return null;
  }
  const committed: SopReference[] = [];
  const failed: (SopReference & { reason: number })[] = [];
  for (let at = 0; at < request.references.length; at += LOOKED_UP_AT_ONCE) {
    const some = request.references.slice(at, at + LOOKED_UP_AT_ONCE);
    const kept = await keptObjects(q, peer, uidsOf(some));
    for (const one of some) {
      const here = await reasonAgainst(one, kept.get(one.sopInstanceUid), blobs);
      const reason = here ?? (isMissed(one) ? NOT_SAFE.processingFailure : null);
      if (reason === null) committed.push(one);
      else failed.push({ ...one, reason });
      const now = clock.now().getTime();
      if (now - leased < LEASE_MS / 4) continue;
      leased = now;
      await postponeCommitment(q, id, new Date(now + LEASE_MS));
    }
  }
  const found = { transactionUid: request.transactionUid, committed, failed };
  await q.query(`update commitment set answer = $2 where id = $1`, [id, Buffer.from(JSON.stringify(found))]);
  return found;
}

function uidsOf(references: readonly SopReference[]): string[] {
  return references.map(({ sopInstanceUid }) => sopInstanceUid);
}

type Verifying = Pick<BlobStore, 'verify'>;

const LOOKED_UP_AT_ONCE = 1_000;

/** Safe is what is indexed, of the class that was named, and reads back from the disk with the digest it was stored by. */
async function reasonAgainst(one: SopReference, kept: KeptObject | undefined, blobs: Verifying): Promise<number | null> {
  if (!kept) return NOT_SAFE.noSuchObject;
  if (kept.sopClassUid !== one.sopClassUid) return NOT_SAFE.classConflict;
  for (const blob of kept.blobs) if (!(await blobs.verify(blob))) return NOT_SAFE.processingFailure;
  return null;
}

export async function settleCommitment(q: Queryable, id: number, state: 'done' | 'dead', now: Date, failure = ''): Promise<void> {
  await q.query(`update commitment set state = $2, settled = $3, last_failure = $4, attempts = attempts + 1 where id = $1`, [
    id,
    state,
    now,
    failure,
  ]);
}

/** It cannot be answered yet, or somebody is at it. */
export async function postponeCommitment(q: Queryable, id: number, due: Date): Promise<void> {
  await q.query(`update commitment set due = $2 where id = $1`, [id, due]);
}

/** After an attempt that failed. */
export async function putOffCommitment(q: Queryable, id: number, due: Date, failure: string): Promise<void> {
  await q.query(`update commitment set due = $2, last_failure = $3, attempts = attempts + 1 where id = $1`, [id, due, failure]);
}

/**
 * Objects that this peer sent, by SOP Instance UID: their class, and the files in which its bytes are kept; of one that came back from where it
 * was sent de-identified also the file of what it is here. Nobody is told of another's.
 */
type KeptObject = { readonly sopClassUid: string; readonly blobs: readonly string[] };

async function keptObjects(q: Queryable, peer: string, uids: readonly string[]): Promise<Map<string, KeptObject>> {
  const { rows } = await q.query<{ sop_instance_uid: string; sop_class_uid: string; blobs: string[] }>(
    `select i.sop_instance_uid, i.sop_class_uid, own.blobs
     from instance i cross join lateral (
       select array_agg(distinct j.blob) || case when bool_or(j.disposition = 'ignored') then array[i.blob] else '{}' end as blobs from journal j
       where j.peer = $2 and j.control_id = i.sop_instance_uid and j.kind = 'dicom' and j.disposition <> 'refused' and j.blob is not null) own
     where i.sop_instance_uid = any($1::text[]) and cardinality(own.blobs) > 0`,
    [uids, peer],
  );
  return new Map(rows.map((row) => [row.sop_instance_uid, { sopClassUid: row.sop_class_uid, blobs: row.blobs }]));
}

type Row = { id: number; peer: string; request: Buffer; answer: Buffer | null; attempts: number; received: Date };

function commitmentOf({ request, answer, ...row }: Row): Commitment {
  const read = (bytes: Buffer) => JSON.parse(bytes.toString('utf8'));
  return { ...row, request: read(request), answer: answer === null ? null : read(answer) };
}

/**
 * Storage commitment that we ask of archives: which delivered objects are to be asked for, what was asked, what was answered.
 * `due` is a lease as well: who works on one pushes it ahead, and it comes back by itself when he dies.
 */
import type { AskedCommitment, CaseCommitment, CommitmentAnswer, SopReference } from '../model/commitment.ts';
import type { ObjectContent } from '../model/delivery.ts';
import type { Queryable, Transaction } from './database.ts';

/** Objects of one request, and how long one waits for company of its case. */
const MOST_AT_ONCE = 1_000;
const GATHER_MS = 2_000;
const LONGEST_GATHER_MS = 60_000;
/** Images and what was made here of reports: both are to be kept. */
const OBJECTS = `kind in ('dicom-object', 'dicom-result')`;

/** Puts objects that were sent to a destination, and not yet asked for, into a request of their own. False when there are none. */
export async function gatherObjects(tx: Transaction, destination: string, transactionUid: string, now: Date): Promise<boolean> {
  const { rows } = await tx.query<{ id: string }>({
    name: 'commitment-gather',
    // What is sent for the same case right now is asked for together.
    text: `select id from delivery d where destination = $1 and ${OBJECTS} and state = 'delivered' and commitment is null
             and settled <= $2 and (settled <= $3 or not exists (
               select 1 from delivery w where w.case_id = d.case_id and w.destination = $1 and w.${OBJECTS} and w.state = 'waiting'))
           order by settled limit ${MOST_AT_ONCE} for update skip locked`,
    values: [destination, new Date(now.getTime() - GATHER_MS), new Date(now.getTime() - LONGEST_GATHER_MS)],
  });
  if (rows.length === 0) return false;
  await tx.query(
    `with asked as (insert into asked_commitment (destination, transaction_uid, due, created) values ($1, $2, $3, $3) returning id)
     update delivery set commitment = asked.id from asked where delivery.id = any($4::uuid[])`,
    [destination, transactionUid, now, rows.map(({ id }) => id)],
  );
  return true;
}

/** Takes up to `limit` that are due, for as long as `until`. */
export async function claimAsked(q: Queryable, now: Date, until: Date, limit: number): Promise<AskedCommitment[]> {
  const { rows } = await q.query<Row>(
    `update asked_commitment set due = $2 where id in (
       select id from asked_commitment where state in ('waiting', 'asked') and due <= $1 order by due limit $3 for update skip locked)
     returning ${COLUMNS}`,
    [now, until, limit],
  );
  return rows.map(askedOf);
}

/** The objects of a request that are not committed yet. */
export async function openReferences(q: Queryable, id: number): Promise<SopReference[]> {
  const { rows } = await q.query<{ content: Buffer }>(
    `select content from delivery where commitment = $1 and committed is null order by lane_seq`,
    [id],
  );
  const objects = rows.map(({ content }) => JSON.parse(content.toString('utf8')) as ObjectContent);
  const once = new Map(objects.map(({ sopClassUid, sopInstanceUid }) => [sopInstanceUid, { sopClassUid, sopInstanceUid }]));
  return [...once.values()];
}

/** A request that is made once more is another one (PS3.4 §J.3.2.1.1: the Transaction UID identifies the request). */
export async function renewTransaction(q: Queryable, id: number, transactionUid: string): Promise<void> {
  await q.query(`update asked_commitment set former_uids = former_uids || transaction_uid, transaction_uid = $2 where id = $1`, [
    id,
    transactionUid,
  ]);
}

/** After an attempt: whether it stands asked or not. One that was answered meanwhile stays as the answer left it. */
export async function putOffAsked(
  q: Queryable,
  { id, attempts }: Pick<AskedCommitment, 'id' | 'attempts'>,
  after: { readonly state: 'waiting' | 'asked'; readonly due: Date; readonly why: string },
): Promise<void> {
  await q.query(
    `update asked_commitment set state = $3, due = $4, last_failure = $5, attempts = attempts + 1
     where id = $1 and attempts = $2 and state in ('waiting', 'asked')`,
    [id, attempts, after.state, after.due, after.why],
  );
}

/** What was given up under a shorter limit is asked for again. */
export async function reviveAsked(q: Queryable, destination: string, createdAfter: Date, now: Date): Promise<void> {
  await q.query(
    `update asked_commitment set state = 'asked', due = $3, settled = null where destination = $1 and state = 'dead' and created > $2`,
    [destination, createdAfter, now],
  );
}

/** Nobody asks for it any more. Returns the cases whose objects are not committed, with how many they are. */
export async function giveUpAsked(tx: Transaction, id: number, now: Date): Promise<CaseCount[]> {
  const { rowCount } = await tx.query(
    `update asked_commitment set state = 'dead', settled = $2 where id = $1 and state in ('waiting', 'asked')`,
    [id, now],
  );
  return rowCount === 0 ? [] : openCounts(tx, id);
}

/** The request that an answer is for, locked; only of these destinations. */
export async function lockAsked(tx: Transaction, transactionUid: string, destinations: readonly string[]): Promise<AskedCommitment | null> {
  const { rows } = await tx.query<Row>(
    `select ${COLUMNS} from asked_commitment where destination = any($2::text[]) and (transaction_uid = $1 or
       id = (select id from asked_commitment where state in ('waiting', 'asked', 'dead') and $1 = any(former_uids) limit 1)) for update`,
    [transactionUid, destinations],
  );
  return rows[0] ? askedOf(rows[0]) : null;
}

export type CaseCount = { readonly caseId: string; readonly objects: number };

/** Notes an answer. Returns which cases have objects that are committed by it, and which still have some that are not. */
export async function noteAnswer(
  tx: Transaction,
  id: number,
  { committed }: CommitmentAnswer,
  now: Date,
  again: Date,
): Promise<{ committed: CaseCount[]; open: CaseCount[] }> {
  const { rows } = await tx.query<CountRow>(
    `with taken as (update delivery set committed = $3 where commitment = $1 and committed is null and control_id = any($2::text[]) returning case_id)
     select case_id, count(*)::int as objects from taken group by case_id order by case_id`,
    [id, committed.map(({ sopInstanceUid }) => sopInstanceUid), now],
  );
  const open = await openCounts(tx, id);
  await (open.length === 0
    ? tx.query(`update asked_commitment set state = 'done', settled = $2, last_failure = '', attempts = attempts + 1 where id = $1`, [
        id,
        now,
      ])
    : tx.query(
        `update asked_commitment set state = 'asked', due = $2, last_failure = 'not all were committed', attempts = attempts + 1
         where id = $1 and state in ('waiting', 'asked')`,
        [id, again],
      ));
  return { committed: rows.map(countOf), open };
}

/** Of objects, those that a destination has committed. */
export async function committedAt(q: Queryable, destination: string, uids: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await q.query<{ control_id: string }>(
    `select distinct control_id from delivery
     where control_id = any($2::text[]) and kind = 'dicom-object' and destination = $1 and committed is not null`,
    [destination, uids],
  );
  return new Set(rows.map((row) => row.control_id));
}

/** Objects of a case that archives were asked to commit, and how many of them they have. */
export async function commitmentsOfCase(q: Queryable, caseId: string): Promise<CaseCommitment[]> {
  const { rows } = await q.query<CaseCommitment>(
    `select destination, count(*)::int as asked, count(committed)::int as committed
     from delivery where case_id = $1 and commitment is not null group by destination order by destination`,
    [caseId],
  );
  return rows;
}

async function openCounts(tx: Transaction, id: number): Promise<CaseCount[]> {
  const { rows } = await tx.query<CountRow>(
    `select case_id, count(*)::int as objects from delivery where commitment = $1 and committed is null group by case_id order by case_id`,
    [id],
  );
  return rows.map(countOf);
}

type CountRow = { case_id: string; objects: number };

function countOf({ case_id: caseId, objects }: CountRow): CaseCount {
  return { caseId, objects };
}

const COLUMNS = 'id, destination, transaction_uid, state, attempts, created, last_failure';
type Row = {
  id: number;
  destination: string;
  transaction_uid: string;
  state: string;
  attempts: number;
  created: Date;
  last_failure: string;
};

function askedOf({ transaction_uid: transactionUid, last_failure: lastFailure, ...row }: Row): AskedCommitment {
  return { ...row, transactionUid, lastFailure };
}

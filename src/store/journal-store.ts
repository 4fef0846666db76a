/**
 * The journal's SQL. One statement inserts a batch of entries, queues the accepted ones and settles the others;
 * a resend of an accepted message conflicts with `journal_once` and gets no row.
 */
import type { Disposition, Entry, EntryKind, NewEntry } from '../model/entry.ts';
import { decodeLoss } from '../model/loss-report.ts';
import type { Gap } from '../model/mapped.ts';
import type { Queryable, Transaction } from './database.ts';
import { instanceColumns, instanceInsert } from './instance-store.ts';
import { pack } from './packed.ts';

/** Lanes are hashed to this many parts; a part is worked off by one worker at a time. */
export const PARTS = 16;

/** `indexed`: a statement that indexes the instances among them, or ''. */
const insertText = (indexed: string, awaited: string): string => `
with incoming as (
  select * from unnest($2::int[], $3::int[], $5::int[], $6::int[], $8::int[], $9::int[], $10::timestamptz[], $11::text[], $12::text[], $13::text[],
                       $14::text[], $15::text[], $16::text[], $17::text[], $18::text[], $19::text[], $20::smallint[], $21::timestamptz[], $23::text[])
  with ordinality as i(digest_at, digest_length, payload_at, payload_length, answer_at, answer_length, received, kind, peer, type,
                       control_id, lane, blob, disposition, effects, detail, part, not_before, also, ord)
), written as (
  insert into journal (received, kind, peer, type, control_id, digest, lane, payload, blob, disposition, answer, effects, detail, reused_control_id)
  select received, kind, peer, type, control_id, substring($1::bytea from digest_at for digest_length), lane,
         substring($4::bytea from payload_at for payload_length), blob, disposition, substring($7::bytea from answer_at for answer_length),
         effects::text[], detail,
         kind = 'hl7v2' and control_id <> '' and exists (
           select 1 from journal j
           where j.peer = i.peer and j.control_id = i.control_id and j.kind = 'hl7v2' and j.disposition <> 'refused'
             and j.digest <> substring($1::bytea from digest_at for digest_length)
           union all
           select 1 from incoming o
           where o.ord < i.ord and o.peer = i.peer and o.control_id = i.control_id and o.disposition <> 'refused'
             and substring($1::bytea from o.digest_at for o.digest_length) <> substring($1::bytea from i.digest_at for i.digest_length))${indexed === '' ? '' : OTHER_BYTES}
  from incoming i order by ord
  on conflict (peer, control_id, digest) where disposition <> 'refused' and kind in ('hl7v2', 'dicom', 'receipt') do nothing
  returning seq, kind, peer, type, control_id, digest, lane, disposition, detail, octet_length(payload) as bytes
), queued as (
  insert into pending (seq, part, also, bytes, not_before)
  select w.seq, i.part, i.also::smallint[], w.bytes, i.not_before from written w
  cross join lateral (select part, also, not_before from incoming where incoming.lane = w.lane limit 1) i where w.disposition = 'accepted'
), settled as (
  insert into outcome (seq, state, detail) select seq, disposition, detail from written where disposition <> 'accepted'
), ${indexed === '' ? '' : `indexed as (${indexed}\n), `}${awaited === '' ? '' : `awaited as (${awaited}\n), `}told as (
  select pg_notify('corridor', '') where $22::boolean and exists (select 1 from written where disposition = 'accepted')
)
select seq, kind, peer, control_id, encode(digest, 'hex') as digest, disposition, (select count(*) from told) as told from written order by seq`;

/** An object that came under a UID that stands for other bytes: in the index, or before it in the same batch. */
const OTHER_BYTES = `
         or kind = 'dicom' and disposition = 'accepted' and exists (
           select 1 from instance x where x.sop_instance_uid = i.control_id and x.digest <> substring($1::bytea from digest_at for digest_length)
           union all
           select 1 from incoming o
           where o.ord < i.ord and o.kind = 'dicom' and o.control_id = i.control_id and o.disposition = 'accepted'
             and substring($1::bytea from o.digest_at for o.digest_length) <> substring($1::bytea from i.digest_at for i.digest_length))`;

/** The parameters of the entries come first. */
const ENTRY_PARAMETERS = 23;
/** The parameter after those of the entries says of each whether its sender waits. */
const AWAITED = `
  insert into awaited_reply (seq)
  select w.seq from written w join incoming i on i.peer = w.peer and i.control_id = w.control_id and substring($1::bytea from i.digest_at for i.digest_length) = w.digest
  join unnest($${ENTRY_PARAMETERS + 1}::boolean[]) with ordinality a(awaited, ord) using (ord) where a.awaited and w.disposition = 'accepted'
  on conflict do nothing`;
/** Most inserts are of the first: what the others do besides costs nothing there. */
const INSERTS = {
  plain: { name: 'journal-insert', text: insertText('', '') },
  awaited: { name: 'journal-insert-awaited', text: insertText('', AWAITED) },
  instances: { name: 'journal-insert-instances', text: insertText(instanceInsert(ENTRY_PARAMETERS + 1), '') },
  instancesAwaited: {
    name: 'journal-insert-instances-awaited',
    text: insertText(instanceInsert(ENTRY_PARAMETERS + 2), AWAITED),
  },
};

/** The answer stored with the first one of a message that came again. */
const FIRST = `
select j.seq, j.peer, j.control_id, encode(j.digest, 'hex') as digest, j.answer
from unnest($1::text[], $2::text[], $3::text[]) as k(peer, control_id, digest)
join journal j on j.peer = k.peer and j.control_id = k.control_id and j.digest = decode(k.digest, 'hex')
where j.disposition <> 'refused' and j.kind in ('hl7v2', 'dicom', 'receipt')`;

type Written = { seq: number; kind: EntryKind; peer: string; control_id: string; digest: string; disposition: Disposition };

/**
 * Inserts entries in their order, with the index rows of the instances among them. Returns, for each, its seq, or the seq and answer of the first one when it is a resend.
 * Wakes the corridor with NOTIFY when something was queued and `wake` asks for it.
 */
export async function insertEntries(
  q: Queryable,
  entries: readonly NewEntry[],
  wake = true,
): Promise<{ seq: number; duplicate: boolean; answer: Buffer }[]> {
  const digests = pack(entries.map((entry) => entry.digest));
  const payloads = pack(entries.map((entry) => entry.payload));
  const answers = pack(entries.map((entry) => entry.answer));
  const column = <T>(of: (entry: NewEntry) => T) => entries.map(of);
  const withInstances = entries.some(({ instance }) => instance);
  const awaited = entries.some(({ isAwaited }) => isAwaited);
  const { rows } = await q.query<Written>({
    ...INSERTS[withInstances ? (awaited ? 'instancesAwaited' : 'instances') : awaited ? 'awaited' : 'plain'],
    values: [
      ...[digests.bytes, digests.starts, digests.lengths],
      ...[payloads.bytes, payloads.starts, payloads.lengths],
      ...[answers.bytes, answers.starts, answers.lengths],
      column((entry) => entry.received),
      column((entry) => entry.kind),
      column((entry) => entry.peer),
      column((entry) => entry.type),
      column((entry) => entry.controlId),
      column((entry) => entry.lane),
      column((entry) => entry.blob),
      column((entry) => entry.disposition),
      column((entry) => `{${entry.effects.join(',')}}`),
      column((entry) => entry.detail),
      column((entry) => partsOf(entry.lane).part),
      column((entry) => entry.gatherUntil ?? null),
      wake,
      column((entry) => `{${partsOf(entry.lane).also.join(',')}}`),
      ...(awaited ? [column(({ isAwaited }) => isAwaited === true)] : []),
      ...(withInstances ? instanceColumns(entries) : []),
    ],
  });
  return alignWithFirsts(q, entries, rows);
}

/** Walks entries and rows side by side: both are in the order of arrival, and only resends have no row. */
async function alignWithFirsts(q: Queryable, entries: readonly NewEntry[], rows: Written[]) {
  let next = 0;
  const seqs = entries.map((entry) => {
    const row = rows[next];
    if (!row || !isRowOf(row, entry)) return null;
    next++;
    return row.seq;
  });
  const resent = entries.filter((_, index) => seqs[index] === null);
  const firsts = resent.length > 0 ? await firstsOf(q, resent) : new Map<string, { seq: number; answer: Buffer }>();
  return entries.map((entry, index) => {
    const seq = seqs[index];
    if (typeof seq === 'number') return { seq, duplicate: false, answer: entry.answer };
    const first = firsts.get(keyOf(entry.peer, entry.controlId, entry.digest.toString('hex')));
    if (!first) throw new Error(`journal: a ${entry.kind} entry was neither written nor found`);
    return { seq: first.seq, duplicate: true, answer: first.answer };
  });
}

async function firstsOf(q: Queryable, resent: readonly NewEntry[]): Promise<Map<string, { seq: number; answer: Buffer }>> {
  const { rows } = await q.query<{ seq: number; peer: string; control_id: string; digest: string; answer: Buffer }>(FIRST, [
    resent.map((entry) => entry.peer),
    resent.map((entry) => entry.controlId),
    resent.map((entry) => entry.digest.toString('hex')),
  ]);
  return new Map(rows.map((row) => [keyOf(row.peer, row.control_id, row.digest), { seq: row.seq, answer: row.answer }]));
}

function isRowOf(row: Written, entry: NewEntry): boolean {
  return (
    row.kind === entry.kind &&
    row.disposition === entry.disposition &&
    row.peer === entry.peer &&
    row.control_id === entry.controlId &&
    row.digest === entry.digest.toString('hex')
  );
}

function keyOf(peer: string, controlId: string, digest: string): string {
  return `${peer}\0${controlId}\0${digest}`;
}

/** The parts of an entry's lanes, which TABs separate: the first one's, and those of the others beside it. */
function partsOf(lanes: string): { readonly part: number; readonly also: readonly number[] } {
  if (!lanes.includes('\t')) return { part: partOf(lanes), also: NO_PARTS };
  const [part = 0, ...others] = lanes.split('\t').map(partOf);
  return { part, also: [...new Set(others)].filter((other) => other !== part) };
}

const NO_PARTS: readonly number[] = [];

/** FNV-1a over the lane's name, folded to a part. */
export function partOf(lane: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < lane.length; index++) hash = Math.imul(hash ^ lane.charCodeAt(index), 0x01000193);
  return (hash >>> 0) % PARTS;
}

/** Whoever asks for the same control id of the same peer waits until this transaction ends. */
export async function lockControlId(tx: Transaction, peer: string, controlId: string): Promise<void> {
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`${peer}|${controlId}`]);
}

/** Whether `peer` already sent `controlId` with other bytes and was accepted. */
export async function controlIdReused(q: Queryable, peer: string, controlId: string, digest: Buffer): Promise<boolean> {
  const { rows } = await q.query(
    `select 1 from journal where peer = $1 and control_id = $2 and digest <> $3 and kind = 'hl7v2' and disposition <> 'refused' limit 1`,
    [peer, controlId, digest],
  );
  return rows.length > 0;
}

type EntryRow = {
  seq: number;
  received: Date;
  kind: EntryKind;
  peer: string;
  type: string;
  control_id: string;
  digest: Buffer;
  lane: string;
  payload: Buffer;
  blob: string | null;
  disposition: Disposition;
  answer: Buffer;
  effects: string[];
  detail: string;
  reused_control_id: boolean;
};

/** Payloads of one claim; an entry that is larger is claimed alone. A walk keeps several times its payload in memory. */
const CLAIM_BYTES = 16 * 1024 * 1024;

/**
 * Claims up to `limit` queued entries in order, about CLAIM_BYTES, of the parts that no other transaction holds; of the parts where
 * something waits at most one in `workers`, so that the others find work too. An entry of several lanes (a merge) is claimed where
 * the parts of all are held, and nothing behind it in any of them before. The locks and the claim end with the transaction: a worker that
 * dies gives everything back.
 */
export async function claimEntries(tx: Transaction, limit: number, workers: number, now: Date): Promise<(Entry & { tries: number })[]> {
  const free = await lockParts(tx, workers, now);
  if (free.length === 0) return [];
  const held = await lockForMerges(tx, free, now);
  const { rows } = await tx.query<EntryRow & { tries: number }>({
    name: 'journal-claim',
    // A merge that has to wait lets no later one be sure: what is behind any of those waits as well.
    text: `with merges as materialized (
             select seq, part || also as parts from pending
             where also <> '{}' and (part || also) && $1::smallint[] and (not_before is null or not_before <= $3)
           ), blocked as materialized (
             select seq, parts from merges where seq >= (select min(seq) from merges where not parts <@ $1::smallint[])
           ), claimed as (
             delete from pending where seq in (
               select seq from (
                 select seq, sum(bytes) over (order by seq rows unbounded preceding) - bytes as before from (
                   select seq, bytes from pending p where part = any($1::smallint[]) and also <@ $1::smallint[] and (not_before is null or not_before <= $3)
                     and not exists (select 1 from blocked b where b.seq < p.seq and b.parts && (p.part || p.also))
                   order by seq limit $2) head) heap
               where before < ${CLAIM_BYTES}) returning seq, tries)
           select j.*, c.tries from claimed c join journal j using (seq) order by j.seq`,
    values: [held, limit, now],
  });
  return rows.map((row) => ({ ...entryOf(row), tries: row.tries }));
}

async function lockParts(tx: Transaction, workers: number, now: Date): Promise<number[]> {
  const { rows } = await tx.query<{ part: number }>({
    name: 'journal-parts',
    // Materialized: otherwise the locks are tried below the sort, and all are taken before LIMIT counts.
    text: `with waiting as (select distinct part from pending where not_before is null or not_before <= $3),
                parts as materialized (select part from waiting order by (part + $2) % ${PARTS})
           select part from parts where pg_try_advisory_xact_lock(${PART_LOCKS}, part)
           limit (select ceil(count(*)::numeric / $1) from waiting)`,
    // A worker that takes only some parts begins elsewhere each time, so that none is left behind.
    values: [workers, workers > 1 ? Math.floor(Math.random() * PARTS) : 0, now],
  });
  return rows.map((row) => row.part);
}

/** What the oldest merge among parts that are held needs besides, where it is free: else a worker of few parts might never have both. */
async function lockForMerges(tx: Transaction, held: readonly number[], now: Date): Promise<readonly number[]> {
  const { rows } = await tx.query<{ part: number }>({
    name: 'journal-merge-parts',
    text: `with needed as materialized (
             select unnest(part || also) as part from (
               select part, also from pending where also <> '{}' and (part || also) && $1::smallint[] and (not_before is null or not_before <= $2)
               order by seq limit 1) oldest)
           select part from needed where part <> all($1::smallint[]) and pg_try_advisory_xact_lock(${PART_LOCKS}, part)`,
    values: [held, now],
  });
  return [...held, ...rows.map((row) => row.part)];
}

/** First key of the advisory locks on parts. */
const PART_LOCKS = 0x7061;

/**
 * Counts a try of an entry whose transaction failed and puts it off, longer each time; after `most` tries it is settled as failed.
 * What is behind it in its lane passes it, as it passes an entry that has failed for good: one bad message never holds back the others,
 * and an entry that a person replays comes late just so. Returns whether it is settled.
 */
export async function countTry(tx: Transaction, seq: number, most: number, reason: string, now: Date): Promise<boolean> {
  await tx.query(
    `update pending set tries = tries + 1, not_before = $2::timestamptz + make_interval(secs => ${FIRST_REST_S} * 2 ^ tries) where seq = $1`,
    [seq, now],
  );
  const { rows } = await tx.query(`delete from pending where seq = $1 and tries >= $2 returning seq`, [seq, most]);
  if (rows.length > 0)
    await saveOutcomes(tx, [{ seq, state: 'failed', detail: `internal: ${reason}`, produced: [], cases: [], loss: null }]);
  return rows.length > 0;
}

/** Puts an entry off for a moment without counting a try. */
export async function restEntry(q: Queryable, seq: number, now: Date): Promise<void> {
  await q.query(`update pending set not_before = $2::timestamptz + make_interval(secs => ${FIRST_REST_S}) where seq = $1`, [seq, now]);
}

/** Which of these entries have been worked off before, and successfully. */
export async function doneBefore(q: Queryable, seqs: readonly number[]): Promise<ReadonlySet<number>> {
  if (seqs.length === 0) return new Set();
  const { rows } = await q.query<{ seq: number }>(`select seq from outcome where seq = any($1) and state = 'done'`, [seqs]);
  return new Set(rows.map(({ seq }) => seq));
}

/** Rest after the first try that failed alone; doubles with each. */
const FIRST_REST_S = 1;

export async function readEntry(q: Queryable, seq: number): Promise<Entry | null> {
  const { rows } = await q.query<EntryRow>(`select * from journal where seq = $1`, [seq]);
  return rows[0] ? entryOf(rows[0]) : null;
}

/** The entry with the beginning of its payload, cut at the end of a segment. */
export async function readHead(q: Queryable, seq: number): Promise<Entry | null> {
  const { rows } = await q.query<EntryRow>(
    `select seq, received, kind, peer, type, control_id, digest, lane, substring(payload for ${HEAD_BYTES}) as payload, blob, disposition, answer,
       effects, detail, reused_control_id from journal where seq = $1`,
    [seq],
  );
  const entry = rows[0] && entryOf(rows[0]);
  if (!entry || entry.payload.length < HEAD_BYTES) return entry ?? null;
  const end = Math.max(entry.payload.lastIndexOf(0x0d), entry.payload.lastIndexOf(0x0a));
  return { ...entry, payload: entry.payload.subarray(0, end + 1) };
}

/** Whom a message is about stands at its beginning; behind it may be files. */
const HEAD_BYTES = 65_536;

export type Outcome = {
  readonly seq: number;
  readonly state: 'done' | 'failed' | 'held';
  readonly detail: string;
  /** Types of the resources it made or changed. */
  readonly produced: readonly string[];
  readonly cases: readonly string[];
  /** What was not carried, as model/loss-report.ts writes it. */
  readonly loss: Buffer | null;
};

/** Settles entries: an entry that was replayed gets its newest outcome. */
export async function saveOutcomes(q: Queryable, outcomes: readonly Outcome[]): Promise<void> {
  if (outcomes.length === 0) return;
  const losses = pack(outcomes.map(({ loss }) => loss ?? NO_BYTES));
  await q.query({
    name: 'outcome-save',
    text: `insert into outcome (seq, state, detail, produced, cases, loss)
           select seq, state, detail, produced::text[], cases::uuid[],
             case when loss_length > 0 then substring($6::bytea from loss_at for loss_length) end
           from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $7::int[], $8::int[])
                as o(seq, state, detail, produced, cases, loss_at, loss_length)
           on conflict (seq) do update set state = excluded.state, detail = excluded.detail, produced = excluded.produced,
             cases = excluded.cases, loss = excluded.loss, settled = now()`,
    values: [
      outcomes.map((outcome) => outcome.seq),
      outcomes.map((outcome) => outcome.state),
      outcomes.map((outcome) => outcome.detail),
      outcomes.map((outcome) => `{${outcome.produced.join(',')}}`),
      outcomes.map((outcome) => `{${outcome.cases.join(',')}}`),
      losses.bytes,
      losses.starts,
      losses.lengths,
    ],
  });
}

const NO_BYTES = Buffer.alloc(0);

/** What was not carried of an entry; null where nothing was lost, or where it has not been worked off. */
export async function readLoss(q: Queryable, seq: number): Promise<Gap[] | null> {
  const { rows } = await q.query<{ loss: Buffer | null }>('select loss from outcome where seq = $1', [seq]);
  return rows[0]?.loss ? decodeLoss(rows[0].loss) : null;
}

/** Entries that are held and not queued again, the oldest first. */
export async function heldEntries(q: Queryable, peer: string, limit: number): Promise<number[]> {
  const { rows } = await q.query<{ seq: number }>(
    `select o.seq from outcome o join journal j using (seq) where o.state = 'held' and j.peer = $1
       and not exists (select 1 from pending p where p.seq = o.seq) order by o.seq limit $2`,
    [peer, limit],
  );
  return rows.map(({ seq }) => seq);
}

/** Queues settled entries again, as they are in the journal. Returns how many. */
export async function requeueEntries(q: Queryable, seqs: readonly number[]): Promise<number> {
  const { rows } = await q.query<{ seq: number; lane: string; bytes: number }>(
    `select seq, lane, octet_length(payload) as bytes from journal j where seq = any($1) and disposition = 'accepted' and not exists (select 1 from pending p where p.seq = j.seq)`,
    [seqs],
  );
  if (rows.length === 0) return 0;
  await q.query(
    `insert into pending (seq, part, also, bytes)
     select seq, part, also::smallint[], bytes from unnest($1::bigint[], $2::smallint[], $3::text[], $4::int[]) as r(seq, part, also, bytes)
     on conflict do nothing`,
    [
      rows.map((row) => row.seq),
      rows.map((row) => partsOf(row.lane).part),
      rows.map((row) => `{${partsOf(row.lane).also.join(',')}}`),
      rows.map((row) => row.bytes),
    ],
  );
  await wakeCorridor(q);
  return rows.length;
}

/** Tells whoever works off the journal, once this transaction has committed. */
export async function wakeCorridor(q: Queryable): Promise<void> {
  await q.query('notify corridor');
}

function entryOf(row: EntryRow): Entry {
  const { control_id: controlId, reused_control_id: reusedControlId, ...rest } = row;
  return { ...rest, controlId, reusedControlId };
}

/**
 * Deliveries wait in ordered lanes. A lane hands out numbers under a row lock in the transaction that orders the delivery,
 * and is drained from its head by whoever holds the lane; a head that must wait, or is held for a person, holds back what is behind it.
 */
import type { Delivery, DeliveryKind, DeliveryState, NewDelivery } from '../model/delivery.ts';
import type { Database, Queryable, Transaction } from './database.ts';
import { pack } from './packed.ts';

/** Orders deliveries, each at the end of its lane. A delivery with an id that is already there is left as it is. */
export async function addDeliveries(tx: Transaction, deliveries: readonly (NewDelivery & { lane: string })[], now: Date): Promise<void> {
  if (deliveries.length === 0) return;
  const lanes = [...Map.groupBy(deliveries, ({ lane }) => lane)].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [lane, group] of lanes) {
    const { rows } = await tx.query<{ first: number }>(
      `insert into lane (name, next) values ($1, 1 + $2::bigint) on conflict (name) do update set next = lane.next + $2::bigint
       returning next - $2::bigint as first`,
      [lane, group.length],
    );
    await insertDeliveries(tx, group, { lane, first: rows[0]?.first as number, now });
  }
  await tx.query(`notify delivery`);
}

type Place = { readonly lane: string; readonly first: number; readonly now: Date };

/** At one go: a study has thousands of objects. */
async function insertDeliveries(tx: Transaction, deliveries: readonly NewDelivery[], { lane, first, now }: Place): Promise<void> {
  const contents = pack(deliveries.map(({ content }) => content));
  const column = <T>(of: (delivery: NewDelivery) => T) => deliveries.map(of);
  await tx.query({
    name: 'delivery-insert',
    text: `insert into delivery (id, destination, kind, lane, lane_seq, case_id, seq, control_id, content, state, due)
           select id, destination, kind, $1, $2::bigint + ord - 1, case_id, seq, control_id,
                  substring($4::bytea from content_at for content_length), 'waiting', $3
           from unnest($5::int[], $6::int[], $7::uuid[], $8::text[], $9::text[], $10::uuid[], $11::bigint[], $12::text[]) with ordinality
             as d(content_at, content_length, id, destination, kind, case_id, seq, control_id, ord)
           on conflict (id) do nothing`,
    values: [
      lane,
      first,
      now,
      contents.bytes,
      contents.starts,
      contents.lengths,
      column(({ id }) => id),
      column(({ destination }) => destination),
      column(({ kind }) => kind),
      column(({ caseId }) => caseId || null),
      column(({ seq }) => seq),
      column(({ controlId }) => controlId),
    ],
  });
}

/** How many deliveries of a kind were ordered to a destination for a case, and how many of them it has acknowledged. */
export async function countDeliveries(
  q: Queryable,
  place: { readonly caseId: string; readonly destination: string },
  kind: DeliveryKind,
): Promise<{ readonly ordered: number; readonly delivered: number }> {
  const { rows } = await q.query<{ ordered: number; delivered: number }>({
    name: 'delivery-count',
    text: `select count(*)::int as ordered, count(*) filter (where state = 'delivered')::int as delivered
           from delivery where case_id = $1 and destination = $2 and kind = $3`,
    values: [place.caseId, place.destination, kind],
  });
  return rows[0] ?? { ordered: 0, delivered: 0 };
}

/** Lanes whose head is due. One look at the index a lane, however long it is. */
export async function dueLanes(q: Queryable, now: Date): Promise<string[]> {
  const { rows } = await q.query<{ name: string }>(
    `select l.name from lane l cross join lateral (
       select destination, state, due from delivery d where d.lane = l.name and d.state in ('waiting', 'held') order by lane_seq limit 1) head
     where head.due <= $1 and head.state = 'waiting' and not exists (select 1 from destination_pause p where p.destination = head.destination)`,
    [now],
  );
  return rows.map((row) => row.name);
}

/** The first deliveries of a lane, whether due or not, held or not; none when the lane is empty or its destination paused. */
export async function laneHeads(q: Queryable, lane: string, limit: number): Promise<Delivery[]> {
  const { rows } = await q.query<DeliveryRow>(
    `select * from delivery d where lane = $1 and state in ('waiting', 'held')
       and not exists (select 1 from destination_pause p where p.destination = d.destination) order by lane_seq limit $2`,
    [lane, limit],
  );
  return rows.map(deliveryOf);
}

/**
 * Holds a lane for one process while `work` runs: a session lock on a connection of its own, which dies with it.
 * Returns false at once when another process holds the lane.
 */
export async function holdLane(database: Database, lane: string, work: () => Promise<void>): Promise<boolean> {
  const client = await database.connect();
  let broken = true;
  try {
    const { rows } = await client.query<{ held: boolean }>(`select pg_try_advisory_lock(${LANE_LOCKS}, hashtext($1)) as held`, [lane]);
    if (rows[0]?.held) {
      await work();
      await client.query(`select pg_advisory_unlock(${LANE_LOCKS}, hashtext($1))`, [lane]);
    }
    broken = false;
    return rows[0]?.held === true;
  } finally {
    // A connection that may still hold the lock is closed, not given back.
    client.release(broken);
  }
}

/** First key of the advisory locks on lanes. */
const LANE_LOCKS = 0x6c61;

export type AttemptRow = { readonly started: Date; readonly ended: Date; readonly outcome: string; readonly detail: string };

/**
 * Counts an attempt of each before anything is sent, and puts the next one off: whoever dies or cannot write in the middle of it has not to
 * hurry. Returns the ids of those that still wait, and were not attempted by another.
 */
export async function beginAttempts(
  q: Queryable,
  begun: readonly { readonly delivery: Delivery; readonly due: Date }[],
): Promise<Set<string>> {
  const { rows } = await q.query<{ id: string }>({
    name: 'delivery-begin',
    text: `update delivery d set attempts = d.attempts + 1, due = b.due
           from unnest($1::uuid[], $2::int[], $3::timestamptz[]) as b(id, attempts, due)
           where d.id = b.id and d.state = 'waiting' and d.attempts = b.attempts returning d.id`,
    values: [begun.map(({ delivery }) => delivery.id), begun.map(({ delivery }) => delivery.attempts), begun.map(({ due }) => due)],
  });
  return new Set(rows.map(({ id }) => id));
}

/** Of what was begun and not sent no attempt is counted, and it is due again. */
export async function giveBackAttempts(q: Queryable, deliveries: readonly Delivery[], now: Date): Promise<void> {
  if (deliveries.length === 0) return;
  await q.query(`update delivery set attempts = attempts - 1, due = $2 where id = any($1::uuid[]) and state = 'waiting'`, [
    deliveries.map(({ id }) => id),
    now,
  ]);
}

export type Settled = {
  readonly delivery: Delivery;
  readonly attempt: AttemptRow;
  readonly next: { readonly state: DeliveryState; readonly due: Date; readonly lastFailure: string };
};

/** Records attempts that were begun, and what becomes of their deliveries. Returns the ids of those that nobody else has ended meanwhile. */
export async function settleAttempts(tx: Queryable, settled: readonly Settled[]): Promise<Set<string>> {
  const column = <T>(of: (one: Settled) => T) => settled.map(of);
  const [ids, ended] = [column(({ delivery }) => delivery.id), column(({ attempt }) => attempt.ended)];
  await tx.query({
    name: 'delivery-attempts',
    text: `insert into delivery_attempt (delivery, n, started, ended, outcome, detail)
           select s.id, coalesce((select max(n) from delivery_attempt a where a.delivery = s.id), 0) + 1, started, ended, outcome, detail
           from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::text[], $5::text[]) as s(id, started, ended, outcome, detail)`,
    values: [
      ids,
      column(({ attempt }) => attempt.started),
      ended,
      column(({ attempt }) => attempt.outcome),
      column(({ attempt }) => attempt.detail),
    ],
  });
  const { rows } = await tx.query<{ id: string }>({
    name: 'delivery-settle',
    text: `update delivery d set state = s.state, due = s.due, last_failure = s.failure,
             settled = case when s.state in ('waiting', 'held') then null else s.ended end
           from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::timestamptz[]) as s(id, state, due, failure, ended)
           where d.id = s.id and d.state = 'waiting' returning d.id`,
    values: [ids, column(({ next }) => next.state), column(({ next }) => next.due), column(({ next }) => next.lastFailure), ended],
  });
  return new Set(rows.map(({ id }) => id));
}

export async function readDelivery(q: Queryable, id: string): Promise<Delivery | null> {
  const { rows } = await q.query<DeliveryRow>(`select * from delivery where id = $1`, [id]);
  return rows[0] ? deliveryOf(rows[0]) : null;
}

/**
 * Of a delivery `d`: it brings a report, and a later one of its case, or what withdraws it, went the same way or is on it. Sent behind that, the
 * older would be taken for the one that stands.
 */
const SUPERSEDED = `d.kind = any('{oru,mdm,fhir-report,dicom-result}'::text[]) and exists (
  select from delivery later where later.case_id = d.case_id and later.destination = d.destination and later.seq > d.seq
    and later.state <> 'dead' and later.kind = any('{oru,mdm,fhir-report,dicom-result}'::text[]))`;

export async function isSuperseded(q: Queryable, id: string): Promise<boolean> {
  const { rowCount } = await q.query(`select from delivery d where id = $1 and state = 'dead' and ${SUPERSEDED}`, [id]);
  return rowCount === 1;
}

/**
 * Puts a delivery that was set aside back, at the end of its lane; one that is held goes on in its place. Returns false when there is none
 * of that id, or it is superseded.
 */
export async function replayDelivery(database: Database, id: string, now: Date): Promise<boolean> {
  return database.transaction(async (tx) => {
    const held = await tx.query(`update delivery set state = 'waiting', attempts = 0, due = $2 where id = $1 and state = 'held'`, [
      id,
      now,
    ]);
    if (held.rowCount === 1) await tx.query(`notify delivery`);
    if (held.rowCount === 1) return true;
    const { rows } = await tx.query<{ lane: string }>(
      `select lane from delivery d where id = $1 and state = 'dead' and not (${SUPERSEDED}) for update`,
      [id],
    );
    const lane = rows[0]?.lane;
    if (lane === undefined) return false;
    const { rows: numbers } = await tx.query<{ number: number }>(
      `update lane set next = next + 1 where name = $1 returning next - 1 as number`,
      [lane],
    );
    await tx.query(`update delivery set state = 'waiting', attempts = 0, due = $2, lane_seq = $3, settled = null where id = $1`, [
      id,
      now,
      numbers[0]?.number,
    ]);
    await tx.query(`notify delivery`);
    return true;
  });
}

/**
 * Puts all deliveries of a destination that were set aside back, at most `limit`: each at the end of its lane, in the order they had there;
 * what is superseded stays. Returns how many.
 */
export async function replaySetAside(tx: Transaction, destination: string, limit: number, now: Date): Promise<number> {
  const { rows } = await tx.query<{ id: string; lane: string }>(
    `select id, lane from delivery d where state = 'dead' and destination = $1 and not (${SUPERSEDED})
     order by lane, lane_seq limit $2 for update`,
    [destination, limit],
  );
  for (const [lane, group] of Map.groupBy(rows, (row) => row.lane))
    await tx.query(
      `with numbered as (update lane set next = next + $2::bigint where name = $1 returning next - $2::bigint as first)
       update delivery d set state = 'waiting', attempts = 0, due = $4, lane_seq = numbered.first + ord - 1, settled = null
       from numbered, unnest($3::uuid[]) with ordinality as r(id, ord) where d.id = r.id`,
      [lane, group.length, group.map(({ id }) => id), now],
    );
  if (rows.length > 0) await tx.query(`notify delivery`);
  return rows.length;
}

/** Takes a held delivery out of its lane. Returns false when there is none of that id. */
export async function setAsideDelivery(tx: Transaction, id: string, now: Date): Promise<boolean> {
  const { rowCount } = await tx.query(`update delivery set state = 'dead', settled = $2 where id = $1 and state = 'held'`, [id, now]);
  if (rowCount === 1) await tx.query(`notify delivery`);
  return rowCount === 1;
}

/** A case that was pushed is looked at on the specialist's server from now on. */
export async function addWatch(q: Queryable, watch: { destination: string; caseId: string; remote: string; due: Date }): Promise<void> {
  await q.query(
    `insert into watch (destination, case_id, remote, due) values ($1, $2, $3, $4)
     on conflict (destination, case_id) do update set remote = excluded.remote, due = excluded.due, done = false`,
    [watch.destination, watch.caseId, watch.remote, watch.due],
  );
}

export type Watch = { readonly destination: string; readonly caseId: string; readonly remote: string };

/** A destination where reports are looked for, and how often. */
export type WatchedPlace = { readonly destination: string; readonly againMs: number };

/**
 * Takes watches that are due and puts each off by its destination's time, so that one process looks at a time. A case that has its report,
 * or never gets one, is not looked for any more.
 */
export async function takeDueWatches(q: Queryable, now: Date, places: readonly WatchedPlace[], limit: number): Promise<Watch[]> {
  await q.query(
    `update watch set done = true from cases c
     where c.id = case_id and not done and due <= $1 and c.phase in ('cancelled', 'reported', 'closed')`,
    [now],
  );
  const { rows } = await q.query<{ destination: string; case_id: string; remote: string }>(
    `update watch w set due = $1::timestamptz + make_interval(secs => p.again / 1000.0)
     from unnest($2::text[], $3::float8[]) as p(destination, again)
     where w.destination = p.destination and (w.destination, w.case_id) in (
       select destination, case_id from watch join cases c on c.id = case_id
       where not done and due <= $1 and destination = any($2::text[]) and c.phase not in ('cancelled', 'reported', 'closed')
       order by due limit $4 for update of watch skip locked)
     returning w.destination, w.case_id, w.remote`,
    [now, places.map((place) => place.destination), places.map((place) => place.againMs), limit],
  );
  return rows.map((row) => ({ destination: row.destination, caseId: row.case_id, remote: row.remote }));
}

export async function endWatch(q: Queryable, destination: string, caseId: string): Promise<void> {
  await q.query(`update watch set done = true where destination = $1 and case_id = $2`, [destination, caseId]);
}

type DeliveryRow = {
  id: string;
  destination: string;
  kind: DeliveryKind;
  lane: string;
  lane_seq: number;
  case_id: string | null;
  seq: number;
  control_id: string;
  content: Buffer;
  state: DeliveryState;
  attempts: number;
  due: Date;
  last_failure: string;
};

function deliveryOf(row: DeliveryRow): Delivery {
  return {
    id: row.id,
    destination: row.destination,
    kind: row.kind,
    lane: row.lane,
    laneSeq: row.lane_seq,
    caseId: row.case_id ?? '',
    seq: row.seq,
    controlId: row.control_id,
    content: row.content,
    state: row.state,
    attempts: row.attempts,
    due: row.due,
    lastFailure: row.last_failure,
  };
}

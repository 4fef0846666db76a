/**
 * Deliveries wait in ordered lanes. A lane hands out numbers under a row lock in the transaction that orders the delivery,
 * and is drained from its head by whoever holds the lane; a head that must wait holds back what is behind it.
 */
import type { Delivery, DeliveryKind, DeliveryState, NewDelivery } from '../model/delivery.ts';
import type { Database, Queryable, Transaction } from './database.ts';

/** Orders deliveries, each at the end of its lane. A delivery with an id that is already there is left as it is. */
export async function addDeliveries(tx: Transaction, deliveries: readonly (NewDelivery & { lane: string })[], now: Date): Promise<void> {
  const sorted = [...deliveries].sort((a, b) => (a.lane < b.lane ? -1 : a.lane > b.lane ? 1 : 0));
  for (const delivery of sorted) {
    const { rows } = await tx.query<{ number: number }>(
      `insert into lane (name, next) values ($1, 2) on conflict (name) do update set next = lane.next + 1 returning next - 1 as number`,
      [delivery.lane],
    );
    await tx.query(
      `insert into delivery (id, destination, kind, lane, lane_seq, case_id, seq, control_id, content, state, due)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'waiting', $10) on conflict (id) do nothing`,
      [
        delivery.id,
        delivery.destination,
        delivery.kind,
        delivery.lane,
        rows[0]?.number,
        delivery.caseId,
        delivery.seq,
        delivery.controlId,
        delivery.content,
        now,
      ],
    );
  }
  if (deliveries.length > 0) await tx.query(`notify delivery`);
}

/** Lanes whose head is due. */
export async function dueLanes(q: Queryable, now: Date): Promise<string[]> {
  const { rows } = await q.query<{ lane: string }>(
    `select lane from (select distinct on (lane) lane, due from delivery where state = 'waiting' order by lane, lane_seq) head where due <= $1`,
    [now],
  );
  return rows.map((row) => row.lane);
}

/** The head of a lane, whether due or not, or null when the lane is empty. */
export async function laneHead(q: Queryable, lane: string): Promise<Delivery | null> {
  const { rows } = await q.query<DeliveryRow>(`select * from delivery where lane = $1 and state = 'waiting' order by lane_seq limit 1`, [
    lane,
  ]);
  return rows[0] ? deliveryOf(rows[0]) : null;
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

/** Records an attempt and what becomes of the delivery. */
export async function settleAttempt(
  tx: Queryable,
  delivery: Delivery,
  attempt: AttemptRow,
  next: { state: DeliveryState; due: Date; lastFailure: string },
): Promise<void> {
  await tx.query(
    `insert into delivery_attempt (delivery, n, started, ended, outcome, detail) values ($1, $2, $3, $4, $5, $6) on conflict do nothing`,
    [delivery.id, delivery.attempts + 1, attempt.started, attempt.ended, attempt.outcome, attempt.detail],
  );
  await tx.query(
    `update delivery set attempts = attempts + 1, state = $2, due = $3, last_failure = $4, settled = case when $2 = 'waiting' then null else $5::timestamptz end
     where id = $1`,
    [delivery.id, next.state, next.due, next.lastFailure, attempt.ended],
  );
}

export async function readDelivery(q: Queryable, id: string): Promise<Delivery | null> {
  const { rows } = await q.query<DeliveryRow>(`select * from delivery where id = $1`, [id]);
  return rows[0] ? deliveryOf(rows[0]) : null;
}

/** Puts a dead delivery back, at the end of its lane. Returns false when there is no dead delivery of that id. */
export async function replayDelivery(database: Database, id: string, now: Date): Promise<boolean> {
  return database.transaction(async (tx) => {
    const { rows } = await tx.query<{ lane: string }>(`select lane from delivery where id = $1 and state = 'dead' for update`, [id]);
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

/** A case that was pushed is looked at on the specialist's server from now on. */
export async function addWatch(q: Queryable, watch: { destination: string; caseId: string; remote: string; due: Date }): Promise<void> {
  await q.query(
    `insert into watch (destination, case_id, remote, due) values ($1, $2, $3, $4)
     on conflict (destination, case_id) do update set remote = excluded.remote, due = excluded.due, done = false`,
    [watch.destination, watch.caseId, watch.remote, watch.due],
  );
}

export type Watch = { readonly destination: string; readonly caseId: string; readonly remote: string };

/** Takes watches that are due and puts them off by `againMs`, so that one process looks at a time. */
export async function takeDueWatches(q: Queryable, now: Date, againMs: number, limit: number): Promise<Watch[]> {
  const { rows } = await q.query<{ destination: string; case_id: string; remote: string }>(
    `update watch set due = $1::timestamptz + make_interval(secs => $2 / 1000.0)
     where (destination, case_id) in (select destination, case_id from watch where not done and due <= $1 order by due limit $3 for update skip locked)
     returning destination, case_id, remote`,
    [now, againMs, limit],
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
  case_id: string;
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
    caseId: row.case_id,
    seq: row.seq,
    controlId: row.control_id,
    content: row.content,
    state: row.state,
    attempts: row.attempts,
    due: row.due,
    lastFailure: row.last_failure,
  };
}

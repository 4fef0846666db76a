/**
 * Drains the outbound lanes: each from its head, in order, by whoever holds the lane. A head that fails for now waits and holds back
 * its lane only; one that fails for good, or too often, is set aside (`dead`) for a person and the lane goes on, or it holds the lane
 * (`held`), as its destination says. Of a destination that a person has paused nothing is begun.
 * A receipt and the end of its delivery are one commit: a crash before it sends the same bytes again, later, for an attempt is counted
 * and the next one put off before anything is sent.
 */
import { createHash } from 'node:crypto';
import type { Journal } from '../journal/journal.ts';
import type { Clock } from '../model/clock.ts';
import { type Destination, type RetryPolicy, takesObjects } from '../model/config.ts';
import type { Delivery, Receipt, SendResult } from '../model/delivery.ts';
import type { NewEntry } from '../model/entry.ts';
import { failure, isFailure } from '../model/failure.ts';
import type { Log } from '../model/log.ts';
import type { Metrics } from '../model/metrics.ts';
import { addCaseEvents } from '../store/case-store.ts';
import type { Database } from '../store/database.ts';
import { reasonOf } from '../store/database-failure.ts';
import {
  beginAttempt,
  dueLanes,
  holdLane,
  laneHead,
  settleAttempt,
  takeDueWatches,
  type Watch,
  type WatchedPlace,
} from '../store/delivery-store.ts';
import { afterAttempt, delayMs } from './retry.ts';

/** One kind of destination: the seam that every kind passes the same contract on. */
export type DestinationClient = {
  send(delivery: Delivery): Promise<SendResult>;
  /** The receipt of what was sent last is committed. */
  settled?(): void;
  /** Other keys and certificates, for connections to come. */
  renew?(destination: Destination): void;
  close(): Promise<void>;
};

/** A destination where the report is looked for. `remote` is what the receipt of the pushed case said. */
export type Lookout = {
  /** The report's bundle as found there with a name of its version, null while there is none. */
  poll(remote: string): Promise<{ bytes: Buffer; controlId: string } | null | ReturnType<typeof failure>>;
};

export type LaneWorker = { wake(): void; stop(): Promise<void> };

export type LaneDeps = {
  readonly database: Database;
  readonly journal: Journal;
  readonly destinations: readonly Destination[];
  readonly clients: ReadonlyMap<string, DestinationClient & Partial<Lookout>>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** What NOTIFY missed is found after this long. */
  readonly pollMs: number;
  /** Lanes drained at the same time. */
  readonly parallel: number;
};

/** Looks at specialists' servers at the same time, beside the lanes. */
const WATCHES = 4;

export function startLaneWorker(deps: LaneDeps): LaneWorker {
  const lanes = new Map<string, Promise<void>>();
  const watches = new Map<string, Promise<void>>();
  const places = watchedPlaces(deps.destinations);
  /** Lanes that could not be drained (held elsewhere, no database): they wait for the next poll, and make room for others. */
  const resting = new Set<string>();
  let stopping = false;
  let looking: Promise<void> = Promise.resolve();

  const isLong = longLanes(deps.destinations);
  const isFull = (lane: string): boolean =>
    lanes.size >= deps.parallel || (isLong(lane) && [...lanes.keys()].filter(isLong).length >= deps.parallel / 2);
  const startLanes = async (): Promise<void> => {
    for (const lane of await dueLanes(deps.database, deps.clock.now())) {
      if (stopping || lanes.has(lane) || resting.has(lane) || isFull(lane)) continue;
      const drained = drainLane(deps, lane, () => stopping).then((didSomething) => {
        if (!didSomething) resting.add(lane);
      });
      run(lanes, lane, drained);
    }
  };
  const startWatches = async (): Promise<void> => {
    if (stopping || watches.size >= WATCHES || places.length === 0) return;
    for (const watch of await takeDueWatches(deps.database, deps.clock.now(), places, WATCHES - watches.size)) {
      const name = `${watch.destination} ${watch.caseId}`;
      if (!watches.has(name)) run(watches, name, lookFor(deps, watch));
    }
  };
  /** A place is free at the end: who found none may go. */
  const run = (running: Map<string, Promise<void>>, name: string, work: Promise<void>): void => {
    const ended = work.finally(() => {
      running.delete(name);
      wake();
    });
    running.set(name, ended);
  };
  const look = async (): Promise<void> => {
    if (stopping) return;
    try {
      await startLanes();
      await startWatches();
    } catch (error) {
      deps.log.warn('delivery.look-failed', { reason: reasonOf(error) });
    }
  };
  let asked = false;
  const wake = (): void => {
    if (asked || stopping) return;
    asked = true;
    looking = looking.then(() => {
      asked = false;
      return look();
    });
  };
  const timer = setInterval(() => {
    resting.clear();
    wake();
  }, deps.pollMs);
  wake();
  return {
    wake,
    stop: async () => {
      stopping = true;
      clearInterval(timer);
      await looking;
      await Promise.all([...lanes.values(), ...watches.values()]);
      await Promise.all([...deps.clients.values()].map((client) => client.close()));
    },
  };
}

function watchedPlaces(destinations: readonly Destination[]): WatchedPlace[] {
  return destinations.flatMap((one) => (one.kind === 'fhir' ? [{ destination: one.name, againMs: one.pollMs }] : []));
}

/** Studies of gigabytes are under way for minutes: half of the places are for what is short. A lane begins with its destination's name. */
function longLanes(destinations: readonly Destination[]): (lane: string) => boolean {
  const names = new Set(destinations.filter(takesObjects).map(({ name }) => name));
  return (lane) => names.has(lane.split(' ')[0] as string);
}

/** Returns false when nothing was attempted: another process holds the lane, or the database does not answer. Never rejects. */
async function drainLane(deps: LaneDeps, lane: string, stopping: () => boolean): Promise<boolean> {
  let attempts = 0;
  try {
    await holdLane(deps.database, lane, async () => {
      for (;;) {
        const head = stopping() ? null : await laneHead(deps.database, lane);
        if (!head || head.state === 'held' || head.due > deps.clock.now()) return;
        if (await attempt(deps, head)) attempts++;
      }
    });
  } catch (error) {
    deps.log.warn('delivery.lane-failed', { lane, reason: reasonOf(error) });
  }
  return attempts > 0;
}

/** Returns false when the delivery was no longer there to be attempted. */
async function attempt(deps: LaneDeps, head: Delivery): Promise<boolean> {
  const destination = deps.destinations.find((candidate) => candidate.name === head.destination);
  const policy = destination && destination.kind !== 'pull' ? destination.retry : UNKNOWN_DESTINATION;
  const started = deps.clock.now();
  const delivery = { ...head, attempts: head.attempts + 1 };
  const due = new Date(started.getTime() + delayMs(delivery.attempts, policy, Math.random()));
  if (!(await beginAttempt(deps.database, head, due))) return false;
  const client = deps.clients.get(delivery.destination);
  const result: SendResult =
    client && destination && destination.kind !== 'pull'
      ? await client.send(delivery)
      : failure('delivery', 'not-found', `destination ${delivery.destination} is not configured any more`);
  await settle(deps, delivery, policy, started, result);
  client?.settled?.();
  return true;
}

const UNKNOWN_DESTINATION: RetryPolicy = { firstDelayMs: 1_000, maxDelayMs: 1_000, maxAttempts: 1, onFailure: 'setAside' };

/** `delivery.attempts` counts this attempt. */
async function settle(deps: LaneDeps, delivery: Delivery, policy: RetryPolicy, started: Date, result: SendResult): Promise<void> {
  const ended = deps.clock.now();
  const next = afterAttempt(result, delivery.attempts, policy, ended, Math.random());
  const detail = isFailure(result) ? next.lastFailure : result.detail;
  await deps.database.transaction(async (tx) => {
    if (!isFailure(result)) await deps.journal.appendIn(tx, receiptEntry(delivery, result, ended));
    const settled = await settleAttempt(tx, delivery, { started, ended, outcome: next.state, detail }, next);
    const failedFor = next.state === 'dead' || next.state === 'held' ? next.state : null;
    if (settled && failedFor !== null && delivery.caseId !== '')
      await addCaseEvents(tx, [{ caseId: delivery.caseId, event: failedEvent(delivery, failedFor, ended, next.lastFailure) }]);
  });
  deps.metrics.count('waystation_delivery_attempts_total', { destination: delivery.destination, outcome: next.state });
  deps.log.info('delivery.attempt', {
    delivery: delivery.id,
    destination: delivery.destination,
    attempt: delivery.attempts,
    outcome: next.state,
    detail,
  });
}

function receiptEntry(delivery: Delivery, receipt: Receipt, received: Date): NewEntry {
  return backEntry(delivery.destination, 'delivery', delivery.id, delivery.caseId, receipt.bytes, received);
}

/** What comes back from a destination is one more journal entry, in the lane of its case. */
function backEntry(peer: string, type: string, controlId: string, caseId: string, payload: Buffer, received: Date): NewEntry {
  return {
    kind: 'receipt',
    peer,
    type,
    controlId,
    digest: createHash('sha256').update(payload).digest(),
    lane: caseId === '' ? `destination ${peer}` : `case ${caseId}`,
    payload,
    blob: null,
    disposition: 'accepted',
    answer: Buffer.alloc(0),
    effects: [],
    detail: caseId,
    received,
  };
}

function failedEvent(delivery: Delivery, state: 'dead' | 'held', at: Date, detail: string) {
  return {
    at,
    seq: delivery.seq,
    kind: `delivery-${state}`,
    actor: delivery.destination,
    detail: `${delivery.kind} ${delivery.id} ${state === 'dead' ? 'is set aside' : 'holds its lane'}: ${detail}`,
  };
}

async function lookFor(deps: LaneDeps, watch: Watch): Promise<void> {
  try {
    const found = await deps.clients.get(watch.destination)?.poll?.(watch.remote);
    if (found === undefined || found === null) return;
    if (isFailure(found)) {
      deps.log.warn('delivery.poll-failed', { destination: watch.destination, case: watch.caseId, code: found.code, detail: found.detail });
      return;
    }
    const entry = backEntry(watch.destination, 'report', found.controlId, watch.caseId, found.bytes, deps.clock.now());
    await deps.journal.append(entry);
  } catch (error) {
    deps.log.warn('delivery.poll-failed', {
      destination: watch.destination,
      case: watch.caseId,
      detail: reasonOf(error),
    });
  }
}

/**
 * Drains the outbound lanes: each from its head, in order, by whoever holds the lane. A head that fails for now waits and holds back
 * its lane only; one that fails for good, or too often, is set aside (`dead`) for a person, and the lane goes on.
 * A receipt and the end of its delivery are one commit: a crash before it sends the same bytes again.
 */
import { createHash } from 'node:crypto';
import type { Journal } from '../journal/journal.ts';
import type { Clock } from '../model/clock.ts';
import type { Destination, FhirDestination } from '../model/config.ts';
import type { Delivery, Receipt, SendResult } from '../model/delivery.ts';
import type { NewEntry } from '../model/entry.ts';
import { failure, isFailure } from '../model/failure.ts';
import type { Log } from '../model/log.ts';
import type { Metrics } from '../model/metrics.ts';
import { addCaseEvents } from '../store/case-store.ts';
import type { Database } from '../store/database.ts';
import { dueLanes, holdLane, laneHead, settleAttempt, takeDueWatches, type Watch } from '../store/delivery-store.ts';
import { afterAttempt } from './retry.ts';

/** One kind of destination: the seam that every kind passes the same contract on. */
export type DestinationClient = {
  send(delivery: Delivery): Promise<SendResult>;
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

export function startLaneWorker(deps: LaneDeps): LaneWorker {
  const running = new Map<string, Promise<void>>();
  let stopping = false;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();

  const look = async (): Promise<void> => {
    if (stopping) return;
    try {
      await startWatches(deps, running);
      for (const lane of await dueLanes(deps.database, deps.clock.now())) {
        if (stopping || running.has(lane) || running.size >= deps.parallel) continue;
        running.set(
          lane,
          drainLane(deps, lane, () => stopping).finally(() => {
            // A place is free: a lane that found none may go.
            running.delete(lane);
            wake();
          }),
        );
      }
    } catch (error) {
      deps.log.warn('delivery.look-failed', { reason: error instanceof Error ? error.message : 'unknown' });
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
  timer = setInterval(wake, deps.pollMs);
  wake();
  return {
    wake,
    stop: async () => {
      stopping = true;
      clearInterval(timer);
      await looking;
      await Promise.all(running.values());
      await Promise.all([...deps.clients.values()].map((client) => client.close()));
    },
  };
}

async function drainLane(deps: LaneDeps, lane: string, stopping: () => boolean): Promise<void> {
  try {
    await holdLane(deps.database, lane, async () => {
      for (;;) {
        const head = stopping() ? null : await laneHead(deps.database, lane);
        if (!head || head.due > deps.clock.now()) return;
        await attempt(deps, head);
      }
    });
  } catch (error) {
    deps.log.warn('delivery.lane-failed', { lane, reason: error instanceof Error ? error.message : 'unknown' });
  }
}

async function attempt(deps: LaneDeps, delivery: Delivery): Promise<void> {
  const destination = deps.destinations.find((candidate) => candidate.name === delivery.destination);
  const client = deps.clients.get(delivery.destination);
  const started = deps.clock.now();
  const result: SendResult =
    client && destination && destination.kind !== 'pull'
      ? await client.send(delivery)
      : failure('delivery', 'not-found', `destination ${delivery.destination} is not configured any more`);
  await settle(deps, delivery, destination, started, result);
}

async function settle(
  deps: LaneDeps,
  delivery: Delivery,
  destination: Destination | undefined,
  started: Date,
  result: SendResult,
): Promise<void> {
  const ended = deps.clock.now();
  const policy = destination && destination.kind !== 'pull' ? destination.retry : { firstDelayMs: 0, maxDelayMs: 0, maxAttempts: 1 };
  const next = afterAttempt(result, delivery.attempts + 1, policy, ended, Math.random());
  const detail = isFailure(result) ? next.lastFailure : result.detail;
  await deps.database.transaction(async (tx) => {
    if (!isFailure(result)) await deps.journal.appendIn(tx, receiptEntry(delivery, result, ended));
    await settleAttempt(tx, delivery, { started, ended, outcome: next.state, detail }, next);
    if (next.state === 'dead') await addCaseEvents(tx, [{ caseId: delivery.caseId, event: deadEvent(delivery, ended, next.lastFailure) }]);
  });
  deps.metrics.count('waystation_delivery_attempts_total', { destination: delivery.destination, outcome: next.state });
  deps.log.info('delivery.attempt', {
    delivery: delivery.id,
    destination: delivery.destination,
    attempt: delivery.attempts + 1,
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
    lane: `case ${caseId}`,
    payload,
    blob: null,
    disposition: 'accepted',
    answer: Buffer.alloc(0),
    effects: [],
    detail: caseId,
    received,
  };
}

function deadEvent(delivery: Delivery, at: Date, detail: string) {
  return {
    at,
    seq: delivery.seq,
    kind: 'delivery-dead',
    actor: delivery.destination,
    detail: `${delivery.kind} ${delivery.id} is set aside: ${detail}`,
  };
}

/** Looks at the specialists' servers that are due, one look at a time for each case. */
async function startWatches(deps: LaneDeps, running: Map<string, Promise<void>>): Promise<void> {
  const shortest = Math.min(...deps.destinations.filter((d): d is FhirDestination => d.kind === 'fhir').map((d) => d.pollMs));
  if (!Number.isFinite(shortest)) return;
  const free = deps.parallel - running.size;
  if (free <= 0) return;
  for (const watch of await takeDueWatches(deps.database, deps.clock.now(), shortest, free)) {
    const name = `watch ${watch.destination} ${watch.caseId}`;
    if (!running.has(name))
      running.set(
        name,
        lookFor(deps, watch).finally(() => running.delete(name)),
      );
  }
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
      detail: error instanceof Error ? error.message : 'unknown',
    });
  }
}

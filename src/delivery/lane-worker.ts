/**
 * Drains the outbound lanes: each from its head, in order, by whoever holds the lane. A head that fails for now waits and holds back
 * its lane only; one that fails for good, or too often, is set aside (`dead`) for a person and the lane goes on, or it holds the lane
 * (`held`), as its destination says. Of a destination that a person has paused nothing is begun.
 * A receipt and the end of its delivery are one commit: a crash before it sends the same bytes again, later, for an attempt is counted
 * and the next one put off before anything is sent.
 */
import type { Journal } from '../journal/journal.ts';
import type { Clock } from '../model/clock.ts';
import { type Destination, takesObjects } from '../model/config.ts';
import type { Delivery, SendResult } from '../model/delivery.ts';
import { type Failure, isFailure } from '../model/failure.ts';
import type { Log } from '../model/log.ts';
import type { Metrics } from '../model/metrics.ts';
import type { Database } from '../store/database.ts';
import { reasonOf } from '../store/database-failure.ts';
import { dueLanes, takeDueWatches, type Watch, type WatchedPlace } from '../store/delivery-store.ts';
import { backEntry, destinationOf, drainLane } from './drain-session.ts';

/** One kind of destination: the seam that every kind passes the same contract on. */
export type DestinationClient = {
  /** Deliveries that are begun and settled together, where they are many and small; 1 where it is absent. */
  readonly atOnce?: number;
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
  poll(remote: string): Promise<{ bytes: Buffer; controlId: string } | null | Failure>;
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

/** Studies of gigabytes are under way for minutes: half of the places are for what is short. */
function longLanes(destinations: readonly Destination[]): (lane: string) => boolean {
  return (lane) => takesObjects(destinationOf(lane, destinations));
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

/**
 * Drains one lane from its head, in order, while it is held. Of a destination that takes many small things after each other (the objects of
 * a study) several are begun and settled at once: a commit for each would take longer than to send it.
 * Promises: an attempt is counted, and the next one put off, before anything is sent; receipts and the ends of their deliveries are one
 * commit; what was begun and not sent, because one before it must wait, is given back as it was.
 */
import { createHash } from 'node:crypto';
import type { Destination, RetryPolicy } from '../model/config.ts';
import type { Delivery, Receipt, SendResult } from '../model/delivery.ts';
import { STORED } from '../model/delivery.ts';
import type { NewEntry } from '../model/entry.ts';
import { failure, isFailure } from '../model/failure.ts';
import { addCaseEvents } from '../store/case-store.ts';
import { reasonOf } from '../store/database-failure.ts';
import { beginAttempts, giveBackAttempts, holdLane, laneHeads, settleAttempts } from '../store/delivery-store.ts';
import type { DestinationClient, LaneDeps } from './lane-worker.ts';
import { afterAttempt, delayMs, type NextStep } from './retry.ts';

/** What was sent is settled after this long at the latest, so that a crash sends little twice. */
const SETTLE_MS = 1_000;
const UNKNOWN_DESTINATION: RetryPolicy = { firstDelayMs: 1_000, maxDelayMs: 1_000, maxAttempts: 1, onFailure: 'setAside' };

/** A lane begins with the name of its destination. */
export function destinationOf<T extends Destination>(lane: string, destinations: readonly T[]): T | undefined {
  return destinations.find(({ name }) => name === lane.split(' ')[0]);
}

/** Returns false when nothing was attempted: another process holds the lane, or the database does not answer. Never rejects. */
export async function drainLane(deps: LaneDeps, lane: string, stopping: () => boolean): Promise<boolean> {
  const place = placeOf(deps, lane);
  let attempts = 0;
  try {
    await holdLane(deps.database, lane, async () => {
      for (;;) {
        const now = deps.clock.now();
        const heads = stopping() ? [] : await laneHeads(deps.database, lane, place.client?.atOnce ?? 1);
        const waiting = heads.findIndex(({ state, due }) => state === 'held' || due > now);
        const due = waiting < 0 ? heads : heads.slice(0, waiting);
        if (due.length === 0) return;
        attempts += await attempt(deps, place, due, stopping);
      }
    });
  } catch (error) {
    deps.log.warn('delivery.lane-failed', { lane, reason: reasonOf(error) });
  }
  return attempts > 0;
}

type Place = { readonly name: string; readonly client: DestinationClient | undefined; readonly policy: RetryPolicy };

function placeOf({ destinations, clients }: LaneDeps, lane: string): Place {
  const destination = destinationOf(lane, destinations);
  const name = lane.split(' ')[0] as string;
  if (!destination || destination.kind === 'pull') return { name, client: undefined, policy: UNKNOWN_DESTINATION };
  return { name, client: clients.get(name), policy: destination.retry };
}

type Attempted = {
  readonly delivery: Delivery;
  readonly started: Date;
  readonly ended: Date;
  readonly result: SendResult;
  readonly next: NextStep;
};

/** Returns how many were attempted: those that were no longer there are not. */
async function attempt(deps: LaneDeps, place: Place, heads: readonly Delivery[], stopping: () => boolean): Promise<number> {
  const started = deps.clock.now();
  const putOff = heads.map((head) => ({
    delivery: head,
    due: new Date(started.getTime() + delayMs(head.attempts + 1, place.policy, Math.random())),
  }));
  const begunIds = await beginAttempts(deps.database, putOff);
  const begun = heads.filter(({ id }) => begunIds.has(id)).map((head) => ({ ...head, attempts: head.attempts + 1 }));
  const attempted = await sendInOrder(deps, place, begun, stopping);
  await giveBackAttempts(deps.database, begun.slice(attempted.length), deps.clock.now());
  await settle(deps, place, attempted);
  place.client?.settled?.();
  return attempted.length;
}

/** Ends where one must wait, or holds the lane, or settling is due. */
async function sendInOrder(
  deps: LaneDeps,
  { name, client, policy }: Place,
  begun: readonly Delivery[],
  stopping: () => boolean,
): Promise<Attempted[]> {
  const attempted: Attempted[] = [];
  const late = performance.now() + SETTLE_MS;
  for (const delivery of begun) {
    const started = deps.clock.now();
    const result = client
      ? await client.send(delivery)
      : failure('delivery', 'not-found', `destination ${name} is not configured any more`);
    const ended = deps.clock.now();
    const next = afterAttempt(result, delivery.attempts, policy, ended, Math.random());
    attempted.push({ delivery, started, ended, result, next });
    if (next.state === 'waiting' || next.state === 'held' || stopping() || performance.now() > late) break;
  }
  return attempted;
}

async function settle(deps: LaneDeps, place: Place, attempted: readonly Attempted[]): Promise<void> {
  if (attempted.length === 0) return;
  await deps.database.transaction(async (tx) => {
    const receipts = attempted.flatMap(({ delivery, result, ended }) => (isFailure(result) ? [] : [receiptEntry(delivery, result, ended)]));
    await deps.journal.appendAllIn(tx, receipts);
    const settled = await settleAttempts(
      tx,
      attempted.map(({ started, ended, next, ...one }) => ({
        ...one,
        next,
        attempt: { started, ended, outcome: next.state, detail: detailOf(one.result, next) },
      })),
    );
    await addCaseEvents(tx, failedEvents(attempted.filter(({ delivery }) => settled.has(delivery.id))));
  });
  tell(deps, place, attempted);
}

function detailOf(result: SendResult, next: NextStep): string {
  return isFailure(result) ? next.lastFailure : result.detail;
}

/** Objects that went as they were are counted in one line. */
function tell({ metrics, log }: LaneDeps, { name }: Place, attempted: readonly Attempted[]): void {
  for (const { next } of attempted) metrics.count('waystation_delivery_attempts_total', { destination: name, outcome: next.state });
  const [plain, others] = [true, false].map((isPlain) =>
    attempted.filter(
      ({ delivery, result }) => isPlain === (delivery.kind === 'dicom-object' && !isFailure(result) && result.detail === STORED),
    ),
  ) as [Attempted[], Attempted[]];
  if (plain.length > 0) log.info('delivery.objects-stored', { destination: name, objects: plain.length });
  for (const { delivery, result, next } of others) {
    const { id, attempts, destination } = delivery;
    log.info('delivery.attempt', { delivery: id, destination, attempt: attempts, outcome: next.state, detail: detailOf(result, next) });
  }
}

function receiptEntry(delivery: Delivery, receipt: Receipt, received: Date): NewEntry {
  return backEntry(delivery.destination, 'delivery', delivery.id, delivery.caseId, receipt.bytes, received);
}

/** What comes back from a destination is one more journal entry, in the lane of its case. */
export function backEntry(peer: string, type: string, controlId: string, caseId: string, payload: Buffer, received: Date): NewEntry {
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

/** A line for each case and reason: a study that is refused has thousands of objects. */
function failedEvents(attempted: readonly Attempted[]) {
  const failed = attempted.filter(({ delivery, next: { state } }) => (state === 'dead' || state === 'held') && delivery.caseId !== '');
  const alike = Map.groupBy(failed, ({ delivery: { caseId, kind }, next: { state, lastFailure } }) =>
    [caseId, kind, state, lastFailure].join('\0'),
  );
  return [...alike.values()].map((group) => {
    const { delivery, ended, next } = group[0] as Attempted;
    const { caseId, seq, destination, kind, id } = delivery;
    const what = group.length === 1 ? `${kind} ${id}` : `${kind} ${id} and ${group.length - 1} more`;
    const became = next.state === 'held' ? 'holds its lane' : group.length === 1 ? 'is set aside' : 'are set aside';
    return {
      caseId,
      event: { at: ended, seq, kind: `delivery-${next.state}`, actor: destination, detail: `${what} ${became}: ${next.lastFailure}` },
    };
  });
}

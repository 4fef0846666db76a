/**
 * The corridor. An entry was committed by a door; from here it walks room by room and never turns back.
 * A batch of entries is one transaction: claimed from the journal, walked through STEPS, saved and settled in one commit.
 * Read STEPS first: a line a step, in walking order.
 */
import type { Resource } from '@medplum/fhirtypes';
import { readActs } from './cases/act-step.ts';
import { assembleCases, type CaseRules, type Owners, prepareCases, writeTask } from './cases/assemble-step.ts';
import { followMoves } from './cases/follow-step.ts';
import { matchCases } from './cases/match-step.ts';
import { move } from './cases/move-step.ts';
import { type PriorRules, seekPriors } from './cases/prior-step.ts';
import { mapEntries } from './mapping/map-step.ts';
import { undoMerges } from './mapping/unmerge-step.ts';
import type { Clock } from './model/clock.ts';
import type { Config } from './model/config.ts';
import { failure } from './model/failure.ts';
import type { Log } from './model/log.ts';
import type { PeerDirectory } from './model/peer.ts';
import { workOf } from './model/work.ts';
import type { Validate } from './protocols/fhir/resource-validator.ts';
import { indexResource } from './protocols/fhir/search-index.ts';
import { readReports } from './reports/report-step.ts';
import { acknowledgeEntries } from './return/acknowledge-step.ts';
import { answerAwaited } from './return/answer-step.ts';
import { tellAvailability } from './return/availability-step.ts';
import { sendObjects } from './return/objects-step.ts';
import { orderPhotoObjects } from './return/photos-step.ts';
import { type Render, returnAnswers } from './return/return-step.ts';
import { tellOrders } from './return/tell-step.ts';
import { routeCases } from './routing/route-step.ts';
import { type Batch, holdCase, openBatch, putCase, saveBatch } from './store/batch.ts';
import type { BlobStore } from './store/blob-store.ts';
import { lockDueCases, putOffCases } from './store/case-store.ts';
import type { Database } from './store/database.ts';
import { isContention, isOutage, reasonOf } from './store/database-failure.ts';
import { addDeliveries } from './store/delivery-store.ts';
import { claimEntries, countTry, readEntry, restEntry } from './store/journal-store.ts';

/** What the rooms are told beside the batch. */
export type House = {
  readonly config: Config;
  readonly peers: PeerDirectory;
  readonly rules: CaseRules & PriorRules;
  readonly owners: Owners;
  readonly blobs: BlobStore;
  readonly loadValidate: () => Promise<Validate>;
  readonly render: Render;
};

type Step = { readonly room: string; readonly does: string; readonly run: (batch: Batch, house: House) => void | Promise<void> };

export const STEPS: readonly Step[] = [
  { room: 'mapping', does: 'a merge in error is undone', run: (batch, house) => undoMerges(batch, house.peers) },
  {
    room: 'mapping',
    does: 'messages become resources and parts of cases',
    run: (batch, house) => mapEntries(batch, house.peers, house.blobs),
  },
  { room: 'cases', does: 'what refers to a person who was merged or moved follows', run: (batch) => followMoves(batch) },
  { room: 'reports', does: 'a report is verified and found its case', run: (batch, house) => readReports(batch, house) },
  { room: 'cases', does: 'claims, receipts, releases', run: (batch) => readActs(batch) },
  {
    room: 'cases',
    does: 'which case is each part for; what the placer says of his order',
    run: (batch, house) => matchCases(batch, house.peers),
  },
  { room: 'cases', does: 'which specialty', run: (batch, house) => prepareCases(batch, house.rules) },
  { room: 'routing', does: 'which destination, and why', run: (batch, house) => routeCases(batch, house.config) },
  { room: 'cases', does: 'earlier studies of its patient', run: (batch, house) => seekPriors(batch, house.rules) },
  {
    room: 'cases',
    does: 'is the package whole; the Task',
    run: (batch, house) => assembleCases(batch, house.rules, house.owners, house.peers),
  },
  { room: 'return', does: 'application acknowledgments that were asked for', run: (batch, house) => acknowledgeEntries(batch, house) },
  { room: 'return', does: 'what is told of orders', run: (batch, house) => tellOrders(batch, house) },
  { room: 'return', does: 'its photos become DICOM objects', run: (batch, house) => orderPhotoObjects(batch, house) },
  {
    room: 'return',
    does: 'images of a case for the PACS it is routed to',
    run: (batch, house) => sendObjects(batch, house.config, house.peers),
  },
  { room: 'return', does: 'who is told that studies can be had here', run: (batch, house) => tellAvailability(batch, house) },
  { room: 'return', does: 'cases pushed out, reports home', run: (batch, house) => returnAnswers(batch, house, closeCase(batch, house)) },
];

/** Takes at most this many entries into one transaction. */
const MAX_BATCH = 256;
/** An entry whose transaction failed this often alone, over half a minute, is settled as failed. */
const MAX_TRIES = 6;

export type Corridor = {
  readonly database: Database;
  readonly house: House;
  readonly clock: Clock;
  readonly log: Log;
  readonly workers: number;
};

/**
 * Works off one batch. Returns how many entries were settled; 0 when nothing waits. A batch that fails is worked off entry by entry: an
 * entry that fails by itself is tried again later, MAX_TRIES in all, so that one bad message never blocks the others.
 */
export async function runBatch(corridor: Corridor): Promise<number> {
  try {
    return await runEntries(corridor, MAX_BATCH);
  } catch (error) {
    if (isOutage(error)) throw error;
    corridor.log.warn('corridor.batch-failed', { reason: reasonOf(error) });
    return await runAlone(corridor);
  }
}

async function runEntries(corridor: Corridor, limit: number): Promise<number> {
  return corridor.database.transaction(async (tx) => {
    const entries = await claimEntries(tx, limit, corridor.workers, corridor.clock.now());
    if (entries.length === 0) return 0;
    const batch = openBatch(tx, corridor.clock.now(), corridor.clock, entries.map(workOf));
    await walk(batch, corridor.house);
    return entries.length;
  });
}

/** One entry a transaction, until one fails or as many as a batch holds are through. */
async function runAlone(corridor: Corridor): Promise<number> {
  for (let count = 0; count < MAX_BATCH; count++) {
    let seq = 0;
    try {
      const settled = await corridor.database.transaction(async (tx) => {
        const entries = await claimEntries(tx, 1, 1, corridor.clock.now());
        seq = entries[0]?.seq ?? 0;
        if (entries.length === 0) return 0;
        await walk(openBatch(tx, corridor.clock.now(), corridor.clock, entries.map(workOf)), corridor.house);
        return 1;
      });
      if (settled === 0) return count;
    } catch (error) {
      if (isOutage(error) || seq === 0) throw error;
      // Who met another transaction is not to blame, however often: the others go first.
      if (isContention(error)) await restEntry(corridor.database, seq, corridor.clock.now());
      else await putOff(corridor, seq, reasonOf(error));
    }
  }
  return MAX_BATCH;
}

/** One that failed too often is settled; its sender is told where he asked to be. */
async function putOff(corridor: Corridor, seq: number, reason: string): Promise<void> {
  corridor.log.error('corridor.entry-failed', { seq, reason });
  await corridor.database.transaction(async (tx) => {
    const now = corridor.clock.now();
    if (!(await countTry(tx, seq, MAX_TRIES, reason, now))) return;
    const entry = await readEntry(tx, seq);
    if (!entry) return;
    const batch = openBatch(tx, now, corridor.clock, [{ ...workOf(entry), failure: failure('corridor', 'internal', reason) }]);
    await acknowledgeEntries(batch, corridor.house);
    await answerAwaited(batch, corridor.house);
    await addDeliveries(tx, batch.deliveries, now);
  });
}

/**
 * Looks at the cases whose clock is due (a study's quiet time). Returns how many there were. A case that cannot be worked off is looked at
 * again later, and does not hold back the others.
 */
export async function runClock(corridor: Corridor): Promise<number> {
  try {
    return await lookAtDue(corridor, MAX_BATCH);
  } catch (error) {
    if (isOutage(error)) throw error;
    corridor.log.warn('corridor.clock-failed', { reason: reasonOf(error) });
  }
  for (let count = 0; count < MAX_BATCH; count++) {
    let due: string[] = [];
    try {
      if ((await lookAtDue(corridor, 1, (ids) => (due = ids))) === 0) return count;
    } catch (error) {
      if (isOutage(error) || due.length === 0) throw error;
      corridor.log.error('corridor.case-failed', { case: due[0] as string, reason: reasonOf(error) });
      await putOffCases(corridor.database, due, new Date(corridor.clock.now().getTime() + PUT_OFF_MS));
    }
  }
  return MAX_BATCH;
}

/** When a case that could not be worked off is looked at again. */
const PUT_OFF_MS = 60_000;

async function lookAtDue(corridor: Corridor, limit: number, found: (ids: string[]) => void = () => {}): Promise<number> {
  return corridor.database.transaction(async (tx) => {
    const due = await lockDueCases(tx, corridor.clock.now(), limit);
    found([...due.keys()]);
    if (due.size === 0) return 0;
    const batch = openBatch(tx, corridor.clock.now(), corridor.clock, []);
    for (const stored of due.values()) {
      holdCase(batch, stored, true);
      putCase(batch, { ...stored.state, wake: null });
    }
    await walk(batch, corridor.house);
    return due.size;
  });
}

/** A case that owes nobody an answer is closed, and its Task says so. */
function closeCase(batch: Batch, house: House): (caseId: string, detail: string) => void {
  return (caseId, detail) => {
    move(batch, caseId, 'returned', null, detail);
    writeTask(batch, caseId, house.owners);
  };
}

async function walk(batch: Batch, house: House): Promise<void> {
  for (const step of STEPS) await step.run(batch, house);
  await saveWork(batch);
}

/** Saves a batch; the search index of each resource comes from its own tables. */
export function saveWork(batch: Batch): Promise<void> {
  return saveBatch(batch, (resource: Resource) => indexResource(resource));
}

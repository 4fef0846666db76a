/**
 * Who is told that the objects of a study can be had here (Instance Availability Notification, PS3.4 Annex R): the destinations with
 * `availability` to which the case goes, or the answers of who ordered it. In: cases that somebody reads. Out: deliveries, each with all that
 * is here of one study, behind its objects in their lane.
 * Promises: nobody is told of a study before it is whole, or was let go as it is; what comes later is told when nothing more comes, in a
 * notification of its own with all of it; what was told once is not told again, whatever is worked off again.
 */
import type { CasePhase, CaseState, StudySummary } from '../model/case.ts';
import type { Config, DimseDestination } from '../model/config.ts';
import type { AvailabilityContent } from '../model/delivery.ts';
import type { StoredObject } from '../model/instance.ts';
import type { PeerDirectory } from '../model/peer.ts';
import { newUid } from '../protocols/dicom/uid.ts';
import { addEvent, type Batch, caseIn, changedCases, putCase } from '../store/batch.ts';
import { materialObjects } from '../store/instance-store.ts';
import { laneOf } from './dicom/object-delivery.ts';

export type AvailabilityHouse = { readonly config: Config; readonly peers: Pick<PeerDirectory, 'named'> };

export async function tellAvailability(batch: Batch, { config, peers }: AvailabilityHouse): Promise<void> {
  const tellable = config.destinations.filter((one): one is DimseDestination => one.kind === 'dimse' && one.availability === true);
  if (tellable.length === 0) return;
  for (const { id, phase, route, origin } of changedCases(batch)) {
    if (!READ.has(phase)) continue;
    const answered = origin ? peers.named(origin.peer).returns : [];
    for (const destination of tellable) {
      const { name } = destination;
      if (name !== route?.destination && !answered.includes(name)) continue;
      // Its objects go first: while there are more of them to order the clock looks again.
      if (name === route?.destination && (caseIn(batch, id) as CaseState).wake === batch.now.getTime()) continue;
      for (const study of (caseIn(batch, id) as CaseState).studies) await tellOf(batch, id, study, destination, config.dimse.aeTitle);
    }
  }
}

async function tellOf(batch: Batch, id: string, study: StudySummary, destination: DimseDestination, aeTitle: string): Promise<void> {
  const state = caseIn(batch, id) as CaseState;
  const { available = [] } = state;
  const isThis = (one: (typeof available)[number]) => one.destination === destination.name && one.study === study.uid;
  const told = available.find(isThis);
  if ((told?.objects ?? 0) >= study.instances) return;
  const due = told ? study.lastReceived + MORE_COMES_MS : 0;
  if (due > batch.now.getTime()) return putCase(batch, { ...state, wake: Math.min(state.wake ?? due, due) });
  const objects = await materialObjects(batch.tx, [study.uid], MOST_OBJECTS);
  if (objects.length <= (told?.objects ?? 0)) return;
  for (let start = 0; start < objects.length; start += MOST_AT_ONCE)
    order(batch, state, destination, contentOf(study.uid, aeTitle, objects.slice(start, start + MOST_AT_ONCE)));
  const detail = `${destination.name} is told of ${objects.length} objects of study ${study.uid}`;
  addEvent(batch, id, { seq: null, kind: 'sending', actor: 'gateway', detail });
  const now = { destination: destination.name, study: study.uid, objects: objects.length };
  putCase(batch, { ...state, available: [...available.filter((one) => !isThis(one)), now] });
}

function order(batch: Batch, { id: caseId, origin }: CaseState, destination: DimseDestination, content: AvailabilityContent): void {
  const id = batch.clock.uuid();
  batch.deliveries.push({
    ...{ id, destination: destination.name, kind: 'availability', caseId, seq: origin?.seq ?? 0 },
    // The same at every attempt: who has taken it knows it again.
    controlId: newUid(id),
    content: Buffer.from(JSON.stringify(content)),
    lane: laneOf(destination, content.studyUid),
  });
}

function contentOf(studyUid: string, aeTitle: string, objects: readonly StoredObject[]): AvailabilityContent {
  const series = Map.groupBy(objects, ({ seriesUid }) => seriesUid);
  return {
    ...{ studyUid, aeTitle },
    series: [...series].map(([uid, group]) => ({
      uid,
      objects: group.map(({ sopClassUid, sopInstanceUid }) => ({ sopClassUid, sopInstanceUid })),
    })),
  };
}

/** Of what comes after a study was told, the last is this old before it is told again. */
const MORE_COMES_MS = 60_000;
/** Objects of one notification, and of all of a study. */
const MOST_AT_ONCE = 10_000;
const MOST_OBJECTS = 100_000;

/** Phases in which the study is whole, or was let go. What came shortly before the end is told after it. */
const READ: ReadonlySet<CasePhase> = new Set(['requested', 'claimed', 'reported', 'closed']);

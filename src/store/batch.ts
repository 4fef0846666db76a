/**
 * What one transaction of the corridor has loaded and will save: the steps read and put values here, `saveBatch` writes them all in
 * one fixed order (cases, resources, deliveries, timeline, outcomes), so that two workers mostly wait for each other; a deadlock that is left is tried again.
 */
import type { Resource } from '@medplum/fhirtypes';
import type { CaseEvent, CaseKey, CaseState } from '../model/case.ts';
import type { Clock } from '../model/clock.ts';
import type { NewDelivery } from '../model/delivery.ts';
import { countGaps, encodeLoss, lossText } from '../model/loss-report.ts';
import type { OrderReply } from '../model/order.ts';
import type { SearchIndex } from '../model/search.ts';
import type { Work } from '../model/work.ts';
import {
  addCaseEvents,
  type KeyMember,
  keyText,
  lockCases,
  moveCaseEvents,
  type StoredCase,
  saveCases,
  saveKeyMembers,
} from './case-store.ts';
import type { Transaction } from './database.ts';
import { addDeliveries, addWatch, endWatch } from './delivery-store.ts';
import { saveGapCounts } from './gap-store.ts';
import { type Outcome, saveOutcomes } from './journal-store.ts';
import {
  addReaders,
  contentDigest,
  contentOf,
  lockResources,
  type ResourceWrite,
  readResources,
  removeReader,
  type StoredResource,
  saveResources,
  saveSaid,
} from './resource-store.ts';

type Identified = Resource & { id: string };

type Before = { readonly next: Identified | null; readonly seq: number | null; readonly before: Before | null };
type Slot = {
  /** Null: not loaded (only granted), or there is none. */
  stored: StoredResource | null;
  /** `read`: seen, and free to be changed by others; `locked`: nobody changes it before this transaction ends. */
  held: 'no' | 'read' | 'locked';
  next: Identified | null;
  seq: number | null;
  /** What `next` was before the entry `seq` put it, and before the entry before that. */
  before: Before | null;
  /** When that was said which `next` says; null: as stored. */
  said: Date | null;
  caseId: string | null;
  readonly readers: Set<string>;
  /** Groups that read it before, and no longer. */
  readonly lost: Set<string>;
};
/** `keys`: as stored. */
type CaseSlot = { readonly version: number; readonly keys: readonly CaseKey[]; state: CaseState; changed: boolean };

export type Batch = {
  readonly tx: Transaction;
  readonly now: Date;
  readonly clock: Clock;
  readonly works: readonly Work[];
  readonly slots: Map<string, Slot>;
  readonly cases: Map<string, CaseSlot>;
  readonly mergedCases: { from: string; to: string }[];
  readonly events: { caseId: string; event: CaseEvent }[];
  readonly deliveries: (NewDelivery & { lane: string })[];
  /** What is answered to orders: `return` words it. */
  readonly replies: OrderReply[];
  readonly watches: { destination: string; caseId: string; remote: string; due: Date; end: boolean }[];
};

export function openBatch(tx: Transaction, now: Date, clock: Clock, works: readonly Work[]): Batch {
  return {
    tx,
    now,
    clock,
    works,
    slots: new Map(),
    cases: new Map(),
    mergedCases: [],
    events: [],
    deliveries: [],
    replies: [],
    watches: [],
  };
}

/** Locks and reads the resources not yet locked by the batch. */
export async function loadResources(batch: Batch, references: Iterable<string>): Promise<void> {
  const missing = without(references, (reference) => batch.slots.get(reference)?.held === 'locked');
  hold(batch, missing, await lockResources(batch.tx, missing), 'locked');
}

/** Reads the resources not yet in the batch and locks none: what they are put with later must be locked first. */
export async function peekResources(batch: Batch, references: Iterable<string>): Promise<void> {
  const missing = without(references, (reference) => (batch.slots.get(reference)?.held ?? 'no') !== 'no');
  hold(batch, missing, await readResources(batch.tx, missing), 'read');
}

/** Whether nobody else changes it before this transaction ends: only then may it be put. */
export function isLocked(batch: Batch, reference: string): boolean {
  return batch.slots.get(reference)?.held === 'locked';
}

function without(references: Iterable<string>, isHere: (reference: string) => boolean): string[] {
  return [...new Set(references)].filter((reference) => reference.includes('/') && !isHere(reference));
}

function hold(batch: Batch, references: readonly string[], stored: ReadonlyMap<string, StoredResource>, held: Slot['held']): void {
  for (const reference of references) Object.assign(slotOf(batch, reference), { stored: stored.get(reference) ?? null, held });
}

function slotOf(batch: Batch, reference: string): Slot {
  let slot = batch.slots.get(reference);
  if (!slot) {
    slot = {
      stored: null,
      held: 'no',
      next: null,
      seq: null,
      before: null,
      said: null,
      caseId: null,
      readers: new Set(),
      lost: new Set(),
    };
    batch.slots.set(reference, slot);
  }
  return slot;
}

/** The resource as this batch leaves it, or null when there is none. It must have been loaded. */
export function resourceIn(batch: Batch, reference: string): Resource | null {
  const slot = batch.slots.get(reference);
  if (!slot) return null;
  return slot.next ?? (slot.stored && !slot.stored.deleted ? slot.stored.resource : null);
}

/** The case a stored resource belongs to, or null. */
export function caseIdOf(batch: Batch, reference: string): string | null {
  return batch.slots.get(reference)?.stored?.caseId ?? null;
}

/** The group that wrote a stored resource; '' for the corridor itself. */
export function authorOf(batch: Batch, reference: string): string {
  return batch.slots.get(reference)?.stored?.author ?? '';
}

/** The groups that see a resource, as this batch leaves it. */
export function readersIn(batch: Batch, reference: string): string[] {
  const slot = batch.slots.get(reference);
  return slot ? readersOf(slot) : [];
}

/** The journal entry that made the stored version, or null. */
export function seqOf(batch: Batch, reference: string): number | null {
  return batch.slots.get(reference)?.stored?.seq ?? null;
}

/** When that was said which a resource says, as this batch leaves it; null where nothing tells. */
export function saidOf(batch: Batch, reference: string): Date | null {
  const slot = batch.slots.get(reference);
  return slot?.said ?? slot?.stored?.said ?? null;
}

/** Notes when that was said which a resource that was put says. */
export function putSaid(batch: Batch, reference: string, said: Date): void {
  slotOf(batch, reference).said = said;
}

/** Puts a resource. It must have been locked, or be `fresh` (its id was given just now). */
export function putResource(batch: Batch, resource: Identified, seq: number | null, fresh = false): void {
  const reference = `${resource.resourceType}/${resource.id}`;
  const slot = slotOf(batch, reference);
  if (slot.held !== 'locked' && !fresh) throw new Error(`batch: ${reference} is put before it was locked`);
  slot.held = 'locked';
  if (slot.seq !== seq) slot.before = { next: slot.next, seq: slot.seq, before: slot.before };
  slot.next = resource;
  slot.seq = seq;
}

/** Takes back what an entry put. What came after it stays, and where that is taken back, too, nothing of either is left. */
export function takeBack(batch: Batch, references: Iterable<string>, seq: number): void {
  for (const reference of references) {
    const slot = batch.slots.get(reference);
    if (!slot?.before) continue;
    if (slot.seq === seq) Object.assign(slot, slot.before);
    else slot.before = withoutEntry(slot.before, seq);
  }
}

function withoutEntry(one: Before, seq: number): Before {
  if (one.before === null) return one;
  return one.seq === seq ? one.before : { ...one, before: withoutEntry(one.before, seq) };
}

/** Makes resources part of a case and visible to groups. Shared ones get readers only. */
export function grant(batch: Batch, references: Iterable<string>, caseId: string | null, groups: Iterable<string>): void {
  for (const reference of references) {
    if (!reference.includes('/')) continue;
    const slot = slotOf(batch, reference);
    if (caseId !== null) slot.caseId = caseId;
    for (const group of groups) {
      slot.readers.add(group);
      slot.lost.delete(group);
    }
  }
}

/** Takes resources out of the sight of a group, unless it wrote them. A later `grant` gives them back. */
export function revoke(batch: Batch, references: Iterable<string>, group: string): void {
  for (const reference of references) {
    if (!reference.includes('/')) continue;
    const slot = slotOf(batch, reference);
    slot.readers.delete(group);
    slot.lost.add(group);
  }
}

/** Locks and reads cases not yet in the batch. */
export async function loadCases(batch: Batch, ids: Iterable<string>): Promise<void> {
  const missing = [...new Set(ids)].filter((id) => !batch.cases.has(id));
  for (const stored of (await lockCases(batch.tx, missing)).values()) holdCase(batch, stored, false);
}

/** Takes a stored case, locked by this transaction, into the batch. */
export function holdCase(batch: Batch, { state, version }: StoredCase, changed: boolean): void {
  batch.cases.set(state.id, { version, keys: state.keys, state, changed });
}

export function caseIn(batch: Batch, id: string): CaseState | null {
  return batch.cases.get(id)?.state ?? null;
}

export function putCase(batch: Batch, state: CaseState): void {
  const slot = batch.cases.get(state.id);
  if (slot) {
    slot.state = state;
    slot.changed = true;
  } else {
    batch.cases.set(state.id, { version: 0, keys: [], state, changed: true });
  }
}

/** Cases that the steps so far have changed. */
export function changedCases(batch: Batch): CaseState[] {
  return [...batch.cases.values()].filter((slot) => slot.changed).map((slot) => slot.state);
}

export function addEvent(batch: Batch, caseId: string, event: Omit<CaseEvent, 'at'>): void {
  batch.events.push({ caseId, event: { at: batch.now, ...event } });
}

/** Writes everything. `indexOf` computes what a resource is found by. */
export async function saveBatch(batch: Batch, indexOf: (resource: Resource) => SearchIndex): Promise<void> {
  const { tx, now } = batch;
  for (const merge of batch.mergedCases) await moveCaseEvents(tx, merge.from, merge.to);
  const changed = [...batch.cases.values()].filter((slot) => slot.changed);
  await saveCases(
    tx,
    changed.map((slot) => ({ state: slot.state, version: slot.version + 1 })),
    now,
  );
  await saveKeyMembers(
    tx,
    changed.flatMap(({ state, keys }) => membersOf(state.id, state.keys, keys)),
    changed.flatMap(({ state, keys }) => membersOf(state.id, keys, state.keys)),
  );
  await removeReaders(batch);
  await saveResources(tx, writesOf(batch, indexOf), now);
  await saveReaders(batch);
  await saveLater(batch);
  await addDeliveries(tx, batch.deliveries, now);
  for (const watch of batch.watches) await (watch.end ? endWatch(tx, watch.destination, watch.caseId) : addWatch(tx, watch));
  await addCaseEvents(tx, batch.events);
  await saveOutcomes(tx, batch.works.map(outcomeOf));
  await saveGapCounts(tx, countGaps(batch.works), now);
}

/** What `keys` has and `others` has not. */
function membersOf(caseId: string, keys: readonly CaseKey[], others: readonly CaseKey[]): KeyMember[] {
  if (keys === others) return [];
  const known = new Set(others.map(keyText));
  return keys.filter((key) => !known.has(keyText(key))).map((key) => ({ key, caseId }));
}

async function removeReaders(batch: Batch): Promise<void> {
  const lost = new Map<string, string[]>();
  for (const [reference, slot] of batch.slots) for (const group of slot.lost) lost.set(group, [...(lost.get(group) ?? []), reference]);
  for (const [group, references] of lost) await removeReader(batch.tx, references, group);
}

/** Unchanged content is skipped by its digest; what the corridor writes has no author but the peer's group given by `grant`. */
function writesOf(batch: Batch, indexOf: (resource: Resource) => SearchIndex): ResourceWrite[] {
  const writes: ResourceWrite[] = [];
  for (const slot of batch.slots.values()) {
    if (!slot.next) continue;
    const content = contentOf(slot.next);
    if (slot.stored && !slot.stored.deleted && contentDigest(content).equals(slot.stored.digest)) {
      slot.next = null;
      continue;
    }
    writes.push({
      resource: slot.next,
      content,
      version: (slot.stored?.version ?? 0) + 1,
      index: indexOf(slot.next),
      deleted: false,
      caseId: slot.caseId ?? slot.stored?.caseId ?? null,
      author: slot.stored?.author ?? '',
      readers: readersOf(slot),
      seq: slot.seq,
      said: slot.said ?? slot.stored?.said ?? null,
    });
  }
  return writes;
}

function readersOf({ stored, readers, lost }: Slot): string[] {
  const kept = (stored?.readers ?? []).filter((group) => !lost.has(group) || group === stored?.author);
  return [...new Set([...kept, ...readers])].sort();
}

/** Grants on resources that got no new version. */
async function saveReaders(batch: Batch): Promise<void> {
  const grants = new Map<string, { caseId: string | null; readers: string[]; references: string[] }>();
  for (const [reference, slot] of batch.slots) {
    if (slot.next || (slot.readers.size === 0 && slot.caseId === null)) continue;
    const readers = [...slot.readers].sort();
    const key = `${slot.caseId} ${readers.join(' ')}`;
    const grant = grants.get(key) ?? { caseId: slot.caseId, readers, references: [] };
    grant.references.push(reference);
    grants.set(key, grant);
  }
  for (const grant of grants.values()) await addReaders(batch.tx, grant.references, grant.caseId, grant.readers);
}

/** What was said once more, later, without anything new. */
async function saveLater({ tx, slots }: Batch): Promise<void> {
  const later = [...slots].flatMap(([reference, { next, said, stored }]) => {
    const isLater = next === null && said !== null && stored !== null && said.getTime() !== stored.said?.getTime();
    return isLater ? [{ reference, at: said }] : [];
  });
  await saveSaid(tx, later);
}

function outcomeOf(work: Work): Outcome {
  return {
    seq: work.entry.seq,
    ...stateOf(work),
    loss: work.gaps.length === 0 ? null : encodeLoss(work.gaps),
    produced: [...new Set([...work.produced].map((reference) => reference.slice(0, reference.indexOf('/'))))].sort(),
    cases: [...work.cases],
  };
}

function stateOf({ failure, held, detail, gaps }: Work): Pick<Outcome, 'state' | 'detail'> {
  if (failure) return { state: 'failed', detail: `${failure.code}: ${failure.detail}` };
  if (held !== '') return { state: 'held', detail: held };
  return { state: 'done', detail: [detail, lossText(gaps)].filter((text) => text !== '').join('; ') };
}

/**
 * Assembly, with the database: acts (claim, report, receipt, release) and phases of every changed case, and its Task.
 * `prepareCases` runs before routing (it settles the specialty), `assembleCases` after it.
 */
import type { ImagingStudy, Resource, ServiceRequest, Task } from '@medplum/fhirtypes';
import type { CaseState } from '../model/case.ts';
import type { ClosingCount } from '../model/closing.ts';
import type { Specialty } from '../model/config.ts';
import type { PeerDirectory } from '../model/peer.ts';
import type { Act, Work } from '../model/work.ts';
import {
  addEvent,
  type Batch,
  caseIn,
  changedCases,
  grant,
  loadCases,
  loadResources,
  putCase,
  putResource,
  resourceIn,
} from '../store/batch.ts';
import { keyText, readCasesByTask } from '../store/case-store.ts';
import { readClosingCounts } from '../store/closing-store.ts';
import { earliest } from './join.ts';
import { askersOf, groupsOf } from './match-step.ts';
import { move, note } from './move-step.ts';
import { settleAbort } from './order-step.ts';
import { isHeld, nextPhase } from './phase.ts';
import { waitsForPriors } from './prior.ts';
import { applyReport, applyWithdrawal, reportsTakenBack } from './reported-step.ts';
import { newTask, updatedTask } from './task.ts';
import { releasedAtOnce, specialtyOf, wholeness } from './whole.ts';

export type CaseRules = {
  readonly specialties: readonly Specialty[];
  /** Specialty of a peer's orders when nothing in them says; '' for none. */
  readonly peerSpecialty: (peer: string) => string;
  readonly defaultSpecialty: string;
};

/** Loads the cases that acts speak of, and settles the specialty of every case that may still be routed. */
export async function prepareCases(batch: Batch, rules: CaseRules): Promise<void> {
  await loadActCases(batch);
  for (const state of changedCases(batch)) {
    if (state.phase !== 'assembling') continue;
    const fallback = (state.origin && rules.peerSpecialty(state.origin.peer)) || rules.defaultSpecialty;
    putCase(batch, { ...state, specialty: specialtyOf(state, rules.specialties, fallback).name });
  }
}

/** Task updates name a Task: the case is found by it. */
async function loadActCases(batch: Batch): Promise<void> {
  const acts = batch.works.flatMap((work) => (work.failure ? [] : work.acts.filter((act) => act.kind !== 'move')));
  const tasks = acts.flatMap((act) => (act.kind === 'task' ? [act.task.slice('Task/'.length)] : []));
  const byTask = await readCasesByTask(batch.tx, tasks);
  const named = acts.flatMap((act) => (act.kind === 'task' ? [] : [act.caseId]));
  await loadCases(batch, [...byTask.values(), ...named]);
  for (const id of [...byTask.values(), ...named]) {
    const state = caseIn(batch, id);
    if (state) putCase(batch, state);
  }
}

/** Owners of Tasks by destination name: the Organization of each. */
export type Owners = (destination: string) => string;

export async function assembleCases(
  batch: Batch,
  rules: CaseRules,
  owners: Owners,
  peers: Pick<PeerDirectory, 'isConfigured'>,
): Promise<void> {
  // A case that went up into another has no order, and stays as it is.
  const changed = changedCases(batch).filter((state) => state.phase !== 'cancelled' || state.serviceRequest !== '');
  const ofCases = changed.flatMap((state) => [state.task, state.serviceRequest, state.order?.abort?.task ?? '', ...studiesOf(state)]);
  await loadResources(batch, [...ofCases, ...reportsTakenBack(batch)]);
  for (const work of batch.works) {
    if (work.failure) continue;
    for (const act of work.acts) applyAct(batch, work, act);
  }
  const told = await loadTold(batch, changed, peers);
  for (const { id } of changed) judge(batch, id, rules, told);
  for (const { id } of changed) {
    linkStudies(batch, id);
    writeTask(batch, id, owners);
  }
}

/** What others say of the studies of cases that still wait, by case. */
type ToldOf = (state: CaseState) => readonly ClosingCount[];

async function loadTold(
  batch: Batch,
  changed: readonly CaseState[],
  { isConfigured }: Pick<PeerDirectory, 'isConfigured'>,
): Promise<ToldOf> {
  const waiting = changed.filter(({ id }) => caseIn(batch, id)?.phase === 'assembling');
  const counts = await readClosingCounts(
    batch.tx,
    waiting.flatMap(({ keys }) => keys),
    isConfigured,
  );
  return ({ keys }) => {
    const known = new Set(keys.map(keyText));
    return counts.filter((count) => count.keys.some((key) => known.has(keyText(key))));
  };
}

function applyAct(batch: Batch, work: Work, act: Act): void {
  if (act.kind === 'move') return;
  const state = act.kind === 'task' ? caseByTask(batch, act.task) : caseIn(batch, act.caseId);
  if (!state) return;
  work.cases.add(state.id);
  if (act.kind === 'task') applyTask(batch, work, state, act);
  if (act.kind === 'abort') settleAbort(batch, work, state, act);
  if (act.kind === 'report') applyReport(batch, work, state, act);
  if (act.kind === 'withdrawal') applyWithdrawal(batch, work, state, act);
  if (act.kind === 'receipt') applyReceipt(batch, work, state, act);
  if (act.kind === 'release') applyRelease(batch, work, state, act);
}

function caseByTask(batch: Batch, task: string): CaseState | null {
  for (const { state } of batch.cases.values()) if (state.task === task) return state;
  return null;
}

function applyTask(batch: Batch, work: Work, state: CaseState, act: Act & { kind: 'task' }): void {
  if (!isHeld(act.status)) {
    note(batch, state.id, work, 'task', `Task ${act.status}`);
    return;
  }
  const first = state.claim === null;
  putCase(batch, { ...state, claim: state.claim ?? { by: act.by, at: batch.now.toISOString() } });
  move(batch, state.id, 'claimed', work, first ? `claimed by ${act.by}` : `Task ${act.status}`);
}

function applyReceipt(batch: Batch, work: Work, state: CaseState, act: Act & { kind: 'receipt' }): void {
  const receipt = work.entry.seq;
  const returns = state.returns.map((item) => (item.delivery === act.delivery ? { ...item, receipt } : item));
  const push = state.push?.delivery === act.delivery ? { ...state.push, receipt } : state.push;
  putCase(batch, { ...state, returns, push });
  // A study has thousands of objects: what a PACS has taken is told in one line (return/objects-step.ts).
  if (act.deliveryKind !== 'dicom-object') note(batch, state.id, work, 'receipt', `${act.destination} acknowledged ${act.deliveryKind}`);
}

function applyRelease(batch: Batch, work: Work, state: CaseState, act: Act & { kind: 'release' }): void {
  if (!nextPhase(state.phase, 'released') || state.serviceRequest === '') {
    note(batch, state.id, work, 'release-refused', state.serviceRequest === '' ? 'the case has no order' : `the case is ${state.phase}`);
    return;
  }
  putCase(batch, { ...state, released: { by: act.by, at: batch.now.toISOString(), why: act.why } });
}

/** Whole, or released, and routed: offered. Every required receipt in: closed. */
function judge(batch: Batch, id: string, rules: CaseRules, told: ToldOf): void {
  const state = caseIn(batch, id) as CaseState;
  if (state.phase === 'assembling') judgeAssembling(batch, state, rules, told(state));
  else if (state.phase === 'reported') judgeReported(batch, state);
  else if (state.wake !== null) putCase(batch, { ...state, wake: null });
}

function judgeAssembling(batch: Batch, state: CaseState, rules: CaseRules, told: readonly ClosingCount[]): void {
  const specialty = specialtyOf(state, rules.specialties, state.specialty || rules.defaultSpecialty);
  const status = state.order?.status ?? requestStatus(batch, state);
  const held = status === 'on-hold' || status === 'draft';
  const routed = state.route !== null || state.serviceRequest === '';
  const { missing, wake, by, late } = wholeness(state, specialty, batch.now.getTime(), told);
  const awaited = waitsForPriors(state, batch.now.getTime());
  const all = [...missing, held ? `order: ${status}` : '', routed ? '' : UNROUTED, awaited ? PRIORS : ''].filter((text) => text !== '');
  const released = state.released ?? releaseByRule(batch, state, specialty, late);
  // A rule that is added later is found by the clock.
  putCase(batch, {
    ...state,
    missing: all,
    released,
    wake: routed ? earliest(wake, awaited ? (state.priors?.until ?? null) : null) : batch.now.getTime() + UNROUTED_MS,
  });
  if (!routed && !state.missing.includes(UNROUTED))
    addEvent(batch, state.id, { seq: null, kind: 'unrouted', actor: 'gateway', detail: UNROUTED });
  if (!routed || held || state.serviceRequest === '') return;
  if (all.length === 0) move(batch, state.id, 'whole', null, `whole${by === '' ? '' : ` (${by})`}: offered to ${state.route?.destination}`);
  else if (released)
    move(batch, state.id, 'released', null, `${released.why}; offered to ${state.route?.destination} without ${all.join(', ')}`);
}

const UNROUTED = 'route: no rule of the configuration fits';
const UNROUTED_MS = 60_000;
const PRIORS = 'priors: the PACS is being asked';

function requestStatus(batch: Batch, state: CaseState): string {
  const request = resourceIn(batch, state.serviceRequest);
  return isType<ServiceRequest>(request, 'ServiceRequest') ? (request.status ?? '') : '';
}

function releaseByRule(batch: Batch, state: CaseState, specialty: Specialty, late: boolean): CaseState['released'] {
  const released = { by: 'gateway', at: batch.now.toISOString() };
  if (releasedAtOnce(state, specialty)) return { ...released, why: `${specialty.name} does not wait for ${state.priority} orders` };
  return late ? { ...released, why: `${specialty.name} waits no longer` } : null;
}

/** Until the return step has ordered the answers there are none to wait for; it closes a case that owes nobody an answer. */
function judgeReported(batch: Batch, state: CaseState): void {
  if (state.returns.length === 0) return;
  if (state.returns.every((item) => item.receipt !== null)) move(batch, state.id, 'returned', null, 'every required receipt is in');
}

/** ImagingStudy.basedOn: the order is known to the case, not to the images. */
function linkStudies(batch: Batch, id: string): void {
  const state = caseIn(batch, id) as CaseState;
  if (state.serviceRequest === '') return;
  for (const reference of studiesOf(state)) {
    const study = resourceIn(batch, reference) as (ImagingStudy & { id: string }) | null;
    const known = study?.basedOn?.some((order) => order.reference === state.serviceRequest);
    if (!study || known) continue;
    putResource(batch, { ...study, basedOn: [...(study.basedOn ?? []), { reference: state.serviceRequest }] }, null);
  }
}

function studiesOf(state: CaseState): string[] {
  return state.studies.map((study) => study.imagingStudy);
}

/** Creates or updates the Task; a case without an order has none. Also called after the return step closed a case. */
export function writeTask(batch: Batch, id: string, owners: Owners): void {
  const state = caseIn(batch, id) as CaseState;
  const request = resourceIn(batch, state.serviceRequest);
  if (!isType<ServiceRequest>(request, 'ServiceRequest')) return;
  const context = { owner: state.route ? owners(state.route.destination) : '', ownerName: state.route?.destination ?? '', now: batch.now };
  const current = resourceIn(batch, state.task);
  const task = isType<Task>(current, 'Task')
    ? updatedTask(current as Task & { id: string }, state, context)
    : newTask(batch.clock.uuid(), state, request, context);
  putResource(batch, task, null, state.task === '');
  const reference = `Task/${task.id}`;
  for (const work of batch.works) if (work.cases.has(id)) work.produced.add(reference);
  if (state.task === '') putCase(batch, { ...state, task: reference });
  grant(batch, visibleOf(state, reference), id, groupsOf(state));
  grant(batch, [reference], id, askersOf(state));
  grant(batch, [state.patient, ...(state.priors?.imagingStudies ?? [])], null, groupsOf(state));
}

/** What of a case its reading group sees. */
function visibleOf(state: CaseState, task: string): string[] {
  return [task, state.serviceRequest, ...studiesOf(state), ...state.members];
}

function isType<T extends Resource>(resource: Resource | null, type: T['resourceType']): resource is T {
  return resource?.resourceType === type;
}

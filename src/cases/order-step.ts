/**
 * What the placer's events do to cases, by the table of order-table.ts, in the order in which they came.
 * `decideOrder` is asked before a part joins: may it, or is it refused (an order nobody knows, a change of what was read, an event that a
 * newer one has overtaken). `applyOrder` follows the join; `settleAbort` the reader's answer to a cancel that came after his claim.
 * A ServiceRequest that came by FHIR is its author's and is not written here: its status is the event.
 */
import type { ServiceRequest, Task } from '@medplum/fhirtypes';
import type { CasePart, CaseState } from '../model/case.ts';
import { FILLER_AUTHORITY, type OrderEvent, type OrderState, type RequestStatus } from '../model/order.ts';
import type { PeerDirectory } from '../model/peer.ts';
import type { Act, Work } from '../model/work.ts';
import { addEvent, type Batch, caseIn, grant, putCase, putResource, resourceIn, takeBack } from '../store/batch.ts';
import { claimIdentifiers } from '../store/identifier-store.ts';
import { abortTask, endedAbort, outcomeOf } from './abort.ts';
import { move, note } from './move-step.ts';
import {
  effectOf,
  eventText,
  isReplaced,
  type OrderColumn,
  type OrderEffect,
  outcomeReply,
  overtakenReply,
  stateEffectOf,
} from './order-table.ts';
import { isHeld } from './phase.ts';

export type OrderDecision =
  | { readonly kind: 'apply'; readonly column: OrderColumn; readonly effect: OrderEffect }
  /** It was not said by who asked: a person decides what it means. What a sender says whom nobody has vouched for is not taken over. */
  | { readonly kind: 'note'; readonly taken: boolean }
  | { readonly kind: 'refuse'; readonly why: string; readonly reply: string }
  /** Worked off before. */
  | { readonly kind: 'known' };

/** `own`: the case of this very order, null where there is none. The Task of it is loaded. */
export function decideOrder(
  batch: Batch,
  work: Work,
  event: OrderEvent,
  own: CaseState | null,
  { isConfigured }: Pick<PeerDirectory, 'isConfigured'>,
): OrderDecision {
  if (own?.order && wasApplied(own.order, work, event)) return { kind: 'known' };
  if (own?.origin && own.origin.peer !== work.peer) return { kind: 'note', taken: work.entry.kind !== 'hl7v2' || isConfigured(work.peer) };
  if (own?.order && isOvertaken(own.order, event))
    return { kind: 'refuse', why: 'a newer event was there before it', reply: overtakenReply(event.control) };
  const column = own ? columnOf(batch, own, work) : 'none';
  const effect = effectOf(event.control, column);
  if (effect.case !== 'refuse') return { kind: 'apply', column, effect };
  const why = column === 'none' ? 'the order is not known here' : `the order is ${column}`;
  return { kind: 'refuse', why, reply: effect.reply };
}

function wasApplied({ seq, position }: OrderState, { entry }: Work, event: OrderEvent): boolean {
  return entry.seq < seq || (entry.seq === seq && event.position <= position);
}

function isOvertaken({ said }: OrderState, event: OrderEvent): boolean {
  return said !== null && event.said !== null && event.said.to < said.from;
}

/** The state of the Task, in the words of the table. A claim is in the Task, and a report in an earlier entry, before the case has followed. */
function columnOf(batch: Batch, state: CaseState, { entry }: Work): OrderColumn {
  if (state.phase === 'cancelled') return 'cancelled';
  if (state.phase === 'reported' || state.phase === 'closed') return 'completed';
  const reported = batch.works.some(
    (work) => !work.failure && work.entry.seq < entry.seq && work.acts.some((act) => act.kind === 'report' && act.caseId === state.id),
  );
  if (reported) return 'completed';
  const task = taskIn(batch, state.task);
  if (state.phase === 'claimed' || (state.phase === 'requested' && isHeld(task?.status))) return 'claimed';
  return state.phase === 'requested' ? 'requested' : 'draft';
}

/** Nothing of the message is taken over; who asked is told. `id`: the case it was for, or ''. */
export function refuseOrder(batch: Batch, work: Work, part: CasePart, decision: OrderDecision & { kind: 'refuse' }, id: string): void {
  const event = part.event as OrderEvent;
  if (work.entry.kind === 'hl7v2') takeBack(batch, [part.serviceRequest, ...part.members], work.entry.seq);
  const detail = `${eventText(event.control)}: ${decision.why}`;
  if (id === '') work.detail = [work.detail, `${detail}: nothing was opened`].filter((text) => text !== '').join('; ');
  else {
    note(batch, id, work, 'order-refused', detail);
    work.cases.add(id);
  }
  reply(batch, work, event, id, decision.reply);
}

/** After the part has joined case `id`. `before`: how the case stood. */
export async function applyOrder(
  batch: Batch,
  work: Work,
  part: CasePart,
  decision: OrderDecision & { kind: 'apply' },
  id: string,
  before: CaseState | null,
): Promise<void> {
  const event = part.event as OrderEvent;
  const { effect } = decision;
  const earlier = before ? statusBefore(batch, before) : 'active';
  putOrder(batch, work, part, id, effect.status ?? earlier);
  carryOut(batch, work, part, id, effect, before);
  const state = caseIn(batch, id) as CaseState;
  const second = stateEffectOf(event.control, event.state, columnOf(batch, state, work));
  if (second) {
    putOrder(batch, work, part, id, second.status ?? (state.order as OrderState).status);
    carryOut(batch, work, part, id, second, before);
  }
  if (decision.column === 'none') takePlace(batch, work, part, id);
  const filler = effect.reply === 'NA' ? await assignFiller(batch, work, part) : '';
  reply(batch, work, event, id, effect.reply, filler);
}

/** Somebody else than who asked: the order stays as its placer left it. */
export function noteOrder(batch: Batch, work: Work, part: CasePart, id: string, taken: boolean): void {
  const { control } = part.event as OrderEvent;
  const { order } = caseIn(batch, id) as CaseState;
  if (!taken) takeBack(batch, [part.serviceRequest, ...part.members], work.entry.seq);
  else if (order) putStatus(batch, work, part.serviceRequest, order.status);
  work.cases.add(id);
  note(batch, id, work, 'control-noted', `${eventText(control)}, said by another than who asked: a person decides`);
}

function statusBefore(batch: Batch, { order, serviceRequest }: CaseState): RequestStatus {
  if (order) return order.status;
  const stored = batch.slots.get(serviceRequest)?.stored?.resource as ServiceRequest | undefined;
  return stored?.status ?? 'active';
}

/** What the events made of the order so far is kept in its case, and written into a ServiceRequest of ours. */
function putOrder(batch: Batch, work: Work, part: CasePart, id: string, status: RequestStatus): void {
  const state = caseIn(batch, id) as CaseState;
  const { position, said } = part.event as OrderEvent;
  const written = work.entry.kind === 'hl7v2' ? status : (requestIn(batch, part.serviceRequest)?.status ?? status);
  putCase(batch, {
    ...state,
    order: { status: written, seq: work.entry.seq, position, said: said ?? state.order?.said ?? null, abort: state.order?.abort ?? null },
  });
  putStatus(batch, work, part.serviceRequest, written);
}

function putStatus(batch: Batch, work: Work, reference: string, status: RequestStatus): void {
  const request = requestIn(batch, reference);
  if (work.entry.kind !== 'hl7v2' || !request || request.status === status) return;
  putResource(batch, { ...request, status }, work.entry.seq);
}

function carryOut(batch: Batch, work: Work, part: CasePart, id: string, effect: OrderEffect, before: CaseState | null): void {
  const { control, state: said } = part.event as OrderEvent;
  const words = eventText(control, said);
  if (effect.case === 'cancel') move(batch, id, 'cancelled', work, words);
  if (effect.case === 'hold') move(batch, id, 'held', work, words);
  if (effect.case === 'reopen') reopen(batch, work, id, words);
  if (effect.case === 'change') weighAgain(batch, work, part, id, before, words);
  if (effect.case === 'abort') askReader(batch, work, part, id, words);
  if (effect.case !== 'alert') return;
  withdraw(batch, work, id, control);
  note(batch, id, work, control === 'HD' ? 'hold-requested' : 'order-changed', `${words} while a reader holds the case`);
}

function reopen(batch: Batch, work: Work, id: string, words: string): void {
  const state = caseIn(batch, id) as CaseState;
  putCase(batch, { ...state, claim: null, report: null, returns: [], push: null, released: null });
  move(batch, id, 'reopened', work, words);
}

/** What is ordered has changed after the offer: specialty and route are settled anew. A case that was pushed is on its way. */
function weighAgain(batch: Batch, work: Work, part: CasePart, id: string, before: CaseState | null, words: string): void {
  const state = caseIn(batch, id) as CaseState;
  const same = before?.priority === state.priority && part.hints.every((hint) => before.hints.includes(hint));
  if (state.phase !== 'requested' || state.push !== null || same) return;
  // What a rule let go without its package, the rule lets go again, or not; what a person let go stays so.
  putCase(batch, { ...state, released: state.released?.by === 'gateway' ? null : state.released });
  move(batch, id, 'changed', work, words);
}

/** One Task asks the reader, however often the placer does. */
function askReader(batch: Batch, work: Work, part: CasePart, id: string, words: string): void {
  const state = caseIn(batch, id) as CaseState;
  const order = state.order as OrderState;
  const { control, position } = part.event as OrderEvent;
  const asked = [...(order.abort?.asked ?? []), { control, seq: work.entry.seq, position }];
  if (order.abort) {
    putCase(batch, { ...state, order: { ...order, abort: { ...order.abort, asked } } });
    return;
  }
  const [task, request] = [taskIn(batch, state.task), requestIn(batch, state.serviceRequest)];
  if (!task || !request) throw new Error(`cases: the Task or the order of case ${id} is not loaded`);
  const abort = abortTask(batch.clock.uuid(), state, task, request, batch.now);
  putResource(batch, abort, null, true);
  grant(batch, [`Task/${abort.id}`], id, readersOf(state));
  work.produced.add(`Task/${abort.id}`);
  putCase(batch, { ...state, order: { ...order, abort: { task: `Task/${abort.id}`, asked } } });
  note(batch, id, work, 'abort-requested', `${words} while a reader holds the case: Task/${abort.id} asks him`);
}

/** Who reads the case, and who asked by FHIR. */
function readersOf({ route, origin }: CaseState): string[] {
  return [route?.group ?? '', origin?.group ?? ''].filter((group) => group !== '');
}

/** The order stands again (NW) while the reader is asked whether he stops: he need not answer any more. */
function withdraw(batch: Batch, work: Work, id: string, control: string): void {
  const state = caseIn(batch, id) as CaseState;
  if (!state.order?.abort || effectOf(control, 'claimed').status !== 'active') return;
  endAbort(batch, state, 'cancelled', 'the order stands again');
  note(batch, id, work, 'abort-withdrawn', `order control ${control}: the order stands again`);
}

/** What the reader answered. */
export function settleAbort(batch: Batch, work: Work, state: CaseState, act: Act & { kind: 'abort' }): void {
  const outcome = outcomeOf(act.status);
  if (state.order?.abort?.task !== act.task || outcome === null) return;
  const agreed = outcome === 'agreed';
  answerAsked(batch, state, agreed);
  putCase(batch, { ...state, order: { ...state.order, status: agreed ? 'revoked' : state.order.status, abort: null } });
  const request = requestIn(batch, state.serviceRequest);
  if (agreed && request && state.origin?.kind === 'hl7v2') putResource(batch, { ...request, status: 'revoked' }, null);
  note(batch, state.id, work, agreed ? 'abort-agreed' : 'abort-refused', `${act.task} ${act.status} by ${act.by}`);
  if (agreed) move(batch, state.id, 'aborted', work, 'the reader agreed to the cancel');
}

/** The report was there first: the question is void, and the order cannot be cancelled any more. */
export function voidAbort(batch: Batch, id: string): void {
  const state = caseIn(batch, id) as CaseState;
  if (state.order?.abort) endAbort(batch, state, 'rejected', 'the report was given first');
}

function endAbort(batch: Batch, state: CaseState, status: 'rejected' | 'cancelled', why: string): void {
  const order = state.order as OrderState;
  const task = taskIn(batch, order.abort?.task ?? '');
  if (task) putResource(batch, endedAbort(task, status, why), null);
  answerAsked(batch, state, false);
  putCase(batch, { ...state, order: { ...order, abort: null } });
}

function answerAsked(batch: Batch, { id, order }: CaseState, agreed: boolean): void {
  for (const { control, seq, position } of order?.abort?.asked ?? []) {
    const said = outcomeReply(control, agreed);
    if (said !== '') batch.replies.push({ caseId: id, seq, position, control: said, filler: '' });
  }
}

/** A replacement (ORC-1 RO) takes the place of the order before it in its message (RP, RU): images and forms go along. */
function takePlace(batch: Batch, work: Work, part: CasePart, id: string): void {
  const position = part.event?.position ?? 0;
  const before = work.parts.filter(({ event }) => event && event.position < position && isReplaced(event.control)).at(-1);
  if (part.event?.control !== 'RO' || !before || before.serviceRequest === part.serviceRequest) return;
  const request = requestIn(batch, part.serviceRequest);
  const old = [...batch.cases.values()].find((slot) => slot.state.serviceRequest === before.serviceRequest)?.state;
  if (request && old) putResource(batch, { ...request, replaces: [{ reference: before.serviceRequest }] }, work.entry.seq);
  if (!old) return;
  const state = caseIn(batch, id) as CaseState;
  const studies = old.studies.filter(({ uid }) => !state.studies.some((known) => known.uid === uid));
  const material = old.members.filter((member) => MATERIAL.has(member.slice(0, member.indexOf('/'))) && !state.members.includes(member));
  putCase(batch, { ...state, studies: [...state.studies, ...studies], members: [...state.members, ...material] });
  addEvent(batch, id, { seq: work.entry.seq, kind: 'replaces', actor: work.entry.peer, detail: `the order of case ${old.id}` });
  addEvent(batch, old.id, { seq: work.entry.seq, kind: 'replaced', actor: work.entry.peer, detail: `by the order of case ${id}` });
}

/** What of a package is not the order's own. */
const MATERIAL: ReadonlySet<string> = new Set(['Media', 'QuestionnaireResponse', 'DocumentReference', 'Binary']);

/** A filler number for an order whose sender asks for one (SN): made of the ServiceRequest's id, so that it is the same however often he asks. */
async function assignFiller(batch: Batch, work: Work, part: CasePart): Promise<string> {
  const request = requestIn(batch, part.serviceRequest);
  const known = request?.identifier?.find(({ system, type }) => system === FILLER_SYSTEM && type?.coding?.[0]?.code === 'FILL')?.value;
  if (known !== undefined || !request) return known ?? '';
  const value = request.id.replaceAll('-', '').slice(0, MAX_NUMBER);
  const type = { coding: [{ system: IDENTIFIER_TYPE_SYSTEM, code: 'FILL' }] };
  putResource(batch, { ...request, identifier: [...(request.identifier ?? []), { type, system: FILLER_SYSTEM, value }] }, work.entry.seq);
  await claimIdentifiers(batch.tx, [
    { identities: [{ type: 'ServiceRequest', system: `${FILLER_SYSTEM}|FILL`, value }], fresh: request.id },
  ]);
  return value;
}

/** ORC-3 has 22 characters before v2.7; the authority's name is not counted by everybody. */
const MAX_NUMBER = 20;
const FILLER_SYSTEM = `urn:waystation:authority:${FILLER_AUTHORITY}`;
const IDENTIFIER_TYPE_SYSTEM = 'http://terminology.hl7.org/CodeSystem/v2-0203';

function reply(batch: Batch, { entry }: Work, { position }: OrderEvent, caseId: string, control: string, filler = ''): void {
  if (control !== '' && entry.kind === 'hl7v2') batch.replies.push({ caseId, seq: entry.seq, position, control, filler });
}

function taskIn(batch: Batch, reference: string): (Task & { id: string }) | null {
  const task = resourceIn(batch, reference);
  return task?.resourceType === 'Task' ? (task as Task & { id: string }) : null;
}

function requestIn(batch: Batch, reference: string): (ServiceRequest & { id: string }) | null {
  const request = resourceIn(batch, reference);
  return request?.resourceType === 'ServiceRequest' ? (request as ServiceRequest & { id: string }) : null;
}

/**
 * A case as an operator sees it. In: what is stored of it. Out: the view with its timeline and what is waited for.
 * Ids and codes only: who the patient is stays in the FHIR resources that the ids lead to.
 */
import type { CaseEvent, CaseState } from '../../model/case.ts';
import type { CaseCommitment } from '../../model/commitment.ts';
import type { Attempt, CaseRow, DeliverySummary, JournalRow } from '../../store/operations-store.ts';
import type { CaseView, DeliveryLine, TimelineLine } from './contract.ts';

export type CaseFacts = {
  readonly row: CaseRow;
  readonly state: CaseState;
  readonly events: readonly CaseEvent[];
  readonly deliveries: readonly DeliverySummary[];
  readonly attempts: readonly Attempt[];
  readonly commitments: readonly CaseCommitment[];
  readonly entries: ReadonlyMap<number, JournalRow>;
};

export function caseView(facts: CaseFacts): CaseView {
  const { row, state, deliveries } = facts;
  return {
    id: row.id,
    phase: row.phase,
    specialty: row.specialty,
    group: row.group,
    opened: row.opened.toISOString(),
    updated: row.updated.toISOString(),
    priority: state.priority,
    production: state.production,
    origin: state.origin?.peer ?? '',
    patient: state.patient,
    serviceRequest: state.serviceRequest,
    task: state.task,
    keys: state.keys,
    studies: state.studies.map(({ uid, modalities, series, instances }) => ({ uid, modalities, series, instances })),
    members: state.members,
    released: state.released,
    route: state.route,
    objects: state.objects ?? null,
    commitments: facts.commitments,
    claim: state.claim,
    report: state.report,
    waitingFor: waitingFor(state, deliveries),
    deliveries: deliveries.map(deliveryLine),
    timeline: timeline(facts),
  };
}

export function deliveryLine({ due, created, ...delivery }: DeliverySummary): DeliveryLine {
  return { ...delivery, due: due.toISOString(), created: created.toISOString() };
}

/** What must happen next, and by whom. */
export function waitingFor(state: CaseState, deliveries: readonly DeliverySummary[]): string[] {
  if (state.phase === 'assembling') return assembling(state);
  return [...answersDue(state, deliveries), ...nextStep(state, deliveries)];
}

function nextStep(state: CaseState, deliveries: readonly DeliverySummary[]): string[] {
  if (state.phase === 'requested' && state.push) {
    const pushed = deliveries.filter(({ id }) => id === state.push?.delivery);
    return state.push.receipt === null ? pushed.map(receipt) : [`the report on ${state.route?.destination ?? 'the specialist’s server'}`];
  }
  if (state.phase === 'requested')
    return [...objects(state, deliveries), `somebody of group ${state.route?.group ?? ''} to claim ${state.task}`];
  if (state.phase === 'claimed') {
    const { abort } = state.order ?? {};
    return [
      ...objects(state, deliveries),
      `the signed report of ${state.claim?.by ?? ''}`,
      ...(abort ? [`his answer to the cancel of the order: ${abort.task}`] : []),
    ];
  }
  return [];
}

/** Of a report, or of its withdrawal, while the case is read again. */
function answersDue(state: CaseState, deliveries: readonly DeliverySummary[]): string[] {
  if (state.phase !== 'reported' && !state.report?.withdrawn) return [];
  const open = new Set(state.returns.filter((item) => item.receipt === null).map((item) => item.delivery));
  const unworded = state.returns
    .filter(({ delivery, receipt }) => delivery === '' && receipt === null)
    .map(({ destination }) => `an answer for ${destination} that can be worded: see return-failed`);
  return [...unworded, ...deliveries.filter(({ id }) => open.has(id)).map(receipt)];
}

/** What the PACS has not taken yet, and of it what waits for a person. */
function objects({ objects }: CaseState, deliveries: readonly DeliverySummary[]): string[] {
  if (!objects || objects.taken >= objects.ordered) return [];
  const { destination, ordered, taken } = objects;
  const stuck = deliveries.filter((one) => one.kind === 'dicom-object' && one.destination === destination && STUCK.has(one.state));
  const more = stuck.length > MOST_STUCK ? [`${stuck.length - MOST_STUCK} more of them`] : [];
  return [`${destination} to take ${ordered - taken} of ${ordered} objects`, ...stuck.slice(0, MOST_STUCK).map(receipt), ...more];
}

const STUCK: ReadonlySet<string> = new Set(['dead', 'held']);
const MOST_STUCK = 10;

function assembling(state: CaseState): string[] {
  if (state.missing.length > 0) return [...state.missing];
  return ['the corridor to offer it'];
}

function receipt(delivery: DeliverySummary): string {
  const { destination, kind, controlId, state, attempts, lastFailure, due } = delivery;
  const what = `the receipt of ${destination} for ${kind} ${controlId}`;
  const tried = attempts === 1 ? '1 attempt' : `${attempts} attempts`;
  if (state === 'dead') return `${what}: set aside after ${tried} (${lastFailure}); waystation replay --delivery ${delivery.id}`;
  if (state === 'held')
    return `${what}: holds its lane after ${tried} (${lastFailure}); waystation replay --delivery ${delivery.id}, or waystation destination set-aside ${delivery.id}`;
  return attempts === 0 ? what : `${what}: ${tried} (${lastFailure}), the next at ${due.toISOString()}`;
}

/** The case's own events and every attempt to deliver, in the order of time. */
function timeline({ events, attempts, deliveries, entries }: CaseFacts): TimelineLine[] {
  const byId = new Map(deliveries.map((delivery) => [delivery.id, delivery]));
  const said = events.map((event) => ({ ...event, message: messageOf(event.seq, entries) }));
  const tried = attempts.map(({ delivery, n, ended, outcome, detail }) => ({
    at: ended,
    kind: outcome === 'delivered' ? 'delivered' : 'not delivered',
    actor: byId.get(delivery)?.destination ?? '',
    detail: `attempt ${n}: ${detail}`,
    seq: null,
    message: `${byId.get(delivery)?.kind ?? ''} ${byId.get(delivery)?.controlId ?? ''}`.trim(),
  }));
  return [...said, ...tried].sort((a, b) => a.at.getTime() - b.at.getTime()).map((line) => ({ ...line, at: line.at.toISOString() }));
}

function messageOf(seq: number | null, entries: ReadonlyMap<number, JournalRow>): string {
  const entry = seq === null ? undefined : entries.get(seq);
  return entry === undefined ? '' : `${entry.type} ${entry.controlId}`.trim();
}

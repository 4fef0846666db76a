/**
 * One order of a message to a ServiceRequest with all that came along, and to the part of a case that it is.
 * In: the segments of the order, the patient, the visit. Out: a CasePart; the resources go into the draft.
 * Notes before the first order belong to every order: the guide drops them, but they may hold what the reader must know.
 * No Task is made here: that is the case's.
 */
import type { Encounter, Observation, Patient, Reference, ServiceRequest } from '@medplum/fhirtypes';
import type { CasePart } from '../../model/case.ts';
import type { Identity } from '../../model/identity.ts';
import type { OrderEvent } from '../../model/order.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { compact, firstValue } from '../datatypes/components.ts';
import { identity } from '../datatypes/systems.ts';
import { saidAt } from '../datatypes/ts-datetime.ts';
import type { Draft } from '../draft.ts';
import { alternateCode } from '../segments/alternate-code.ts';
import { type MessageOrigin, mshProvenance } from '../segments/msh-provenance.ts';
import { nteAnnotations } from '../segments/nte-annotation.ts';
import { type ImagingKeys, imagingHints, imagingIdentifiers, imagingKeys, obrServiceRequest } from '../segments/obr-servicerequest.ts';
import { obxObservation, type ReadObservation } from '../segments/obx-observation.ts';
import { type OrderNumbers, orcServiceRequest, orcStatus } from '../segments/orc-servicerequest.ts';
import { orderTiming, type SaidPriority, timingPriority } from '../segments/order-timing.ts';
import { pidPatient, type ReadPatient } from '../segments/pid-patient.ts';
import { PRIORITY_SYSTEM } from '../vocabulary/0485-priority.ts';
import type { OrderGroup } from './order-groups.ts';
import { orderKeys } from './order-keys.ts';

export type Order = { readonly group: OrderGroup; readonly numbers: OrderNumbers; readonly identities: readonly Identity[] };

/** What the orders of a message share; `n` tells them apart. */
export type OrderContext = {
  readonly n: number;
  readonly msh: Segment;
  readonly sft: readonly Segment[];
  readonly notes: readonly Segment[];
  readonly patient: ReadPatient;
  readonly encounter: Reference<Encounter> | undefined;
  readonly entry: MessageOrigin;
};

export function mapOrder(order: Order, context: OrderContext, draft: Draft): CasePart {
  const { group, numbers } = order;
  const { msh, patient, encounter } = context;
  const read = readObservations(order, context, draft);
  const observations = read.map(({ reference }) => reference);
  const files = read.flatMap((one) => one.files.flatMap(({ url }) => (url?.startsWith('urn:') ? [url] : [])));
  const imaging = imagingKeys(group, draft);
  const priority = timingPriority(group, draft);
  const request = { ...serviceRequest(order, imaging, context, draft), ...priorityOf(priority), ...supporting(observations) };
  const reference = draft.add({ ...supersededBy(request), ...request }, order.identities, { initial: { status: 'unknown' } });
  const targets = [reference, patient.reference, ...(encounter ? [encounter] : []), ...observations];
  const provenance = mshProvenance({ msh, sft: context.sft }, group.orc, context.n, targets, context.entry, draft);
  return {
    kind: 'order',
    keys: orderKeys(numbers, imaging, draft.peer),
    patient: patient.keys,
    control: firstValue(group.orc, 1),
    event: orderEvent(group.orc, context, draft),
    detailed: group.obr !== undefined,
    production: firstValue(msh, 11) === 'P',
    priority: priority?.priority ?? null,
    hints: [...imagingHints(group), ...codeHints(request)],
    serviceRequest: reference.reference as string,
    subject: patient.reference.reference as string,
    members: [...[...observations, provenance].map((one) => one.reference as string), ...files],
    study: null,
  };
}

/**
 * The event as the case hears of it: every order of every type of message comes through here, and so to the same table and to its reply.
 * Its time is MSH-7: ORC-9 often repeats when the order was made.
 */
function orderEvent(orc: Segment, { msh, entry }: OrderContext, { zone }: Draft): OrderEvent {
  return {
    control: firstValue(orc, 1),
    state: firstValue(orc, 5),
    position: orc.position,
    said: saidAt(firstValue(msh, 7), zone, entry.received),
  };
}

/** A request is known by its placer's and its filler's number; one without any (nobody could answer it) by its message. */
export function orderIdentities({ placer, filler }: OrderNumbers, fallback: string): Identity[] {
  const known = [
    ...(placer ? [identity('ServiceRequest', `${placer.identifier.system}|PLAC`, placer.value)] : []),
    ...(filler ? [identity('ServiceRequest', `${filler.identifier.system}|FILL`, filler.value)] : []),
  ];
  return known.length > 0 ? known : [identity('ServiceRequest', 'urn:waystation:order-of-message', fallback)];
}

/** What was observed for the order, at its specimens, and before it: each group counts its OBX anew. */
function readObservations({ group, identities }: Order, context: OrderContext, draft: Draft): ReadObservation[] {
  const order = identities[0] as Identity;
  const { encounter, patient } = context;
  const read = (observations: OrderGroup['observations'], subject: Reference<Patient>, place: string) => {
    const owner = [order.system, order.value, ...(place === '' ? [] : [place])].join('|');
    const facts = { subject, encounter: place.startsWith('prior') ? undefined : encounter };
    return observations.map((segments, index) => {
      const { obx } = segments;
      const at = [firstValue(obx, 1) || String(index + 1), obx.peek(3), obx.peek(4)].join('|');
      const known = identity('Observation', 'urn:waystation:observation-of-order', `${owner}|${at}`);
      return obxObservation(segments, { ...facts, known }, draft);
    });
  };
  return [
    ...read(group.observations, patient.reference, ''),
    ...group.specimens.flatMap(({ observations }, index) => read(observations, patient.reference, `specimen ${index + 1}`)),
    ...group.prior.flatMap(({ pid, observations }, index) => {
      const subject = pid ? pidPatient(pid, draft, `${order.system}|${order.value}|prior ${index + 1}`).reference : patient.reference;
      return read(observations, subject, `prior ${index + 1}`);
    }),
  ];
}

export function serviceRequest({ group, numbers }: Order, imaging: ImagingKeys, context: OrderContext, draft: Draft): ServiceRequest {
  const ordered = orcServiceRequest(group.orc, group.obr, draft);
  const status = orcStatus(group.orc, draft);
  const timing = orderTiming(group, draft);
  return compact<ServiceRequest>({
    resourceType: 'ServiceRequest',
    intent: 'order',
    ...ordered,
    ...obrServiceRequest(group, draft),
    ...(status === null ? {} : { status }),
    identifier: [...numbersOf(numbers), ...imagingIdentifiers(imaging), ...(ordered.identifier ?? [])],
    subject: context.patient.reference,
    encounter: context.encounter,
    ...timing,
    note: [...(timing.note ?? []), ...nteAnnotations([...context.notes, ...group.notes], draft)],
  } as ServiceRequest);
}

function priorityOf(said: SaidPriority | null): Partial<ServiceRequest> & { _priority?: unknown } {
  if (said === null) return {};
  return { priority: said.priority, ...(said.code === '' ? {} : { _priority: alternateCode(PRIORITY_SYSTEM, said.code) }) };
}

function supporting(observations: readonly Reference<Observation>[]): Partial<ServiceRequest> {
  return observations.length > 0 ? { supportingInfo: [...observations] } : {};
}

function numbersOf({ placer, filler }: OrderNumbers): NonNullable<ServiceRequest['identifier']> {
  return [placer, filler].flatMap((number) => (number ? [number.identifier] : []));
}

/** What goes when a message sets it anew: a time takes the place of a period (`occurrence[x]`), a priority that of the old one's code. */
function supersededBy({ occurrenceDateTime, occurrencePeriod, occurrenceTiming, priority }: ServiceRequest): object {
  const none = { occurrenceDateTime: undefined, occurrencePeriod: undefined, occurrenceTiming: undefined };
  return { ...(occurrenceDateTime || occurrencePeriod || occurrenceTiming ? none : {}), ...(priority ? { _priority: undefined } : {}) };
}

function codeHints({ code }: ServiceRequest): string[] {
  return (code?.coding ?? []).flatMap((coding) => (coding.system && coding.code ? [`code:${coding.system}|${coding.code}`] : []));
}

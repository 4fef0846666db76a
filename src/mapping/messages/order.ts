/**
 * One order of a message to a ServiceRequest with all that came along, and to the part of a case that it is.
 * In: the segments of the order, the patient, the visit. Out: a CasePart; the resources go into the draft.
 * Notes before the first order belong to every order: the guide drops them, but they may hold what the reader must know.
 * No Task is made here: that is the case's.
 */
import type { Encounter, Reference, ServiceRequest } from '@medplum/fhirtypes';
import type { CasePart } from '../../model/case.ts';
import type { Identity } from '../../model/identity.ts';
import type { OrderEvent } from '../../model/order.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { firstValue } from '../datatypes/components.ts';
import { identity } from '../datatypes/systems.ts';
import { saidAt } from '../datatypes/ts-datetime.ts';
import type { Draft } from '../draft.ts';
import { carriedFields, withCarried } from '../overrides/z-segments.ts';
import { combined } from '../segment-table.ts';
import { alternateCode } from '../segments/alternate-code.ts';
import { gscServiceRequest } from '../segments/gsc-servicerequest.ts';
import { ipcServiceRequest } from '../segments/ipc-servicerequest.ts';
import { type MessageOrigin, mshProvenance } from '../segments/msh-provenance.ts';
import { nteAnnotations } from '../segments/nte-annotation.ts';
import { type ImagingKeys, imagingHints, imagingIdentifiers, imagingKeys, obrServiceRequest } from '../segments/obr-servicerequest.ts';
import { ORC_SERVICEREQUEST, type OrderNumbers, orcStatus, requesterOf } from '../segments/orc-servicerequest.ts';
import { orderTiming, type SaidPriority, timingPriority } from '../segments/order-timing.ts';
import type { ReadPatient } from '../segments/pid-patient.ts';
import { PRIORITY_SYSTEM } from '../vocabulary/0485-priority.ts';
import { orderDetails } from './order-details.ts';
import type { OrderGroup } from './order-groups.ts';
import { orderKeys } from './order-keys.ts';

export type Order = { readonly group: OrderGroup; readonly numbers: OrderNumbers; readonly identities: readonly Identity[] };

/** What the orders of a message share; `n` tells them apart. */
export type OrderContext = {
  readonly n: number;
  readonly msh: Segment;
  readonly sft: readonly Segment[];
  readonly notes: readonly Segment[];
  /** Z segments before the first order belong to every order, as notes there. */
  readonly own: readonly Segment[];
  /** GSC before the first order, and how many orders there are. */
  readonly gsc: readonly Segment[];
  readonly orders: number;
  readonly patient: ReadPatient;
  readonly encounter: Reference<Encounter> | undefined;
  readonly entry: MessageOrigin;
};

export function mapOrder(order: Order, context: OrderContext, draft: Draft): CasePart {
  const { group, numbers } = order;
  const { msh, patient, encounter } = context;
  const details = orderDetails(group, order.identities[0] as Identity, context, draft);
  const imaging = imagingKeys(group, draft);
  const priority = timingPriority(group, draft);
  const fields = carriedFields([...context.own, ...group.own], draft);
  const parameters = context.gsc.flatMap((gsc) => gscServiceRequest(gsc, group, context.orders, draft));
  const carried = { ...fields, extension: [...fields.extension, ...parameters] };
  const request = { ...withCarried(serviceRequest(order, imaging, context, draft), carried), ...priorityOf(priority), ...details.said };
  const reference = draft.add({ ...supersededBy(request), ...request }, order.identities, { initial: { status: 'unknown' } });
  const targets = [reference, patient.reference, ...(encounter ? [encounter] : []), ...details.members];
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
    members: [...[...details.members, provenance].map((one) => one.reference as string), ...details.files],
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

export function serviceRequest(
  { group, numbers }: Order,
  imaging: ImagingKeys,
  context: Omit<OrderContext, 'own' | 'gsc' | 'orders'>,
  draft: Draft,
): ServiceRequest {
  const { orc, obr, ipc } = group;
  const timing = orderTiming(group, draft);
  const asked = obrServiceRequest(group, draft);
  const ordered = combined(asked, ORC_SERVICEREQUEST(orc, draft), ipcServiceRequest(ipc, asked.code, draft), timing);
  const note = [...(timing.note ?? []), ...nteAnnotations([...context.notes, ...group.notes], draft)];
  const status = orcStatus(orc, draft);
  const requester = requesterOf(orc, obr, draft);
  const request = {
    ...ordered,
    resourceType: 'ServiceRequest' as const,
    intent: ordered.intent ?? 'order',
    ...(status === null ? {} : { status }),
    identifier: unique([...numbersOf(numbers), ...imagingIdentifiers(imaging), ...(ordered.identifier ?? [])]),
    ...(ordered.basedOn ? { basedOn: unique(ordered.basedOn) } : {}),
    ...(ordered.extension ? { extension: unique(ordered.extension) } : {}),
    ...(requester ? { requester } : {}),
    subject: context.patient.reference,
    ...(context.encounter ? { encounter: context.encounter } : {}),
    ...(note.length > 0 ? { note } : {}),
  };
  return request as ServiceRequest;
}

/** What two fields say alike is there once. */
function unique<T>(values: readonly T[]): T[] {
  const seen = new Map(values.map((value) => [JSON.stringify(value), value]));
  return [...seen.values()];
}

export function priorityOf(said: SaidPriority | null): Partial<ServiceRequest> & { _priority?: unknown } {
  if (said === null) return {};
  return { priority: said.priority, ...(said.code === '' ? {} : { _priority: alternateCode(PRIORITY_SYSTEM, said.code) }) };
}

function numbersOf({ placer, filler }: OrderNumbers): NonNullable<ServiceRequest['identifier']> {
  return [placer, filler].flatMap((number) => (number ? [number.identifier] : []));
}

/**
 * What goes when a message sets it anew: a time takes the place of a period (`occurrence[x]`), a priority, a status and an intent that of
 * the code kept beside the old one.
 */
function supersededBy({ occurrenceDateTime, occurrencePeriod, occurrenceTiming, priority, status, intent }: ServiceRequest): object {
  const none = { occurrenceDateTime: undefined, occurrencePeriod: undefined, occurrenceTiming: undefined };
  return {
    ...(occurrenceDateTime || occurrencePeriod || occurrenceTiming ? none : {}),
    ...(priority ? { _priority: undefined } : {}),
    ...(status ? { _status: undefined } : {}),
    ...(intent ? { _intent: undefined } : {}),
  };
}

function codeHints({ code }: ServiceRequest): string[] {
  return (code?.coding ?? []).flatMap((coding) => (coding.system && coding.code ? [`code:${coding.system}|${coding.code}`] : []));
}

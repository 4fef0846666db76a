/**
 * ORM^O01, general order message, to FHIR (HL7 v2.5.1 §4.4.1; guide: ORM_O01).
 * In: the message, its entry and its peer. Out: resources, one case part an order, gaps.
 *
 *   MSH [NTE…] PID [PD1] [NTE…] [PV1 [PV2]] [IN1 …] [GT1] [AL1…]  { ORC [ OBR [NTE…] [CTD] [DG1…] { OBX [NTE…] } ] [FT1…] … }
 *
 * IPC and ZDS follow the OBR they speak of; TQ1 follows ORC. Orders of pharmacy, diet and supply in a mixed message are listed and left.
 * Notes before the first order belong to every order: the guide drops them, but they may hold what the reader must know.
 */
import type { Encounter, Patient, Reference, ServiceRequest } from '@medplum/fhirtypes';
import type { CasePart } from '../../model/case.ts';
import { type Failure, failure } from '../../model/failure.ts';
import type { Identity } from '../../model/identity.ts';
import type { Mapped } from '../../model/mapped.ts';
import type { Hl7Message, Segment } from '../../protocols/hl7v2/message.ts';
import { compact, firstValue } from '../datatypes/components.ts';
import { bounded, identity } from '../datatypes/systems.ts';
import { offsetOf } from '../datatypes/ts-datetime.ts';
import { Draft } from '../draft.ts';
import type { MapContext } from '../registry.ts';
import { alternateCode } from '../segments/alternate-code.ts';
import { mshProvenance } from '../segments/msh-provenance.ts';
import { nteAnnotations } from '../segments/nte-annotation.ts';
import { imagingHints, imagingIdentifiers, imagingKeys, obrServiceRequest } from '../segments/obr-servicerequest.ts';
import { obxObservation } from '../segments/obx-observation.ts';
import { type OrderNumbers, orcServiceRequest, orcStatus, orderNumbers } from '../segments/orc-servicerequest.ts';
import { pidPatient, type ReadPatient } from '../segments/pid-patient.ts';
import { pv1Encounter } from '../segments/pv1-encounter.ts';
import { timingOccurrence, timingPriority } from '../segments/tq1-timing.ts';
import { PRIORITY_SYSTEM } from '../vocabulary/0485-priority.ts';
import { type OrderGroup, type OrderMessage, orderGroups } from './order-groups.ts';
import { orderKeys } from './order-keys.ts';

/** A Failure only where there is no PID: the door refuses such messages. */
export function mapOrmO01(message: Hl7Message, context: MapContext): Mapped | Failure {
  const msh = message.segments[0] as Segment;
  const draft = new Draft(context.peer, offsetOf(firstValue(msh, 7)) || context.peer.zone);
  const { head, groups } = orderGroups(message);
  const pid = head.first('PID');
  if (!pid) return failure('mapping', 'segment-sequence', 'ORM without PID');
  const messageName = `${bounded(context.entry.peer)}|${context.entry.digest.toString('hex')}`;
  const patient = pidPatient(pid, draft, messageName);
  const orders = groups
    .filter((group) => isReadable(group, draft))
    .map((group, index) => readOrder(group, `${messageName}|${index + 1}`, draft));
  const first = orders[0]?.identities[0];
  const encounter = first ? pv1Encounter(head.first('PV1'), patient.reference, first, draft) : undefined;
  const parts = orders.map((order, index) => mapOrder({ ...order, n: index + 1, head, msh, patient, encounter, context }, draft));
  for (const name of [...head.unread, ...groups.flatMap((group) => group.unread)])
    draft.gap(name, 'segment has no mapping yet: the message keeps it');
  return { resources: draft.resources, parts, gaps: [...message.gaps, ...draft.gaps] };
}

type Order = { readonly group: OrderGroup; readonly numbers: OrderNumbers; readonly identities: readonly Identity[] };

function isReadable(group: OrderGroup, draft: Draft): boolean {
  if (group.otherDetail !== '') draft.gap(group.otherDetail, 'order of another kind (pharmacy, diet, supply): the message keeps it');
  return group.otherDetail === '';
}

/** A request is known by its placer's and its filler's number; one without any (nobody could answer it) by its message. */
function readOrder(group: OrderGroup, fallback: string, draft: Draft): Order {
  const numbers = orderNumbers(group.orc, group.obr, draft);
  const known = [
    ...(numbers.placer ? [identity('ServiceRequest', `${numbers.placer.identifier.system}|PLAC`, numbers.placer.value)] : []),
    ...(numbers.filler ? [identity('ServiceRequest', `${numbers.filler.identifier.system}|FILL`, numbers.filler.value)] : []),
  ];
  return {
    group,
    numbers,
    identities: known.length > 0 ? known : [identity('ServiceRequest', 'urn:waystation:order-of-message', fallback)],
  };
}

type OrderContext = Order & {
  readonly n: number;
  readonly head: OrderMessage['head'];
  readonly msh: Segment;
  readonly patient: ReadPatient;
  readonly encounter: Reference<Encounter> | undefined;
  readonly context: MapContext;
};

function mapOrder(order: OrderContext, draft: Draft): CasePart {
  const { group, identities, patient, encounter, msh, context, head } = order;
  const observations = group.observations.map(({ obx, notes }, index) =>
    obxObservation(obx, notes, { subject: patient.reference, encounter, order: identities[0] as Identity, position: index + 1 }, draft),
  );
  const imaging = imagingKeys(group, draft);
  const priority = timingPriority(group, draft);
  const status = orcStatus(group.orc, draft);
  const parts = [orcServiceRequest(group.orc, group.obr, draft), obrServiceRequest(group, draft)] as const;
  const request = compact<ServiceRequest & { _priority?: unknown }>({
    resourceType: 'ServiceRequest',
    intent: 'order',
    ...parts[0],
    ...parts[1],
    ...(status === null ? {} : { status }),
    identifier: [...numbersOf(order.numbers), ...imagingIdentifiers(imaging), ...(parts[0].identifier ?? [])],
    priority: priority?.priority,
    _priority: priority && priority.code !== '' ? alternateCode(PRIORITY_SYSTEM, priority.code) : undefined,
    subject: patient.reference as Reference<Patient>,
    encounter,
    ...timingOccurrence(group, draft),
    supportingInfo: observations,
    note: nteAnnotations([...head.notes, ...group.notes], draft),
  } as ServiceRequest);
  const reference = draft.add({ ...supersededBy(request), ...request }, identities, { initial: { status: 'unknown' } });
  const targets = [reference, patient.reference, ...(encounter ? [encounter] : []), ...observations];
  const provenance = mshProvenance(msh, group.orc, order.n, targets, context.entry, draft);
  return {
    kind: 'order',
    keys: orderKeys(order.numbers, imaging, context.peer),
    patient: patient.keys,
    control: firstValue(group.orc, 1),
    production: firstValue(msh, 11) === 'P',
    priority: priority?.priority ?? null,
    hints: [...imagingHints(group), ...codeHints(request)],
    serviceRequest: reference.reference as string,
    subject: patient.reference.reference as string,
    members: [...observations, provenance].map((one) => one.reference as string),
    study: null,
  };
}

function numbersOf({ placer, filler }: OrderNumbers): NonNullable<ServiceRequest['identifier']> {
  return [placer, filler].flatMap((number) => (number ? [number.identifier] : []));
}

/** What goes when a message sets it anew: a time takes the place of a period (`occurrence[x]`), a priority that of the old one's code. */
function supersededBy({
  occurrenceDateTime,
  occurrencePeriod,
  priority,
}: ServiceRequest): Partial<ServiceRequest> & { _priority?: undefined } {
  return {
    ...(occurrenceDateTime || occurrencePeriod ? { occurrenceDateTime: undefined, occurrencePeriod: undefined } : {}),
    ...(priority ? { _priority: undefined } : {}),
  };
}

function codeHints({ code }: ServiceRequest): string[] {
  return (code?.coding ?? []).flatMap((coding) => (coding.system && coding.code ? [`code:${coding.system}|${coding.code}`] : []));
}

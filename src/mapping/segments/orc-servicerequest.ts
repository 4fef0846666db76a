/**
 * ORC to ServiceRequest: which order, what happens to it, who asks (HL7 v2.5.1 §4.5.1; guide: ORC[ServiceRequest]).
 * In: ORC, and OBR where the order has one. Out: parts of a ServiceRequest, and the numbers of the order.
 *
 * Different from the guide:
 * - ORC-2, ORC-3 and OBR-2, OBR-3: the guide takes either only when the other is empty, which says nothing when both are there: here ORC
 *   decides, and a different number in OBR is listed. ORC-33 and OBR-53, ORC-14 and OBR-17 likewise stand beside each other, once where
 *   they agree.
 * - ORC-1, ORC-9: one extension businessEvent with its value and its date, not two with half of it. Its system is the code system of HL7
 *   Table 0119; the guide names a value set.
 * - ORC-12: a PractitionerRole only where the facility is known too (ORC-21); without one it would say no more than the Practitioner.
 * - ORC-8 (no target in the guide) is basedOn, as OBR-54 and OBR-29 are, which say the same.
 */
import type { Identifier, Organization, Practitioner, Reference, ServiceRequest } from '@medplum/fhirtypes';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { type Components, eachRepetition, filled, firstValue } from '../datatypes/components.ts';
import { cweCodingOf, cweConceptOf, originalCode } from '../datatypes/cwe-code.ts';
import { CWE_CODEABLECONCEPT, codeConcept } from '../datatypes/cwe-codeableconcept.ts';
import { type Datatype, each, fixed } from '../datatypes/datatype.ts';
import { type EntityIdentifier, eiIdentifier, eiIdentifierOf } from '../datatypes/ei-identifier.ts';
import { CX_PLACER, EI_GROUP, EIP_FILLER_ORDER, EIP_FILLERGROUP, EIP_PLACER_ORDER } from '../datatypes/order-identifier.ts';
import { roleOf } from '../datatypes/practitioner-role.ts';
import { DTM_DATETIME } from '../datatypes/ts-datetime.ts';
import { xadAddress } from '../datatypes/xad-address.ts';
import { xcnPractitioner } from '../datatypes/xcn-practitioner.ts';
import { type ReadOrganization, xonOrganization } from '../datatypes/xon-organization.ts';
import { xtnContactPoint, xtnContactPointOf } from '../datatypes/xtn-contactpoint.ts';
import type { Draft } from '../draft.ts';
import { among, notValued, segmentTable } from '../segment-table.ts';
import { ORDER_STATUS, ORDER_STATUS_TABLE } from '../vocabulary/0038-order-status.ts';
import { OPENING_CONTROLS, ORDER_CONTROL, ORDER_CONTROL_SYSTEM, type RequestStatus, statusOf } from '../vocabulary/0119-order-control.ts';
import { CONFIDENTIALITY_CODE } from '../vocabulary/0177-confidentiality.ts';
import { ORDER_TYPE } from '../vocabulary/0482-order-type.ts';

export type OrderNumbers = { readonly placer: EntityIdentifier | undefined; readonly filler: EntityIdentifier | undefined };

/** The numbers of the order by which it is known to both sides. */
export function orderNumbers(orc: Segment | undefined, obr: Segment | undefined, draft: Draft): OrderNumbers {
  return { placer: numberOf(orc, obr, 2, 'PLAC', draft), filler: numberOf(orc, obr, 3, 'FILL', draft) };
}

/** State of the order, null where this message leaves it as it was. */
export function orcStatus(orc: Segment, draft: Draft): RequestStatus | null {
  const [control, state] = [firstValue(orc, 1), firstValue(orc, 5)];
  if (!ORDER_CONTROL.has(control)) draft.unmapped('ORC-1', 'HL7 Table 0119', control);
  if (state !== '' && !ORDER_STATUS.has(state)) draft.unmapped('ORC-5', 'HL7 Table 0038', state);
  const { status, conflict } = statusOf(control, state);
  if (conflict) draft.gap('ORC-5', 'order control and order status disagree', state);
  return status;
}

/** ORC-12, else OBR-16, with ORC-24; with the ordering facility (ORC-21 to ORC-23) a role in it. */
export function requesterOf(orc: Segment, obr: Segment | undefined, draft: Draft): ServiceRequest['requester'] {
  const practitioner = xcnPractitioner(orc, 12, draft) ?? xcnPractitioner(obr, 16, draft);
  if (practitioner?.reference) addAddress(practitioner, orc, draft);
  const organization = facilityOf(orc, draft);
  if (!organization) return practitioner;
  if (practitioner?.reference) return roleOf(practitioner, organization, {}, draft);
  // A person without a number is shown beside the organization that has one.
  const display = [practitioner?.display, organization.reference.display].filter(Boolean).join(', ');
  return { ...organization.reference, ...filled({ display }) };
}

function numberOf(
  orc: Segment | undefined,
  obr: Segment | undefined,
  field: 2 | 3,
  type: string,
  draft: Draft,
): EntityIdentifier | undefined {
  const read = (at: Components) => eiIdentifier(at, draft.peer.accessionIssuer, type);
  const [first, ...more] = eachRepetition(orc, field, read);
  const [second] = eachRepetition(obr, field, read);
  for (const one of more) draft.gap(`ORC-${field}`, 'only the first of several numbers is carried', one.value);
  if (first && second && !isSame(first, second)) draft.gap(`OBR-${field}`, `differs from ORC-${field}, which is taken`, second.value);
  return first ?? second;
}

function isSame(a: { identifier: Identifier }, b: { identifier: Identifier }): boolean {
  return JSON.stringify(a.identifier) === JSON.stringify(b.identifier);
}

/** ORC-24 is the address of the person who has a number; a name alone has none, and it stays in the message. */
function addAddress(practitioner: Reference<Practitioner>, orc: Segment, draft: Draft): void {
  const address = eachRepetition(orc, 24, (at) => xadAddress(at, draft.zone));
  if (address.length > 0) draft.extend(practitioner, { address });
}

function facilityOf(orc: Segment, draft: Draft): ReadOrganization | undefined {
  if (orc.raw(21) === '') return undefined;
  const address = eachRepetition(orc, 22, (at) => xadAddress(at, draft.zone));
  const telecom = eachRepetition(orc, 23, (at) => xtnContactPoint(at, draft.zone, 'work'));
  return xonOrganization(orc, 21, draft, filled<Partial<Organization>>({ address, telecom }) ?? {});
}

const ID_EVENT: Datatype = each((at) => codeConcept(at(1), ORDER_CONTROL_SYSTEM));

export const CALLBACK = 'http://hl7.org/fhir/StructureDefinition/servicerequest-order-callback-phone-number';
const BUSINESS_EVENT = 'http://hl7.org/fhir/StructureDefinition/businessEvent';
const STATUS_REASON = 'http://hl7.org/fhir/StructureDefinition/request-statusReason';

/** ORC-1 and ORC-5 together decide the status (`orcStatus`), the numbers of ORC-2 and ORC-3 the identity (`orderNumbers`). */
export const ORC_SERVICEREQUEST = segmentTable<ServiceRequest>([
  ['ORC-1', 'intent', fixed('order')],
  ['ORC-1', `extension[${BUSINESS_EVENT}].extension[value].valueCodeableConcept`, ID_EVENT],
  ['ORC-4', 'requisition', EI_GROUP],
  ['ORC-4', 'identifier[]', EIP_FILLERGROUP, notValued('ORC-38')],
  ['ORC-5', '_status', originalCode(ORDER_STATUS_TABLE, () => false)],
  ['ORC-8', 'basedOn[]', EIP_PLACER_ORDER],
  ['ORC-8', 'basedOn[]', EIP_FILLER_ORDER],
  ['ORC-9', 'authoredOn', DTM_DATETIME, among('ORC-1', ...OPENING_CONTROLS)],
  ['ORC-9', `extension[${BUSINESS_EVENT}].extension[date].valueDateTime`, DTM_DATETIME],
  ['ORC-14', `extension[${CALLBACK}].valueContactPoint`, xtnContactPointOf('work')],
  ['ORC-16', `extension[${STATUS_REASON}].valueCodeableConcept`, CWE_CODEABLECONCEPT],
  ['ORC-28', 'meta.security[]', cweCodingOf(CONFIDENTIALITY_CODE)],
  ['ORC-29', 'locationCode[]', cweConceptOf(ORDER_TYPE)],
  ['ORC-33', 'identifier[]', CX_PLACER],
  ['ORC-38', 'identifier[]', eiIdentifierOf('FGN')],
]);

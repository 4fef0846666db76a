/**
 * ORC to ServiceRequest: which order, what happens to it, who asks (HL7 v2.5.1 §4.5.1; guide: ORC[ServiceRequest]).
 * In: ORC, and OBR where the order has one. Out: parts of a ServiceRequest, and the numbers of the order.
 * Numbers stand in ORC-2/3 and OBR-2/3; the guide takes either only when the other is empty, which says nothing when both are there:
 * here ORC decides, and a different number in OBR is listed.
 */
import type { Extension, Identifier, Organization, Practitioner, PractitionerRole, Reference, ServiceRequest } from '@medplum/fhirtypes';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { type Components, eachRepetition, filled, firstValue } from '../datatypes/components.ts';
import { cweCodeableConcept } from '../datatypes/cwe-codeableconcept.ts';
import { cxIdentifier } from '../datatypes/cx-identifier.ts';
import { type EntityIdentifier, eiIdentifier } from '../datatypes/ei-identifier.ts';
import { identity } from '../datatypes/systems.ts';
import { dateTimeField } from '../datatypes/ts-datetime.ts';
import { xadAddress } from '../datatypes/xad-address.ts';
import { xcnPractitioner } from '../datatypes/xcn-practitioner.ts';
import { type ReadOrganization, xonOrganization } from '../datatypes/xon-organization.ts';
import { xtnContactPoint } from '../datatypes/xtn-contactpoint.ts';
import type { Draft } from '../draft.ts';
import { ORDER_STATUS } from '../vocabulary/0038-order-status.ts';
import { isOpening, ORDER_CONTROL, type RequestStatus, statusOf } from '../vocabulary/0119-order-control.ts';

export type OrderNumbers = { readonly placer: EntityIdentifier | undefined; readonly filler: EntityIdentifier | undefined };

/** The numbers of the order by which it is known to both sides. */
export function orderNumbers(orc: Segment | undefined, obr: Segment | undefined, draft: Draft): OrderNumbers {
  return { placer: numberOf(orc, obr, 2, 'PLAC', draft), filler: numberOf(orc, obr, 3, 'FILL', draft) };
}

/** State of the order, null where this message leaves it as it was. */
export function orcStatus(orc: Segment, draft: Draft): RequestStatus | null {
  const [control, state] = [firstValue(orc, 1), firstValue(orc, 5)];
  if (!ORDER_CONTROL.has(control)) draft.gap('ORC-1', 'code is not in HL7 Table 0119');
  if (state !== '' && !ORDER_STATUS.has(state)) draft.gap('ORC-5', 'code is not in HL7 Table 0038');
  const { status, conflict } = statusOf(control, state);
  if (conflict) draft.gap('ORC-5', 'order control and order status disagree');
  return status;
}

/** What ORC alone says. */
export function orcServiceRequest(orc: Segment, obr: Segment | undefined, draft: Draft): Partial<ServiceRequest> {
  const { peer, zone } = draft;
  const group = eachRepetition(orc, 4, (at) => eiIdentifier(at, peer.accessionIssuer, 'PGN')?.identifier)[0];
  const fillerGroup = eachRepetition(orc, 38, (at) => eiIdentifier(at, peer.accessionIssuer, 'FGN')?.identifier);
  const readAlternate = (at: Components) => cxIdentifier(at, peer.accessionIssuer, zone, 'PLAC')?.identifier;
  const alternates = firstValue(obr, 53) === '' ? eachRepetition(orc, 33, readAlternate) : eachRepetition(obr, 53, readAlternate);
  return {
    identifier: [...fillerGroup, ...alternates],
    ...filled({ requisition: group }),
    ...(isOpening(firstValue(orc, 1)) ? filled({ authoredOn: dateTimeField(orc, 9, draft) }) : {}),
    ...filled({ requester: requesterOf(orc, obr, draft) }),
    extension: [...callbackOf(orc, obr, zone), ...statusReasonOf(orc, draft)],
  };
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
  if (more.length > 0) draft.gap(`ORC-${field}`, 'only the first of several numbers is carried');
  if (first && second && !isSame(first, second)) draft.gap(`OBR-${field}`, `differs from ORC-${field}, which is taken`);
  return first ?? second;
}

function isSame(a: { identifier: Identifier }, b: { identifier: Identifier }): boolean {
  return a.identifier.value === b.identifier.value && a.identifier.system === b.identifier.system;
}

/** ORC-12, else OBR-16; with the ordering facility (ORC-21) a role in it. */
function requesterOf(orc: Segment, obr: Segment | undefined, draft: Draft): ServiceRequest['requester'] {
  const practitioner = xcnPractitioner(orc, 12, draft) ?? xcnPractitioner(obr, 16, draft);
  const organization = facilityOf(orc, draft);
  if (!organization) return practitioner;
  if (practitioner?.reference) return roleOf(practitioner, organization, draft);
  // A person without a number is shown beside the organization that has one.
  const display = [practitioner?.display, organization.reference.display].filter(Boolean).join(', ');
  return { ...organization.reference, ...filled({ display }) };
}

function facilityOf(orc: Segment, draft: Draft): ReadOrganization | undefined {
  const address = eachRepetition(orc, 22, (at) => xadAddress(at, draft.zone));
  const telecom = eachRepetition(orc, 23, (at) => xtnContactPoint(at, draft.zone, 'work'));
  return xonOrganization(orc, 21, draft, filled<Partial<Organization>>({ address, telecom }) ?? {});
}

function roleOf(practitioner: Reference<Practitioner>, organization: ReadOrganization, draft: Draft): Reference<PractitionerRole> {
  const at = organization.identity;
  const role: PractitionerRole = { resourceType: 'PractitionerRole', practitioner, organization: organization.reference };
  const known = identity('PractitionerRole', 'urn:waystation:role', `${practitioner.reference} ${at.system}|${at.value}`);
  return { ...draft.add(role, [known], { shared: true }), ...filled({ display: practitioner.display }) };
}

/** OBR-17, else ORC-14: whom to call with an urgent finding. */
function callbackOf(orc: Segment, obr: Segment | undefined, zone: string): Extension[] {
  const read = (at: Components) => xtnContactPoint(at, zone, 'work');
  const numbers = eachRepetition(obr, 17, read);
  const contact = numbers[0] ?? eachRepetition(orc, 14, read)[0];
  return contact ? [{ url: CALLBACK, valueContactPoint: contact }] : [];
}

/** ORC-16: why it is cancelled, held or changed. */
function statusReasonOf(orc: Segment, { peer }: Draft): Extension[] {
  const reason = eachRepetition(orc, 16, (at) => cweCodeableConcept(at, peer.name))[0];
  return reason ? [{ url: STATUS_REASON, valueCodeableConcept: reason }] : [];
}

const CALLBACK = 'http://hl7.org/fhir/StructureDefinition/servicerequest-order-callback-phone-number';
const STATUS_REASON = 'http://hl7.org/fhir/StructureDefinition/request-statusReason';

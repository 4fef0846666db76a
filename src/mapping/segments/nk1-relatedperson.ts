/**
 * NK1 to RelatedPerson and to Patient.contact (HL7 v2.5.1 §3.4.5; guide: NK1[RelatedPerson], NK1[Patient]).
 * In: the segment. Out: a contact of the Patient; a reference to the RelatedPerson in the draft.
 * An employer, an insurer, a federal agency or a state agency (HL7 Table 0063 and 0131: EMR, E, F, I, S) is an organization to call and no
 * related person: a contact alone. NK1-37 is a number and no authority: the guide's us-ssn would be a guess outside one country.
 */
import type { Identifier, Organization, Patient, PatientContact, Reference, RelatedPerson } from '@medplum/fhirtypes';
import type { Identity } from '../../model/identity.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { filled } from '../datatypes/components.ts';
import { cweCode, cweConceptIn, cweConceptOf, originalCode } from '../datatypes/cwe-code.ts';
import { CWE_CODEABLECONCEPT } from '../datatypes/cwe-codeableconcept.ts';
import { CX_IDENTIFIER } from '../datatypes/cx-identifier.ts';
import { each } from '../datatypes/datatype.ts';
import { identifierType } from '../datatypes/identifier-type.ts';
import { identity, keyOf } from '../datatypes/systems.ts';
import { DTM_DATE, DTM_DATETIME } from '../datatypes/ts-datetime.ts';
import { XAD_ADDRESS } from '../datatypes/xad-address.ts';
import { XON_ORGANIZATION } from '../datatypes/xon-organization.ts';
import { XPN_HUMANNAME } from '../datatypes/xpn-humanname.ts';
import { xtnContactPointOf } from '../datatypes/xtn-contactpoint.ts';
import type { Draft } from '../draft.ts';
import { among, SET_ID, segmentTable } from '../segment-table.ts';
import { ADMINISTRATIVE_SEX } from '../vocabulary/0001-administrative-sex.ts';
import { RELATIONSHIP } from '../vocabulary/0063-relationship.ts';

const CONTACT_ROLE = 'http://terminology.hl7.org/CodeSystem/v2-0131';

/** One contact a segment. */
export function nk1Contact(nk1: Segment, draft: Draft): PatientContact | undefined {
  const { contact = [], organizationContact } = NK1_PATIENT(nk1, draft);
  const [said] = contact;
  if (!said) return undefined;
  return organizationContact ? { ...said, organization: contactedOrganization(said.organization, organizationContact, draft) } : said;
}

/** Undefined for what is an organization. `n`: which NK1 of the message, where nothing else tells two relatives apart. */
export function nk1RelatedPerson(
  nk1: Segment,
  patient: Reference<Patient>,
  known: Identity,
  draft: Draft,
): Reference<RelatedPerson> | undefined {
  if (isOrganization(nk1)) return undefined;
  const person: RelatedPerson = { resourceType: 'RelatedPerson', patient, ...NK1_RELATEDPERSON(nk1, draft) };
  const place = `${keyOf(known)}|${nk1.occurrence}`;
  return draft.add(person, [identity('RelatedPerson', 'urn:waystation:relative-of', place)]);
}

const isOrganization = among('NK1-3', 'EMR', 'E', 'F', 'I', 'S');

/** Who is to be called at an organization (NK1-30 to 32) stands in the organization, contained in the Patient. */
function contactedOrganization(
  reference: Reference<Organization> | undefined,
  contact: NonNullable<Organization['contact']>[number],
  draft: Draft,
): Reference<Organization> {
  const organization: Organization = { resourceType: 'Organization', ...filled({ name: reference?.display }), contact: [contact] };
  return { ...draft.contain(organization), ...filled({ display: reference?.display }) };
}

const ST_SOCIALSECURITY = each((at): Identifier | undefined =>
  at(1) === '' ? undefined : { type: identifierType('SS') as object, value: at(1) },
);

const NK1_RELATEDPERSON = segmentTable<RelatedPerson>(
  [
    ['NK1-2', 'name[]', XPN_HUMANNAME],
    ['NK1-3', 'relationship[]', cweConceptOf(RELATIONSHIP)],
    ['NK1-4', 'address[]', XAD_ADDRESS],
    ['NK1-5', 'telecom[]', xtnContactPointOf()],
    ['NK1-6', 'telecom[]', xtnContactPointOf('work')],
    ['NK1-7', 'relationship[]', cweConceptIn(CONTACT_ROLE)],
    ['NK1-8', 'period.start', DTM_DATETIME],
    ['NK1-9', 'period.end', DTM_DATETIME],
    ['NK1-12', 'identifier[]', CX_IDENTIFIER],
    ['NK1-15', 'gender', cweCode(ADMINISTRATIVE_SEX)],
    ['NK1-15', '_gender', originalCode(ADMINISTRATIVE_SEX)],
    ['NK1-16', 'birthDate', DTM_DATE],
    ['NK1-20', 'communication[].language', CWE_CODEABLECONCEPT],
    ['NK1-30', 'name[]', XPN_HUMANNAME],
    ['NK1-31', 'telecom[]', xtnContactPointOf()],
    ['NK1-32', 'address[]', XAD_ADDRESS],
    ['NK1-33', 'identifier[]', CX_IDENTIFIER],
    ['NK1-37', 'identifier[]', ST_SOCIALSECURITY],
    ['NK1-40', 'telecom[]', xtnContactPointOf()],
    ['NK1-41', 'telecom[]', xtnContactPointOf()],
  ],
  { left: { 1: SET_ID } },
);

type ContactMembers = { contact: PatientContact[]; organizationContact: NonNullable<Organization['contact']>[number] };

const NK1_PATIENT = segmentTable<ContactMembers>(
  [
    ['NK1-2', 'contact[nk1].name', XPN_HUMANNAME],
    ['NK1-3', 'contact[nk1].relationship[]', cweConceptOf(RELATIONSHIP)],
    ['NK1-4', 'contact[nk1].address', XAD_ADDRESS],
    ['NK1-5', 'contact[nk1].telecom[]', xtnContactPointOf()],
    ['NK1-6', 'contact[nk1].telecom[]', xtnContactPointOf('work')],
    ['NK1-7', 'contact[nk1].relationship[]', cweConceptIn(CONTACT_ROLE)],
    ['NK1-8', 'contact[nk1].period.start', DTM_DATETIME],
    ['NK1-9', 'contact[nk1].period.end', DTM_DATETIME],
    ['NK1-13', 'contact[nk1].organization', XON_ORGANIZATION],
    ['NK1-15', 'contact[nk1].gender', cweCode(ADMINISTRATIVE_SEX)],
    ['NK1-30', 'organizationContact.name', XPN_HUMANNAME],
    ['NK1-31', 'organizationContact.telecom[]', xtnContactPointOf()],
    ['NK1-32', 'organizationContact.address', XAD_ADDRESS],
    ['NK1-40', 'contact[nk1].telecom[]', xtnContactPointOf()],
    ['NK1-41', 'contact[nk1].telecom[]', xtnContactPointOf()],
  ],
  { left: { 1: SET_ID } },
);

/**
 * ROL to the Patient's general practitioners, the Encounter's participants and the CareTeam (HL7 v2.5.1 §15.4.7; guide:
 * ROL[Patient-GeneralPractitioner], ROL[Encounter-PractitionerRole], ROL[CareTeam]).
 * In: the segment. Out: members of the resource that it stands with; PractitionerRoles in the draft. Which of the three it is, tells where it
 * stands: after PV1 it takes part in the visit; after PID it is the general practitioner (ROL-3 PP) or of the care team.
 * Whether a member of the care team is a relative or the patient himself cannot be told from ROL: a person with a number is a Practitioner.
 */
import type { Address, CareTeamParticipant, EncounterParticipant, Location, Organization, Reference } from '@medplum/fhirtypes';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { components, filled } from '../datatypes/components.ts';
import { cweConceptOf } from '../datatypes/cwe-code.ts';
import { CWE_CODEABLECONCEPT } from '../datatypes/cwe-codeableconcept.ts';
import { type Datatype, each } from '../datatypes/datatype.ts';
import { eiIdentifierOf } from '../datatypes/ei-identifier.ts';
import { PL_LOCATION } from '../datatypes/pl-location.ts';
import { type Role, roleOf } from '../datatypes/practitioner-role.ts';
import { DTM_DATETIME } from '../datatypes/ts-datetime.ts';
import { XAD_ADDRESS, xadAddress } from '../datatypes/xad-address.ts';
import { practitionerOf } from '../datatypes/xcn-practitioner.ts';
import { xonOrganization } from '../datatypes/xon-organization.ts';
import { xtnContactPointOf } from '../datatypes/xtn-contactpoint.ts';
import type { Draft } from '../draft.ts';
import { among, type Condition, outside, segmentTable } from '../segment-table.ts';
import { PROVIDER_ROLE } from '../vocabulary/0443-provider-role.ts';

/** HL7 Table 0443 PP: primary care provider. */
export const isGeneralPractitioner: Condition = among('ROL-3', 'PP');

export function rolGeneralPractitioner(rol: Segment, draft: Draft): Reference | undefined {
  return personInRole(rol, ROL_ROLE(rol, draft), draft);
}

export function rolEncounterParticipant(rol: Segment, draft: Draft): EncounterParticipant | undefined {
  const individual = personInRole(rol, ROL_PLACE(rol, draft), draft) as EncounterParticipant['individual'];
  return individual && { ...ROL_PARTICIPANT(rol, draft), individual };
}

/** A team's member: a person, for an organization; an organization where there is no person. */
export function rolCareTeamParticipant(rol: Segment, draft: Draft): CareTeamParticipant | undefined {
  const person = practitionerOf([components(rol, 4)], draft, ROL_PERSON(rol, draft));
  const organization = organizationOf(rol, draft);
  const said = ROL_CARETEAM(rol, draft);
  if (!person) return organization && { ...said, member: organization };
  return { ...said, member: person, ...(organization ? { onBehalfOf: organization } : {}) };
}

function personInRole(rol: Segment, role: Partial<Role>, draft: Draft): Reference | undefined {
  const person = practitionerOf([components(rol, 4)], draft, ROL_PERSON(rol, draft));
  const organization = xonOrganization(rol, 14, draft, ROL_ORGANIZATION(rol, draft));
  return person ? roleOf(person, organization, role, draft) : organization?.reference;
}

/** ROL-14, of the kind that ROL-10 says. */
function organizationOf(rol: Segment, draft: Draft): Reference<Organization> | undefined {
  const type = CWE_CODEABLECONCEPT({ segment: rol, field: 10, component: 0, most: 1, draft });
  const named = xonOrganization(rol, 14, draft, type.length > 0 ? { type: [...type] } : {});
  if (named) return named.reference;
  const [kind] = type;
  return (
    kind &&
    draft.contain<Organization>({ resourceType: 'Organization', ...filled({ name: kind.text ?? kind.coding?.[0]?.display }), type: [kind] })
  );
}

/** HL7 Table 0190: whose address it is tells its type. */
const OF_PLACE = ['M', 'O', 'S', 'SH', 'TM'];
const OF_ORGANIZATION = ['B', 'BI', 'L'];

const ROL_PERSON = segmentTable<{ address: Address[] }>([
  ['ROL-11', 'address[]', XAD_ADDRESS, outside('ROL-11.7', ...OF_PLACE, ...OF_ORGANIZATION)],
]);

const ROL_ORGANIZATION = segmentTable<{ address: Address[] }>([
  ['ROL-11', 'address[]', XAD_ADDRESS, among('ROL-11.7', ...OF_ORGANIZATION)],
]);

const XAD_LOCATION: Datatype<Reference<Location>> = each((at, { draft }) => {
  const address = xadAddress(at, draft.zone);
  return address && draft.contain<Location>({ resourceType: 'Location', address });
});

const ROL_ROLE = segmentTable<Role>([
  ['ROL-1', 'identifier[]', eiIdentifierOf()],
  ['ROL-3', 'code[]', cweConceptOf(PROVIDER_ROLE)],
  ['ROL-5', 'period.start', DTM_DATETIME],
  ['ROL-6', 'period.end', DTM_DATETIME],
  ['ROL-12', 'telecom[]', xtnContactPointOf('work')],
  ['ROL-13', 'location[]', PL_LOCATION],
  ['ROL-11', 'location[]', XAD_LOCATION, among('ROL-11.7', ...OF_PLACE)],
]);

/** What tells a visit's participant is told there: type and period. */
const ROL_PLACE = segmentTable<Role>([
  ['ROL-1', 'identifier[]', eiIdentifierOf()],
  ['ROL-12', 'telecom[]', xtnContactPointOf('work')],
  ['ROL-13', 'location[]', PL_LOCATION],
  ['ROL-11', 'location[]', XAD_LOCATION, among('ROL-11.7', ...OF_PLACE)],
]);

const ROL_PARTICIPANT = segmentTable<EncounterParticipant>([
  ['ROL-3', 'type[]', cweConceptOf(PROVIDER_ROLE)],
  ['ROL-5', 'period.start', DTM_DATETIME],
  ['ROL-6', 'period.end', DTM_DATETIME],
]);

const ROL_CARETEAM = segmentTable<CareTeamParticipant>([
  ['ROL-3', 'role[]', cweConceptOf(PROVIDER_ROLE)],
  ['ROL-9', 'role[]', CWE_CODEABLECONCEPT],
  ['ROL-5', 'period.start', DTM_DATETIME],
  ['ROL-6', 'period.end', DTM_DATETIME],
]);

/** Why the team is there, and how it is reached. */
export const ROL_TEAM = segmentTable<{ reasonCode: object[]; telecom: object[] }>([
  ['ROL-8', 'reasonCode[]', CWE_CODEABLECONCEPT],
  ['ROL-12', 'telecom[]', xtnContactPointOf('work')],
]);

/** IN3-21: whoever manages the case for the insurer (guide: IN3[CareTeam]). */
export const IN3_CASEMANAGER: Datatype<CareTeamParticipant> = each((at) =>
  at(1) === '' ? undefined : { role: [CASE_MANAGER], member: { display: [at(1), at(2)].filter((part) => part !== '').join(' ') } },
);

const CASE_MANAGER = {
  coding: [{ system: 'http://snomed.info/sct', code: '768832004', display: 'Case manager' }],
  text: 'case manager',
};

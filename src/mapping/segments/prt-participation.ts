/**
 * PRT, participation, to PractitionerRole, Device, RelatedPerson and the place of an Observation (HL7 v2.9 §7.4.4; guide:
 * PRT[PractitionerRole], PRT[Device], PRT[RelatedPerson], PRT[Observation-Location]).
 * In: the segment and what it takes part in. Out: references in the draft.
 *
 * Different from the guide:
 * - PRT-2 D (delete) is carried nowhere and so listed: who no longer takes part is known by what was said before.
 * - PRT-14 beside a place (PRT-9) is a place of that address; of a person, the person's.
 * - PRT-23: its codes (HL7 Table 0185) also say what kind of number PRT-15 is, where that says none.
 * - A role without a person (PRT-8 alone) is its Organization.
 */
import type {
  Address,
  ContactPoint,
  Device,
  Extension,
  Identifier,
  Location,
  Observation,
  Organization,
  Patient,
  Reference,
  RelatedPerson,
} from '@medplum/fhirtypes';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { components, filled } from '../datatypes/components.ts';
import { cweConceptOf } from '../datatypes/cwe-code.ts';
import { CWE_CODEABLECONCEPT } from '../datatypes/cwe-codeableconcept.ts';
import { type Datatype, each, wrapped } from '../datatypes/datatype.ts';
import { eiIdentifier } from '../datatypes/ei-identifier.ts';
import { ST_STRING } from '../datatypes/id-primitive.ts';
import { identifierType } from '../datatypes/identifier-type.ts';
import { PL_LOCATION } from '../datatypes/pl-location.ts';
import { type Role, roleOf } from '../datatypes/practitioner-role.ts';
import { bounded, identity, systemOfName } from '../datatypes/systems.ts';
import { DTM_DATETIME, dateTimeOf } from '../datatypes/ts-datetime.ts';
import { XAD_ADDRESS, xadAddress } from '../datatypes/xad-address.ts';
import { personOf, practitionerOf } from '../datatypes/xcn-practitioner.ts';
import { type ReadOrganization, xonOrganization } from '../datatypes/xon-organization.ts';
import { xtnContactPoint } from '../datatypes/xtn-contactpoint.ts';
import type { Draft } from '../draft.ts';
import { type Condition, segmentTable, valued } from '../segment-table.ts';
import { PARTICIPATION } from '../vocabulary/0912-participation.ts';

/** An Observation with those who take part in it. */
export function prtObservation(participants: readonly Segment[], observation: Observation, draft: Draft): Observation {
  const taking = participants.filter((prt) => !isDeleted(prt));
  const performers = taking.flatMap((prt) => prtRole(prt, draft) ?? []);
  const [device] = taking.flatMap((prt) => prtDevice(prt, draft) ?? []);
  const places = taking.flatMap((prt) => PRT_PLACE(prt, draft).extension ?? []);
  return {
    ...observation,
    ...(performers.length > 0
      ? { performer: [...(observation.performer ?? []), ...(performers as Observation['performer'] & object)] }
      : {}),
    ...(device && !observation.device ? { device } : {}),
    ...(places.length > 0 ? { extension: [...(observation.extension ?? []), ...places] } : {}),
  };
}

/** HL7 Table 0287. */
export function isDeleted(prt: Segment): boolean {
  return prt.peek(2).trim() === 'D';
}

/** The role of PRT-4, by its code (HL7 Table 0443 or 0912). */
export function participation(prt: Segment): string {
  return prt.peek(4).trim();
}

/** Who takes part: a person in a role, or an organization. Undefined where it is a device or a place only. */
export function prtRole(prt: Segment, draft: Draft): Reference | undefined {
  if (!valued('PRT-5')(prt) && !valued('PRT-8')(prt)) return undefined;
  const organization = xonOrganization(prt, 8, draft, PRT_ORGANIZATION(prt, draft));
  // Whoever has no number is only shown, and has no place for an address.
  const address = valued('PRT-5.1')(prt) ? PRT_PERSON(prt, draft) : {};
  const person = practitionerOf(valued('PRT-5')(prt) ? [components(prt, 5)] : [], draft, address);
  if (!person) return organization?.reference;
  return roleOf(person, organization, PRT_ROLE(prt, draft) as Role, draft);
}

/** The person of PRT-5 with his address and numbers. */
export function prtPerson(prt: Segment, draft: Draft): Reference | undefined {
  return practitionerOf([components(prt, 5)], draft, { ...PRT_PERSON(prt, draft), ...PRT_NUMBERS(prt, draft) });
}

/** The organization of PRT-8, for which a person acts, with its address and numbers. */
export function prtOrganization(prt: Segment, draft: Draft): ReadOrganization | undefined {
  return xonOrganization(prt, 8, draft, PRT_OFFICE(prt, draft));
}

function prtDevice(prt: Segment, draft: Draft): Reference<Device> | undefined {
  if (!['PRT-10', 'PRT-16', 'PRT-20'].some((place) => valued(place)(prt))) return undefined;
  const device = PRT_DEVICE(prt, draft);
  const [number] = device.identifier ?? [];
  const [carrier] = device.udiCarrier ?? [];
  const known = number
    ? identity('Device', number.system as string, number.value as string)
    : identity('Device', systemOfName(draft.peer.patientAuthority), `${carrier?.deviceIdentifier ?? ''}|${device.serialNumber ?? ''}`);
  return draft.add<Device>({ resourceType: 'Device', ...device }, [known], { shared: true });
}

/** Who is something to the patient. A person without a number is known by the patient and his name. */
export function prtRelatedPerson(prt: Segment, patient: Reference<Patient>, draft: Draft): Reference<RelatedPerson> | undefined {
  const read = valued('PRT-5')(prt) ? personOf(components(prt, 5), draft) : undefined;
  if (!read) return undefined;
  const resource = { resourceType: 'RelatedPerson', patient, ...read, ...PRT_RELATEDPERSON(prt, draft) } as RelatedPerson;
  const [number] = read.identifier ?? [];
  const name = JSON.stringify(read.name ?? []);
  const known = number
    ? identity('RelatedPerson', number.system as string, `${patient.reference}|${number.value}`)
    : identity('RelatedPerson', 'urn:waystation:related-person', bounded(`${patient.reference}|${name}`));
  return draft.add(resource, [known], { shared: true });
}

const CWE_FIRST = wrapped(CWE_CODEABLECONCEPT, (concept) => concept);

/** A number of PRT-15, preferred where PRT-23 says how the person likes to be reached. */
const XTN_PREFERRED: Datatype<ContactPoint> = each((at, { segment, draft }) => {
  const way = valued('PRT-23')(segment) ? components(segment, 23)(1).toUpperCase() : '';
  const said = way === '' ? undefined : WAYS.get(way);
  if (way !== '' && !said) draft.unmapped('PRT-23', 'HL7 Table 0185', way);
  const contact = xtnContactPoint(at, draft.zone, said?.use);
  if (!contact || way === '') return contact;
  const kind = at(3, 1, true) === '' ? said : undefined;
  return { ...contact, ...kind, extension: [{ url: PREFERRED, valueBoolean: true }, ...(contact.extension ?? [])] };
});

/** PLN, practitioner license: number, type, by whom, until when (HL7 v2.5.1 §2.A.54; guide: PLN[Identifier]). */
const PLN_IDENTIFIER: Datatype<Identifier> = each((at, { draft }) => {
  if (at(1) === '') return undefined;
  const end = dateTimeOf(at(4), draft.zone) ?? undefined;
  const assigner = at(3) === '' ? undefined : { display: at(3) };
  return { ...filled({ type: identifierType(at(2)) }), value: at(1), ...filled({ period: filled({ end }), assigner }) };
});

/** EI as it stands on a device: `(01)…` and ISBT 128 are unique device identifications, anything else is a number of its owner. */
const isUdi = (text: string): boolean => /^\(01\)|^01\d{14}|^=|^\+[A-Z0-9]/.test(text);
const UDI: Datatype<string> = each((at) => (isUdi(at(1)) ? at(1) : undefined));
const EI_DEVICE: Datatype<Identifier> = each((at, { draft }) =>
  isUdi(at(1)) ? undefined : eiIdentifier(at, draft.peer.accessionIssuer, '')?.identifier,
);

/** A place of which only the address is known, contained. */
const PLACE_ADDRESS: Datatype<Extension> = each((at, { draft }) => {
  const address = xadAddress(at, draft.zone);
  return address && { url: LOCATION, valueReference: draft.contain<Location>({ resourceType: 'Location', address }) };
});

const noPerson: Condition = (segment) => !valued('PRT-5')(segment);
const LOCATION = 'http://hl7.org/fhir/StructureDefinition/event-location';
const PREFERRED = 'http://hl7.org/fhir/StructureDefinition/iso21090-preferred';

const PRT_ROLE = segmentTable<Role>([
  ['PRT-4', 'code[]', cweConceptOf(PARTICIPATION)],
  ['PRT-6', 'specialty[]', CWE_CODEABLECONCEPT],
  ['PRT-9', 'location[]', PL_LOCATION],
  ['PRT-11', 'period.start', DTM_DATETIME],
  ['PRT-12', 'period.end', DTM_DATETIME],
  ['PRT-15', 'telecom[]', XTN_PREFERRED],
  ['PRT-24', 'identifier[]', PLN_IDENTIFIER],
]);
/** Of an organization: FHIR org-3, none is at home. */
const XTN_OFFICE: Datatype<ContactPoint> = wrapped(XTN_PREFERRED, (contact) =>
  contact.use === 'home' ? { ...contact, use: 'work' } : contact,
);
const PRT_NUMBERS = segmentTable<{ telecom: ContactPoint[] }>([['PRT-15', 'telecom[]', XTN_PREFERRED]]);
const PRT_PERSON = segmentTable<{ address: Address[] }>([['PRT-14', 'address[]', XAD_ADDRESS]]);
/** FHIR org-2 and org-3: neither address nor number of an organization is at home. */
const XAD_OFFICE: Datatype<Address> = wrapped(XAD_ADDRESS, (address) => (address.use === 'home' ? { ...address, use: 'work' } : address));
const PRT_OFFICE = segmentTable<Organization>([
  ['PRT-14', 'address[]', XAD_OFFICE],
  ['PRT-15', 'telecom[]', XTN_OFFICE],
]);

/** Where there is no person, address and numbers are the organization's. */
const PRT_ORGANIZATION = segmentTable<Organization>([
  ['PRT-7', 'type[]', CWE_FIRST],
  ['PRT-14', 'address[]', XAD_OFFICE, noPerson],
  ['PRT-15', 'telecom[]', XTN_OFFICE, noPerson],
]);

const PRT_PLACE = segmentTable<Pick<Observation, 'extension'>>([
  ['PRT-9', `extension[${LOCATION}].valueReference`, PL_LOCATION, noPerson],
  ['PRT-14', 'extension[]', PLACE_ADDRESS, noPerson],
]);

const PRT_DEVICE = segmentTable<Device>([
  ['PRT-10', 'identifier[]', EI_DEVICE],
  ['PRT-10', 'udiCarrier[].deviceIdentifier', UDI],
  ['PRT-16', 'udiCarrier[].deviceIdentifier', ST_STRING],
  ['PRT-17', 'manufactureDate', DTM_DATETIME],
  ['PRT-18', 'expirationDate', DTM_DATETIME],
  ['PRT-19', 'lotNumber', ST_STRING],
  ['PRT-20', 'serialNumber', ST_STRING],
  ['PRT-21', 'distinctIdentifier', ST_STRING],
  ['PRT-22', 'type', CWE_CODEABLECONCEPT],
]);

const PRT_RELATEDPERSON = segmentTable<RelatedPerson>([
  ['PRT-4', 'relationship[]', cweConceptOf(PARTICIPATION)],
  ['PRT-11', 'period.start', DTM_DATETIME],
  ['PRT-12', 'period.end', DTM_DATETIME],
  ['PRT-14', 'address[]', XAD_ADDRESS],
  ['PRT-15', 'telecom[]', XTN_PREFERRED],
  ['PRT-24', 'identifier[]', PLN_IDENTIFIER],
]);

/** HL7 Table 0185, preferred method of contact. */
const WAYS: ReadonlyMap<string, Pick<ContactPoint, 'system' | 'use'>> = new Map<string, Pick<ContactPoint, 'system' | 'use'>>([
  ['B', { system: 'pager' }],
  ['C', { system: 'phone', use: 'mobile' }],
  ['E', { system: 'email' }],
  ['F', { system: 'fax' }],
  ['H', { system: 'phone', use: 'home' }],
  ['O', { system: 'phone', use: 'work' }],
]);

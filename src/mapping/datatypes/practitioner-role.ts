/**
 * A person in a role (guide: XCN[PractitionerRole], NDL[PractitionerRole]), and a person in an NDL (HL7 v2.5.1 §2.A.47; guide: CNN[Practitioner]).
 * In: who, for whom, as what. Out: a reference to the PractitionerRole in the draft. A person without a number identifies nobody: the
 * reference then only shows the name. NDL-4 to NDL-11 (where it was done) are a contained Location.
 */
import type { CodeableConcept, Practitioner, PractitionerRole, Reference } from '@medplum/fhirtypes';
import type { Draft } from '../draft.ts';
import { type Components, filled } from './components.ts';
import { type Datatype, each, pathOf } from './datatype.ts';
import { plLocation } from './pl-location.ts';
import { identity, keyOf } from './systems.ts';
import { dateTimeOf, periodOf } from './ts-datetime.ts';
import { practitionerOf } from './xcn-practitioner.ts';
import type { ReadOrganization } from './xon-organization.ts';

export type Role = Partial<Pick<PractitionerRole, 'code' | 'period' | 'location' | 'telecom' | 'specialty' | 'identifier'>>;

/** `organization`: for whom the person acts. What is left out tells two roles of one person apart as much as what is said. */
export function roleOf(
  practitioner: Reference<Practitioner>,
  organization: ReadOrganization | undefined,
  role: Role,
  draft: Draft,
): Reference<PractitionerRole> | Reference<Practitioner> {
  if (!practitioner.reference) return practitioner;
  const resource = filled<PractitionerRole>({
    resourceType: 'PractitionerRole',
    practitioner,
    organization: organization?.reference,
    ...role,
  }) as PractitionerRole;
  const place = organization ? keyOf(organization.identity) : '';
  const as = role.code?.flatMap(({ coding = [] }) => coding.map(({ system, code }) => `${system}|${code}`)).join(' ') ?? '';
  const where = [role.location?.[0]?.display ?? '', role.period?.start ?? '', role.period?.end ?? ''].join(' ').trim();
  const known = [practitioner.reference, place, as, where].filter((part) => part !== '').join(' ');
  const reference = draft.add(resource, [identity('PractitionerRole', 'urn:waystation:role', known)], { shared: true });
  return { ...reference, ...filled({ display: practitioner.display }) };
}

/** NDL: the person (CNN), from when to when, where. Alone, the person is the Practitioner himself. */
export const NDL_PRACTITIONERROLE: Datatype<Reference<PractitionerRole | Practitioner>> = each((at, source) => {
  const { draft } = source;
  const isXcn = at(1, 2) === '' && at(2) !== '' && dateTimeOf(at(2), draft.zone) === null;
  const person = practitionerOf([isXcn ? at : cnnAsXcn(at)], draft);
  if (isXcn || !person) return person;
  for (const component of [2, 3])
    if (at(component) !== '' && dateTimeOf(at(component), draft.zone) === null)
      draft.gap(`${pathOf(source)}.${component}`, 'is no date or time', at(component));
  const period = periodOf(at(2), at(3), draft.zone);
  const place = plLocation(placeIn(at), draft);
  if (!period && !place) return person;
  return roleOf(person, undefined, filled<Role>({ period, location: place ? [place] : [] }) ?? {}, draft);
});

/** NDL-4 to 11 as a PL: point of care, room, bed, facility, status, building, floor. */
function placeIn(at: Components): Components {
  return (component, subcomponent = 1, look = false) => {
    const own = NDL_PLACE.get(component);
    return own === undefined ? '' : at(own, subcomponent, look);
  };
}

const NDL_PLACE: ReadonlyMap<number, number> = new Map([
  [1, 4],
  [2, 5],
  [3, 6],
  [4, 7],
  [5, 8],
  [7, 10],
  [8, 11],
]);

/** CNN in subcomponents of NDL-1: number, names, degree, then the authority as 9 to 11. */
function cnnAsXcn(at: Components): Components {
  return (component, subcomponent = 1, look = false) => {
    if (component === 9) return at(1, 8 + subcomponent, look);
    return component <= 8 && subcomponent === 1 ? at(1, component, look) : '';
  };
}

/** A role by what a field stands for: `performerFunction('SPRF')` beside a reference. */
export function withFunction<T extends Reference>(reference: T, code: string): T {
  const valueCodeableConcept: CodeableConcept = { coding: [{ system: PARTICIPATION, code }] };
  return { ...reference, extension: [{ url: PERFORMER_FUNCTION, valueCodeableConcept }] };
}

const PARTICIPATION = 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType';
const PERFORMER_FUNCTION = 'http://hl7.org/fhir/StructureDefinition/event-performerFunction';

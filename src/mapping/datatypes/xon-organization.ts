/**
 * XON, extended composite name and id of an organization, to Organization (HL7 v2.5.1 §2.A.88; guide: XON[Organization]).
 * In: a field. Out: a reference to the Organization, which is added to the draft.
 * Without a number it is known by its name within the peer's authority: two departments of one name in one hospital are one.
 */
import type { Identifier, Location, Organization, Reference } from '@medplum/fhirtypes';
import type { Identity } from '../../model/identity.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import type { Draft } from '../draft.ts';
import { checkDigit } from './check-digit.ts';
import { type Components, components, filled, within } from './components.ts';
import { type Datatype, each } from './datatype.ts';
import { hdAuthority } from './hd-authority.ts';
import { identifierType } from './identifier-type.ts';
import { identity, isOid, systemOf, systemOfName } from './systems.ts';

/** An Organization, with the identity that other resources build theirs on. */
export type ReadOrganization = { readonly reference: Reference<Organization>; readonly identity: Identity };

export const XON_ORGANIZATION: Datatype<Reference<Organization>> = each((at, { draft }) => organizationAt(at, draft)?.reference);

/** The name alone (guide: XON[string]). */
export const XON_STRING: Datatype<string> = each((at) => at(1) || at(10) || at(3) || undefined);

/** `more`: what other fields say of it. */
export function xonOrganization(
  segment: Segment | undefined,
  field: number,
  draft: Draft,
  more: Partial<Organization> = {},
): ReadOrganization | undefined {
  return segment ? organizationAt(components(segment, field), draft, more) : undefined;
}

function organizationAt(at: Components, draft: Draft, more: Partial<Organization> = {}): ReadOrganization | undefined {
  // `name^oid^ISO`: a sender that writes an HD here. Its third component is no number.
  const [name, number] = [at(1), at(10) || (isOid(at(2)) ? at(2) : at(3))];
  if (name === '' && number === '') return undefined;
  const known = identityOf(at, number, draft.peer.patientAuthority);
  const identifier = numbersOf(at, number, known.system);
  const resource = filled({ resourceType: 'Organization' as const, identifier, name, ...more }) as Organization;
  const reference = draft.add(resource, [known], { shared: true });
  return { reference: { ...reference, ...filled({ display: name }) }, identity: known };
}

function numbersOf(at: Components, value: string, system: string): Identifier[] {
  if (value === '') return [];
  return [{ ...checkDigit(at, 4, 5), ...filled({ type: identifierType(at(7)), assigner: assignerOf(at) }), system, value }];
}

/** The organization as the place where it is (guide: XON[Location]). */
export const XON_LOCATION: Datatype<Pick<Location, 'name' | 'identifier'>> = each((at, { draft }) => {
  const number = at(10) || at(3);
  const identifier = numbersOf(at, number, identityOf(at, number, draft.peer.patientAuthority).system);
  return filled({ identifier, name: at(1) });
});

/** XON-6, by its name. */
function assignerOf(at: Components): { display: string } | undefined {
  return at(6, 1) === '' ? undefined : { display: at(6, 1) };
}

function identityOf(at: Components, number: string, fallback: string): Identity {
  if (number !== '') return identity('Organization', systemOf(hdAuthority(within(at, 6)), fallback), number);
  return identity('Organization', `${systemOfName(fallback)}:organization-name`, at(1).toUpperCase().replace(/\s+/g, ' '));
}

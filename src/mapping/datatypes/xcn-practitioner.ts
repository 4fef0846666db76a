/**
 * XCN, extended composite id and name of a person, to Practitioner (HL7 v2.5.1 §2.A.87; guide: XCN[Practitioner]).
 * In: a field. Out: a reference to the Practitioner, who is added to the draft.
 * A repetition of the same name is a further number of the same person (§2.A.87: "the field may repeat for the same person").
 * A name without a number identifies nobody: the reference then only shows it, so that two persons of one name never become one.
 */
import type { HumanName, Identifier, Practitioner, Reference } from '@medplum/fhirtypes';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import type { Draft } from '../draft.ts';
import { checkDigit } from './check-digit.ts';
import { type Components, eachRepetition, filled, MAX_REPETITIONS, within } from './components.ts';
import type { Datatype } from './datatype.ts';
import { hdAuthority } from './hd-authority.ts';
import { identifierType } from './identifier-type.ts';
import { identity, systemOf, systemOfName } from './systems.ts';
import { xcnHumanName } from './xpn-humanname.ts';

/** References to persons; repetitions of one name are one person. */
export const XCN_PRACTITIONER: Datatype<Reference<Practitioner>> = ({ segment, field, most, draft }) =>
  xcnPractitioners(segment, field, draft, most);

/** The person of a field's first repetition; other persons are listed. */
export function xcnPractitioner(segment: Segment | undefined, field: number, draft: Draft): Reference<Practitioner> | undefined {
  const [first, ...others] = xcnPractitioners(segment, field, draft);
  if (others.length > 0) draft.gap(`${segment?.name}-${field}`, 'only the first of several persons is carried');
  return first;
}

/** All persons of a field. Most messages name the same one in many fields: he is read once. */
export function xcnPractitioners(
  segment: Segment | undefined,
  field: number,
  draft: Draft,
  most = MAX_REPETITIONS,
): Reference<Practitioner>[] {
  if (!segment || segment.raw(field) === '') return [];
  const key = `${most} ${segment.raw(field)}`;
  const known = draft.persons.get(key);
  if (known) segment.readAs(field, known.segment, known.field);
  const references = known?.references ?? readPractitioners(segment, field, draft, most);
  if (!known) draft.persons.set(key, { segment, field, references });
  return references.map((reference) => ({ ...reference }));
}

function readPractitioners(segment: Segment, field: number, draft: Draft, most: number): Reference<Practitioner>[] {
  const repetitions = eachRepetition(segment, field, (at) => (nameText(at) === '' && at(1) === '' ? undefined : at));
  const named = repetitions.map(nameText).find((name) => name !== '') ?? '';
  const persons = Map.groupBy(repetitions, (at) => nameText(at) || named || at(1));
  return [...persons.values()].slice(0, most).map((person) => practitioner(person, draft));
}

/** One person, from repetitions that name him; undefined where nothing is said. `more`: what other fields say of him. */
export function practitionerOf(
  person: readonly Components[],
  draft: Draft,
  more: Partial<Practitioner> = {},
): Reference<Practitioner> | undefined {
  const known = person.filter((at) => nameText(at) !== '' || at(1) !== '');
  return known.length === 0 ? undefined : practitioner(known, draft, more);
}

/** The number and the name alone, of whoever is no Practitioner (guide: XCN[RelatedPerson]). */
export function personOf(at: Components, draft: Draft): { identifier?: Identifier[]; name?: HumanName[] } | undefined {
  const number = identifierOf(at, draft.peer.patientAuthority);
  const name = xcnHumanName(at, draft.zone);
  return filled({ identifier: number ? [number] : [], name: name ? [name] : [] });
}

function practitioner(person: readonly Components[], draft: Draft, more: Partial<Practitioner> = {}): Reference<Practitioner> {
  const first = person[0] as Components;
  const identifiers = person.map((at) => identifierOf(at, draft.peer.patientAuthority)).filter((one) => one !== undefined);
  const display = nameText(first) || first(1);
  if (identifiers.length === 0) return { type: 'Practitioner', display };
  const name = xcnHumanName(first, draft.zone);
  const qualification = qualificationOf(first);
  const resource: Practitioner = {
    resourceType: 'Practitioner',
    identifier: identifiers,
    ...(name ? { name: [name] } : {}),
    ...qualification,
    ...more,
  };
  const identities = identifiers.map((one) => identity('Practitioner', one.system as string, one.value as string));
  return { ...draft.add(resource, identities, { shared: true }), ...filled({ display }) };
}

/** XCN-7, a degree (HL7 Table 0360); it stands behind the name too. */
function qualificationOf(at: Components): Pick<Practitioner, 'qualification'> {
  const code = at(7);
  if (code === '') return {};
  const coding = /\s/.test(code) ? {} : { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0360', code }] };
  return { qualification: [{ code: { ...coding, text: code } }] };
}

function identifierOf(at: Components, fallback: string): Identifier | undefined {
  // A first component with blanks is a name that was put there whole.
  if (at(1) === '' || /\s/.test(at(1))) return undefined;
  const type = at(13).toUpperCase();
  // A national provider number is one whoever writes it; few senders name its authority rightly.
  if (type === 'NPI')
    return filled<Identifier>({ ...checkDigit(at, 11, 12), type: identifierType(type), system: systemOfName('NPI'), value: at(1) });
  const authority = hdAuthority(within(at, 9));
  const system = systemOf(authority, fallback);
  const assigner = authority.namespace === '' ? undefined : { display: authority.namespace };
  return filled<Identifier>({ ...checkDigit(at, 11, 12), type: identifierType(type), system, value: at(1), assigner });
}

function nameText(at: Components): string {
  return [at(6), at(3), at(4), at(2), at(5)].filter((part) => part !== '').join(' ');
}

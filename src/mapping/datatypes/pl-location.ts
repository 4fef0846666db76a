/**
 * PL, person location, to Location (HL7 v2.5.1 §2.A.53; guide: PL[Location]).
 * In: a repetition. Out: a reference to the smallest place named; each place is a Location that is part of the next larger one (bed, room,
 * point of care, floor, building, facility), all contained in the resource that is there: nobody looks for a bed by itself.
 * Deviation: the guide gives each level an identifier made of its HD; here the level's name is Location.name too, where readers look.
 */
import type { Identifier, Location, Reference } from '@medplum/fhirtypes';
import type { Draft } from '../draft.ts';
import { type Components, filled, knownCode } from './components.ts';
import { type Datatype, each } from './datatype.ts';
import { systemOf, systemOfName } from './systems.ts';

export const PL_LOCATION: Datatype<Reference<Location>> = each((at, { draft }) => plLocation(at, draft));

/** `more`: what other fields say of the smallest place. */
export function plLocation(at: Components, draft: Draft, more: Partial<Location> = {}): Reference<Location> | undefined {
  const named = LEVELS.filter(({ component }) => at(component) !== '');
  const smallest = named.at(-1);
  let whole: Reference<Location> | undefined;
  for (const level of named) {
    const said = level === smallest ? { ...more, ...filled({ description: at(9), status: statusOf(at) }) } : {};
    whole = draft.contain(locationOf(at, level, whole, said, draft));
  }
  return whole && { ...whole, display: nameOf(at) };
}

function locationOf(at: Components, level: Level, whole: Reference<Location> | undefined, said: Partial<Location>, draft: Draft): Location {
  const numbers = level === LEVELS.findLast(({ component }) => at(component) !== '') ? numberOf(at) : [];
  return filled({
    resourceType: 'Location' as const,
    identifier: [{ system: `${systemOfName(draft.peer.patientAuthority)}:location`, value: textOf(at, level.component) }, ...numbers],
    name: at(level.component),
    mode: 'instance' as const,
    physicalType: { coding: [{ system: PHYSICAL_TYPE, code: level.code, display: level.display }] },
    partOf: whole,
    ...said,
  }) as Location;
}

/** PL-5 where it is a code of R4, which allows no other: the codes of HL7 Table 0306 are each site's own. */
function statusOf(at: Components): Location['status'] {
  const code = knownCode(at, 5, (one) => STATUSES.has(one.toLowerCase())).toLowerCase();
  return STATUSES.has(code) ? (code as Location['status']) : undefined;
}

/** As people say it, from the house to the bed. */
function nameOf(at: Components): string {
  return LEVELS.map(({ component }) => at(component))
    .filter((name) => name !== '')
    .join(', ');
}

/** PL-10, comprehensive location identifier, of the authority in PL-11. */
function numberOf(at: Components): Identifier[] {
  if (at(10) === '') return [];
  const authority = { namespace: at(11, 1) || at(10, 2), universalId: at(11, 2) || at(10, 3), universalIdType: at(11, 3) || at(10, 4) };
  return [{ system: systemOf(authority, 'location'), value: at(10) }];
}

/** An HD whole: two wards of one name differ in their universal id. */
function textOf(at: Components, component: number): string {
  return [1, 2, 3]
    .map((part) => at(component, part))
    .filter((part) => part !== '')
    .join('&');
}

type Level = { readonly component: number; readonly code: string; readonly display: string };

const PHYSICAL_TYPE = 'http://terminology.hl7.org/CodeSystem/location-physical-type';

const STATUSES: ReadonlySet<string> = new Set(['active', 'inactive', 'suspended']);

/** From the largest to the smallest. The code system has no code for a point of care: it is a ward or an area. */
const LEVELS: readonly Level[] = [
  { component: 4, code: 'si', display: 'Site' },
  { component: 7, code: 'bu', display: 'Building' },
  { component: 8, code: 'lvl', display: 'Level' },
  { component: 1, code: 'wa', display: 'Ward' },
  { component: 2, code: 'ro', display: 'Room' },
  { component: 3, code: 'bd', display: 'Bed' },
];

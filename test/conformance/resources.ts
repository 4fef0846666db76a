/**
 * Looks for a value where the guide says that it goes. In: the resources of a mapped message and a target as the guide writes it. Out: the
 * values at it. Indexes are left out: `identifier[2].type` is any identifier's type. `requester(PractitionerRole.practitioner(Practitioner.address))`
 * follows references, also to contained resources.
 */
import type { Resource } from '@medplum/fhirtypes';

export type Named = { readonly urn: string; readonly resource: Resource };

type Hop = { readonly type: string; readonly path: readonly string[] };

/** Everything below the target, from resources of `type` on. */
export function valuesAt(resources: readonly Named[], type: string, target: string): unknown[] {
  const hops = hopsOf(type, target);
  let found: readonly object[] = resources
    .map(({ resource }) => resource)
    .flatMap(withContained)
    .filter((one) => typeOf(one) === type);
  for (const [index, hop] of hops.entries()) {
    const below = found.flatMap((one) => descend(one, hop.path));
    const next = hops[index + 1];
    if (!next) return below.flatMap((value) => [...leaves(value), ...named(value, resources).flatMap(leaves)]);
    found = below.flatMap((one) => follow(one, resources)).filter((one) => next.type.split('|').includes(typeOf(one)));
  }
  return [];
}

/** `a(B.c(D.e))` is a from the type itself, c from a B, e from a D. A parenthesis with a datatype is a part of its element. */
export function hopsOf(type: string, target: string): Hop[] {
  const parts = target.replaceAll(')', '').split('(');
  const hops: Hop[] = [{ type, path: namesOf(parts[0] ?? '') }];
  for (const part of parts.slice(1)) {
    const [name = '', ...rest] = bare(part);
    const path = rest.map(rightly);
    if (DATATYPES.has(name)) hops.push({ type: (hops.pop() as Hop).type, path: [...namesOf(parts[0] ?? ''), ...path] });
    else hops.push({ type: name, path });
  }
  return hops;
}

function namesOf(text: string): string[] {
  return bare(text).map(rightly);
}

/** Names without indexes. */
function bare(text: string): string[] {
  return text
    .replace(/\[[^\]]*\]/g, '')
    .split('.')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== '$this' && name !== '$value');
}

function rightly(name: string): string {
  return ALIASES.get(name) ?? name;
}

/** All values of the path; `status.extension` stands in `_status`. */
function descend(from: unknown, path: readonly string[]): unknown[] {
  const [name, ...rest] = path;
  if (name === undefined) return [from];
  if (typeof from !== 'object' || from === null) return [];
  const members = Object.entries(from).filter(([member]) => sameName(member, name) || sameName(member, `_${name}`));
  return members.flatMap(([, value]) => (Array.isArray(value) ? value : [value])).flatMap((value) => descend(value, rest));
}

/** The guide writes valuedateTime and occurrenceTIming, and `occurred` for any of its types. */
function sameName(member: string, name: string): boolean {
  return member.toLowerCase() === name.toLowerCase() || (CHOICES.has(name) && member.startsWith(name));
}

function leaves(value: unknown): unknown[] {
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(leaves) : [value];
}

/** What a reference, or a role found for itself, names: a person is in the Practitioner of his role. */
function named(value: unknown, resources: readonly Named[]): object[] {
  const references = typeOf(value) === 'PractitionerRole' ? Object.values(value as object) : [value];
  return references.flatMap((one) => follow(one, resources));
}

function follow(value: unknown, resources: readonly Named[]): object[] {
  if (typeof value !== 'object' || value === null) return [];
  const { reference: said, url = '' } = value as { reference?: string; url?: string };
  // An Attachment names its Binary.
  const reference = said ?? (url.startsWith('urn:') ? url : '');
  const known = resources.filter(({ urn }) => urn === reference).map(({ resource }) => resource as object);
  const contained = reference.startsWith('#')
    ? resources.flatMap(({ resource }) => withContained(resource)).filter((one) => (one as { id?: string }).id === reference.slice(1))
    : [];
  const found = [...known, ...contained];
  // A place stands for all that it is part of.
  return found.flatMap((one) => [one, ...follow((one as { partOf?: object }).partOf, resources)]);
}

function withContained(resource: Resource): Resource[] {
  return [resource, ...((resource as { contained?: Resource[] }).contained ?? [])];
}

function typeOf(value: unknown): string {
  return (value as { resourceType?: string } | null)?.resourceType ?? '';
}

const DATATYPES: ReadonlySet<string> = new Set(['Annotation', 'Identifier', 'Period']);

const CHOICES: ReadonlySet<string> = new Set(['occurred', 'effective', 'onset', 'collected']);

/** Slips of the guide. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['uri', 'url'],
  ['practioner', 'practitioner'],
  ['Practitioner', 'practitioner'],
  ['organziation', 'organization'],
  ['coveragePeriod', 'period'],
  ['payer', 'payor'],
  ['valueSampedData', 'valueSampledData'],
]);

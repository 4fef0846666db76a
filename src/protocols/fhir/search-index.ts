/**
 * What a resource is found by. In: a resource with literal references. Out: the SearchIndex the store keeps.
 * The hot path of every write, so paths are split once and read by plain property access (no FHIRPath).
 * The same words are used by queries (`search-query.ts`): a token here and a token there must be equal texts.
 */
import type { CodeableConcept, Coding, HumanName, Identifier, Reference, Resource } from '@medplum/fhirtypes';
import type { SearchIndex } from '../../model/search.ts';
import { elementRange } from './search-date.ts';
import { resourceTypes, type SearchParameter, searchParametersOf } from './search-parameters.ts';

/** Computes the index columns of a resource. A type without a table has no tokens. */
export function indexResource(resource: Resource): SearchIndex {
  const readers = READERS.get(resource.resourceType) ?? [];
  const tokens = new Set<string>();
  const strings: Strings = new Map();
  let dated: SearchIndex['dated'] = null;
  for (const reader of readers) {
    if (reader.parameter.name === 'identifier' && isReplaced(resource)) continue;
    if (reader.parameter.type === 'date') dated ??= principalDate(resource, reader);
    else {
      for (const path of reader.paths) eachValue(resource, path, 0, (value) => addValue(reader, value, tokens, strings));
    }
  }
  const isNamed = readers.some(({ parameter }) => parameter.type === 'string');
  return {
    tokens: [...tokens],
    status: statusOf(resource),
    owner: ownerOf(resource),
    dated,
    strings: isNamed ? [...strings.values()] : null,
  };
}

/** A Patient that went up into another one: his numbers find the one that replaced him, who has them, too. */
function isReplaced(resource: Resource): boolean {
  return resource.resourceType === 'Patient' && (resource.link?.some(({ type }) => type === 'replaced-by') ?? false);
}

/** The literal references at a reference parameter: `Type/id`, without a version. Used by _include. */
export function referencesAt(resource: Resource, parameter: SearchParameter): string[] {
  const found = new Set<string>();
  for (const path of parameter.paths) {
    eachValue(resource, path.split('.'), 0, (value) => {
      const literal = literalOf((value as Reference).reference);
      if (literal !== '') found.add(literal);
    });
  }
  return [...found];
}

/** Tokens of which whatever refers to this resource, at an element it can be searched by, has one. */
export function referenceTokens(reference: string): string[] {
  const type = reference.slice(0, reference.indexOf('/'));
  return [...READERS.values()].flatMap((readers) =>
    readers.filter(({ parameter }) => parameter.targets.includes(type)).map(({ prefix }) => `${prefix}=${reference}`),
  );
}

/** Whether a resource is found by more than any real one: names and identifiers by the thousand are no patient's. */
export function isTooIndexed({ tokens, strings }: SearchIndex): boolean {
  return tokens.length > MAX_TOKENS || (strings?.length ?? 0) > MAX_STRINGS;
}

const MAX_TOKENS = 2_000;
const MAX_STRINGS = 1_000;

/** A reference as it is indexed: version and fragment taken off, absolute URLs kept as they are. */
function literalOf(reference: string | undefined): string {
  if (reference === undefined || reference.startsWith('#')) return '';
  const history = reference.indexOf('/_history/');
  return history < 0 ? reference : reference.slice(0, history);
}

/** Lower case without accents: how names are kept and asked for. */
export function foldName(text: string): string {
  return text.slice(0, MAX_FOLDED).normalize('NFD').replace(MARKS, '').toLowerCase().trim().slice(0, MAX_STRING);
}

/** Longer names are cut: a btree row holds 2,700 bytes, and nobody types more. */
const MAX_STRING = 200;
/** What is looked at for that, marks and spaces included. */
const MAX_FOLDED = 1_000;
const MARKS = /\p{M}+/gu;

/** Each string once, by parameter and value. */
type Strings = Map<string, { readonly param: string; readonly value: string }>;

type Reader = { readonly parameter: SearchParameter; readonly prefix: string; readonly paths: readonly (readonly string[])[] };

const READERS: ReadonlyMap<string, readonly Reader[]> = new Map(resourceTypes().map((type) => [type, readersOf(type)]));

function readersOf(type: string): Reader[] {
  const own = [...(searchParametersOf(type)?.values() ?? [])].filter((parameter) => parameter.indexedAs === parameter.name);
  return own.map((parameter) => ({
    parameter,
    prefix: `${type}.${parameter.name}`,
    paths: parameter.paths.map((path) => path.split('.')),
  }));
}

/** Walks a path through objects and arrays and hands over every value at its end. */
function eachValue(value: unknown, path: readonly string[], at: number, visit: (value: unknown) => void): void {
  if (value === undefined || value === null) return;
  if (Array.isArray(value)) {
    for (const item of value) eachValue(item, path, at, visit);
  } else if (at === path.length) visit(value);
  else if (typeof value === 'object') eachValue((value as Record<string, unknown>)[path[at] as string], path, at + 1, visit);
}

function addValue({ parameter, prefix }: Reader, value: unknown, tokens: Set<string>, strings: Strings): void {
  switch (parameter.kind) {
    case 'code':
    case 'boolean':
      tokens.add(`${prefix}=${String(value)}`);
      break;
    case 'Coding':
      addSystemValue(tokens, prefix, (value as Coding).system, (value as Coding).code);
      break;
    case 'CodeableConcept':
      for (const coding of (value as CodeableConcept).coding ?? []) addSystemValue(tokens, prefix, coding.system, coding.code);
      break;
    case 'Identifier':
      addSystemValue(tokens, prefix, (value as Identifier).system, (value as Identifier).value);
      break;
    case 'Reference':
      addReference(tokens, prefix, value as Reference);
      break;
    case 'HumanName':
      for (const text of nameParts(value as HumanName, parameter.alsoIn)) addString(strings, parameter.name, text);
      break;
    case 'string':
      addString(strings, parameter.name, String(value));
      break;
  }
}

/** `system|value`, `|value` (no system), `value` (any system), `system|` (any value): the four ways R4 asks for a token. */
function addSystemValue(tokens: Set<string>, prefix: string, system: string | undefined, value: string | undefined): void {
  if (value !== undefined) tokens.add(`${prefix}=${value}`).add(`${prefix}=${system ?? ''}|${value}`);
  if (system !== undefined) tokens.add(`${prefix}=${system}|`);
}

function addReference(tokens: Set<string>, prefix: string, reference: Reference): void {
  const literal = literalOf(reference.reference);
  if (literal !== '') tokens.add(`${prefix}=${literal}`);
  if (reference.identifier) addSystemValue(tokens, `${prefix}:identifier`, reference.identifier.system, reference.identifier.value);
}

/** `elsewhere`: parts that other parameters keep. */
function nameParts(name: HumanName, elsewhere: readonly string[] = []): string[] {
  const parts = NAME_PARTS.filter((part) => !elsewhere.includes(part)).map((part) => name[part]);
  return parts.flat().filter((part) => part !== undefined);
}

const NAME_PARTS = ['family', 'given', 'prefix', 'suffix', 'text'] as const;

/** The whole text and each of its words: "van der Berg" is found by `van` and by `berg`. */
function addString(strings: Strings, param: string, text: string): void {
  const folded = foldName(text);
  for (const value of [folded, ...folded.split(/[\s-]+/)]) {
    if (value !== '') strings.set(`${param}\0${value}`, { param, value });
  }
}

function principalDate(resource: Resource, reader: Reader): SearchIndex['dated'] {
  for (const [element] of reader.paths) {
    const range = elementRange((resource as unknown as Record<string, unknown>)[element as string]);
    if (range) return range;
  }
  return null;
}

function statusOf(resource: Resource): string {
  const { status } = resource as { status?: unknown };
  return typeof status === 'string' ? status : '';
}

function ownerOf(resource: Resource): string {
  return resource.resourceType === 'Task' ? literalOf(resource.owner?.reference) : '';
}

/**
 * A search as it stands in the URL (R4 §3.1.1). In: the type and its parameters. Out: the query for the store, what to include and how to
 * answer, or a refusal that names the parameter. Repeated parameters are all required, values parted by a comma are alternatives.
 * Only what `search-parameters.ts` declares is understood: anything else is refused, or ignored under `Prefer: handling=lenient`.
 */
import { isFailure } from '../../model/failure.ts';
import type { DateTest, SearchCursor, SearchQuery } from '../../model/search.ts';
import { type FhirFailure, refuse } from './operation-outcome.ts';
import { dateRange } from './search-date.ts';
import { foldName } from './search-index.ts';
import { type SearchParameter, searchParametersOf } from './search-parameters.ts';
import { type Include, parseInclude, type ResultParameters, resultParameters, splitValue } from './search-result.ts';

export type FhirSearch = ResultParameters & {
  readonly query: SearchQuery;
  /** `_include` and `_revinclude`, in the order given. */
  readonly includes: readonly Include[];
  /** The parameters that were understood, for the `self` and `next` links. */
  readonly understood: readonly (readonly [string, string])[];
};

export type SearchOptions = {
  /** Unknown parameters are passed over. */
  readonly lenient: boolean;
  /** Base of this server, `https://host/fhir`: references that begin with it are our own. */
  readonly base: string;
};

/** Parses a search. */
export function parseSearch(type: string, parameters: Iterable<[string, string]>, options: SearchOptions): FhirSearch | FhirFailure {
  const clauses: Clause[] = [];
  const includes: Include[] = [];
  const results: [string, string][] = [];
  const understood: [string, string][] = [];
  const costs = { parameters: 0, alternatives: 0, includes: 0 };
  for (const [name, value] of parameters) {
    const costly = addCost(costs, name, value);
    if (costly) return costly;
    const parsed = parseParameter(type, name, value, options);
    if (parsed === 'unknown') continue;
    if (isFailure(parsed)) return parsed;
    if ('result' in parsed) results.push([name, value]);
    else if ('include' in parsed) includes.push(parsed.include);
    else clauses.push(parsed);
    if (name !== '_cursor') understood.push([name, value]);
  }
  const result = resultParameters(type, results);
  if (isFailure(result)) return result;
  return { ...result, includes, understood, query: queryOf(type, clauses, result) };
}

type Costs = { parameters: number; alternatives: number; includes: number };

/** Every parameter joins a table and every alternative is planned: what nobody asks for is refused before it costs anything. */
function addCost(costs: Costs, name: string, value: string): FhirFailure | null {
  if (value.length > MAX_VALUE_LENGTH) return refuse(400, 'too-costly', `a value has at most ${MAX_VALUE_LENGTH} characters`);
  costs.parameters += 1;
  if (/^_(?:rev)?include/.test(name)) costs.includes += 1;
  else costs.alternatives += splitValue(value, ',').length;
  const over = (Object.keys(MOST) as (keyof Costs)[]).find((cost) => costs[cost] > MOST[cost]);
  return over ? refuse(400, 'too-costly', `a search has at most ${MOST[over]} ${over}`) : null;
}

const MAX_VALUE_LENGTH = 32_000;
const MOST: Readonly<Costs> = { parameters: 50, alternatives: 500, includes: 30 };

/** One parameter's demand, by what it is matched against. */
type Clause =
  | { readonly on: 'id'; readonly any: readonly string[] }
  | { readonly on: 'token'; readonly param: string; readonly any: readonly string[]; readonly not: boolean }
  | { readonly on: 'date'; readonly any: readonly DateTest[] }
  | { readonly on: 'string'; readonly params: readonly string[]; readonly any: readonly string[] };

type Parsed = Clause | { readonly include: Include } | { readonly result: true } | FhirFailure | 'unknown';

function parseParameter(type: string, name: string, value: string, options: SearchOptions): Parsed {
  if (name.includes('\0') || value.includes('\0')) return refuse(400, 'invalid', 'a parameter holds a NUL character');
  if (RESULT_PARAMETERS.has(name)) return { result: true };
  const [code, modifier] = cutAt(name, ':');
  if (code === '_include' || code === '_revinclude') {
    const include = parseInclude(type, code, modifier, value);
    return isFailure(include) ? include : { include };
  }
  if (value === '') return refuse(400, 'invalid', `${quoted(name)} has no value`);
  if (code === '_id') return modifier === '' ? { on: 'id', any: splitValue(value, ',') } : noModifier(name);
  if (code === '_lastUpdated') return modifier === '' ? dateClause('updated', name, value) : noModifier(name);
  const parameter = searchParametersOf(type)?.get(code);
  if (!parameter) return options.lenient ? 'unknown' : unknownParameter(type, name);
  return parameterClause(type, parameter, modifier, value, options);
}

function parameterClause(type: string, parameter: SearchParameter, modifier: string, value: string, options: SearchOptions): Parsed {
  switch (parameter.type) {
    case 'date':
      return modifier === '' ? dateClause('dated', parameter.name, value) : noModifier(`${parameter.name}:${modifier}`);
    case 'string':
      if (modifier !== '') return noModifier(`${parameter.name}:${modifier}`);
      return {
        on: 'string',
        params: [parameter.name, ...(parameter.alsoIn ?? [])],
        any: splitValue(value, ',').map((part) => foldName(withoutEscapes(part))),
      };
    case 'token':
      return tokenClause(type, parameter, modifier, value);
    case 'reference':
      return referenceClause(type, parameter, modifier, value, options);
  }
}

function tokenClause(type: string, parameter: SearchParameter, modifier: string, value: string): Parsed {
  if (modifier !== '' && modifier !== 'not') return noModifier(`${parameter.name}:${modifier}`);
  const plain = parameter.kind === 'code' || parameter.kind === 'boolean';
  const any: string[] = [];
  for (const part of splitValue(value, ',')) {
    if (plain && part.includes('|')) return refuse(400, 'invalid', `${quoted(parameter.name)} has no system: give the code alone`);
    any.push(`${type}.${parameter.indexedAs}=${tokenText(part)}`);
  }
  return { on: 'token', param: parameter.name, any, not: modifier === 'not' };
}

/** `system|value`, `|value`, `system|` and `value` are indexed as such: only escapes are taken out. */
function tokenText(part: string): string {
  return splitValue(part, '|').map(withoutEscapes).join('|');
}

function referenceClause(type: string, parameter: SearchParameter, modifier: string, value: string, options: SearchOptions): Parsed {
  const prefix = `${type}.${parameter.indexedAs}`;
  const parts = splitValue(value, ',');
  if (modifier === 'identifier') {
    return { on: 'token', param: '', any: parts.map((part) => `${prefix}:identifier=${tokenText(part)}`), not: false };
  }
  if (modifier !== '' && !parameter.targets.includes(modifier)) return noModifier(`${parameter.name}:${modifier}`);
  const targets = modifier === '' ? parameter.targets : [modifier];
  const any = parts.flatMap((part) => referenceTexts(withoutEscapes(part), targets, options.base).map((text) => `${prefix}=${text}`));
  return { on: 'token', param: parameter.name, any, not: false };
}

/** `Type/id` as it is, `id` in every type the parameter may point to, our own absolute URLs as relative ones. */
function referenceTexts(value: string, targets: readonly string[], base: string): string[] {
  const local = value.startsWith(`${base}/`) ? value.slice(base.length + 1) : value;
  return local.includes('/') || local.includes(':') ? [local] : targets.map((target) => `${target}/${local}`);
}

function dateClause(on: DateTest['on'], name: string, value: string): Clause | FhirFailure {
  const any: DateTest[] = [];
  for (const part of splitValue(value, ',')) {
    const prefix = /^[a-z]{2}/.exec(part)?.[0];
    const range = dateRange(prefix ? part.slice(2) : part);
    const test = prefix ?? 'eq';
    if (!range) return refuse(400, 'invalid', `${quoted(name)} is not a date of R4`);
    if (!isDateTest(test)) return refuse(400, 'not-supported', `${quoted(name)}: the prefix ${test} is not supported`);
    any.push({ on, test, ...range });
  }
  return { on: 'date', any };
}

function queryOf(type: string, clauses: readonly Clause[], result: ResultParameters): SearchQuery {
  const worklist = type === 'Task' ? worklistOf(clauses) : null;
  const tokens = clauses.filter((clause) => clause.on === 'token').filter((clause) => !worklist || !isWorklist(clause));
  const ids = clauses.filter((clause) => clause.on === 'id').map((clause) => clause.any);
  return {
    type,
    ids: ids.length === 0 ? null : ids.reduce((all, some) => all.filter((id) => some.includes(id))),
    tokens: tokens.map(({ any, not }) => ({ any, not })),
    worklist,
    dates: clauses.filter((clause) => clause.on === 'date').map((clause) => clause.any),
    strings: clauses.filter((clause) => clause.on === 'string').map(({ params, any }) => ({ params, prefixes: any })),
    sort: result.sort,
    count: result.count,
    after: result.after satisfies SearchCursor | null,
  };
}

/** Task by owner and status, each asked once: served from the worklist's own index. */
function worklistOf(clauses: readonly Clause[]): SearchQuery['worklist'] {
  const asked = clauses.filter((clause) => clause.on === 'token').filter(isWorklist);
  const [owner, ...moreOwners] = asked.filter((clause) => clause.param === 'owner');
  const [status, ...moreStatuses] = asked.filter((clause) => clause.param === 'status');
  if (!owner || !status || moreOwners.length + moreStatuses.length > 0) return null;
  return { owners: valuesOf(owner.any), statuses: valuesOf(status.any) };
}

function isWorklist(clause: Clause & { on: 'token' }): boolean {
  return !clause.not && (clause.param === 'owner' || clause.param === 'status');
}

function valuesOf(tokens: readonly string[]): string[] {
  return tokens.map((token) => token.slice(token.indexOf('=') + 1));
}

function cutAt(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** R4 §3.1.1.4.2: `\,` `\|` `\$` `\\`. */
function withoutEscapes(text: string): string {
  return text.replace(/\\([,|$\\])/g, '$1');
}

function isDateTest(text: string): text is DateTest['test'] {
  return DATE_TESTS.has(text);
}

function unknownParameter(type: string, name: string): FhirFailure {
  const chained = name.includes('.') || name.startsWith('_has');
  const why = chained ? 'chained searches are not supported' : `${type} cannot be searched by it`;
  return refuse(400, 'not-supported', `${quoted(name)}: ${why}; the CapabilityStatement lists the parameters`);
}

function noModifier(name: string): FhirFailure {
  return refuse(400, 'not-supported', `${quoted(name)}: this modifier is not supported`);
}

function quoted(name: string): string {
  return `"${name.slice(0, 80)}"`;
}

/** `ap` (about) is left out: nobody agrees how near that is. */
const DATE_TESTS: ReadonlySet<string> = new Set(['eq', 'ne', 'gt', 'ge', 'lt', 'le', 'sa', 'eb']);
const RESULT_PARAMETERS: ReadonlySet<string> = new Set([
  '_sort',
  '_count',
  '_total',
  '_summary',
  '_elements',
  '_format',
  '_pretty',
  '_cursor',
]);

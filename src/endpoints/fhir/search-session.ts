/**
 * A search, from its parameters to its Bundle. In: who asks, the type and the parameters. Out: a searchset with matches and what was
 * asked to come along, all of it seen by the caller; or a refusal.
 */
import type { BundleLink } from '@medplum/fhirtypes';
import { isFailure } from '../../model/failure.ts';
import type { Caller } from '../../model/peer.ts';
import type { SearchCursor } from '../../model/search.ts';
import { searchBundle, searchEntry } from '../../protocols/fhir/bundle.ts';
import { subsetOf } from '../../protocols/fhir/elements.ts';
import { type FhirFailure, refuse } from '../../protocols/fhir/operation-outcome.ts';
import { referencesAt } from '../../protocols/fhir/search-index.ts';
import { type FhirSearch, parseSearch } from '../../protocols/fhir/search-query.ts';
import { type Include, writeCursor } from '../../protocols/fhir/search-result.ts';
import type { Database } from '../../store/database.ts';
import { readResources, type StoredResource } from '../../store/resource-store.ts';
import { countResources, findByTokens, searchResources } from '../../store/search-store.ts';
import { type Reply, shown } from './reply.ts';
import { groupOf, sees } from './visibility.ts';

/** Resources that may come along with a page. */
const MAX_INCLUDED = 1_000;
/** Rounds of `:iterate`: longer chains than this are not in any consultation. */
const MAX_ROUNDS = 5;

export type SearchRequest = {
  readonly caller: Caller;
  readonly type: string;
  readonly parameters: readonly (readonly [string, string])[];
  /** `Prefer: handling=lenient`. */
  readonly lenient: boolean;
  readonly base: string;
};

/** Runs a search. */
export async function searchType(database: Database, request: SearchRequest): Promise<Reply | FhirFailure> {
  const { caller, type, base } = request;
  const search = parseSearch(type, request.parameters as [string, string][], request);
  if (isFailure(search)) return search;
  const group = groupOf(caller);
  const total = search.total || search.onlyCount ? await countResources(database, search.query, group) : null;
  if (search.onlyCount) return bundleReply(searchBundle([], linksOf(request, search, null), total));
  const page = await searchResources(database, search.query, group);
  const included = await includeAll(database, caller, page.rows, search.includes);
  if (isFailure(included)) return included;
  const matches = page.rows.map(shown).map((resource) => (search.elements ? subsetOf(resource, search.elements) : resource));
  const entries = [
    ...matches.map((resource) => searchEntry(resource, 'match', base)),
    ...included.map((stored) => searchEntry(shown(stored), 'include', base)),
  ];
  return bundleReply(searchBundle(entries, linksOf(request, search, page.next), total));
}

function bundleReply(body: Reply['body']): Reply {
  return { status: 200, body, version: null };
}

function linksOf({ base, type }: SearchRequest, search: FhirSearch, next: SearchCursor | null): BundleLink[] {
  const understood = search.understood.map(([name, value]) => [name, value]);
  const url = (more: string[][]) => `${base}/${type}?${new URLSearchParams([...understood, ...more])}`;
  const here = search.query.after ? [['_cursor', writeCursor(search.query.after)]] : [];
  const self = { relation: 'self', url: url(here) };
  return next ? [self, { relation: 'next', url: url([['_cursor', writeCursor(next)]]) }] : [self];
}

/** Follows includes from the matches, and those marked `:iterate` from what they brought. */
async function includeAll(
  database: Database,
  caller: Caller,
  matches: readonly StoredResource[],
  includes: readonly Include[],
): Promise<StoredResource[] | FhirFailure> {
  const known = new Map(matches.map((stored) => [referenceOf(stored), stored]));
  let from: readonly StoredResource[] = matches;
  for (let round = 0; round < MAX_ROUNDS && from.length > 0; round++) {
    const fresh = new Map<string, StoredResource>();
    for (const include of includes.filter((one) => round === 0 || one.iterate)) {
      for (const stored of await followInclude(database, caller, from, include)) {
        if (!known.has(referenceOf(stored))) fresh.set(referenceOf(stored), stored);
      }
    }
    for (const [reference, stored] of fresh) known.set(reference, stored);
    if (known.size - matches.length > MAX_INCLUDED) {
      return refuse(400, 'too-costly', `more than ${MAX_INCLUDED} resources would come along: ask for smaller pages (_count)`);
    }
    from = [...fresh.values()];
  }
  return [...known.values()].slice(matches.length);
}

async function followInclude(
  database: Database,
  caller: Caller,
  from: readonly StoredResource[],
  include: Include,
): Promise<StoredResource[]> {
  const targets = include.target === '' ? include.parameter.targets : [include.target];
  if (include.reverse) {
    const prefix = `${include.source}.${include.parameter.indexedAs}`;
    const tokens = from.filter((stored) => targets.includes(stored.type)).map((stored) => `${prefix}=${referenceOf(stored)}`);
    return tokens.length === 0 ? [] : findByTokens(database, include.source, tokens, groupOf(caller), MAX_INCLUDED + 1);
  }
  const references = from
    .filter((stored) => stored.type === include.source)
    .flatMap((stored) => referencesAt(stored.resource, include.parameter))
    .filter((reference) => targets.includes(reference.slice(0, reference.indexOf('/'))));
  const found = await readResources(database, [...new Set(references)].slice(0, MAX_INCLUDED + 1));
  return [...found.values()].filter((stored) => !stored.deleted && sees(caller, stored));
}

function referenceOf(stored: StoredResource): string {
  return `${stored.type}/${stored.id}`;
}

/**
 * How the result of a search is to look (R4 §3.1.1.5): order, page, totals, elements, and what else comes along.
 * In: the result parameters as they stand in the URL. Out: values with defaults filled in, or a refusal that names the parameter.
 */
import type { SearchCursor, SearchQuery } from '../../model/search.ts';
import { type FhirFailure, refuse } from './operation-outcome.ts';
import { type SearchParameter, searchParametersOf } from './search-parameters.ts';

/** Matches on a page when the client does not say, and at most. */
const DEFAULT_COUNT = 50;
export const MAX_COUNT = 500;

export type ResultParameters = {
  readonly sort: SearchQuery['sort'];
  readonly count: number;
  readonly after: SearchCursor | null;
  /** `_total=accurate`. */
  readonly total: boolean;
  /** `_summary=count`: the number alone. */
  readonly onlyCount: boolean;
  /** `_elements`: the top-level elements wanted; null for all. */
  readonly elements: readonly string[] | null;
};

export type Include = {
  readonly reverse: boolean;
  /** Applied to what was included as well. */
  readonly iterate: boolean;
  /** The type that holds the reference. */
  readonly source: string;
  readonly parameter: SearchParameter;
  /** Only references to this type; '' for any. */
  readonly target: string;
};

/** Reads the result parameters of a search. */
export function resultParameters(type: string, given: readonly [string, string][]): ResultParameters | FhirFailure {
  let result: ResultParameters = DEFAULTS;
  for (const [name, value] of given) {
    const read = READERS[name]?.(value, type);
    if (!read) return refuse(400, 'invalid', `${name}: this value is not supported`);
    result = { ...result, ...read };
  }
  return result.count === 0 ? { ...result, onlyCount: true } : result;
}

/** `Type:parameter` or `Type:parameter:Target`, forward or reverse. */
export function parseInclude(type: string, name: string, modifier: string, value: string): Include | FhirFailure {
  const [source = '', code = '', target = ''] = value.split(':');
  const reverse = name === '_revinclude';
  const iterate = modifier === 'iterate';
  const parameter = searchParametersOf(source)?.get(code);
  if (modifier !== '' && !iterate) return refuse(400, 'not-supported', `${name}: this modifier is not supported`);
  if (parameter?.type !== 'reference')
    return refuse(400, 'not-supported', `${name}: "${value.slice(0, 80)}" is not a reference parameter here`);
  if (!reverse && !iterate && source !== type) return refuse(400, 'invalid', `${name}: only references of ${type} can be included`);
  if (target !== '' && !parameter.targets.includes(target)) return refuse(400, 'invalid', `${name}: ${code} does not point to that type`);
  return { reverse, iterate, source, parameter, target };
}

/** Splits at a mark that is not escaped by a backslash. */
export function splitValue(value: string, mark: ',' | '|'): string[] {
  const parts: string[] = [];
  let start = 0;
  for (let at = 0; at < value.length; at++) {
    if (value[at] === '\\') at++;
    else if (value[at] === mark) {
      parts.push(value.slice(start, at));
      start = at + 1;
    }
  }
  return [...parts, value.slice(start)];
}

/** The opaque text of a cursor in a `next` link. */
export function writeCursor(cursor: SearchCursor): string {
  return Buffer.from(JSON.stringify([cursor.at, cursor.id])).toString('base64url');
}

function readCursor(text: string): SearchCursor | null {
  try {
    const [at, id] = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as [unknown, unknown];
    const known = (at === null || Number.isSafeInteger(at)) && typeof id === 'string' && UUID.test(id);
    return known ? { at: at as number | null, id } : null;
  } catch {
    return null;
  }
}

function readSort(value: string, type: string): SearchQuery['sort'] | null {
  const descending = value.startsWith('-');
  const name = descending ? value.slice(1) : value;
  if (name === '_lastUpdated') return { by: 'updated', descending };
  return searchParametersOf(type)?.get(name)?.type === 'date' ? { by: 'dated', descending } : null;
}

function readCount(value: string): number | null {
  return /^\d{1,9}$/.test(value) ? Math.min(Number(value), MAX_COUNT) : null;
}

function readElements(value: string): string[] | null {
  const elements = value.split(',');
  return elements.every((element) => /^[A-Za-z]+$/.test(element)) ? elements : null;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Oldest change first: who reads page by page while others write misses nothing. */
const DEFAULTS: ResultParameters = {
  sort: { by: 'updated', descending: false },
  count: DEFAULT_COUNT,
  after: null,
  total: false,
  onlyCount: false,
  elements: null,
};

type Read = (value: string, type: string) => Partial<ResultParameters> | null;

const READERS: Readonly<Record<string, Read>> = {
  _sort: (value, type) => {
    const sort = readSort(value, type);
    return sort && { sort };
  },
  _count: (value) => {
    const count = readCount(value);
    return count === null ? null : { count };
  },
  _total: (value) => (value === 'accurate' || value === 'none' ? { total: value === 'accurate' } : null),
  _summary: (value) => (value === 'count' || value === 'false' ? { onlyCount: value === 'count' } : null),
  _elements: (value) => {
    const elements = readElements(value);
    return elements && { elements };
  },
  _format: (value) => (JSON_FORMATS.has(value) ? {} : null),
  _pretty: () => ({}),
  _cursor: (value) => {
    const after = readCursor(value);
    return after && { after };
  },
};

const JSON_FORMATS: ReadonlySet<string> = new Set(['json', 'application/json', 'application/fhir+json', 'text/json']);

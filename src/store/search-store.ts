/**
 * Searches resources by their index columns. In: a SearchQuery and the group that asks (null: an operator, who sees all).
 * Out: stored resources in order, and where the next page begins. Content is never looked into.
 * Pages follow the last row's sort value and id, so that a far page costs what the first one does.
 */
import type { DateTest, SearchCursor, SearchQuery, SortColumn } from '../model/search.ts';
import type { Queryable, Transaction } from './database.ts';
import { COLUMNS, CURRENT, MAX_PAGE_BYTES, type ResourceRow, type StoredResource, storedOf, tokenHash } from './resource-store.ts';

export type SearchPage = {
  readonly rows: readonly StoredResource[];
  /** Null on the last page. */
  readonly next: SearchCursor | null;
};

/** One page of matches. */
export async function searchResources(q: Queryable, query: SearchQuery, group: string | null): Promise<SearchPage> {
  const rows: FoundRow[] = [];
  let isCut = false;
  for (const part of partsOf(query)) {
    const wanted = query.count + 1 - rows.length;
    if (wanted <= 0 || isCut) break;
    const found = await findPart(q, query, group, part, wanted);
    isCut = found.length < (found[0]?.matches ?? 0);
    rows.push(...found);
  }
  const page = rows.slice(0, query.count);
  const last = page.at(-1);
  return {
    rows: page.map(storedOf),
    next: (isCut || rows.length > query.count) && last ? { at: last.sort_value?.getTime() ?? null, id: last.id } : null,
  };
}

/** How many resources match, on all pages. */
export async function countResources(q: Queryable, query: SearchQuery, group: string | null): Promise<number> {
  const where = new Where();
  addConditions(where, query, group);
  const { rows } = await q.query<{ n: number }>(`select count(*)::int as n from resource r where ${where.text}`, where.values);
  return rows[0]?.n ?? 0;
}

/** Resources of a type that have one of these tokens, at most `limit`, those that have gone longest without a change first. */
export async function findByTokens(
  q: Queryable,
  type: string,
  tokens: readonly string[],
  group: string | null,
  limit: number,
): Promise<StoredResource[]> {
  const where = new Where();
  const having = tokenRows(where, type, tokens.map(tokenHash));
  where.add(() => 'not r.deleted');
  addVisibility(where, group);
  const { rows } = await q.query<ResourceRow>(
    `with found as materialized (select distinct r.type, r.id, r.updated from (${having}) as r where ${where.text}),
       page as materialized (select type, id from found order by updated, id limit ${limit})
     select ${COLUMNS} from page join resource r using (type, id) ${CURRENT} order by r.updated, r.id`,
    where.values,
  );
  return rows.map(storedOf);
}

/** Criteria of conditional writes hold until the transaction ends: two that ask for the same thing wait for each other. */
export async function lockCriteria(tx: Transaction, criteria: readonly string[]): Promise<void> {
  for (const text of [...new Set(criteria)].sort()) await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [text]);
}

/** `matches`: how many there were before the page was cut for its bytes. */
type FoundRow = ResourceRow & { sort_value: Date | null; matches: number };

/** Rows without a principal date come after all others: a query sorted by it runs in two parts, each on its own index. */
type Part = 'updated' | 'dated' | 'undated';

function partsOf({ sort, after }: SearchQuery): Part[] {
  if (sort.by === 'updated') return ['updated'];
  return after && after.at === null ? ['undated'] : ['dated', 'undated'];
}

async function findPart(q: Queryable, query: SearchQuery, group: string | null, part: Part, limit: number): Promise<FoundRow[]> {
  const where = new Where();
  addConditions(where, query, group);
  if (part !== 'updated') where.add(() => `r.dated is ${part === 'undated' ? '' : 'not '}null`);
  addCursor(where, query, part);
  const direction = query.sort.descending ? 'desc' : 'asc';
  const order = part === 'undated' ? 'r.id asc' : `r.${part} ${direction}, r.id ${direction}`;
  const { rows } = await q.query<FoundRow>(
    `with found as materialized (select r.type, r.id from resource r where ${where.text} order by ${order} limit ${limit})
     select * from (
       select ${COLUMNS}, ${part === 'undated' ? 'null::timestamptz' : `r.${part}`} as sort_value, count(*) over ()::int as matches,
         row_number() over page as place, sum(octet_length(v.content)) over page - octet_length(v.content) as bytes_before
       from found join resource r using (type, id) ${CURRENT} window page as (order by ${order})
     ) as sized where bytes_before < ${MAX_PAGE_BYTES} order by place`,
    where.values,
  );
  return rows;
}

function addConditions(where: Where, query: SearchQuery, group: string | null): void {
  where.add((v) => `r.type = ${v(query.type)} and not r.deleted`);
  addVisibility(where, group);
  const { ids, worklist } = query;
  if (ids) where.add((v) => `r.id = any(${v(ids.filter((id) => UUID.test(id)))}::uuid[])`);
  if (worklist) where.add((v) => `r.owner = any(${v(worklist.owners)}::text[]) and r.status = any(${v(worklist.statuses)}::text[])`);
  for (const { any, not } of query.tokens) addTokens(where, query.type, any.map(tokenHash), not);
  for (const tests of query.dates) where.add((v) => tests.map((test) => dateCondition(test, v)).join(' or '));
  for (const { params, prefixes } of query.strings) {
    where.add(
      (v) =>
        `r.id in (select s.id from resource_string s where s.type = ${v(query.type)} and s.param = any(${v(params)}::text[])
                  and (${prefixes.map((prefix) => `s.value like ${v(`${likeText(prefix)}%`)}`).join(' or ')}))`,
    );
  }
}

/**
 * A token that is not among the commonest is rare, but PostgreSQL takes it for one in two hundred, and would rather walk the whole type
 * in the order of the page than ask the token index. Saying it twice makes it rare enough; what is common stays common.
 * A long list would be taken for half of the type even so: its tokens are asked one by one.
 */
function addTokens(where: Where, type: string, hashes: readonly number[], not: boolean): void {
  if (not) where.add((v) => `not r.tokens && ${v(hashes)}::bigint[]`);
  else if (hashes.length > FEW_TOKENS) where.add(() => `r.id in (select one.id from (${tokenRows(where, type, hashes)}) as one)`);
  else for (let time = 0; time < 2; time++) where.add((v) => `r.tokens && ${v(hashes)}::bigint[]`);
}

const FEW_TOKENS = 8;

/**
 * Rows of a type that have one of the tokens, each asked of the token index by itself: PostgreSQL does not know them when it plans, so
 * that neither statistics nor a prepared plan make it walk. No LIMIT: it would believe that a walk ends early. A row may come twice.
 */
function tokenRows(where: Where, type: string, hashes: readonly number[]): string {
  const has = 't.tokens @> array[token]';
  return `select t.* from unnest(${where.bind(hashes)}::bigint[]) as token
          cross join lateral (select * from resource t where t.type = ${where.bind(type)} and ${has} and ${has}) as t`;
}

function addVisibility(where: Where, group: string | null): void {
  if (group !== null) where.add((v) => `r.readers && array[${v(group)}::text]`);
}

function addCursor(where: Where, { sort, after }: SearchQuery, part: Part): void {
  if (!after) return;
  const beyond = sort.descending ? '<' : '>';
  if (part === 'undated') {
    if (after.at === null) where.add((v) => `r.id > ${v(after.id)}::uuid`);
  } else if (after.at !== null) {
    const at = new Date(after.at);
    where.add((v) => `(r.${part}, r.id) ${beyond} (${v(at)}::timestamptz, ${v(after.id)}::uuid)`);
  }
}

/** R4 §3.1.1.4.5: the range of the value against the range that was asked; both ends exclusive at the top. */
function dateCondition({ on, test, from, to }: DateTest, v: Bind): string {
  const [low, high] = COLUMN_RANGE[on];
  const start = () => `${v(new Date(from))}::timestamptz`;
  const end = () => `${v(new Date(to))}::timestamptz`;
  switch (test) {
    case 'eq':
      return `(${low} >= ${start()} and ${high} <= ${end()})`;
    case 'ne':
      return `not (${low} >= ${start()} and ${high} <= ${end()})`;
    case 'gt':
      return `${high} > ${end()}`;
    case 'ge':
      return `(${low} >= ${start()} or ${high} > ${end()})`;
    case 'lt':
      return `${low} < ${start()}`;
    case 'le':
      return `(${low} < ${start()} or ${high} <= ${end()})`;
    case 'sa':
      return `${low} >= ${end()}`;
    case 'eb':
      return `${high} <= ${start()}`;
  }
}

/** First moment of the value and the first after it. `updated` is kept by the millisecond. */
const COLUMN_RANGE: Readonly<Record<SortColumn, readonly [string, string]>> = {
  updated: ['r.updated', `r.updated + interval '1 millisecond'`],
  dated: ['r.dated', 'r.dated_to'],
};

function likeText(text: string): string {
  return text.replaceAll(/[\\%_]/g, '\\$&');
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Takes a value, gives its `$n`. */
type Bind = (value: unknown) => string;

/** Conditions that must all hold, with the values they bind. */
class Where {
  readonly values: unknown[] = [];
  #conditions: string[] = [];

  bind(value: unknown): string {
    return `$${this.values.push(value)}`;
  }

  add(condition: (bind: Bind) => string): void {
    this.#conditions.push(`(${condition((value) => this.bind(value))})`);
  }

  get text(): string {
    return this.#conditions.join(' and ');
  }
}

/**
 * Cases and their keys. A key row is unique and only a lock: the first arrival inserts it, a later or racing one waits for the first to
 * commit, and finds its case among the members of the key. Rows are inserted and locked in one fixed order.
 */
import { awaitedBy, type CaseEvent, type CaseKey, type CaseState } from '../model/case.ts';
import type { CopyTarget, Queryable, Transaction } from './database.ts';
import { pack } from './packed.ts';

export type StoredCase = { readonly state: CaseState; readonly version: number };

/**
 * Names keys: each is this transaction's until it ends, and whoever else names one waits. Returns those that were named before: all others
 * have no members yet.
 */
export async function claimCaseKeys(tx: Transaction, keys: readonly CaseKey[]): Promise<CaseKey[]> {
  if (keys.length === 0) return [];
  const { rows } = await tx.query<CaseKey & { known: boolean }>({
    name: 'case-keys-claim',
    // An update that changes nothing locks the row; a row that nobody updated was inserted here.
    text: `insert into case_keys (kind, system, value) select * from unnest($1::text[], $2::text[], $3::text[])
           on conflict (kind, system, value) do update set kind = excluded.kind returning kind, system, value, xmax <> 0 as known`,
    values: keyColumns(inOrder(keys)),
  });
  return rows.filter(({ known }) => known).map(({ kind, system, value }) => ({ kind, system, value }));
}

/** A key of more cases than this tells nothing (a sender that numbers every order 0): only the newest are asked. */
const MAX_MEMBERS = 32;

/** The cases of keys, by keyText. */
export async function readKeyMembers(q: Queryable, keys: readonly CaseKey[]): Promise<Map<string, string[]>> {
  if (keys.length === 0) return new Map();
  const { rows } = await q.query<CaseKey & { case_id: string }>({
    name: 'case-keys-members',
    text: `select w.kind, w.system, w.value, m.case_id from unnest($1::text[], $2::text[], $3::text[]) as w(kind, system, value)
           cross join lateral (select case_id from case_key_member m where (m.kind, m.system, m.value) = (w.kind, w.system, w.value)
                               order by case_id desc limit ${MAX_MEMBERS}) m`,
    values: keyColumns(keys),
  });
  const members = new Map<string, string[]>();
  for (const row of rows) members.set(keyText(row), [...(members.get(keyText(row)) ?? []), row.case_id]);
  return members;
}

export type KeyMember = { readonly key: CaseKey; readonly caseId: string };

/** Saves which cases have begun to name keys, and which no longer do. */
export async function saveKeyMembers(tx: Transaction, added: readonly KeyMember[], removed: readonly KeyMember[]): Promise<void> {
  const columns = (members: readonly KeyMember[]) => [...keyColumns(members.map(({ key }) => key)), members.map(({ caseId }) => caseId)];
  if (removed.length > 0) {
    await tx.query({
      name: 'case-key-members-end',
      text: `delete from case_key_member where (kind, system, value, case_id) in (select * from unnest($1::text[], $2::text[], $3::text[], $4::uuid[]))`,
      values: columns(removed),
    });
  }
  if (added.length === 0) return;
  await tx.query({
    name: 'case-key-members',
    text: `insert into case_key_member (kind, system, value, case_id) select * from unnest($1::text[], $2::text[], $3::text[], $4::uuid[])
           on conflict do nothing`,
    values: columns(added),
  });
}

/** Locks and reads cases, in the order of their ids. */
export async function lockCases(tx: Transaction, ids: readonly string[]): Promise<Map<string, StoredCase>> {
  if (ids.length === 0) return new Map();
  const { rows } = await tx.query<CaseRow>({
    name: 'case-lock',
    text: `select id, version, content from cases where id = any($1::uuid[]) order by id for update`,
    values: [[...new Set(ids)].sort()],
  });
  return casesOf(rows);
}

export async function readCases(q: Queryable, ids: readonly string[]): Promise<Map<string, StoredCase>> {
  if (ids.length === 0) return new Map();
  const { rows } = await q.query<CaseRow>(`select id, version, content from cases where id = any($1::uuid[])`, [[...new Set(ids)]]);
  return casesOf(rows);
}

/** The case of each Task id. */
export async function readCasesByTask(q: Queryable, tasks: readonly string[]): Promise<Map<string, string>> {
  if (tasks.length === 0) return new Map();
  const { rows } = await q.query<{ task: string; id: string }>(`select task, id from cases where task = any($1::uuid[])`, [tasks]);
  return new Map(rows.map((row) => [row.task, row.id]));
}

/** Other cases that a group reads and that may hold the same resources: they name a key of this one, or its patient (hash of the Task's token). */
export async function readNeighbours(q: Queryable, state: CaseState, group: string, patientToken: number): Promise<CaseState[]> {
  const { rows } = await q.query<CaseRow>(
    `select id, version, content from cases where reading_group = $1 and id <> $2 and (
       id in (select m.case_id from unnest($3::text[], $4::text[], $5::text[]) as w(kind, system, value) join case_key_member m using (kind, system, value))
       or task in (select id from resource where type = 'Task' and tokens @> array[$6::bigint]))`,
    [group, state.id, ...keyColumns(state.keys), patientToken],
  );
  return [...casesOf(rows).values()].map((stored) => stored.state);
}

/** Saves cases: new ones at version 1, others at their next version. */
export async function saveCases(tx: Transaction, cases: readonly StoredCase[], now: Date): Promise<void> {
  if (cases.length === 0) return;
  const sorted = [...cases].sort((a, b) => (a.state.id < b.state.id ? -1 : 1));
  const contents = pack(sorted.map((stored) => Buffer.from(JSON.stringify(stored.state))));
  const column = <T>(of: (state: CaseState) => T) => sorted.map((stored) => of(stored.state));
  await tx.query({
    name: 'case-save',
    text: `insert into cases (id, version, phase, specialty, reading_group, awaited_by, task, wake, opened, updated, content)
           select id, version, phase, specialty, reading_group, awaited_by, task, wake, $1, $1, substring($2::bytea from content_at for content_length)
           from unnest($3::int[], $4::int[], $5::uuid[], $6::int[], $7::text[], $8::text[], $9::text[], $10::text[], $11::uuid[], $12::timestamptz[])
             as c(content_at, content_length, id, version, phase, specialty, reading_group, awaited_by, task, wake)
           on conflict (id) do update set version = excluded.version, phase = excluded.phase, specialty = excluded.specialty,
             reading_group = excluded.reading_group, awaited_by = excluded.awaited_by, task = excluded.task, wake = excluded.wake,
             updated = excluded.updated, content = excluded.content`,
    values: [
      now,
      contents.bytes,
      contents.starts,
      contents.lengths,
      column((state) => state.id),
      sorted.map((stored) => stored.version),
      column((state) => state.phase),
      column((state) => state.specialty),
      column((state) => state.route?.group ?? ''),
      column(awaitedBy),
      column((state) => (state.task === '' ? null : state.task.slice('Task/'.length))),
      column((state) => (state.wake === null ? null : new Date(state.wake))),
    ],
  });
}

/** A case that went up into another one: its timeline goes along, its row stays as a signpost (phase `cancelled`, no keys). */
export async function moveCaseEvents(tx: Transaction, from: string, to: string): Promise<void> {
  await tx.query(
    `insert into case_event (case_id, at, seq, kind, actor, detail) select $2, at, seq, kind, actor, detail from case_event where case_id = $1 order by n`,
    [from, to],
  );
}

export async function addCaseEvents(tx: Transaction, events: readonly { caseId: string; event: CaseEvent }[]): Promise<void> {
  if (events.length === 0) return;
  await tx.copy(
    CASE_EVENT,
    events.map(({ caseId, event: { at, seq, kind, actor, detail } }) => [caseId, at, seq, kind, actor, detail]),
  );
}

const CASE_EVENT: CopyTarget = {
  table: 'case_event',
  columns: [
    ...([
      ['case_id', 'uuid'],
      ['at', 'timestamptz'],
      ['seq', 'bigint'],
    ] as const),
    ...([
      ['kind', 'text'],
      ['actor', 'text'],
      ['detail', 'text'],
    ] as const),
  ],
};

export async function readCaseEvents(q: Queryable, caseId: string): Promise<CaseEvent[]> {
  const { rows } = await q.query<CaseEvent>(`select at, seq, kind, actor, detail from case_event where case_id = $1 order by at, n`, [
    caseId,
  ]);
  return rows;
}

/** Cases whose clock is due, locked; those another worker looks at are passed over. */
export async function lockDueCases(tx: Transaction, now: Date, limit: number): Promise<Map<string, StoredCase>> {
  const { rows } = await tx.query<CaseRow>(
    `select id, version, content from cases where wake <= $1 order by wake limit $2 for update skip locked`,
    [now, limit],
  );
  return casesOf(rows);
}

/** Cases are looked at again at `wake`. */
export async function putOffCases(q: Queryable, ids: readonly string[], wake: Date): Promise<void> {
  await q.query(`update cases set wake = $2 where id = any($1::uuid[])`, [ids, wake]);
}

type CaseRow = { id: string; version: number; content: Buffer };

function casesOf(rows: CaseRow[]): Map<string, StoredCase> {
  return new Map(rows.map((row) => [row.id, { state: JSON.parse(row.content.toString('utf8')) as CaseState, version: row.version }]));
}

/** Each key once, in the one order in which rows are locked. */
function inOrder(keys: readonly CaseKey[]): CaseKey[] {
  const unique = new Map(keys.map((key) => [keyText(key), key] as const));
  return [...unique.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, key]) => key);
}

/** Kinds, systems and values, for `unnest`. */
export function keyColumns(keys: readonly CaseKey[]): string[][] {
  return [keys.map(({ kind }) => kind), keys.map(({ system }) => system), keys.map(({ value }) => value)];
}

export function keyText(key: CaseKey): string {
  return `${key.kind}\0${key.system}\0${key.value}`;
}

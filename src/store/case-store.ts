/**
 * Cases and their keys. A key row is unique: the first arrival inserts it, a later or racing one conflicts, waits for the first to
 * commit, and joins its case. Rows are inserted and locked in one fixed order.
 */
import type { CaseEvent, CaseKey, CaseState } from '../model/case.ts';
import type { Queryable, Transaction } from './database.ts';
import { pack } from './packed.ts';

export type StoredCase = { readonly state: CaseState; readonly version: number };

/** Claims keys for a case id; returns for every key, in order, the case that has it (the given one when it was free). */
export async function claimCaseKeys(tx: Transaction, claims: readonly { key: CaseKey; caseId: string }[]): Promise<string[]> {
  if (claims.length === 0) return [];
  const unique = new Map(claims.map((claim) => [keyText(claim.key), claim] as const).reverse());
  const sorted = [...unique.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, claim]) => claim);
  const columns = [sorted.map((c) => c.key.kind), sorted.map((c) => c.key.system), sorted.map((c) => c.key.value)];
  await tx.query({
    name: 'case-keys-claim',
    text: `insert into case_keys (kind, system, value, case_id) select * from unnest($1::text[], $2::text[], $3::text[], $4::uuid[]) on conflict do nothing`,
    values: [...columns, sorted.map((c) => c.caseId)],
  });
  const { rows } = await tx.query<CaseKey & { case_id: string }>({
    name: 'case-keys-read',
    text: `select k.kind, k.system, k.value, k.case_id from unnest($1::text[], $2::text[], $3::text[]) as w(kind, system, value) join case_keys k using (kind, system, value)`,
    values: columns,
  });
  const owners = new Map(rows.map((row) => [keyText(row), row.case_id]));
  return claims.map((claim) => owners.get(keyText(claim.key)) as string);
}

/** Gives keys of one case to another (two cases turned out to be one). */
export async function moveCaseKeys(tx: Transaction, from: string, to: string): Promise<void> {
  await tx.query(`update case_keys set case_id = $2 where case_id = $1`, [from, to]);
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

/** Which case each resource `Type/id` belongs to. */
export async function casesOfResources(q: Queryable, references: readonly string[]): Promise<Map<string, string>> {
  const keys = references.map((reference) => reference.split('/')).filter((parts) => parts.length === 2 && UUID.test(parts[1] as string));
  if (keys.length === 0) return new Map();
  const { rows } = await q.query<{ type: string; id: string; case_id: string }>(
    `select r.type, r.id, r.case_id from unnest($1::text[], $2::uuid[]) as k(type, id) join resource r using (type, id) where r.case_id is not null`,
    [keys.map((key) => key[0]), keys.map((key) => key[1])],
  );
  return new Map(rows.map((row) => [`${row.type}/${row.id}`, row.case_id]));
}

/** Saves cases: new ones at version 1, others at their next version. */
export async function saveCases(tx: Transaction, cases: readonly StoredCase[], now: Date): Promise<void> {
  if (cases.length === 0) return;
  const sorted = [...cases].sort((a, b) => (a.state.id < b.state.id ? -1 : 1));
  const contents = pack(sorted.map((stored) => Buffer.from(JSON.stringify(stored.state))));
  const column = <T>(of: (state: CaseState) => T) => sorted.map((stored) => of(stored.state));
  await tx.query({
    name: 'case-save',
    text: `insert into cases (id, version, phase, specialty, reading_group, task, wake, opened, updated, content)
           select id, version, phase, specialty, reading_group, task, wake, $1, $1, substring($2::bytea from content_at for content_length)
           from unnest($3::int[], $4::int[], $5::uuid[], $6::int[], $7::text[], $8::text[], $9::text[], $10::uuid[], $11::timestamptz[])
             as c(content_at, content_length, id, version, phase, specialty, reading_group, task, wake)
           on conflict (id) do update set version = excluded.version, phase = excluded.phase, specialty = excluded.specialty,
             reading_group = excluded.reading_group, task = excluded.task, wake = excluded.wake, updated = excluded.updated, content = excluded.content`,
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
  await tx.query({
    name: 'case-events',
    text: `insert into case_event (case_id, at, seq, kind, actor, detail)
           select * from unnest($1::uuid[], $2::timestamptz[], $3::bigint[], $4::text[], $5::text[], $6::text[])`,
    values: [
      events.map(({ caseId }) => caseId),
      events.map(({ event }) => event.at),
      events.map(({ event }) => event.seq),
      events.map(({ event }) => event.kind),
      events.map(({ event }) => event.actor),
      events.map(({ event }) => event.detail),
    ],
  });
}

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

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

function keyText(key: CaseKey): string {
  return `${key.kind}\0${key.system}\0${key.value}`;
}

/**
 * A gateway that has been at work for long: cases are stored by SQL, straight into the tables, as copies of one that the gateway has just
 * made of an order. Every row of it is copied with ids, keys and unique search tokens of its own (a token is unique when another order
 * has it not), so that every index is as large and as varied as it would be; cases are closed and Tasks completed. Contents are copied
 * as they are: nothing here reads them. Indexes that would slow the copying down are made anew afterwards.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, openDatabase } from '../../src/store/database.ts';
import { DATABASE_NAME, parsePostmasterLock, socketUrl } from '../../src/store/embedded-settings.ts';
import { tokenHash } from '../../src/store/resource-store.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { type Bench, megabytes } from './measure.ts';

/** What `orderMessage` names: every identifier of the n-th order of a run holds this. */
const STORED_RUN = 'S';
/** First characters of a UUIDv7 of 2026-01-01: before anything that the gateway makes now. */
const FIRST_MS = Date.UTC(2026, 0, 1);

/** `run`: a run of orders that has gone through the corridor. */
export async function storeCases(bench: Bench, gateway: GatewayProcess, cases: number, run: string): Promise<void> {
  const started = performance.now();
  const lock = parsePostmasterLock(readFileSync(join(gateway.directory, 'data/postgres/postmaster.pid'), 'utf8'));
  const database = openDatabase(socketUrl(lock?.socketDirectory ?? '', DATABASE_NAME), { max: 2, statementTimeoutMs: 0 });
  try {
    const template = await templateOf(database, `${run}00000001`, `${run}00000002`);
    await database.query(namesOf(template, cases));
    const copies = copiesOf(template);
    const indexes = await dropIndexes(database);
    await Promise.all(copies.map((lane) => inTurn(database, lane)));
    await inTurn(database, ["set maintenance_work_mem = '1GB'", ...indexes]);
    await inTurn(database, ['drop table stored', 'vacuum (analyze)', 'checkpoint']);
    const { rows } = await database.query<{ bytes: number }>('select pg_database_size(current_database()) as bytes');
    const took = Math.round((performance.now() - started) / 1000);
    bench.note(`${cases.toLocaleString('en')} cases stored in ${took} s, ${megabytes(rows[0]?.bytes ?? 0)}`);
  } finally {
    await database.close();
  }
}

type TemplateResource = {
  readonly type: string;
  readonly id: string;
  readonly status: string;
  readonly common: number[];
  readonly unique: number;
};
type Template = { readonly order: string; readonly caseId: string; readonly seq: number; readonly resources: readonly TemplateResource[] };

/** The case of an order, and how it differs from the case of another one. */
async function templateOf(database: Database, order: string, other: string): Promise<Template> {
  const [{ caseId, seq }, neighbour] = [await caseOf(database, order), await caseOf(database, other)];
  const resources = await resourcesOf(database, caseId, order);
  const others = await resourcesOf(database, neighbour.caseId, other);
  return {
    order,
    caseId,
    seq,
    resources: resources.map((resource) => {
      const theirs = new Set(others.filter(({ type }) => type === resource.type).flatMap(({ tokens }) => tokens));
      const common = resource.tokens.filter((token) => theirs.has(token));
      return { ...resource, common, unique: resource.tokens.length - common.length };
    }),
  };
}

async function caseOf(database: Database, order: string): Promise<{ caseId: string; seq: number }> {
  const { rows } = await database.query<{ case_id: string; seq: number }>(
    `select k.case_id, j.seq from case_key_member k, journal j where k.kind = 'accession' and k.value = $1 and j.control_id = $2`,
    [`AC${order}`, `M${order}`],
  );
  const [row] = rows;
  if (!row) throw new Error(`order ${order} has not gone through the corridor`);
  return { caseId: row.case_id, seq: row.seq };
}

async function resourcesOf(database: Database, caseId: string, order: string) {
  const { rows } = await database.query<{ type: string; id: string; status: string; tokens: number[] }>(
    `select type, id, status, tokens from resource
     where case_id = $1 or id in (select id from identifiers where type = 'Patient' and value = $2)`,
    [caseId, `PT${order}`],
  );
  return rows;
}

/** What every row of the i-th case needs, made once: its name, its time, the id of the case and of each resource. */
function namesOf({ resources }: Template, cases: number): string {
  const ids = ['case', ...resources].map((_, slot) => `${uuidOf(slot)} as id_${slot}`);
  return `create unlogged table stored as
    select i, '${STORED_RUN}' || lpad(i::text, 8, '0') as name, i - ${cases} - 1 as entry,
           timestamptz '${new Date(FIRST_MS).toISOString()}' + i * interval '5 seconds' as at, ${ids.join(', ')}
    from generate_series(1, ${cases}) i`;
}

/** Two lists of statements of about the same weight: one for each connection. */
function copiesOf(template: Template): [string[], string[]] {
  const slots = new Map(template.resources.map(({ id }, index) => [id, `n.id_${index + 1}`]));
  const renamed = (column: string) => `replace(${column}, '${template.order}', n.name)`;
  const owner = (id: string) => `case ${id} ${[...slots].map(([old, fresh]) => `when '${old}' then ${fresh}`).join(' ')} end`;
  const known = `(${[...slots.keys()].map((id) => `'${id}'`).join(', ')})`;
  const resources = template.resources.map(
    ({ id, type, status, common, unique }) =>
      `insert into resource (type, id, version, updated, deleted, case_id, author, readers, status, owner, dated, dated_to, tokens, digest)
       select r.type, ${slots.get(id)}, 1, n.at, false, case when r.case_id is null then null else n.id_0 end, r.author, r.readers,
              '${type === 'Task' ? 'completed' : status}', r.owner, n.at, n.at, array[${tokensOf(type, common, unique)}]::bigint[], r.digest
       from stored n, resource r where r.id = '${id}' and r.type = '${type}'`,
  );
  const versions = template.resources.map(
    ({ id, type }) =>
      `insert into resource_version (type, id, version, updated, seq, content)
       select v.type, ${slots.get(id)}, 1, n.at, n.entry, v.content
       from stored n, resource_version v where v.id = '${id}' and v.type = '${type}' and v.version = 1`,
  );
  const journal = [
    `insert into journal (seq, received, kind, peer, type, control_id, digest, lane, payload, disposition, answer) overriding system value
     select n.entry, n.at, kind, peer, type, ${renamed('control_id')}, sha256(convert_to(n.name, 'UTF8')), ${renamed('lane')}, payload, disposition, answer
     from stored n, journal j where j.seq = ${template.seq}`,
    `insert into outcome (seq, state, detail, produced, cases, settled)
     select n.entry, state, detail, produced, array[n.id_0], n.at from stored n, outcome o where o.seq = ${template.seq}`,
  ];
  const keys = [
    `insert into identifiers (type, system, value, id)
     select type, system, case when strpos(value, '${template.order}') = 0 then value || n.name else ${renamed('value')} end, ${owner('k.id')}
     from stored n, identifiers k where k.id in ${known}`,
    `insert into case_key_member (kind, system, value, case_id)
     select kind, system, case kind when 'service-request' then i::text else ${renamed('value')} end, n.id_0
     from stored n, case_key_member k where k.case_id = '${template.caseId}'`,
    `insert into case_keys (kind, system, value)
     select kind, system, case kind when 'service-request' then i::text else ${renamed('value')} end
     from stored n, case_key_member k where k.case_id = '${template.caseId}'`,
    `insert into resource_string (type, param, value, id)
     select type, param, value, ${owner('s.id')} from stored n, resource_string s where s.id in ${known}`,
    `insert into cases (id, version, phase, specialty, reading_group, task, opened, updated, content)
     select n.id_0, 5, 'closed', specialty, reading_group, ${owner('c.task')}, n.at, n.at, content
     from stored n, cases c where c.id = '${template.caseId}'`,
    `insert into case_event (case_id, at, seq, kind, actor, detail)
     select n.id_0, n.at, n.entry, kind, actor, ${renamed('detail')} from stored n, case_event e where e.case_id = '${template.caseId}'`,
  ];
  return [
    [...resources, ...journal],
    [...versions, ...keys],
  ];
}

/** The tokens of the template, its unique ones replaced by others; a stored Task is completed. */
function tokensOf(type: string, common: readonly number[], unique: number): string {
  const draft = tokenHash('Task.status=draft');
  const completed = tokenHash('Task.status=completed');
  const kept = common.map((token) => String(type === 'Task' && token === draft ? completed : token));
  const own = Array.from(
    { length: unique },
    (_, slot) => `hashint8extended(i, ${(tokenHash(type) % 1_000_000) + slot}) & 9007199254740991`,
  );
  return [...kept, ...own].join(', ');
}

/** SQL of a UUIDv7 for the i-th case: five seconds apart, `slot` tells the rows of one case apart. */
function uuidOf(slot: number): string {
  const time = `lpad(to_hex(${FIRST_MS} + i::bigint * 5000), 12, '0')`;
  return `(left(${time}, 8) || '-' || right(${time}, 4) || '-7000-8000-' || lpad(to_hex(${slot}), 2, '0') || lpad(to_hex(i), 10, '0'))::uuid`;
}

/** Drops what is not needed to keep rows unique; gives the statements that make it again. */
async function dropIndexes(database: Database): Promise<string[]> {
  const { rows } = await database.query<{ name: string; sql: string }>(
    `select indexname as name, indexdef as sql from pg_indexes i
     where schemaname = current_schema() and tablename in ('resource', 'resource_string', 'cases', 'case_keys', 'case_key_member')
       and not exists (select 1 from pg_constraint c where c.conname = i.indexname)`,
  );
  for (const { name } of rows) await database.query(`drop index ${name}`);
  return rows.map(({ sql }) => sql);
}

async function inTurn(database: Database, statements: readonly string[]): Promise<void> {
  const client = await database.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    client.release();
  }
}

/**
 * FHIR resources: index columns of the current version in `resource`, the content of every version in `resource_version`.
 * Content is opaque here: it is the resource's JSON without meta.versionId and meta.lastUpdated, which the row tells.
 */
import { hash } from 'node:crypto';
import type { Resource } from '@medplum/fhirtypes';
import type { SearchIndex } from '../model/search.ts';
import type { CopyTarget, Queryable, Transaction } from './database.ts';
import { arrayLiteral, pack } from './packed.ts';

export type StoredResource = {
  readonly type: string;
  readonly id: string;
  readonly version: number;
  readonly updated: Date;
  readonly deleted: boolean;
  readonly caseId: string | null;
  readonly author: string;
  readonly readers: readonly string[];
  /** Journal entry that made this version. */
  readonly seq: number | null;
  /** When that was said which it says; null where nothing tells. */
  readonly said: Date | null;
  /** Equal to contentDigest of a resource that says the same. */
  readonly digest: Buffer;
  /** With id and meta. Of a deleted resource: the last content. */
  readonly resource: Resource;
};

export type ResourceWrite = {
  /** With its final id; meta.versionId and meta.lastUpdated are set by the store. */
  readonly resource: Resource & { id: string };
  /** contentOf(resource), where the caller has made it already. */
  readonly content?: Buffer;
  readonly version: number;
  readonly index: SearchIndex;
  readonly deleted: boolean;
  readonly caseId: string | null;
  readonly author: string;
  readonly readers: readonly string[];
  /** Journal entry that caused it. */
  readonly seq: number | null;
  /** When that was said which it says, where something tells. */
  readonly said?: Date | null;
};

/** What is kept of a resource: its JSON without the parts of meta that the row tells. */
export function contentOf(resource: Resource): Buffer {
  if (!resource.meta) return Buffer.from(JSON.stringify(resource));
  const { meta, ...rest } = resource;
  const { versionId: _version, lastUpdated: _updated, ...kept } = meta;
  return Buffer.from(JSON.stringify(Object.keys(kept).length > 0 ? { ...rest, meta: kept } : rest));
}

/** Equal digests: nothing to write. */
export function contentDigest(content: Buffer): Buffer {
  return hash('sha256', content, 'buffer').subarray(0, 16);
}

/** Saves new versions of resources, in one fixed order of (type, id); at most one version of a resource a call. */
export async function saveResources(tx: Transaction, writes: readonly ResourceWrite[], now: Date): Promise<void> {
  if (writes.length === 0) return;
  const sorted = inOrder(writes);
  const whole = sorted.map((write) => ({ ...write, content: write.content ?? contentOf(write.resource) }));
  await addIndex(
    tx,
    whole.filter(({ version }) => version === 1),
    now,
  );
  await changeIndex(
    tx,
    whole.filter(({ version }) => version > 1),
    now,
  );
  await addVersions(tx, whole, now);
  await saveStrings(tx, sorted);
}

type WholeWrite = ResourceWrite & { readonly content: Buffer };

function inOrder(writes: readonly ResourceWrite[]): ResourceWrite[] {
  const named = writes.map((write) => ({ reference: refOf(write.resource), write }));
  return named.sort((a, b) => (a.reference < b.reference ? -1 : 1)).map(({ write }) => write);
}

/** First versions: their ids were given just now, or are named for the first time. */
async function addIndex(tx: Transaction, writes: readonly WholeWrite[], now: Date): Promise<void> {
  if (writes.length === 0) return;
  const rows = writes.map((write) => {
    const { resource, version, deleted, caseId, author, readers, index, said = null } = write;
    const { status, owner, dated } = index;
    const tokens = index.tokens.map(tokenHash);
    const columns = [resource.resourceType, resource.id, version, now, deleted, caseId, author, readers, status, owner];
    return [...columns, dateOf(dated?.from), dateOf(dated?.to), said, tokens, contentDigest(write.content)];
  });
  await tx.copy(RESOURCE, rows);
}

const RESOURCE: CopyTarget = {
  table: 'resource',
  columns: [
    ...([
      ['type', 'text'],
      ['id', 'uuid'],
      ['version', 'int'],
      ['updated', 'timestamptz'],
      ['deleted', 'boolean'],
    ] as const),
    ...([
      ['case_id', 'uuid'],
      ['author', 'text'],
      ['readers', 'text[]'],
      ['status', 'text'],
      ['owner', 'text'],
    ] as const),
    ...([
      ['dated', 'timestamptz'],
      ['dated_to', 'timestamptz'],
      ['said', 'timestamptz'],
      ['tokens', 'bigint[]'],
      ['digest', 'bytea'],
    ] as const),
  ],
};

function dateOf(ms: number | undefined): Date | null {
  return ms === undefined ? null : new Date(ms);
}

/** Further versions. */
async function changeIndex(tx: Transaction, writes: readonly WholeWrite[], now: Date): Promise<void> {
  if (writes.length === 0) return;
  const digests = pack(writes.map(({ content }) => contentDigest(content)));
  const column = <T>(of: (write: ResourceWrite) => T) => writes.map(of);
  await tx.query({
    name: 'resource-index',
    text: `insert into resource (type, id, version, updated, deleted, case_id, author, readers, status, owner, dated, dated_to, said, tokens, digest)
           select type, id, version, $1, deleted, case_id, author, readers::text[], status, owner, dated, dated_to, said, tokens::bigint[],
                  substring($2::bytea from digest_at for digest_length)
           from unnest($3::int[], $4::int[], $5::text[], $6::uuid[], $7::int[], $8::boolean[], $9::uuid[], $10::text[], $11::text[], $12::text[],
                       $13::text[], $14::timestamptz[], $15::timestamptz[], $16::timestamptz[], $17::text[])
             as w(digest_at, digest_length, type, id, version, deleted, case_id, author, readers, status, owner, dated, dated_to, said, tokens)
           on conflict (type, id) do update set version = excluded.version, updated = excluded.updated, deleted = excluded.deleted,
             case_id = excluded.case_id, readers = excluded.readers, status = excluded.status, owner = excluded.owner,
             dated = excluded.dated, dated_to = excluded.dated_to, said = excluded.said, tokens = excluded.tokens, digest = excluded.digest`,
    values: [
      now,
      digests.bytes,
      digests.starts,
      digests.lengths,
      column((write) => write.resource.resourceType),
      column((write) => write.resource.id),
      column((write) => write.version),
      column((write) => write.deleted),
      column((write) => write.caseId),
      column((write) => write.author),
      column((write) => arrayLiteral(write.readers)),
      column((write) => write.index.status),
      column((write) => write.index.owner),
      column((write) => dateOf(write.index.dated?.from)),
      column((write) => dateOf(write.index.dated?.to)),
      column((write) => write.said ?? null),
      column((write) => arrayLiteral(write.index.tokens.map(tokenHash))),
    ],
  });
}

async function addVersions(tx: Transaction, writes: readonly WholeWrite[], now: Date): Promise<void> {
  const rows = writes.map(({ resource, version, deleted, seq, content }) => {
    return [resource.resourceType, resource.id, version, now, deleted, seq, content];
  });
  await tx.copy(RESOURCE_VERSION, rows);
}

const RESOURCE_VERSION: CopyTarget = {
  table: 'resource_version',
  columns: [
    ...([
      ['type', 'text'],
      ['id', 'uuid'],
      ['version', 'int'],
      ['updated', 'timestamptz'],
    ] as const),
    ...([
      ['deleted', 'boolean'],
      ['seq', 'bigint'],
      ['content', 'bytea'],
    ] as const),
  ],
};

async function saveStrings(tx: Transaction, writes: readonly ResourceWrite[]): Promise<void> {
  const updated = writes.filter((write) => write.version > 1 && (write.index.strings !== null || write.deleted));
  if (updated.length > 0) {
    await tx.query(`delete from resource_string where id = any($1::uuid[])`, [updated.map((write) => write.resource.id)]);
  }
  const rows = writes
    .filter((write) => !write.deleted)
    .flatMap((write) =>
      (write.index.strings ?? []).map((string) => ({ ...string, type: write.resource.resourceType, id: write.resource.id })),
    );
  if (rows.length === 0) return;
  await tx.query({
    name: 'resource-string',
    text: `insert into resource_string (type, param, value, id) select * from unnest($1::text[], $2::text[], $3::text[], $4::uuid[])
           on conflict do nothing`,
    values: [rows.map((row) => row.type), rows.map((row) => row.param), rows.map((row) => row.value), rows.map((row) => row.id)],
  });
}

/** A row as search and read select it. */
export type ResourceRow = {
  type: string;
  id: string;
  version: number;
  updated: Date;
  deleted: boolean;
  case_id: string | null;
  author: string;
  readers: string[];
  seq: number | null;
  said: Date | null;
  digest: Buffer;
  content: Buffer;
};

export const COLUMNS = 'r.type, r.id, r.version, r.updated, r.deleted, r.case_id, r.author, r.readers, v.seq, r.said, r.digest, v.content';
export const CURRENT = 'join resource_version v using (type, id, version)';

/** Current versions by reference `Type/id`; absent ones are missing from the map. Ids that are no UUID are absent. */
export async function readResources(q: Queryable, references: readonly string[]): Promise<Map<string, StoredResource>> {
  const keys = references.map(splitReference).filter((key) => key !== null);
  if (keys.length === 0) return new Map();
  const { rows } = await q.query<ResourceRow>({
    name: 'resource-read',
    text: `select ${COLUMNS} from unnest($1::text[], $2::uuid[]) as k(type, id) join resource r using (type, id) ${CURRENT}`,
    values: [keys.map((key) => key.type), keys.map((key) => key.id)],
  });
  return new Map(rows.map((row) => [`${row.type}/${row.id}`, storedOf(row)]));
}

/** As readResources, with the rows locked in one fixed order until the transaction ends. */
export async function lockResources(tx: Transaction, references: readonly string[]): Promise<Map<string, StoredResource>> {
  const keys = [...new Set(references)]
    .sort()
    .map(splitReference)
    .filter((key) => key !== null);
  if (keys.length === 0) return new Map();
  await tx.query({
    name: 'resource-lock',
    text: `select 1 from resource where (type, id) in (select * from unnest($1::text[], $2::uuid[])) order by type, id for update`,
    values: [keys.map((key) => key.type), keys.map((key) => key.id)],
  });
  return readResources(tx, references);
}

/** One version, or null. */
export async function readVersion(q: Queryable, type: string, id: string, version: number): Promise<StoredResource | null> {
  const { rows } = await q.query<ResourceRow>(
    `select r.type, r.id, v.version, v.updated, v.deleted, r.case_id, r.author, r.readers, v.seq, r.said, r.digest, v.content
     from resource r join resource_version v using (type, id) where r.type = $1 and r.id = $2 and v.version = $3`,
    [type, id, version],
  );
  return rows[0] ? storedOf(rows[0]) : null;
}

/** Content on a page of a search or a history: after the row that goes beyond this, the page ends. */
export const MAX_PAGE_BYTES = 16 * 1024 * 1024;

/** Versions older than `before`, newest first: `limit` of them, or fewer that fill a page. */
export async function readHistory(
  q: Queryable,
  type: string,
  id: string,
  limit: number,
  before = 2_147_483_647,
): Promise<StoredResource[]> {
  const { rows } = await q.query<ResourceRow>(
    `select * from (
       select r.type, r.id, v.version, v.updated, v.deleted, r.case_id, r.author, r.readers, v.seq, r.said, r.digest, v.content,
         sum(octet_length(v.content)) over (order by v.version desc) - octet_length(v.content) as bytes_before
       from resource r join resource_version v using (type, id) where r.type = $1 and r.id = $2 and v.version < $4
       order by v.version desc limit $3
     ) as sized where bytes_before < ${MAX_PAGE_BYTES} order by version desc`,
    [type, id, limit, before],
  );
  return rows.map(storedOf);
}

/** Notes that what resources say was said again, later: their content has not changed, so they get no version. */
export async function saveSaid(tx: Transaction, said: readonly { readonly reference: string; readonly at: Date }[]): Promise<void> {
  const keys = [...said]
    .sort((a, b) => (a.reference < b.reference ? -1 : 1))
    .flatMap(({ reference, at }) => {
      const key = splitReference(reference);
      return key ? [{ ...key, at }] : [];
    });
  if (keys.length === 0) return;
  await tx.query({
    name: 'resource-said',
    text: `update resource r set said = k.at from unnest($1::text[], $2::uuid[], $3::timestamptz[]) as k(type, id, at)
           where r.type = k.type and r.id = k.id`,
    values: [keys.map((key) => key.type), keys.map((key) => key.id), keys.map((key) => key.at)],
  });
}

/** Lets groups see resources of a case, without a new version: what they say has not changed. */
export async function addReaders(
  tx: Transaction,
  references: readonly string[],
  caseId: string | null,
  readers: readonly string[],
): Promise<void> {
  const keys = [...new Set(references)]
    .sort()
    .map(splitReference)
    .filter((key) => key !== null);
  if (keys.length === 0) return;
  await tx.query({
    name: 'resource-readers',
    text: `update resource set readers = (select array_agg(distinct r order by r) from unnest(readers || $3::text[]) r), case_id = coalesce($4, case_id)
           where (type, id) in (select * from unnest($1::text[], $2::uuid[]))
             and (not readers @> $3::text[] or ($4::uuid is not null and case_id is distinct from $4))`,
    values: [keys.map((key) => key.type), keys.map((key) => key.id), readers, caseId],
  });
}

/** Takes resources out of the sight of a group; what it wrote stays. */
export async function removeReader(tx: Transaction, references: readonly string[], group: string): Promise<void> {
  const keys = references.map(splitReference).filter((key) => key !== null);
  if (keys.length === 0) return;
  await tx.query(
    `update resource set readers = array_remove(readers, $3)
     where (type, id) in (select * from unnest($1::text[], $2::uuid[])) and readers @> array[$3] and author <> $3`,
    [keys.map((key) => key.type), keys.map((key) => key.id), group],
  );
}

export function storedOf(row: ResourceRow): StoredResource {
  const resource = JSON.parse(row.content.toString('utf8')) as Resource;
  const meta = { ...resource.meta, versionId: String(row.version), lastUpdated: row.updated.toISOString() };
  return {
    type: row.type,
    id: row.id,
    version: row.version,
    updated: row.updated,
    deleted: row.deleted,
    caseId: row.case_id,
    author: row.author,
    readers: row.readers,
    seq: row.seq,
    said: row.said,
    digest: row.digest,
    resource: { ...resource, meta },
  };
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

function splitReference(reference: string): { type: string; id: string } | null {
  const slash = reference.indexOf('/');
  const id = reference.slice(slash + 1);
  return slash > 0 && UUID.test(id) ? { type: reference.slice(0, slash), id } : null;
}

function refOf(resource: Resource & { id: string }): string {
  return `${resource.resourceType}/${resource.id}`;
}

/** 53-bit hash of a search token (cyrb53): fits a double and a bigint, a third of the text's bytes in the index. */
export function tokenHash(text: string): number {
  let h1 = 0xdeadbeef;
  let h2 = 0x41c6ce57;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    h1 = Math.imul(h1 ^ code, 2654435761);
    h2 = Math.imul(h2 ^ code, 1597334677);
  }
  h1 = Math.imul(h1 ^ (h1 >>> 16), 2246822507) ^ Math.imul(h2 ^ (h2 >>> 13), 3266489909);
  h2 = Math.imul(h2 ^ (h2 >>> 16), 2246822507) ^ Math.imul(h1 ^ (h1 >>> 13), 3266489909);
  return 4294967296 * (2097151 & h2) + (h1 >>> 0);
}

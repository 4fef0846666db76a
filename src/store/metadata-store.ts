/**
 * Metadata of DICOM instances, deflated DICOM JSON, one row an instance: opaque here, read by UID only.
 * An instance never changes, and so neither does its metadata.
 */
import type { StoredObject } from '../model/instance.ts';
import type { Queryable } from './database.ts';
import { objectsAfter } from './instance-store.ts';

/** By SOP Instance UID; those that have none yet are missing. */
export async function metadataOf(q: Queryable, sopInstanceUids: readonly string[]): Promise<ReadonlyMap<string, Buffer>> {
  const { rows } = await q.query<{ sop_instance_uid: string; json: Buffer }>({
    name: 'metadata-read',
    text: 'select sop_instance_uid, json from instance_metadata where sop_instance_uid = any($1::text[])',
    values: [sopInstanceUids],
  });
  return new Map(rows.map((row) => [row.sop_instance_uid, row.json]));
}

/** Of two that made the same at the same time, the first stays. */
export async function keepMetadata(q: Queryable, sopInstanceUid: string, json: Buffer): Promise<void> {
  await q.query({
    name: 'metadata-keep',
    text: 'insert into instance_metadata (sop_instance_uid, json) values ($1, $2) on conflict do nothing',
    values: [sopInstanceUid, json],
  });
}

/** Up to `limit` instances that came after a place in the journal, and which of them have no metadata yet. */
export async function withoutMetadata(
  q: Queryable,
  after: number,
  limit: number,
): Promise<{ readonly missing: readonly StoredObject[]; readonly last: number | null }> {
  const objects = await objectsAfter(q, after, limit);
  const known = await q.query<{ sop_instance_uid: string }>({
    name: 'metadata-known',
    text: 'select sop_instance_uid from instance_metadata where sop_instance_uid = any($1::text[])',
    values: [objects.map((object) => object.sopInstanceUid)],
  });
  const have = new Set(known.rows.map((row) => row.sop_instance_uid));
  return { missing: objects.filter((object) => !have.has(object.sopInstanceUid)), last: objects.at(-1)?.seq ?? null };
}

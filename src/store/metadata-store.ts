/**
 * Metadata of DICOM instances, deflated DICOM JSON, one row an instance: opaque here, read by UID only.
 * An instance never changes, and so neither does its metadata.
 */
import type { StoredObject } from '../model/instance.ts';
import type { Queryable } from './database.ts';

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

/** Those of the instances that have no metadata yet. */
export async function withoutMetadata(q: Queryable, objects: readonly StoredObject[]): Promise<readonly StoredObject[]> {
  const { rows } = await q.query<{ sop_instance_uid: string }>({
    name: 'metadata-known',
    text: 'select sop_instance_uid from instance_metadata where sop_instance_uid = any($1::text[])',
    values: [objects.map((object) => object.sopInstanceUid)],
  });
  const have = new Set(rows.map((row) => row.sop_instance_uid));
  return objects.filter((object) => !have.has(object.sopInstanceUid));
}

/**
 * The index of DICOM instances: which objects of which study and series are here, and in which blob.
 * The first object received under a SOP Instance UID is the one that is served, for ever; later ones with other bytes
 * keep their own journal entry and blob, and that entry is flagged. Nothing is overwritten.
 */
import type { NewEntry } from '../model/entry.ts';
import type { IndexedInstance, Instance, StoredObject } from '../model/instance.ts';
import type { Queryable } from './database.ts';

/**
 * The index rows of a batch, as a part of the statement that inserts their journal entries (journal-store.ts), for one round trip and one
 * commit. `incoming` and `written` are its, `$1` and `$4` its digests and payloads; parameters of our own begin at `first`. An instance
 * whose UID is known already is left as it is.
 */
export function instanceInsert(first: number): string {
  const columns = ['bigint', 'text', 'text', 'text', 'text', 'int', 'bigint', 'int', 'bigint', 'int'].map(
    (type, index) => `$${first + index}::${type}[]`,
  );
  return `
  insert into instance (sop_instance_uid, study_uid, series_uid, sop_class_uid, transfer_syntax, modality, frames, peer, blob, bytes,
                        dataset_offset, pixel_offset, number, digest, header, received, seq)
  select w.control_id, x.study_uid, x.series_uid, w.type, x.transfer_syntax, x.modality, x.frames, w.peer, i.blob, x.bytes,
         x.dataset_offset, x.pixel_offset, x.number, w.digest, substring($4::bytea from i.payload_at for i.payload_length), i.received, w.seq
  from unnest(${columns.join(', ')})
    as x(ord, study_uid, series_uid, transfer_syntax, modality, frames, bytes, dataset_offset, pixel_offset, number)
  join incoming i on i.ord = x.ord
  join written w on w.kind = i.kind and w.peer = i.peer and w.control_id = i.control_id
    and w.digest = substring($1::bytea from i.digest_at for i.digest_length)
  order by w.control_id
  on conflict (sop_instance_uid) do nothing`;
}

/** The parameters of `instanceInsert`, for entries in the order of `incoming`. */
export function instanceColumns(entries: readonly NewEntry[]): unknown[][] {
  const rows = entries.flatMap(({ instance }, index) => (instance ? [{ instance, ord: index + 1 }] : []));
  const column = <T>(of: (instance: IndexedInstance) => T) => rows.map((row) => of(row.instance));
  return [
    rows.map((row) => row.ord),
    column((instance) => instance.studyUid),
    column((instance) => instance.seriesUid),
    column((instance) => instance.transferSyntax),
    column((instance) => instance.modality),
    column((instance) => instance.frames),
    column((instance) => instance.bytes),
    column((instance) => instance.datasetOffset),
    column((instance) => instance.pixelOffset),
    column((instance) => instance.number),
  ];
}

/** All instances of the given studies, by study, series and order of arrival. */
export async function instancesOfStudies(q: Queryable, studyUids: readonly string[]): Promise<Instance[]> {
  if (studyUids.length === 0) return [];
  const { rows } = await q.query<InstanceRow>({
    name: 'instance-of-studies',
    text: `select * from instance where study_uid = any($1::text[]) order by study_uid, series_uid, seq`,
    values: [studyUids],
  });
  return rows.map(instanceOf);
}

/** The studies of those instances that a peer itself has sent. */
export async function studiesSentBy(q: Queryable, peer: string, uids: readonly string[]): Promise<string[]> {
  const { rows } = await q.query<{ study_uid: string }>({
    name: 'instance-studies-sent-by',
    text: `select distinct study_uid from instance i where sop_instance_uid = any($2::text[]) and exists (
             select 1 from journal j where j.peer = $1 and j.control_id = i.sop_instance_uid and j.kind = 'dicom' and j.disposition = 'accepted')
           order by study_uid`,
    values: [peer, uids],
  });
  return rows.map((row) => row.study_uid);
}

/** What a WADO-RS path names: a study, a series of it, or one instance of that. */
export type InstancePath = { readonly study: string; readonly series?: string; readonly instance?: string };

/** The instances a path names, in order of arrival, as far as the group may see them (null: an operator); empty when there are none. */
export async function instancesAt(q: Queryable, path: InstancePath, group: string | null): Promise<StoredObject[]> {
  const { rows } = await q.query<Omit<InstanceRow, 'header'>>({
    name: 'instance-at-path',
    text: `select ${OBJECT_COLUMNS} from instance i where study_uid = $1 and ($2::text is null or series_uid = $2)
             and ($3::text is null or sop_instance_uid = $3) and ($4::text is null or ${visibleInstance('i', '$4')})
           order by series_uid, seq`,
    values: [path.study, path.series ?? null, path.instance ?? null, group],
  });
  return rows.map(objectOf);
}

/**
 * SQL: whether a group that sees the study sees this row of it. What was made here says what a resource says, and is for those alone who
 * may see that: of two cases on one study neither reads the report of the other.
 */
export function visibleInstance(alias: string, group: string): string {
  return `(${alias}.made_of is null or exists (select from resource made where made.type = split_part(${alias}.made_of, '/', 1)
    and made.id = split_part(${alias}.made_of, '/', 2)::uuid and not made.deleted and ${group} = any(made.readers)))`;
}

/** Adds an object that was made here. Once: one that is known already stays as it is. */
export async function addMadeInstance(tx: Queryable, { madeOf, ...instance }: Instance): Promise<void> {
  await tx.query({
    name: 'instance-add-made',
    text: `insert into instance (sop_instance_uid, study_uid, series_uid, sop_class_uid, transfer_syntax, modality, frames, peer, blob, bytes,
             dataset_offset, pixel_offset, digest, header, received, seq, made_of, number)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) on conflict (sop_instance_uid) do nothing`,
    values: [
      ...[instance.sopInstanceUid, instance.studyUid, instance.seriesUid, instance.sopClassUid, instance.transferSyntax, instance.modality],
      ...[instance.frames, instance.peer, instance.blob, instance.bytes, instance.datasetOffset, instance.pixelOffset, instance.digest],
      ...[instance.header, instance.received, instance.seq, madeOf, instance.number],
    ],
  });
}

/** Objects that were made here of a resource, `Type/id`. */
export async function objectsMadeOf(q: Queryable, reference: string): Promise<StoredObject[]> {
  const { rows } = await q.query<Omit<InstanceRow, 'header'>>({
    name: 'instance-made-of',
    text: `select ${OBJECT_COLUMNS} from instance where made_of = $1 order by series_uid, sop_instance_uid`,
    values: [reference],
  });
  return rows.map(objectOf);
}

/** Objects of studies that are to be read, in order of arrival within their series: all but what was made here of reports on them. */
export async function materialObjects(q: Queryable, studyUids: readonly string[], limit: number): Promise<StoredObject[]> {
  const { rows } = await q.query<Omit<InstanceRow, 'header'>>({
    name: 'instance-material',
    text: `select ${OBJECT_COLUMNS} from instance where study_uid = any($1::text[]) and ${NO_RESULT}
           order by study_uid, series_uid, seq limit $2`,
    values: [studyUids, limit],
  });
  return rows.map(objectOf);
}

/** One instance with its header, or null. */
export async function instanceAt(q: Queryable, path: Required<InstancePath>, group: string | null): Promise<Instance | null> {
  const { rows } = await q.query<InstanceRow>({
    name: 'instance-with-header',
    text: `select ${OBJECT_COLUMNS}, header from instance i where sop_instance_uid = $3 and study_uid = $1 and series_uid = $2
             and ($4::text is null or ${visibleInstance('i', '$4')})`,
    values: [path.study, path.series, path.instance, group],
  });
  return rows[0] ? instanceOf(rows[0]) : null;
}

/** Instances of studies that were not ordered to a destination for a case yet and did not come from there, in order of arrival within their series. */
export async function unsentObjects(
  q: Queryable,
  place: { readonly caseId: string; readonly destination: string },
  studyUids: readonly string[],
  limit: number,
): Promise<StoredObject[]> {
  const { rows } = await q.query<Omit<InstanceRow, 'header'>>({
    name: 'instance-unsent',
    text: `select ${OBJECT_COLUMNS} from instance i where study_uid = any($1::text[]) and ${NO_RESULT} and not exists (
             select 1 from delivery d
             where d.case_id = $2 and d.destination = $3 and d.kind = 'dicom-object' and d.control_id = i.sop_instance_uid)
             and not exists (select 1 from returned_object r where r.sop_instance_uid = i.sop_instance_uid and r.destination = $3)
           order by study_uid, series_uid, seq limit $4`,
    values: [studyUids, place.caseId, place.destination, limit],
  });
  return rows.map(objectOf);
}

/** Instances of studies that came back from where they were sent de-identified, and were not ordered to another destination for a case yet. */
export async function unsentReturned(
  q: Queryable,
  place: { readonly caseId: string; readonly destination: string },
  studyUids: readonly string[],
): Promise<StoredObject[]> {
  const { rows } = await q.query<Omit<InstanceRow, 'header'>>({
    name: 'instance-unsent-returned',
    text: `select ${OBJECT_COLUMNS} from instance i where study_uid = any($1::text[])
             and exists (select 1 from returned_object r where r.sop_instance_uid = i.sop_instance_uid)
             and not exists (
               select 1 from delivery d
               where d.case_id = $2 and d.destination = $3 and d.kind = 'dicom-object' and d.control_id = i.sop_instance_uid)
           order by study_uid, series_uid, seq limit ${MOST_RETURNED}`,
    values: [studyUids, place.caseId, place.destination],
  });
  return rows.map(objectOf);
}

/** More than come while one batch is worked off. */
const MOST_RETURNED = 2_000;

/** Instances that came after a place in the journal, in order. */
export async function objectsAfter(q: Queryable, seq: number, limit: number): Promise<StoredObject[]> {
  const { rows } = await q.query<Omit<InstanceRow, 'header'>>({
    name: 'instance-after',
    text: `select ${OBJECT_COLUMNS} from instance where seq > $1 order by seq limit $2`,
    values: [seq, limit],
  });
  return rows.map(objectOf);
}

/** The header of one instance, DICOM JSON; an instance that is not there is an error of the caller. */
export async function headerAt(q: Queryable, sopInstanceUid: string): Promise<Buffer> {
  const { rows } = await q.query<{ header: Buffer }>({
    name: 'instance-header',
    text: 'select header from instance where sop_instance_uid = $1',
    values: [sopInstanceUid],
  });
  return (rows[0] as { header: Buffer }).header;
}

const NO_RESULT = `coalesce(made_of, '') not like 'DiagnosticReport/%'`;

export const OBJECT_COLUMNS = `sop_instance_uid, study_uid, series_uid, sop_class_uid, transfer_syntax, modality, frames, peer, blob, bytes,
  dataset_offset, pixel_offset, number, digest, received, seq, made_of`;

export type ObjectRow = Omit<InstanceRow, 'header'>;

type InstanceRow = {
  sop_instance_uid: string;
  study_uid: string;
  series_uid: string;
  sop_class_uid: string;
  transfer_syntax: string;
  modality: string;
  frames: number;
  peer: string;
  blob: string;
  bytes: number;
  dataset_offset: number;
  pixel_offset: number | null;
  number: number | null;
  digest: Buffer;
  header: Buffer;
  received: Date;
  seq: number;
  made_of: string | null;
};

function instanceOf(row: InstanceRow): Instance {
  return { ...objectOf(row), header: row.header };
}

export function objectOf(row: ObjectRow): StoredObject {
  return {
    sopInstanceUid: row.sop_instance_uid,
    studyUid: row.study_uid,
    seriesUid: row.series_uid,
    sopClassUid: row.sop_class_uid,
    transferSyntax: row.transfer_syntax,
    modality: row.modality,
    frames: row.frames,
    peer: row.peer,
    blob: row.blob,
    bytes: row.bytes,
    datasetOffset: row.dataset_offset,
    pixelOffset: row.pixel_offset,
    number: row.number,
    digest: row.digest,
    received: row.received,
    seq: row.seq,
    madeOf: row.made_of,
  };
}

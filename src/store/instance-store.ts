/**
 * The index of DICOM instances: which objects of which study and series are here, and in which blob.
 * The first object received under a SOP Instance UID is the one that is served, for ever; later ones with other bytes
 * keep their own journal entry and blob, and that entry is flagged. Nothing is overwritten.
 */
import type { Instance, NewInstance, StoredObject } from '../model/instance.ts';
import type { Queryable } from './database.ts';
import { pack } from './packed.ts';

const INSERT = `
insert into instance (sop_instance_uid, study_uid, series_uid, sop_class_uid, transfer_syntax, modality, frames, peer, blob, bytes,
                      dataset_offset, pixel_offset, digest, header, received, seq)
select sop_instance_uid, study_uid, series_uid, sop_class_uid, transfer_syntax, modality, frames, peer, blob, bytes, dataset_offset, pixel_offset,
       substring($1::bytea from digest_at for digest_length), substring($4::bytea from header_at for header_length), received, seq
from unnest($2::int[], $3::int[], $5::int[], $6::int[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::int[],
            $14::text[], $15::text[], $16::bigint[], $17::int[], $18::bigint[], $19::timestamptz[], $20::bigint[])
  as i(digest_at, digest_length, header_at, header_length, sop_instance_uid, study_uid, series_uid, sop_class_uid, transfer_syntax, modality, frames,
       peer, blob, bytes, dataset_offset, pixel_offset, received, seq)
order by sop_instance_uid
on conflict (sop_instance_uid) do nothing`;

/** A journal entry whose object came under a UID that stands for other bytes. */
const FLAG = `
update journal set reused_control_id = true
from instance where journal.seq = any($1::bigint[]) and instance.sop_instance_uid = journal.control_id and instance.digest <> journal.digest`;

/** Indexes instances, each with the journal entry it came by. Those whose UID is known already are left as they are. */
export async function insertInstances(q: Queryable, rows: readonly { instance: NewInstance; seq: number }[]): Promise<void> {
  const digests = pack(rows.map((row) => row.instance.digest));
  const headers = pack(rows.map((row) => row.instance.header));
  const column = <T>(of: (instance: NewInstance) => T) => rows.map((row) => of(row.instance));
  const seqs = rows.map((row) => row.seq);
  const { rowCount } = await q.query({
    name: 'instance-insert',
    text: INSERT,
    values: [
      ...[digests.bytes, digests.starts, digests.lengths],
      ...[headers.bytes, headers.starts, headers.lengths],
      column((instance) => instance.sopInstanceUid),
      column((instance) => instance.studyUid),
      column((instance) => instance.seriesUid),
      column((instance) => instance.sopClassUid),
      column((instance) => instance.transferSyntax),
      column((instance) => instance.modality),
      column((instance) => instance.frames),
      column((instance) => instance.peer),
      column((instance) => instance.blob),
      column((instance) => instance.bytes),
      column((instance) => instance.datasetOffset),
      column((instance) => instance.pixelOffset),
      column((instance) => instance.received),
      seqs,
    ],
  });
  if (rowCount !== rows.length) await q.query(FLAG, [seqs]);
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

/** What a WADO-RS path names: a study, a series of it, or one instance of that. */
export type InstancePath = { readonly study: string; readonly series?: string; readonly instance?: string };

/** The instances a path names, in order of arrival; empty when there are none. */
export async function instancesAt(q: Queryable, path: InstancePath): Promise<StoredObject[]> {
  const { rows } = await q.query<Omit<InstanceRow, 'header'>>({
    name: 'instance-at-path',
    text: `select ${OBJECT_COLUMNS} from instance where study_uid = $1 and ($2::text is null or series_uid = $2) and ($3::text is null or sop_instance_uid = $3)
           order by series_uid, seq`,
    values: [path.study, path.series ?? null, path.instance ?? null],
  });
  return rows.map(objectOf);
}

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

const OBJECT_COLUMNS = `sop_instance_uid, study_uid, series_uid, sop_class_uid, transfer_syntax, modality, frames, peer, blob, bytes,
  dataset_offset, pixel_offset, digest, received, seq`;

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
  digest: Buffer;
  header: Buffer;
  received: Date;
  seq: number;
};

function instanceOf(row: InstanceRow): Instance {
  return { ...objectOf(row), header: row.header };
}

function objectOf(row: Omit<InstanceRow, 'header'>): StoredObject {
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
    digest: row.digest,
    received: row.received,
    seq: row.seq,
  };
}

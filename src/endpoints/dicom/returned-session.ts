/**
 * An object that comes back from where others were sent de-identified: known by the UID of its study or the pseudonym of its patient, and only
 * from a peer that the destination names in `returnedBy`. In: its header, then its journal entry with the file it is stored in. Out: the
 * same object of the original patient and study, stored as if the sender of that study had sent it; or why it is not taken.
 * Promises: the bytes that came stay as they came, in the blob store and the journal, and in no index; both are durable before the sender
 * hears of success, and what comes again, or after a kill, makes no second object. A study and a Patient ID of two patients are refused.
 */
import type { NewEntry } from '../../model/entry.ts';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import type { IndexedInstance, StoredObject } from '../../model/instance.ts';
import type { Peer, PeerDirectory } from '../../model/peer.ts';
import { editDataset, type StoredDataset } from '../../protocols/dicom/edited-dataset.ts';
import { type Header, textOf } from '../../protocols/dicom/header.ts';
import { namedUids, reidentification } from '../../protocols/dicom/reidentification.ts';
import { MODULES_BYTES, readStudyModules, type StudyModules, textIn } from '../../protocols/dicom/study-modules.ts';
import { type TransferSyntax, transferSyntax } from '../../protocols/dicom/transfer-syntax.ts';
import type { DatasetElement } from '../../protocols/dicom/write.ts';
import { readRanges } from '../../store/blob-range-store.ts';
import type { BlobStore } from '../../store/blob-store.ts';
import type { Queryable } from '../../store/database.ts';
import { reasonOf } from '../../store/database-failure.ts';
import { instancesAt, materialObjects } from '../../store/instance-store.ts';
import { findStanding, noteReturned, originalDates, originalUids, type Standing } from '../../store/pseudonym-store.ts';
import { type ObjectDeps, ObjectSession } from './object-session.ts';

export type ReturnedDeps = Omit<ObjectDeps, 'blobs' | 'refusal' | 'returned'> & {
  readonly blobs: ObjectDeps['blobs'] & Pick<BlobStore, 'read' | 'path'>;
  readonly database: Queryable;
  readonly peers: Pick<PeerDirectory, 'named'>;
  /** What this gateway calls itself. */
  readonly aeTitle: string;
};

/** Stores what the object is here. Out: what the journal says of the entry. */
export type Returned = (entry: NewEntry) => Promise<string | Failure>;

/** Null: an object like any other. */
export type FindReturned = (peer: Peer, header: Header) => Promise<Returned | Failure | null>;

export function findReturned(deps: ReturnedDeps): FindReturned {
  return async (peer, header) => {
    const { reidentifies = [] } = peer;
    if (reidentifies.length === 0) return null;
    return inReach(async () => {
      const standing = await findStanding(deps.database, reidentifies, header.studyUid, textOf(header.json, 'PatientID'));
      if (!standing) return null;
      const original = await originalOf(deps, standing, header);
      return isFailure(original) ? original : (entry) => inReach(() => takeBack(deps, original, header, entry));
    });
  };
}

type Original = {
  readonly destination: string;
  /** Null: a study that is new there, of a patient who is known. */
  readonly studyUid: string | null;
  readonly elements: readonly DatasetElement[];
  readonly patient: { readonly pseudonym: string; readonly id: string; readonly name: string };
  /** Under whose name it is stored: the sender of the study. */
  readonly peer: string;
};

async function originalOf(deps: ReturnedDeps, standing: Standing, header: Header): Promise<Original | Failure> {
  const { patient, destination } = standing;
  const studyUid = standing.studyUid ?? ((await firstOf(deps, header.studyUid)) ? header.studyUid : null);
  const object = await firstOf(deps, studyUid ?? patient?.studyUid ?? '');
  const study = object && (await modulesOf(deps.blobs, object));
  if (!study) return failure('returned', 'not-found', `what was sent to ${destination} of this patient or study is not here any more`);
  const [id, issuer] = [PATIENT_ID, ISSUER_OF_PATIENT_ID].map((tag) => textIn(study.elements, tag)) as [string, string];
  if (patient && (patient.patientId !== id || patient.issuer !== issuer))
    return failure('returned', 'conflict', `its study and its Patient ID stand for two patients among what was sent to ${destination}`);
  return {
    destination,
    studyUid,
    elements: studyUid === null ? study.elements.filter(([tag]) => isOfPatient(tag)) : study.elements,
    patient: { pseudonym: patient ? textOf(header.json, 'PatientID') : '', id, name: textIn(study.elements, PATIENT_NAME) },
    peer: object.peer,
  };
}

async function firstOf({ database }: ReturnedDeps, studyUid: string): Promise<StoredObject | null> {
  return studyUid === '' ? null : ((await materialObjects(database, [studyUid], 1))[0] ?? null);
}

async function modulesOf(blobs: ReturnedDeps['blobs'], object: StoredObject): Promise<StudyModules | null> {
  const { blob, datasetOffset: start } = object;
  const chunks: Buffer[] = [];
  for await (const chunk of blobs.read(blob, { start, end: start + MODULES_BYTES - 1 })) chunks.push(chunk as Buffer);
  return readStudyModules(Buffer.concat(chunks), transferSyntax(object.transferSyntax) as TransferSyntax);
}

/** What does not change from one study to the next. */
function isOfPatient(tag: number): boolean {
  return tag >>> 16 === 0x0010 && !OF_THE_DAY.has(tag);
}

async function takeBack(deps: ReturnedDeps, original: Original, header: Header, entry: NewEntry): Promise<string | Failure> {
  const { database } = deps;
  const { destination, studyUid, peer } = original;
  const stored = storedDataset(deps.blobs, entry);
  const named = namedUids();
  const walked = await editDataset(stored, named.edits);
  if (isFailure(walked)) return walked;
  const uids = await originalUids(database, destination, [...named.uids]);
  const sopInstanceUid = uids.get(header.sopInstanceUid) ?? header.sopInstanceUid;
  const about = `came back de-identified from ${destination}`;
  if ((await instancesAt(database, { study: studyUid ?? header.studyUid, instance: sopInstanceUid }, null)).length > 0)
    return `${about}: is here as ${sopInstanceUid}`;
  const dates = studyUid === null ? new Map<string, string>() : await originalDates(database, destination, studyUid);
  const copy = await editDataset(stored, reidentification({ ...original, uids, dates, system: deps.aeTitle }));
  if (isFailure(copy)) return copy;
  await noteReturned(database, sopInstanceUid, destination);
  const { sopClassUid } = header;
  const announced = { sopClassUid, sopInstanceUid, transferSyntax: stored.syntax.uid, studyUid };
  const session = new ObjectSession('returned', announced, deps.peers.named(peer), deps);
  try {
    for await (const chunk of copy.read()) await session.write(chunk);
  } catch (error) {
    await session.abandon();
    throw error;
  }
  const made = await session.end();
  if (isFailure(made)) return made;
  deps.log.info('returned.taken', { peer: entry.peer, destination, sopInstanceUid, seq: made.seq });
  return `${about}: is here as ${sopInstanceUid}, entry ${made.seq}`;
}

/** What cannot be looked up or read now is sent again. */
async function inReach<T>(work: () => Promise<T>): Promise<T | Failure> {
  try {
    return await work();
  } catch (error) {
    return failure('returned', 'unreachable', `what it stands for could not be read: ${reasonOf(error)}`, 'transient');
  }
}

function storedDataset(blobs: ReturnedDeps['blobs'], { blob, instance }: NewEntry): StoredDataset {
  const { bytes, datasetOffset, transferSyntax: uid } = instance as IndexedInstance;
  return { syntax: transferSyntax(uid) as TransferSyntax, ...readRanges(blobs, { blob: blob as string, bytes, datasetOffset }) };
}

const PATIENT_NAME = 0x00100010;
const PATIENT_ID = 0x00100020;
const ISSUER_OF_PATIENT_ID = 0x00100021;
/** Age, size and weight. */
const OF_THE_DAY: ReadonlySet<number> = new Set([0x00101010, 0x00101020, 0x00101030]);

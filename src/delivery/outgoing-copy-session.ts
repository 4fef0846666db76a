/**
 * The copy of a stored object that goes to one destination: as its rules say, or as it is stored where it has none.
 * In: a delivery of kind `dicom-object`. Out: its dataset as a stream, to be read once, or why it is not sent.
 * The stored file is never changed; what goes out is made while it is sent, of the same bytes for each attempt.
 */
import type { Patient, ServiceRequest } from '@medplum/fhirtypes';
import type { Clock } from '../model/clock.ts';
import type { DicomwebDestination, DimseDestination } from '../model/config.ts';
import { type Failure, failure, isFailure } from '../model/failure.ts';
import type { DeidentifyRules } from '../model/outgoing.ts';
import type { DecodeFrame } from '../model/pixel-decoder.ts';
import { COERCED, coercion, textOfElement } from '../protocols/dicom/coercion.ts';
import { deidentification, JUDGED } from '../protocols/dicom/deidentification.ts';
import { editDataset, readElements } from '../protocols/dicom/edited-dataset.ts';
import type { BlobStore } from '../store/blob-store.ts';
import { readCases } from '../store/case-store.ts';
import type { Database } from '../store/database.ts';
import { reasonOf } from '../store/database-failure.ts';
import { instancesAt } from '../store/instance-store.ts';
import { pseudonymSecret, savePseudonyms } from '../store/pseudonym-store.ts';
import { readResources } from '../store/resource-store.ts';
import { coercionFacts, type Known } from './outgoing-facts.ts';
import { type OpenOutgoing, type Outgoing, objectOf, openStored, storedDataset } from './outgoing-session.ts';

export type CopyDeps = {
  readonly blobs: Pick<BlobStore, 'read' | 'stat' | 'path'>;
  readonly database: Database;
  readonly clock: Clock;
  readonly decode: DecodeFrame;
  /** What this gateway calls itself: Modifying System. */
  readonly aeTitle: string;
};

export function openCopy(destination: DimseDestination | DicomwebDestination, deps: CopyDeps): OpenOutgoing {
  const openWhole = openStored(deps.blobs, deps.decode);
  const { name, coerce, deidentify } = destination;
  if (!coerce && !deidentify) return openWhole;
  return async (delivery) => {
    const whole = await openWhole(delivery);
    if (isFailure(whole)) return whole;
    try {
      if (deidentify) return await deidentified(delivery, name, deidentify, whole, deps);
      return coerce ? await coerced(delivery, coerce, whole, deps) : whole;
    } catch (error) {
      return failure('delivery', 'unreachable', `what the rules need to know could not be read: ${reasonOf(error)}`, 'transient');
    }
  };
}

type Coerce = NonNullable<DimseDestination['coerce']>;

async function coerced(
  delivery: Parameters<OpenOutgoing>[0],
  rules: Coerce,
  whole: Outgoing,
  { blobs, database, clock, aeTitle }: CopyDeps,
): Promise<Outgoing | Failure> {
  const object = objectOf(delivery);
  const stored = storedDataset(blobs, object);
  const elements = await readElements(stored, COERCED);
  if (isFailure(elements)) return elements;
  const known = await knownOf(database, delivery.caseId);
  const facts = coercionFacts(rules, known, textOfElement(elements, PATIENT_ID));
  if (isFailure(facts)) return facts;
  const { studyUid: study, sopInstanceUid: instance } = object;
  const source = (await instancesAt(database, { study, instance }, null))[0]?.peer ?? '';
  const edits = coercion(elements, rules, facts, {
    system: aeTitle,
    source,
    at: delivery.id === undefined ? clock.now() : timeOf(delivery.id),
  });
  if (edits === null || isFailure(edits)) return edits ?? whole;
  const copy = await editDataset(stored, edits);
  return isFailure(copy) ? copy : { ...whole, dataset: copy.read(), bytes: copy.bytes };
}

/** Who is who is kept before anything is sent. */
async function deidentified(
  delivery: Parameters<OpenOutgoing>[0],
  destination: string,
  rules: DeidentifyRules,
  whole: Outgoing,
  { blobs, database }: CopyDeps,
): Promise<Outgoing | Failure> {
  const stored = storedDataset(blobs, objectOf(delivery));
  const elements = await readElements(stored, JUDGED);
  if (isFailure(elements)) return elements;
  const made = deidentification(elements, rules, { secret: await pseudonymSecret(database), destination });
  if (isFailure(made)) return made;
  const sopInstanceUid = made.mapped(whole.sopInstanceUid);
  const copy = await editDataset(stored, made.edits);
  if (isFailure(copy)) return copy;
  const patient = { patientId: textOfElement(elements, PATIENT_ID), issuer: textOfElement(elements, ISSUER_OF_PATIENT_ID) };
  const { uids, dates, pseudonym } = made;
  const studyUid = textOfElement(elements, STUDY_INSTANCE_UID);
  await savePseudonyms(database, { destination, uids, dates, studyUid, patient: { ...patient, pseudonym } });
  return { ...whole, sopInstanceUid, dataset: copy.read(), bytes: copy.bytes };
}

async function knownOf(database: Database, caseId: string): Promise<Known> {
  const state = (await readCases(database, caseId === '' ? [] : [caseId])).get(caseId)?.state;
  const found = await readResources(
    database,
    [state?.patient ?? '', state?.serviceRequest ?? ''].filter((reference) => reference !== ''),
  );
  return {
    patient: (found.get(state?.patient ?? '')?.resource as Patient | undefined) ?? null,
    order: (found.get(state?.serviceRequest ?? '')?.resource as ServiceRequest | undefined) ?? null,
  };
}

/** When the delivery was ordered, as its UUIDv7 tells: every attempt sends the same bytes. */
function timeOf(id: string): Date {
  return new Date(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16));
}

const PATIENT_ID = 0x00100020;
const ISSUER_OF_PATIENT_ID = 0x00100021;
const STUDY_INSTANCE_UID = 0x0020000d;

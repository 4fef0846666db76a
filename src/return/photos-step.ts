/**
 * The photos and films of a case for the PACS it is routed to, with the database: once the case is offered each of its Media is ordered as a
 * DICOM object of a study that is kept once for the order, and each that comes later as well. When the object is made it walks in as any
 * object that arrives, finds the case by its study, and is sent as the others (objects-step.ts).
 * Promises: a picture is ordered once for a case, whatever is worked off again.
 */
import type { Media, Patient, Practitioner, PractitionerRole, ServiceRequest } from '@medplum/fhirtypes';
import { identity, isMadeUp, PATIENT_OF_STUDY, systemOfName } from '../mapping/datatypes/systems.ts';
import type { StoredBinary } from '../model/binary.ts';
import type { CaseKey, CasePhase, CaseState, PatientKey } from '../model/case.ts';
import { type Config, takesObjects } from '../model/config.ts';
import type { Peer, PeerDirectory } from '../model/peer.ts';
import type { PhotoOrder } from '../model/photo.ts';
import { photoStudyUid } from '../protocols/dicom/photo-class.ts';
import { addEvent, type Batch, changedCases, loadResources, putCase, resourceIn } from '../store/batch.ts';
import type { BlobStore } from '../store/blob-store.ts';
import { claimCaseKeys } from '../store/case-store.ts';
import { claimIdentifiers } from '../store/identifier-store.ts';
import { orderPhotos, unorderedPhotos } from '../store/photo-store.ts';
import { photoOrder } from './dicom/photo-object.ts';
import { numberOf, personName } from './dicom/photo-words.ts';

export type PhotoHouse = { readonly config: Config; readonly peers: PeerDirectory; readonly blobs: BlobStore };

export async function orderPhotoObjects(batch: Batch, house: PhotoHouse): Promise<void> {
  for (const state of changedCases(batch)) {
    const destination = house.config.destinations.find(({ name }) => name === state.route?.destination);
    if (!takesObjects(destination) || !SENDING.has(state.phase) || state.serviceRequest === '') continue;
    const fresh = await freshOrders(batch, house, state);
    if (fresh.length === 0) continue;
    await orderPhotos(batch.tx, fresh, batch.now);
    await keepStudy(batch, state, house.peers.named(state.origin?.peer ?? ''));
    const count = fresh.length === 1 ? '1 photo or film becomes a DICOM object' : `${fresh.length} photos and films become DICOM objects`;
    addEvent(batch, state.id, { seq: null, kind: 'photos', actor: 'gateway', detail: `${count} for ${destination.name}` });
  }
}

async function freshOrders(batch: Batch, house: PhotoHouse, state: CaseState): Promise<PhotoOrder[]> {
  const references = state.members.filter((reference) => reference.startsWith('Media/'));
  if (references.length === 0) return [];
  await loadResources(batch, [...references, state.patient, state.serviceRequest]);
  const patient = resourceIn(batch, state.patient) as (Patient & { id: string }) | null;
  const serviceRequest = resourceIn(batch, state.serviceRequest) as (ServiceRequest & { id: string }) | null;
  if (!patient || !serviceRequest) return [];
  const about = {
    patient,
    serviceRequest,
    practice: house.config.specialties.find(({ name }) => name === state.specialty)?.practice.code ?? '',
    referrer: await referrerOf(batch, serviceRequest),
    caseId: state.id,
    peer: state.origin?.peer ?? '',
    zone: house.peers.named(state.origin?.peer ?? '').zone,
  };
  const orders: PhotoOrder[] = [];
  for (const [index, reference] of references.entries()) {
    const media = resourceIn(batch, reference) as (Media & { id: string }) | null;
    const blob = media && isPicture(media) ? await blobOf(batch, house.blobs, media) : '';
    if (media && blob !== '') orders.push(photoOrder({ ...about, media, blob, number: index + 1 }));
  }
  const unordered = await unorderedPhotos(
    batch.tx,
    orders.map(({ sopInstanceUid }) => sopInstanceUid),
  );
  return orders.filter(({ sopInstanceUid }) => unordered.has(sopInstanceUid));
}

/** Sound is none; what else is none is found out when it is looked at. */
function isPicture({ status, content }: Media): boolean {
  return status === 'completed' && !content.contentType?.startsWith('audio/');
}

/** The file that a Media names; data that stands in it becomes one. '' where it is not here. */
async function blobOf(batch: Batch, blobs: BlobStore, { content }: Media): Promise<string> {
  if (content.data !== undefined) return (await blobs.put(Buffer.from(content.data, 'base64'))).digest;
  const url = content.url ?? '';
  if (!url.startsWith('Binary/')) return '';
  await loadResources(batch, [url]);
  return (resourceIn(batch, url) as StoredBinary | null)?.digest ?? '';
}

async function referrerOf(batch: Batch, { requester }: ServiceRequest): Promise<string> {
  const reference = requester?.reference ?? '';
  if (/^Practitioner(Role)?\//.test(reference)) await loadResources(batch, [reference]);
  const known = resourceIn(batch, reference) as Practitioner | PractitionerRole | null;
  const practitioner = known?.resourceType === 'PractitionerRole' ? known.practitioner?.reference : reference;
  if (practitioner?.startsWith('Practitioner/')) await loadResources(batch, [practitioner]);
  const person = practitioner ? (resourceIn(batch, practitioner) as Practitioner | null) : null;
  return personName(person?.name?.[0] ?? (requester?.display === undefined ? undefined : { text: requester.display }));
}

/** By these the object finds its case and its patient when it comes. */
async function keepStudy(batch: Batch, state: CaseState, peer: Peer): Promise<void> {
  const studyUid = photoStudyUid(state.serviceRequest);
  const key: CaseKey = { kind: 'study', system: 'urn:dicom:uid', value: studyUid };
  const patient = resourceIn(batch, state.patient) as Patient & { id: string };
  await claimCaseKeys(batch.tx, [key]);
  await claimIdentifiers(batch.tx, [{ identities: [identity('Patient', PATIENT_OF_STUDY, studyUid)], fresh: patient.id }]);
  const keys = state.keys.some(({ value }) => value === studyUid) ? state.keys : [...state.keys, key];
  const own = numberOf(patient.identifier ?? []) ? [] : [resourceKey(patient.id, peer)];
  const fresh = own.filter(({ value }) => !state.patientKeys.some((one) => one.value === value));
  putCase(batch, { ...state, keys, patientKeys: [...state.patientKeys, ...fresh] });
}

/** Who has no number goes by the id of his resource. */
function resourceKey(id: string, { patientAuthority }: Peer): PatientKey {
  return { system: isMadeUp(patientAuthority) ? '' : systemOfName(patientAuthority), value: id };
}

/** Phases in which somebody reads, or read what came so far. */
const SENDING: ReadonlySet<CasePhase> = new Set(['requested', 'claimed', 'reported']);

/**
 * A report as DICOM objects for an archive, with the database. In: a case with a verified report, a destination that takes objects. Out: the
 * objects the destination wants of it, each once: files in the blob store, rows of the instance index, one delivery an object.
 * Promises: what was composed once is what is sent, however often it is worked off; the objects are of the transaction that orders them;
 * a file is durable before its row is.
 */
import { createHash } from 'node:crypto';
import type { DiagnosticReport, Identifier, Media, Patient, Provenance, Resource, ServiceRequest } from '@medplum/fhirtypes';
import type { CaseState } from '../model/case.ts';
import type { DicomwebDestination, DimseDestination, ResultKind, Signer, Specialty } from '../model/config.ts';
import { type Failure, failure, isFailure } from '../model/failure.ts';
import { type Instance, OURSELVES, type StoredObject } from '../model/instance.ts';
import type { PeerDirectory } from '../model/peer.ts';
import type { ComposedObject } from '../protocols/dicom/composed-object.ts';
import { headerReader } from '../protocols/dicom/header-reader.ts';
import { part10Prefix } from '../protocols/dicom/part10.ts';
import { indexOfStudy, numberOf } from '../protocols/dicom/query-index.ts';
import { MODULES_BYTES, readStudyModules, type StudyModules, textIn } from '../protocols/dicom/study-modules.ts';
import { type TransferSyntax, transferSyntax } from '../protocols/dicom/transfer-syntax.ts';
import { type Batch, loadResources, resourceIn } from '../store/batch.ts';
import type { BlobStore } from '../store/blob-store.ts';
import { indexStudy } from '../store/dicom-search-store.ts';
import { addMadeInstance, materialObjects, objectsMadeOf } from '../store/instance-store.ts';
import { codedOf } from './dicom/dicom-code.ts';
import { type DicomReport, type DocumentKind, documentUid } from './dicom/dicom-document.ts';
import { composeEncapsulatedPdf, ENCAPSULATED_PDF } from './dicom/encapsulated-pdf.ts';
import { composeKeyImages, composeRejectionNote, KEY_IMAGES, type Rejection, rejectionKind } from './dicom/key-objects.ts';
import { composeMeasurementSr, MEASUREMENT_SR } from './dicom/measurement-sr.ts';
import { composeReportSr, reportSrKind } from './dicom/report-sr.ts';
import { linkedMedia, namedImages } from './named-images.ts';
import { orderedStudy, patientNumber } from './order-study.ts';

export type ResultsHouse = { readonly peers: PeerDirectory; readonly blobs: BlobStore; readonly specialties: readonly Specialty[] };

export type SignedReport = {
  readonly report: DiagnosticReport;
  readonly provenance: Provenance;
  readonly signer: Signer;
  readonly pdf: () => Promise<Buffer | Failure>;
};

/** `left`: what the destination wants and the report does not give, in the words of the timeline. */
export type Results = { readonly objects: readonly StoredObject[]; readonly left: readonly string[] };

/** Objects of a study that a document names as its evidence. */
const MAX_EVIDENCE = 20_000;

export async function makeResults(
  batch: Batch,
  house: ResultsHouse,
  state: CaseState,
  destination: DimseDestination | DicomwebDestination,
  signed: SignedReport,
): Promise<Results | Failure> {
  const facts = await factsOf(batch, house, state, signed);
  if (isFailure(facts)) return facts;
  const made = new Map((await objectsMadeOf(batch.tx, facts.document.reference)).map((object) => [object.sopInstanceUid, object]));
  const objects: StoredObject[] = [];
  const left: string[] = [];
  for (const { what, kind, compose } of await wantedOf(destination, facts, signed)) {
    const known = made.get(documentUid(facts, kind));
    const composed = known ?? (await compose());
    if (isFailure(composed) && composed.code === 'not-found') left.push(`no ${what}: ${composed.detail}`);
    else if (isFailure(composed)) return composed;
    else objects.push('blob' in composed ? composed : await keep(batch, house.blobs, state, composed));
  }
  // Of a report that is taken back an archive may have nothing.
  const owed = objects.length === 0 && !state.report?.withdrawn;
  return owed ? failure('return', 'not-found', left.join('; ')) : { objects, left };
}

type Wanted = {
  readonly what: string;
  readonly kind: DocumentKind;
  readonly compose: () => ComposedObject | Failure | Promise<ComposedObject | Failure>;
};

async function wantedOf(
  { results, srClass, rejection }: DimseDestination | DicomwebDestination,
  facts: DicomReport,
  { pdf }: SignedReport,
): Promise<Wanted[]> {
  const kinds: Readonly<Record<ResultKind, Omit<Wanted, 'what'>>> = {
    pdf: { kind: ENCAPSULATED_PDF, compose: async () => withPdf(await pdf(), (bytes) => composeEncapsulatedPdf(facts, bytes)) },
    sr: { kind: reportSrKind(facts, srClass), compose: () => composeReportSr(facts, srClass) },
    measurements: { kind: MEASUREMENT_SR, compose: () => composeMeasurementSr(facts) },
    kos: { kind: KEY_IMAGES, compose: () => composeKeyImages(facts) },
  };
  const wanted = results.map((what) => ({ what, ...kinds[what] }));
  const withdrawn = facts.report.status === 'entered-in-error';
  if (withdrawn && facts.replaced.length === 0) return [];
  // What an archive hides needs no document that takes its place.
  if (withdrawn && rejection !== 'none') return [noteOf(facts, rejection)];
  if (rejection === 'none' || facts.replaced.length === 0) return wanted;
  // After what replaces them: an archive is never without a report.
  return [...wanted, noteOf(facts, rejection)];
}

function noteOf(facts: DicomReport, rejection: Rejection): Wanted {
  return { what: 'rejection note', kind: rejectionKind(rejection), compose: () => composeRejectionNote(facts, rejection) };
}

/** A file that is not here is looked for again: it is no reason to send a report without it. */
function withPdf(pdf: Buffer | Failure, compose: (bytes: Buffer) => ComposedObject | Failure): ComposedObject | Failure {
  if (isFailure(pdf)) return { ...pdf, code: 'invalid' };
  return compose(pdf);
}

/** Files first: a row never points to what is not there. */
async function keep(batch: Batch, blobs: BlobStore, state: CaseState, object: ComposedObject): Promise<StoredObject> {
  const prefix = part10Prefix(object);
  const { digest, bytes } = await blobs.put(Buffer.concat([prefix, object.dataset]));
  const reader = headerReader(transferSyntax(object.transferSyntax) as TransferSyntax);
  await reader.push(object.dataset);
  const read = await reader.end();
  if (isFailure(read)) throw new Error(`an object made here cannot be read: ${read.detail}`);
  const { reference, seq } = state.report as NonNullable<CaseState['report']>;
  const { dataset, ...uids } = object;
  const instance: Instance = {
    ...uids,
    modality: read.header.modality,
    number: numberOf(read.header.json, 'InstanceNumber'),
    frames: 0,
    peer: OURSELVES,
    blob: digest,
    bytes,
    datasetOffset: prefix.length,
    pixelOffset: null,
    digest: createHash('sha256').update(dataset).digest(),
    header: Buffer.from(JSON.stringify(read.header.json)),
    received: batch.now,
    seq,
    madeOf: reference,
  };
  await addMadeInstance(batch.tx, instance);
  await indexStudy(batch.tx, indexOfStudy([instance]));
  return instance;
}

async function factsOf(batch: Batch, house: ResultsHouse, state: CaseState, signed: SignedReport): Promise<DicomReport | Failure> {
  const { report, provenance, signer } = signed;
  const { reference, version, corrects } = state.report as NonNullable<CaseState['report']>;
  const request = resourceIn(batch, state.serviceRequest) as ServiceRequest | null;
  const peer = house.peers.named(state.origin?.peer ?? '');
  const order = { ...numbersOf(state, request), procedure: request?.code };
  const received = await materialObjects(
    batch.tx,
    state.studies.map(({ uid }) => uid),
    MAX_EVIDENCE,
  );
  const study =
    received.length > 0
      ? await storedStudy(house.blobs, received, order.accession)
      : studyOfOrder(state, resourceIn(batch, state.patient) as Patient | null, peer.patientAuthority, order.accession);
  if (isFailure(study)) return study;
  const named = namedImages(report, await loadMedia(batch, report));
  const here = new Map(received.map((object) => [object.sopInstanceUid, object]));
  const specialty = house.specialties.find(({ name }) => name === state.specialty);
  return {
    report,
    document: { reference, version },
    caseId: state.id,
    signer,
    signedAt: provenance.signature?.[0]?.when ?? provenance.recorded ?? '',
    organization: organizationOf(report, state),
    title: codedOf({ coding: specialty ? [specialty.report] : [] }) ?? DIAGNOSTIC_REPORT,
    study,
    zone: peer.zone,
    order,
    evidence: received.map(placed),
    keyImages: named.flatMap(({ sopInstanceUid, frames }) => {
      const object = here.get(sopInstanceUid);
      // Frames of an image that has one only are not referenced (PS3.3 Table 10-3).
      return object ? [{ sopClassUid: object.sopClassUid, sopInstanceUid, frames: object.frames > 1 ? frames : [] }] : [];
    }),
    replaced: corrects ? (await objectsMadeOf(batch.tx, corrects.reference)).map(placed) : [],
  };
}

function placed({ sopClassUid, sopInstanceUid, studyUid, seriesUid }: StoredObject) {
  return { sopClassUid, sopInstanceUid, studyUid, seriesUid };
}

/** Of several studies the one that says the order's accession number, else the first. */
async function storedStudy(blobs: BlobStore, received: readonly StoredObject[], accession: string): Promise<StudyModules | Failure> {
  const firsts = [...Map.groupBy(received, ({ studyUid }) => studyUid).values()].map((objects) => objects.reduce(earlier));
  let first: StudyModules | null = null;
  for (const object of firsts.sort((a, b) => a.seq - b.seq).slice(0, MAX_STUDIES)) {
    const study = await modulesOf(blobs, object);
    if (isFailure(study)) return study;
    if (textIn(study.elements, ACCESSION_NUMBER) === accession) return study;
    first ??= study;
  }
  return first as StudyModules;
}

function earlier(one: StoredObject, other: StoredObject): StoredObject {
  return other.received.getTime() - one.received.getTime() < 0 ||
    (other.received.getTime() === one.received.getTime() && other.seq < one.seq)
    ? other
    : one;
}

async function modulesOf(
  blobs: BlobStore,
  { blob, datasetOffset, transferSyntax: uid, sopInstanceUid }: StoredObject,
): Promise<StudyModules | Failure> {
  const missing = failure('return', 'invalid', `the file of ${sopInstanceUid} is not here: the study cannot be quoted`);
  if (!(await blobs.stat(blob))) return missing;
  const chunks: Buffer[] = [];
  for await (const chunk of blobs.read(blob, { start: datasetOffset, end: datasetOffset + MODULES_BYTES - 1 }))
    chunks.push(chunk as Buffer);
  return readStudyModules(Buffer.concat(chunks), transferSyntax(uid) as TransferSyntax) ?? missing;
}

/** No object of it has come: the order alone says which study it is. */
function studyOfOrder(state: CaseState, patient: Patient | null, authority: string, accession: string): StudyModules | Failure {
  const studyUid = state.keys.find(({ kind }) => kind === 'study')?.value;
  if (studyUid === undefined || !patient)
    return failure(
      'return',
      'invalid',
      'no image has come and the order names no Study Instance UID: there is no study for the result to go into',
    );
  return orderedStudy({ studyUid, patient, identifier: patientNumber(patient, authority), accession });
}

/** As the order itself says them: of two orders on one study each keeps its own. */
function numbersOf({ keys }: CaseState, request: ServiceRequest | null) {
  const own = (type: string, kind: CaseState['keys'][number]['kind']): string => {
    const said = (request?.identifier ?? []).find((one: Identifier) => one.type?.coding?.some(({ code }) => code === type))?.value;
    return said ?? keys.find((key) => key.kind === kind)?.value ?? '';
  };
  return { accession: own('ACSN', 'accession'), placer: own('PLAC', 'placer'), filler: own('FILL', 'filler') };
}

/** For whom the signer reads: the organization that the report names as its performer, else where the case was read. */
function organizationOf({ performer }: DiagnosticReport, { route }: CaseState): string {
  const named = (performer ?? []).find(
    ({ reference, type, display }) => display && (type === 'Organization' || reference?.startsWith('Organization/')),
  );
  return named?.display ?? route?.destination ?? 'unknown';
}

async function loadMedia(batch: Batch, report: DiagnosticReport): Promise<ReadonlyMap<string, Resource>> {
  const references = linkedMedia(report);
  await loadResources(batch, references);
  return new Map(
    references.flatMap((reference) => (resourceIn(batch, reference) ? [[reference, resourceIn(batch, reference) as Media]] : [])),
  );
}

const ACCESSION_NUMBER = 0x00080050;
const MAX_STUDIES = 20;
const DIAGNOSTIC_REPORT = { code: '18748-4', scheme: 'LN', meaning: 'Diagnostic imaging study' } as const;

/**
 * Mapping, with the database: every entry of the batch becomes resources and case parts, then business identifiers become ids.
 * HL7 v2 is mapped message by message, DICOM study by study (one ImagingStudy a batch, not one a slice); a FHIR write has been saved by
 * its door already and only tells which case parts it holds.
 */
import type { Reference, Resource, Task } from '@medplum/fhirtypes';
import type { CasePart } from '../model/case.ts';
import { failure, isFailure } from '../model/failure.ts';
import { holdText } from '../model/loss-report.ts';
import type { Mapped } from '../model/mapped.ts';
import type { PeerDirectory } from '../model/peer.ts';
import { askedDestination } from '../model/prior.ts';
import type { Work } from '../model/work.ts';
import { indexOfStudy } from '../protocols/dicom/query-index.ts';
import { literalReferences } from '../protocols/fhir/references.ts';
import { authorOf, type Batch, caseIdOf, loadResources, resourceIn } from '../store/batch.ts';
import type { BlobStore } from '../store/blob-store.ts';
import { reasonOf } from '../store/database-failure.ts';
import { indexStudy } from '../store/dicom-search-store.ts';
import { findIdentifiers } from '../store/identifier-store.ts';
import { instancesOfStudies } from '../store/instance-store.ts';
import { readNotices } from './closing-step.ts';
import { isNotice } from './datasets/closing-signal.ts';
import { mapStudy } from './datasets/study.ts';
import { identity, PATIENT_OF_STUDY } from './datatypes/systems.ts';
import { loadRecords } from './identity-step.ts';
import { currentRecord, openRecords } from './records.ts';
import { mapHl7v2 } from './registry.ts';
import { type MappedWork, resolve } from './resolve-step.ts';
import { casePartsOf } from './resources/servicerequest-case.ts';

export async function mapEntries(batch: Batch, peers: PeerDirectory, blobs: BlobStore): Promise<void> {
  const mapped = [...mapMessages(batch, peers), ...(await mapStudies(batch, peers))];
  await keepFiles(mapped, blobs);
  await resolve(batch, mapped);
  await readWritten(batch, peers);
  await readNotices(batch, peers);
}

function mapMessages(batch: Batch, peers: PeerDirectory): MappedWork[] {
  return batch.works.flatMap((work) => {
    if (work.entry.kind !== 'hl7v2') return [];
    const peer = peers.named(work.entry.peer);
    const mapped = attempt(work, () => mapHl7v2(work.entry, { peer }));
    if (!mapped) return [];
    work.gaps = mapped.gaps;
    if (mapped.production === false || mapped.parts.some((part) => !part.production)) {
      work.detail = 'marked as test or training (MSH-11): nothing was opened or changed';
      return [];
    }
    work.held = holdText(peer, mapped.gaps);
    return work.held === '' ? [{ work, mapped }] : [];
  });
}

/** Files first: a row never points to what is not there. One whose transaction fails is there again when it is tried again. */
async function keepFiles(mapped: readonly MappedWork[], blobs: BlobStore): Promise<void> {
  for (const { mapped: one } of mapped) for (const bytes of one.files?.values() ?? []) await blobs.put(bytes);
}

/** A mapping that throws is a defect here, never the sender's fault and never a reason to stop the lane: the entry is set aside. */
function attempt(work: Work, map: () => Mapped | ReturnType<typeof failure>): Mapped | null {
  try {
    const mapped = map();
    if (!isFailure(mapped)) return mapped;
    work.failure = mapped;
  } catch (error) {
    work.failure = failure('mapping', 'internal', reasonOf(error));
  }
  return null;
}

/** The newest entry of a study stands for all of this batch: it gets the study as it now is. */
async function mapStudies(batch: Batch, peers: PeerDirectory): Promise<MappedWork[]> {
  const works = batch.works.filter(({ entry }) => entry.kind === 'dicom' && !isNotice(entry));
  const newest = new Map(works.map((work) => [studyUidOf(work), work]));
  /** Of these something was sent by somebody, and not because it was asked for. */
  const sent = new Set(works.filter(({ entry }) => askedDestination(entry.peer) === null).map(studyUidOf));
  if (newest.size === 0) return [];
  const byStudy = await knownByStudy(batch, [...newest.keys()]);
  // An ImagingStudy is what was received: what was made here of its report changes neither it nor its case.
  const received = (await instancesOfStudies(batch.tx, [...newest.keys()])).filter(({ madeOf }) => madeOf === null);
  const studies = Map.groupBy(received, (instance) => instance.studyUid);
  const mapped: MappedWork[] = [];
  for (const [uid, work] of newest) {
    const instances = studies.get(uid) ?? [];
    const study =
      instances.length > 0
        ? attempt(work, () => mapStudy(instances, { peerOf: (name) => peers.named(name), byStudy: byStudy.has(uid) }))
        : null;
    if (!study) continue;
    await indexStudy(batch.tx, indexOfStudy(instances));
    work.gaps = study.gaps;
    mapped.push({ work, mapped: sent.has(uid) ? study : { ...study, parts: study.parts.map(asPrior) } });
  }
  return mapped;
}

/** It belongs to who asked for it, and brings no numbers together. */
function asPrior(part: CasePart): CasePart {
  return { ...part, kind: 'prior', keys: [] };
}

/** Studies whose patient is known by them. */
async function knownByStudy(batch: Batch, uids: readonly string[]): Promise<Set<string>> {
  const found = await findIdentifiers(
    batch.tx,
    uids.map((uid) => identity('Patient', PATIENT_OF_STUDY, uid)),
  );
  return new Set(uids.filter((_, index) => found[index] !== null));
}

/** StudyInstanceUID (0020,000D) of the header in the journal. */
function studyUidOf(work: Work): string {
  const header = JSON.parse(work.entry.payload.toString('utf8')) as Record<string, { Value?: string[] }>;
  return header['0020000D']?.Value?.[0] ?? '';
}

/**
 * What a FHIR write holds for cases: its resources are read back as the door saved them.
 * Order and accession numbers lead to the parts of a case that others send; a client that nobody configured names only its own order.
 */
async function readWritten(batch: Batch, peers: PeerDirectory): Promise<void> {
  const works = batch.works.filter((work) => work.entry.kind === 'fhir' && !work.failure && work.entry.effects.length > 0);
  const effects = (work: Work) => work.entry.effects.map((effect) => effect.split('/').slice(0, 2).join('/'));
  await loadResources(batch, works.flatMap(effects));
  const mentioned = works.flatMap(effects).flatMap((reference) => mentionedBy(resourceIn(batch, reference)));
  await loadRecords(batch, mentioned);
  const persons = openRecords();
  const current = (subject: string) => currentRecord(persons, subject, (reference) => resourceIn(batch, reference));
  for (const work of works) {
    const resources = effects(work)
      .map((reference) => resourceIn(batch, reference))
      .filter((resource) => resource !== null);
    const lookUp = (reference: string) => (mayName(batch, effects(work), reference) ? resourceIn(batch, reference) : null);
    const parts = casePartsOf(resources, lookUp);
    work.peer = peers.http(work.entry.peer).name;
    const vouched = peers.isConfigured(work.peer);
    work.parts = parts.map((part) => ({
      ...part,
      keys: part.keys.filter(({ kind }) => vouched || kind === 'service-request'),
      subject: current(part.subject),
      task: taskFor(resources, part.serviceRequest),
    }));
    work.shared = resources.flatMap(literalReferences).filter((reference) => SHARED.has(reference.slice(0, reference.indexOf('/'))));
    for (const reference of effects(work)) work.produced.add(reference);
  }
}

/** Whom it is about, and what an order brings along that was written before it. */
function mentionedBy(resource: Resource | null): string[] {
  const { subject, supportingInfo = [] } = (resource ?? {}) as { subject?: Reference; supportingInfo?: Reference[] };
  const support = supportingInfo.map(({ reference }) => reference ?? '');
  return subject?.reference?.startsWith('Patient/') ? [subject.reference, ...support] : support;
}

/** An order takes into its case what came with it, and what its writer wrote before and no case has: never what belongs to others. */
function mayName(batch: Batch, written: readonly string[], reference: string): boolean {
  if (reference.startsWith('Patient/') || written.includes(reference)) return true;
  return caseIdOf(batch, reference) === null && authorOf(batch, reference) === authorOf(batch, written[0] ?? '');
}

function taskFor(resources: readonly Resource[], serviceRequest: string): string {
  if (serviceRequest === '') return '';
  const task = resources.find(
    (resource): resource is Task => resource.resourceType === 'Task' && resource.focus?.reference === serviceRequest,
  );
  return task?.id ? `Task/${task.id}` : '';
}

/** Types that belong to many cases: whoever reads one of these reads them. */
const SHARED: ReadonlySet<string> = new Set(['Practitioner', 'PractitionerRole', 'Organization']);

/**
 * Reports, with the database. One that was written at our FHIR door was verified in that write: it is only found here.
 * One that was found on a specialist's own server is verified now, against what we pushed there, and becomes ours: resources of this server
 * that say the same. What does not verify is settled as failed, is told in the case's timeline, and goes nowhere.
 */
import type { Provenance, Resource } from '@medplum/fhirtypes';
import { MAX_REPORT_FILE_BYTES, type StoredBinary } from '../model/binary.ts';
import type { CaseState } from '../model/case.ts';
import type { Signer } from '../model/config.ts';
import { type Failure, failure, isFailure } from '../model/failure.ts';
import type { Work } from '../model/work.ts';
import { answeredPlaces, type Push, pushName } from '../protocols/fhir/push.ts';
import type { Validate } from '../protocols/fhir/resource-validator.ts';
import { addEvent, type Batch, caseIdOf, caseIn, grant, loadCases, loadResources, putResource, resourceIn } from '../store/batch.ts';
import type { BlobStore } from '../store/blob-store.ts';
import { readDelivery } from '../store/delivery-store.ts';
import { claimIdentifiers } from '../store/identifier-store.ts';
import { readEntry } from '../store/journal-store.ts';
import { digestFound, type FoundReport, localise, readFoundReport } from './found-report.ts';
import { type VerifiedReport, verifyReport, WITHDRAWAL } from './verify.ts';

export type ReportHouse = {
  readonly config: { readonly signers: readonly Signer[] };
  readonly blobs: BlobStore;
  /** The definitions it needs are loaded for the first report that was found elsewhere. */
  readonly loadValidate: () => Promise<Validate>;
};

export async function readReports(batch: Batch, house: ReportHouse): Promise<void> {
  for (const work of batch.works) {
    if (work.failure) continue;
    if (work.entry.kind === 'fhir') readWritten(batch, work);
    if (work.entry.kind === 'receipt' && work.entry.type === 'report') await readFound(batch, work, house);
  }
}

/** A report of a case comes with its signed Provenance in one write; a finding that an origin brought along has no case at its write. */
function readWritten(batch: Batch, work: Work): void {
  const created = work.entry.effects.filter((effect) => effect.endsWith('/1')).map((effect) => effect.slice(0, -2));
  for (const report of created.filter((reference) => reference.startsWith('DiagnosticReport/'))) {
    const caseId = caseIdOf(batch, report);
    const provenance = created.find((reference) => isProofOf(resourceIn(batch, reference), report));
    const kind = isWithdrawal(resourceIn(batch, report)) ? 'withdrawal' : 'report';
    if (caseId && provenance) work.acts.push({ kind, caseId, report, provenance, by: work.entry.peer });
  }
}

function isWithdrawal(resource: Resource | null): boolean {
  return resource?.resourceType === 'DiagnosticReport' && resource.status === WITHDRAWAL;
}

function isProofOf(resource: Resource | null, report: string): boolean {
  if (resource?.resourceType !== 'Provenance') return false;
  const { target, signature } = resource as Provenance;
  return signature !== undefined && target.some(({ reference }) => reference?.split('/_history/')[0] === report);
}

/** The entry's detail names the case, its peer the server. */
async function readFound(batch: Batch, work: Work, house: ReportHouse): Promise<void> {
  const caseId = work.entry.detail;
  await loadCases(batch, [caseId]);
  const state = caseIn(batch, caseId);
  const checked = state ? await verifyFound(batch, work, state, house) : failure('reports', 'not-found', `no case ${caseId}`);
  if (isFailure(checked)) {
    work.failure = checked;
    if (!state) return;
    work.cases.add(caseId);
    addEvent(batch, caseId, { seq: work.entry.seq, kind: 'report-refused', actor: work.entry.peer, detail: checked.detail });
    return;
  }
  await keep(batch, work, caseId, checked, house.blobs);
}

type Checked = { readonly found: FoundReport; readonly verified: VerifiedReport; readonly places: ReadonlyMap<string, string> };

async function verifyFound(batch: Batch, work: Work, state: CaseState, house: ReportHouse): Promise<Checked | Failure> {
  const found = readFoundReport(work.entry.payload, await house.loadValidate());
  if (isFailure(found)) return found;
  const bytes = [...found.files.values()].reduce((sum, file) => sum + file.bytes.length, 0);
  if (bytes > MAX_REPORT_FILE_BYTES) return failure('reports', 'too-large', 'the files of the report found are too large to be answered');
  const there = await pushedPlaces(batch, state);
  if (isFailure(there)) return there;
  const verified = verifyReport({
    report: found.report,
    provenance: found.provenance,
    signers: house.config.signers,
    expected: {
      serviceRequest: there.get(state.serviceRequest) ?? '',
      patient: there.get(state.patient) ?? '',
      formerPatients: (state.formerPatients ?? []).flatMap((patient) => there.get(patient) ?? []),
    },
    server: found.server,
    blobOf: (reference) => digestFound(found, reference),
  });
  if (isFailure(verified)) return verified;
  return { found, verified, places: new Map([...there].map(([here, place]) => [place, here])) };
}

/** Where the resources of a case are on the server it was pushed to: ours → theirs. */
async function pushedPlaces(batch: Batch, state: CaseState): Promise<Map<string, string> | Failure> {
  const delivery = state.push ? await readDelivery(batch.tx, state.push.delivery) : null;
  const receipt = state.push?.receipt ? await readEntry(batch.tx, state.push.receipt) : null;
  if (!delivery || !receipt) return failure('reports', 'invalid', 'a report was found for a case that was not pushed');
  const places = answeredPlaces(JSON.parse(delivery.content.toString('utf8')) as Push, JSON.parse(receipt.payload.toString('utf8')));
  const patients = [state.patient, ...(state.formerPatients ?? [])];
  const ours = [state.serviceRequest, ...patients, state.task, ...state.members, ...state.studies.map((study) => study.imagingStudy)];
  return new Map(
    ours.flatMap((reference) => (places.has(pushName(reference)) ? [[reference, places.get(pushName(reference)) as string]] : [])),
  );
}

/** Files first (a row never points to what is not there), then the resources as ours. */
async function keep(batch: Batch, work: Work, caseId: string, { found, verified, places }: Checked, blobs: BlobStore): Promise<void> {
  const names = ['DiagnosticReport', 'Provenance', ...[...found.files.keys()].map((url) => `Binary ${url}`)];
  const ids = await idsOf(batch, found, names);
  const here = new Map(places);
  for (const [url, file] of found.files) {
    const id = ids.get(`Binary ${url}`) as string;
    const { digest, bytes: size } = await blobs.put(file.bytes);
    putResource(
      batch,
      { resourceType: 'Binary', id, contentType: file.contentType, digest, size } as StoredBinary & { id: string },
      work.entry.seq,
    );
    here.set(url, `Binary/${id}`);
  }
  const [report, provenance] = [ids.get('DiagnosticReport') as string, ids.get('Provenance') as string];
  const ours = localise(verified, found.server, here, { report, provenance });
  putResource(batch, ours.report, work.entry.seq);
  putResource(batch, ours.provenance, work.entry.seq);
  const written = [
    `DiagnosticReport/${report}`,
    `Provenance/${provenance}`,
    ...[...here.values()].filter((reference) => reference.startsWith('Binary/')),
  ];
  for (const reference of written) work.produced.add(reference);
  grant(batch, written, caseId, []);
  batch.watches.push({ destination: work.entry.peer, caseId, remote: '', due: batch.now, end: true });
  work.acts.push({
    kind: 'report',
    caseId,
    report: `DiagnosticReport/${report}`,
    provenance: `Provenance/${provenance}`,
    by: work.entry.peer,
  });
}

/** One id for each resource of a report found there, however often it is found. */
async function idsOf(batch: Batch, found: FoundReport, names: readonly string[]): Promise<Map<string, string>> {
  const claims = names.map((name) => ({
    identities: [{ type: name.split(' ')[0] as string, system: found.server, value: `DiagnosticReport/${found.report.id} ${name}` }],
    fresh: batch.clock.uuid(),
  }));
  const ids = (await claimIdentifiers(batch.tx, claims)).map(({ id }) => id);
  await loadResources(
    batch,
    names.map((name, index) => `${name.split(' ')[0]}/${ids[index]}`),
  );
  return new Map(names.map((name, index) => [name, ids[index] as string]));
}

/**
 * The way out, with the database: a case that is offered to a specialist's server is worded as a push, a report as the answer for each
 * destination its origin names. Deliveries are ordered in the transaction that caused them; what cannot be worded is told in the timeline.
 */
import type { DiagnosticReport, Patient, Provenance, ServiceRequest, Task } from '@medplum/fhirtypes';
import { MAX_REPORT_FILE_BYTES } from '../model/binary.ts';
import { type CaseState, type ReturnState, shownReports } from '../model/case.ts';
import {
  type Config,
  type Destination,
  type DicomwebDestination,
  type DimseDestination,
  type Signer,
  takesObjects,
} from '../model/config.ts';
import type { DeliveryKind } from '../model/delivery.ts';
import { type Failure, failure, isFailure } from '../model/failure.ts';
import { FILLER_AUTHORITY } from '../model/order.ts';
import type { PeerDirectory } from '../model/peer.ts';
import { answeredPlaces, type Push, pushName } from '../protocols/fhir/push.ts';
import { shortControlId } from '../protocols/hl7v2/ack.ts';
import { encodeMessage } from '../protocols/hl7v2/encode.ts';
import { addEvent, type Batch, caseIn, changedCases, loadResources, putCase, resourceIn } from '../store/batch.ts';
import type { BlobStore } from '../store/blob-store.ts';
import { readDelivery } from '../store/delivery-store.ts';
import { readEntry } from '../store/journal-store.ts';
import { objectDelivery } from './dicom/object-delivery.ts';
import { composeFhirOrder, MAX_INLINE_BYTES } from './fhir/fhir-order.ts';
import { composeFhirReport } from './fhir/fhir-report.ts';
import { composeMdm, composeMdmCancel } from './hl7v2/mdm.ts';
import { composeOru } from './hl7v2/oru-r01.ts';
import { filesOf, loadKnown, resourcesIn } from './material-step.ts';
import { makeResults } from './results-step.ts';
import { withdrawalNotice } from './withdrawal.ts';

/** A PDF of a report that brought none. */
export type Render = (input: {
  readonly report: DiagnosticReport;
  readonly provenance: Provenance;
  readonly signer: Signer;
  readonly title: string;
  readonly patient: Patient | null;
  readonly serviceRequest: ServiceRequest | null;
}) => Promise<Buffer | Failure>;

export type ReturnHouse = { readonly config: Config; readonly peers: PeerDirectory; readonly blobs: BlobStore; readonly render: Render };

/** `close` moves a case that owes nobody an answer. */
export async function returnAnswers(batch: Batch, house: ReturnHouse, close: (caseId: string, detail: string) => void): Promise<void> {
  await watchPushed(batch);
  for (const state of changedCases(batch)) {
    if (state.phase === 'requested' && state.route?.kind === 'push' && state.push === null) await pushCase(batch, house, state);
    if (state.report && (state.phase === 'reported' || state.report.withdrawn)) await answer(batch, house, state, close);
  }
}

/** The receipt of a pushed case tells where its order is on that server: there the report is looked for. */
async function watchPushed(batch: Batch): Promise<void> {
  for (const work of batch.works) {
    for (const act of work.acts) {
      if (act.kind !== 'receipt' || act.deliveryKind !== 'fhir-order') continue;
      const delivery = await readDelivery(batch.tx, act.delivery);
      const state = caseIn(batch, act.caseId);
      if (!delivery || !state) continue;
      const places = answeredPlaces(JSON.parse(delivery.content.toString('utf8')) as Push, JSON.parse(work.entry.payload.toString('utf8')));
      const remote = places.get(pushName(state.serviceRequest));
      if (remote) batch.watches.push({ destination: act.destination, caseId: act.caseId, remote, due: batch.now, end: false });
    }
  }
}

async function pushCase(batch: Batch, house: ReturnHouse, state: CaseState): Promise<void> {
  const material = [...state.members, ...state.studies.map((study) => study.imagingStudy)];
  await loadResources(batch, [state.patient, ...material]);
  const task = resourceIn(batch, state.task) as Task | null;
  const patient = resourceIn(batch, state.patient) as Patient | null;
  const serviceRequest = resourceIn(batch, state.serviceRequest) as ServiceRequest;
  if (!task || !patient) {
    const detail = 'the order names no Patient that is here: a specialist’s server is not told of a case without one';
    return addEvent(batch, state.id, { seq: null, kind: 'push-failed', actor: 'gateway', detail });
  }
  const sent = [serviceRequest, ...resourcesIn(batch, material)];
  const id = batch.clock.uuid();
  const push = composeFhirOrder({
    task,
    serviceRequest,
    patient,
    material: resourcesIn(batch, material),
    known: await loadKnown(batch, sent),
    files: await filesOf(batch, house.blobs, sent, MAX_INLINE_BYTES),
    base: `${house.config.http.publicUrl}/fhir`,
    dicomweb: `${house.config.http.publicUrl}/dicomweb`,
    controlId: id,
  });
  order(batch, state, state.route?.destination as string, 'fhir-order', id, id, Buffer.from(JSON.stringify(push)));
  putCase(batch, { ...state, push: { delivery: id, receipt: null } });
}

/** Words the answers that have no delivery yet. One that cannot be worded is owed: the case stays open, and is looked at again. */
async function answer(batch: Batch, house: ReturnHouse, state: CaseState, close: (caseId: string, detail: string) => void): Promise<void> {
  const names = state.origin ? house.peers.named(state.origin.peer).returns.filter((name) => takesAnswers(house.config, name)) : [];
  if (names.length === 0 && state.report?.withdrawn) return;
  if (names.length === 0)
    return close(state.id, 'no destination is configured for answers to its origin: the report waits at the FHIR door');
  const ordered = state.returns.filter(({ delivery, receipt }) => delivery !== '' || receipt !== null);
  const owed = names.filter((name) => !ordered.some(({ destination }) => destination === name));
  if (owed.length === 0) return;
  const returns: ReturnState[] = [...ordered];
  for (const name of owed) returns.push(...(await answerTo(batch, house, state, name)));
  const unworded = returns.some(({ delivery, receipt }) => delivery === '' && receipt === null);
  const now = caseIn(batch, state.id) as CaseState;
  putCase(batch, { ...now, returns, wake: unworded ? batch.now.getTime() + WORD_AGAIN_MS : now.wake });
}

/** One that is told of studies alone is no place for answers. */
function takesAnswers({ destinations }: Config, name: string): boolean {
  const destination = destinations.find((one) => one.name === name);
  return !takesObjects(destination) || destination.results.length > 0;
}

/** When an answer that could not be worded is tried again: a person mends what is missing in the meantime. */
const WORD_AGAIN_MS = 10 * 60_000;

/** One delivery; of a report as DICOM objects one an object. */
async function answerTo(batch: Batch, house: ReturnHouse, state: CaseState, name: string): Promise<ReturnState[]> {
  const destination = house.config.destinations.find((candidate) => candidate.name === name) as Destination;
  const ordered = takesObjects(destination)
    ? await orderResults(batch, house, state, destination)
    : await orderAnswer(batch, house, state, destination);
  if (!isFailure(ordered) && ordered.length === 0) return [{ destination: name, delivery: '', receipt: state.report?.seq ?? 0 }];
  if (!isFailure(ordered)) return ordered.map((delivery) => ({ destination: name, delivery, receipt: null }));
  const known = state.returns.some((item) => item.destination === name && item.delivery === '');
  if (!known)
    addEvent(batch, state.id, {
      seq: state.report?.seq ?? null,
      kind: 'return-failed',
      actor: 'gateway',
      detail: `${name}: ${ordered.detail}`,
    });
  return [{ destination: name, delivery: '', receipt: null }];
}

async function orderAnswer(batch: Batch, house: ReturnHouse, state: CaseState, destination: Destination): Promise<string[] | Failure> {
  const worded = await word(batch, house, state, destination);
  if (isFailure(worded)) return worded;
  for (const { kind, id, controlId, content } of worded) order(batch, state, destination.name, kind, id, controlId, content);
  return worded.map(({ id }) => id);
}

async function orderResults(
  batch: Batch,
  house: ReturnHouse,
  state: CaseState,
  destination: DimseDestination | DicomwebDestination,
): Promise<string[] | Failure> {
  const { report: signed, provenance } = await loadReport(batch, state);
  const report = state.report?.withdrawn ? withdrawalNotice(signed) : signed;
  const signer = signerOf(provenance, house.config.signers);
  if (!signer) return failure('return', 'signature', 'the signer is not configured any more');
  const patient = resourceIn(batch, state.patient) as Patient | null;
  const pdf = () => pdfOf(batch, house, state, { report, provenance, signer, patient });
  const { peers, blobs, config } = house;
  const made = await makeResults(batch, { peers, blobs, specialties: config.specialties }, state, destination, {
    report,
    provenance,
    signer,
    pdf,
  });
  if (isFailure(made)) return made;
  const seq = state.report?.seq ?? 0;
  const deliveries = made.objects.map((object) => {
    const id = batch.clock.uuid();
    return objectDelivery({ id, destination, caseId: state.id, seq, object, kind: 'dicom-result' });
  });
  batch.deliveries.push(...deliveries);
  const said = [...deliveries.map(({ controlId }) => `dicom-result ${controlId} to ${destination.name}`), ...made.left];
  for (const detail of said) addEvent(batch, state.id, { seq, kind: 'sending', actor: 'gateway', detail });
  return deliveries.map(({ id }) => id);
}

/** One delivery. */
type Worded = { readonly kind: DeliveryKind; readonly id: string; readonly controlId: string; readonly content: Buffer };

async function word(batch: Batch, house: ReturnHouse, state: CaseState, destination: Destination): Promise<Worded[] | Failure> {
  const loaded = await loadReport(batch, state);
  if (destination.kind === 'mllp') return wordHl7v2(batch, house, state, destination, loaded);
  if (destination.kind !== 'fhir') return failure('return', 'invalid', 'a group that pulls is no place for an answer');
  const { report, provenance, withdrawn } = loaded;
  const id = batch.clock.uuid();
  const push = composeFhirReport({
    report,
    provenance,
    withdrawn,
    known: await loadKnown(batch, [report, provenance, ...withdrawn]),
    files: await filesOf(batch, house.blobs, [report, ...withdrawn], MAX_REPORT_FILE_BYTES),
    base: `${house.config.http.publicUrl}/fhir`,
    controlId: id,
  });
  return isFailure(push) ? push : [{ kind: 'fhir-report', id, controlId: id, content: Buffer.from(JSON.stringify(push)) }];
}

/** `withdrawn`: what the report takes back, oldest first; nothing where it is the answer itself. */
type Loaded = { readonly report: DiagnosticReport; readonly provenance: Provenance; readonly withdrawn: readonly DiagnosticReport[] };

async function loadReport(batch: Batch, state: CaseState): Promise<Loaded> {
  const { reference, provenance, withdrawn, earlier = [] } = state.report as NonNullable<CaseState['report']>;
  const takenBack = withdrawn ? earlier.map((one) => one.reference) : [];
  await loadResources(batch, [reference, provenance, ...takenBack, state.patient, state.serviceRequest]);
  return {
    report: resourceIn(batch, reference) as DiagnosticReport,
    provenance: resourceIn(batch, provenance) as Provenance,
    withdrawn: resourcesIn(batch, takenBack) as DiagnosticReport[],
  };
}

async function wordHl7v2(
  batch: Batch,
  house: ReturnHouse,
  state: CaseState,
  destination: Destination & { kind: 'mllp' },
  { report: signed, provenance, withdrawn }: Loaded,
): Promise<Worded[] | Failure> {
  const entry = state.origin?.kind === 'hl7v2' ? await readEntry(batch.tx, state.origin.seq) : null;
  if (!entry) return failure('return', 'invalid', 'the order did not come by HL7 v2: there is no message to answer');
  const signer = signerOf(provenance, house.config.signers);
  if (!signer) return failure('return', 'signature', 'the signer is not configured any more');
  const patient = resourceIn(batch, state.patient) as Patient | null;
  const said = {
    order: entry.payload,
    orderCharset: house.peers.named(entry.peer).charset,
    keys: state.keys,
    patient,
    patientAuthority: house.peers.named(entry.peer).patientAuthority,
    report: signed,
    signer,
    filler: fillerOf(resourceIn(batch, state.serviceRequest) as ServiceRequest | null),
    destination,
    sender: { application: 'WAYSTATION', facility: '' },
    now: batch.now,
  };
  const { signedAt, cancelled, ...document } = documentOf(state, provenance);
  if (destination.report === 'mdm' && cancelled.length > 0)
    return encodeAll(
      batch,
      state,
      destination,
      cancelled.map((one) => (controlId) => composeMdmCancel({ ...said, signedAt, controlId, cancelled: one })),
    );
  const report = cancelled.length > 0 ? withdrawalNotice(signed) : signed;
  const pdf = await pdfOf(batch, house, state, { report, provenance, signer, patient });
  if (isFailure(pdf)) return pdf;
  const whole = { ...said, report, pdf };
  const compose = (controlId: string) =>
    destination.report === 'mdm'
      ? composeMdm({ ...whole, ...document, signedAt, controlId })
      : composeOru({ ...whole, ...(cancelled.length > 0 ? { withdrawn: withdrawn.at(-1) } : {}), controlId });
  return encodeAll(batch, state, destination, [compose]);
}

/** All of them, or none. */
function encodeAll(
  batch: Batch,
  state: CaseState,
  destination: Destination & { kind: 'mllp' },
  messages: readonly ((controlId: string) => Buffer | Failure)[],
): Worded[] | Failure {
  const worded: Worded[] = [];
  for (const compose of messages) {
    const id = batch.clock.uuid();
    const controlId = shortControlId(id);
    const content = compose(controlId);
    const encoded = isFailure(content) ? content : encodeMessage(content, destination.charset);
    if (isFailure(encoded)) return encoded;
    tellRewritten(batch, state, destination, encoded.rewritten);
    worded.push({ kind: destination.report, id, controlId, content: encoded.bytes });
  }
  return worded;
}

/** Which document the report is among those of its case; of one that takes back others, which of them receivers still show. */
function documentOf({ report }: CaseState, { signature, recorded }: Provenance) {
  const { reference, version, corrects = null, earlier = [], withdrawn } = report as NonNullable<CaseState['report']>;
  const cancelled = withdrawn ? shownReports(earlier).toReversed() : [];
  return { document: { reference, version }, corrects, cancelled, signedAt: signature?.[0]?.when ?? recorded ?? '' };
}

/** The filler number that was given here, where the order's sender asked for one. */
function fillerOf(request: ServiceRequest | null): string {
  const given = request?.identifier?.find(({ system }) => system === `urn:waystation:authority:${FILLER_AUTHORITY}`);
  return given?.value ?? '';
}

/** Characters that the receiver's set has not, and that were written otherwise. */
function tellRewritten(
  batch: Batch,
  state: CaseState,
  { name, charset }: Destination & { kind: 'mllp' },
  rewritten: readonly string[],
): void {
  if (rewritten.length === 0) return;
  const detail = `for ${name}, which reads ${charset}, these were written otherwise: ${rewritten.join(', ')}`;
  addEvent(batch, state.id, { seq: state.report?.seq ?? null, kind: 'rewritten', actor: 'gateway', detail });
}

/** The report's own PDF; else one that is rendered. */
async function pdfOf(
  batch: Batch,
  house: ReturnHouse,
  state: CaseState,
  input: { report: DiagnosticReport; provenance: Provenance; signer: Signer; patient: Patient | null },
): Promise<Buffer | Failure> {
  const form = input.report.presentedForm?.find(({ contentType }) => contentType === 'application/pdf');
  if (form?.data) return Buffer.from(form.data, 'base64');
  if (form?.url) {
    const files = await filesOf(batch, house.blobs, [input.report], MAX_REPORT_FILE_BYTES);
    return files.get(form.url) ?? failure('return', 'not-found', `the file ${form.url} of the report is not here`);
  }
  const title = house.config.specialties.find(({ name }) => name === state.specialty)?.title ?? 'Report';
  return house.render({ ...input, title, serviceRequest: resourceIn(batch, state.serviceRequest) as ServiceRequest | null });
}

/** Orders a delivery at the end of its destination's lane. */
function order(
  batch: Batch,
  state: CaseState,
  destination: string,
  kind: DeliveryKind,
  id: string,
  controlId: string,
  content: Buffer,
): void {
  const seq = state.report?.seq ?? state.origin?.seq ?? 0;
  batch.deliveries.push({ id, destination, kind, caseId: state.id, seq, controlId, content, lane: destination });
  addEvent(batch, state.id, { seq, kind: 'sending', actor: 'gateway', detail: `${kind} ${controlId} to ${destination}` });
}

function signerOf({ signature }: Provenance, signers: readonly Signer[]): Signer | undefined {
  const who = signature?.[0]?.who?.identifier;
  return signers.find(({ identifier }) => identifier.system === who?.system && identifier.value === who?.value);
}

/**
 * A clinic asks about a spot on the skin: three photos and a history form in one FHIR transaction; a signed report pushed to its own server.
 * Out: what came home and the case's timeline, as text.
 */
import type {
  Bundle,
  BundleEntry,
  DiagnosticReport,
  Media,
  Provenance,
  QuestionnaireResponse,
  Resource,
  ServiceRequest,
  Task,
} from '@medplum/fhirtypes';
import type { CaseView } from '../../endpoints/operations/contract.ts';
import { timelineText } from '../case-text.ts';
import { isSigned } from './clinic.ts';
import { spotPhoto } from './photo.ts';
import { hold, type Progress, until } from './progress.ts';
import { reportOn } from './specialist.ts';
import type { Stage } from './stage.ts';

export async function teledermatology(stage: Stage, progress: Progress): Promise<string[]> {
  const photos = [1, 2, 3].map(spotPhoto);
  progress.scene('Teledermatology: photos and a form by FHIR');
  await progress.step('the clinic posts patient, order, three photos and a history form as one transaction', async () => {
    const { status, body } = await stage.clinic.gateway().ask('POST', '', consultation(photos));
    hold(status === 200, `it was answered ${status}: ${JSON.stringify(body)}`);
  });
  const task = await find(stage, progress);
  await look(stage, progress, task, photos);
  await report(stage, progress, task);
  const received = await progress.step("the report arrives on the clinic's own FHIR server, and its signature holds there", () =>
    arrival(stage),
  );
  const view = await progress.step('the receipt closes the case', () =>
    until('the case to close', async () => {
      const seen = await stage.operations.get<CaseView>(`/cases/${task.id}`);
      return seen.phase === 'closed' ? seen : null;
    }),
  );
  return [`What came home for REFERRAL-1\n${summary(received)}\n\nHop by hop\n${timelineText(view)}`];
}

function find({ dermatologist }: Stage, progress: Progress): Promise<Task> {
  return progress.step('the package is whole: a dermatologist finds the Task', () =>
    until('the Task', async () => (await dermatologist.door().search<Task>('Task?status=requested'))[0]),
  );
}

async function look({ dermatologist, radiologist }: Stage, progress: Progress, task: Task, photos: readonly Buffer[]): Promise<void> {
  const door = dermatologist.door();
  await progress.step('reads the form, and gets each photo byte for byte', async () => {
    const inputs = (task.input ?? []).map(({ valueReference }) => valueReference?.reference ?? '');
    const form = await door.read<QuestionnaireResponse>(inputs.find((reference) => reference.startsWith('QuestionnaireResponse/')) ?? '');
    hold(form.item?.length === 2, 'the form is not whole');
    const media = await Promise.all(
      inputs.filter((reference) => reference.startsWith('Media/')).map((reference) => door.read<Media>(reference)),
    );
    const seen = await Promise.all(media.map(({ content }) => door.bytes(`/fhir/${placeOf(content.url ?? '')}`, 'image/png')));
    hold(
      photos.every((photo) => seen.some((bytes) => bytes.equals(photo))),
      `${seen.length} photos came, not the three that were sent`,
    );
  });
  await progress.step('a radiologist of another group sees nothing of it', async () => {
    const { status } = await radiologist.door().ask('GET', `/Task/${task.id}`);
    hold(status === 404, `he was answered ${status}`);
  });
}

async function report({ dermatologist }: Stage, progress: Progress, task: Task): Promise<void> {
  await progress.step('claims it, signs a report, and posts it', async () => {
    const claimed = await dermatologist.claim(task);
    hold(claimed.status === 200, `the claim was answered ${claimed.status}`);
    const written = reportOn(
      task,
      dermatologist,
      CONSULT_NOTE,
      'Seborrhoeic keratosis. No treatment needed; photograph again in six months.',
    );
    const { status, body } = await dermatologist.door().ask('POST', '', await dermatologist.sign(written));
    hold(status === 200, `it was answered ${status}: ${JSON.stringify(body)}`);
  });
}

async function arrival({ clinic, dermatologist }: Stage): Promise<DiagnosticReport> {
  const bundle = await until('the report', async () => clinic.received[0]);
  const resources = (bundle.entry ?? []).map(({ resource }) => resource as Resource);
  const found = resources.find((one): one is DiagnosticReport => one.resourceType === 'DiagnosticReport');
  const proof = resources.find((one): one is Provenance => one.resourceType === 'Provenance');
  hold(found !== undefined && proof !== undefined, 'report or Provenance is not in it');
  hold(isSigned(found, proof, dermatologist.signer.jwk), 'the signature does not hold');
  return found;
}

/** FHIR R4 §3.1.0.11.2: entries call each other by `urn:uuid:`. */
function consultation(photos: readonly Buffer[]): Bundle {
  const identifier = [{ system: 'urn:example:clinic:patients', value: '88001' }];
  const patient = entry(PATIENT, { resourceType: 'Patient', identifier, name: [{ family: 'Sample', given: ['Jo'] }], gender: 'other' });
  return {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: [patient, entry(ORDER, order()), entry(FORM, form()), ...photos.flatMap(photoEntries)],
  };
}

function order(): ServiceRequest {
  return {
    resourceType: 'ServiceRequest',
    identifier: [{ type: { coding: [{ system: TABLE_0203, code: 'PLAC' }] }, system: 'urn:example:clinic:referrals', value: 'REFERRAL-1' }],
    status: 'active',
    intent: 'order',
    category: [{ coding: [{ system: 'http://snomed.info/sct', code: '394582007', display: 'Dermatology' }] }],
    code: { text: 'Opinion on a pigmented spot of the forearm' },
    subject: { reference: PATIENT },
    supportingInfo: [{ reference: FORM }],
  };
}

function form(): QuestionnaireResponse {
  return {
    resourceType: 'QuestionnaireResponse',
    status: 'completed',
    basedOn: [{ reference: ORDER }],
    subject: { reference: PATIENT },
    item: [
      { linkId: 'since', text: 'Since when?', answer: [{ valueString: 'About two years' }] },
      { linkId: 'change', text: 'Has it changed?', answer: [{ valueBoolean: false }] },
    ],
  };
}

/** The bytes as a Binary, and the Media that says what they show. */
function photoEntries(photo: Buffer, index: number): BundleEntry[] {
  const content = { contentType: 'image/png', url: name(`b${index}`), title: VIEWS[index] };
  const links = { basedOn: [{ reference: ORDER }], subject: { reference: PATIENT } };
  return [
    entry(name(`b${index}`), { resourceType: 'Binary', contentType: 'image/png', data: photo.toString('base64') }),
    entry(name(`c${index}`), { resourceType: 'Media', status: 'completed', content, ...links }),
  ];
}

function entry(fullUrl: string, resource: Resource): BundleEntry {
  return { fullUrl, resource, request: { method: 'POST', url: resource.resourceType } };
}

function name(local: string): string {
  return `urn:uuid:7d6f0c5e-0000-4000-8000-${local.padStart(12, '0')}`;
}

/** `Binary/id` of a URL, wherever it begins. */
function placeOf(url: string): string {
  return url.slice(url.indexOf('Binary/'));
}

function summary({ status, code, conclusion, basedOn, resultsInterpreter }: DiagnosticReport): string {
  const order = basedOn?.[0]?.identifier?.value ?? basedOn?.[0]?.reference;
  return [
    `  DiagnosticReport, ${status}: ${code.coding?.[0]?.display} on ${order}`,
    `  ${conclusion}`,
    `  signed by ${resultsInterpreter?.[0]?.display}`,
  ].join('\n');
}

const PATIENT = name('1');
const ORDER = name('2');
const FORM = name('3');
const TABLE_0203 = 'http://terminology.hl7.org/CodeSystem/v2-0203';
const CONSULT_NOTE = { code: '34758-3', display: 'Dermatology Consult note' };
const VIEWS = ['from a distance', 'near', 'close up'];

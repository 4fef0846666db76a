/**
 * A hospital asks for a reading of a CT. Twice: the order first and the images after it, then the other way round.
 * Out: what came home and each case's timeline, as text.
 */
import { randomBytes } from 'node:crypto';
import type { DiagnosticReport, ImagingStudy, ServiceRequest, Task } from '@medplum/fhirtypes';
import type { CaseView } from '../../endpoints/operations/contract.ts';
import type { SampleObject, SampleSeries } from '../../protocols/dicom/sample-series.ts';
import { buildMessage, segment } from '../../protocols/hl7v2/escape.ts';
import { timelineText } from '../case-text.ts';
import { hold, type Progress, until } from './progress.ts';
import { reportOn } from './specialist.ts';
import type { Stage } from './stage.ts';

type Consultation = { readonly number: string; readonly patient: string; readonly family: string; readonly series: SampleSeries };

export async function teleradiology(stage: Stage, progress: Progress): Promise<string[]> {
  const [first, second] = [consultation('1001', '77001', 'Invented'), consultation('1002', '77002', 'Muster')];
  progress.scene('Teleradiology: the order comes first');
  await order(stage, progress, first);
  await progress.step('the order is a Task, a draft that says what is missing', async () => {
    const view = await until('the case', () => caseOf(stage, first));
    hold(view.waitingFor.join() === 'instances: 0 of at least 1', `it waits for ${view.waitingFor}`);
  });
  const one = await answer(stage, progress, first, await scan(stage, progress, first));
  progress.scene('Teleradiology: the images come first');
  const objects = await scan(stage, progress, second);
  await progress.step('the images wait as a case without a Task', async () => {
    const view = await until('the case', () => caseOf(stage, second));
    hold(view.task === '' && view.waitingFor.includes('order'), `it waits for ${view.waitingFor}`);
  });
  await order(stage, progress, second);
  return [one, await answer(stage, progress, second, objects)];
}

async function order({ hospital, mllpPort }: Stage, progress: Progress, asked: Consultation): Promise<void> {
  const controlId = `ORDER${asked.number}`;
  await progress.step(`the RIS sends ORM^O01 ${controlId} by MLLP and hears AA`, async () => {
    const heard = await hospital.order(mllpPort, controlId, orderMessage(controlId, asked));
    hold(heard === 'AA', `it heard ${heard}`);
  });
}

function scan({ hospital, dimsePort }: Stage, progress: Progress, { series }: Consultation): Promise<SampleObject[]> {
  return progress.step(`the CT sends ${series.slices} slices by C-STORE, each answered success`, () => hospital.scan(dimsePort, series));
}

/** From the offer to the receipt. */
async function answer(stage: Stage, progress: Progress, asked: Consultation, sent: readonly SampleObject[]): Promise<string> {
  const task = await read(stage, progress, asked, sent);
  await report(stage, progress, task);
  const before = stage.hospital.results.length;
  const result = await progress.step('the RIS receives ORU^R01 with its own numbers and acknowledges it', async () => {
    const bytes = await until('the result', async () => stage.hospital.results.find((one) => one.includes(`|PL${asked.number}^RIS|`)));
    hold(bytes.includes(`|ACC${asked.number}|`), 'the accession number is not in it');
    hold(bytes.includes(asked.patient), 'the patient number is not in it');
    return bytes;
  });
  const view = await progress.step('the receipt closes the case', () =>
    until('the case to close', async () => {
      const seen = await caseOf(stage, asked);
      return seen?.phase === 'closed' ? seen : null;
    }),
  );
  hold(stage.hospital.results.length <= before + 1, 'the result came twice');
  return `What came home for ACC${asked.number}\n${shortened(result)}\n\nHop by hop\n${timelineText(view)}`;
}

async function read(stage: Stage, progress: Progress, asked: Consultation, sent: readonly SampleObject[]): Promise<Task> {
  const door = stage.radiologist.door();
  const task = await progress.step('nothing more comes for a second: a radiologist finds the Task', () =>
    until('the Task', async () => {
      const tasks = await door.search<Task>('Task?status=requested&_sort=-_lastUpdated');
      for (const one of tasks) {
        const request = await door.read<ServiceRequest>(one.focus?.reference ?? '');
        if (request.identifier?.some(({ value }) => value === `ACC${asked.number}`)) return one;
      }
      return null;
    }),
  );
  await progress.step('and pulls the study by WADO-RS: every dataset byte for byte as it was sent', async () => {
    const reference = task.input?.find(({ type }) => type.text === 'study')?.valueReference?.reference ?? '';
    const study = await door.read<ImagingStudy>(reference);
    const uid = study.identifier?.find(({ system }) => system === 'urn:dicom:uid')?.value?.replace('urn:oid:', '');
    const body = await door.bytes(`/dicomweb/studies/${uid}`, 'multipart/related; type="application/dicom"; transfer-syntax=*');
    hold(
      sent.every(({ dataset }) => body.includes(dataset)),
      'a dataset is not the one that was sent',
    );
  });
  return task;
}

async function report({ radiologist }: Stage, progress: Progress, task: Task): Promise<void> {
  await progress.step('claims it; a second claim of the same version is too late', async () => {
    const [one, other] = await Promise.all([radiologist.claim(task), radiologist.claim(task)]);
    const statuses = [one.status, other.status].sort();
    hold(statuses[0] === 200 && statuses[1] === 412, `the claims were answered ${statuses}`);
  });
  const written = reportOn(task, radiologist, CT_REPORT, 'No intracranial haemorrhage.\nNo fracture of the skull.');
  const signed = await radiologist.sign(written);
  await progress.step('a report that was altered after it was signed is refused', async () => {
    const [first, ...others] = signed.entry ?? [];
    const altered: DiagnosticReport = { ...written, conclusion: 'Intracranial haemorrhage.' };
    const { status } = await radiologist.door().ask('POST', '', { ...signed, entry: [{ ...first, resource: altered }, ...others] });
    hold(status === 422 || status === 403 || status === 400, `it was answered ${status}`);
  });
  await progress.step('the report as signed is taken', async () => {
    const { status, body } = await radiologist.door().ask('POST', '', signed);
    hold(status === 200, `it was answered ${status}: ${JSON.stringify(body)}`);
  });
}

async function caseOf({ operations }: Stage, { number }: Consultation): Promise<CaseView | null> {
  return operations.get<CaseView>(`/cases/ACC${number}`).catch(() => null);
}

function consultation(number: string, patient: string, family: string): Consultation {
  const series: SampleSeries = {
    studyUid: uid(),
    seriesUid: uid(),
    patientId: patient,
    patientIdIssuer: 'HOSPITAL',
    patientName: `${family}^Erika`,
    birthDate: '19700101',
    sex: 'F',
    accession: `ACC${number}`,
    studyDate: '20260302',
    studyTime: '081500',
    description: 'CT head',
    bodyPart: 'HEAD',
    slices: 24,
    size: 256,
  };
  return { number, patient, family, series };
}

/** HL7 v2.5.1 §4.4.1. */
function orderMessage(controlId: string, { number, patient, family }: Consultation): Buffer {
  const at = '20260302081000+0100';
  const physician = ['2001', 'Beispiel', 'Berta', '', '', 'Dr.'];
  return buildMessage([
    segment('MSH', {
      3: 'RIS',
      4: 'HOSPITAL',
      5: 'WAYSTATION',
      7: at,
      9: ['ORM', 'O01', 'ORM_O01'],
      10: controlId,
      11: 'P',
      12: '2.5.1',
      18: 'UNICODE UTF-8',
    }),
    segment('PID', { 1: '1', 3: [patient, '', '', 'HOSPITAL', 'MR'], 5: [family, 'Erika'], 7: '19700101', 8: 'F' }),
    segment('PV1', { 1: '1', 2: 'O', 19: [`V${number}`, '', '', 'HOSPITAL', 'VN'] }),
    segment('ORC', { 1: 'NW', 2: [`PL${number}`, 'RIS'], 9: at, 12: physician }),
    segment('OBR', {
      1: '1',
      2: [`PL${number}`, 'RIS'],
      4: ['24725-4', 'CT Head', 'LN'],
      13: 'Fell from a ladder',
      16: physician,
      18: `ACC${number}`,
      24: 'CT',
      31: ['', 'Exclude haemorrhage'],
    }),
  ]);
}

/** A line a segment; the file in OBX-5 begins and ends. */
function shortened(message: Buffer): string {
  const text = message
    .toString('utf8')
    .replaceAll(/[A-Za-z0-9+/]{80,}={0,2}/g, (base64) => `${base64.slice(0, 24)}…(${base64.length} characters of base64)`);
  return text.trimEnd().replaceAll('\r', '\n').replaceAll(/^/gm, '  ');
}

/** PS3.5 §B.2: a UID of 128 random bits. */
function uid(): string {
  return `2.25.${BigInt(`0x${randomBytes(16).toString('hex')}`)}`;
}

const CT_REPORT = { code: '18748-4', display: 'Diagnostic imaging study' };

/**
 * A hospital orders a reading by HL7 v2 and sends the CT series by DICOM, in either order; a specialist pulls, claims, signs; the
 * hospital gets the result by ORU^R01 and acknowledges it. Played from outside against a gateway process.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle, Resource, Task } from '@medplum/fhirtypes';
import { ctSlice } from '../support/ct-slice.ts';
import { datasetOf, fetchInstance } from '../support/fhir-pages.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { asMessage, sendMllp } from '../support/mllp-sender.ts';
import { type ResultReceiver, startResultReceiver } from '../support/result-receiver.ts';
import { claimTask, connect, newSpecialist, postReport, reportOn, type Specialist } from '../support/specialist.ts';
import { stagesOf } from '../support/stages.ts';
import { openStoreAssociation } from '../support/store-sender.ts';
import { until } from '../support/until.ts';

let gateway: GatewayProcess;
let receiver: ResultReceiver;
let specialist: Specialist;
let token: string;

beforeAll(async () => {
  receiver = await startResultReceiver();
  specialist = await newSpecialist();
  gateway = await startGatewayProcess({ yaml: configuration() });
  token = gateway.addClient('reading-room', 'reader', 'radiologists');
});
afterAll(async () => {
  await gateway?.stop();
  gateway?.remove();
  await receiver?.close();
});

function configuration(): string {
  return `
peers:
  - name: nordstadt
    mllp: { application: RIS, facility: NORDSTADT }
    dimse: { aeTitle: LOADCT }
    patientAuthority: NORDSTADT
    accessionIssuer: NORDSTADT
    returns: [nordstadt-results]
destinations:
  - { kind: mllp, name: nordstadt-results, host: 127.0.0.1, port: ${receiver.port}, receivingApplication: RIS, receivingFacility: NORDSTADT }
  - { kind: pull, name: radiology, group: radiologists }
routes:
  - { when: { specialty: teleradiology }, to: radiology }
signers:
  - name: ${specialist.name}
    identifier: { system: "${specialist.identifier.system}", value: "${specialist.identifier.value}" }
    jwk: ${JSON.stringify(specialist.publicJwk)}
specialties:
  teleradiology: { instances: ${SLICES.length}, quiet: 500ms }
`;
}

/** Resources as the specialist sees them, without what the server says of its own copy. */
async function search<T extends Resource>(query: string): Promise<T[]> {
  const response = await fetch(`${gateway.http}/fhir/${query}`, { headers: { authorization: `Bearer ${token}` } });
  expect(response.status).toBe(200);
  const bundle = (await response.json()) as Bundle<T>;
  return (bundle.entry ?? []).map((entry) => entry.resource as T);
}

/** Slices that arrive together are one line; how many lines there are is chance, and which slice a line names: the last one tells the whole study. */
function timelineOf(lines: readonly { kind: string; actor: string; detail: string }[]): string[] {
  return lines
    .filter(({ kind }, index) => kind !== 'images-received' || lines[index + 1]?.kind !== 'images-received')
    .map(({ kind, actor, detail }) => `${kind} · ${actor} · ${detail.replace(/, last \S+ 2\.25\.\d+$/, '')}`);
}

const SLICES = [1, 2, 3];
const series = (accession: string, study: number) => SLICES.map((n) => ctSlice(n, { run: 'journey', study, accession, patient: '4711' }));

async function sendSeries(accession: string, study: number): Promise<void> {
  const association = await openStoreAssociation(gateway.dimse);
  for (const slice of series(accession, study)) expect(await association.store(slice)).toBe(0);
  await association.release();
}

function orderFor(placer: string, accession: string): Buffer {
  const text = stagesOf('teleradiology').read('0-received.hl7');
  return asMessage(text.replaceAll('PL-1001', placer).replaceAll('ACC-1001', accession).replace('RIS000001', `RIS${placer}`));
}

async function taskOf(placer: string): Promise<Task | undefined> {
  const requests = await search('ServiceRequest?_count=100');
  const request = requests.find((one) => JSON.stringify(one).includes(`"${placer}"`));
  return request ? (await search<Task>(`Task?focus=ServiceRequest/${request.id}`))[0] : undefined;
}

describe('teleradiology, order first', () => {
  const stages = stagesOf('teleradiology');
  let task: Task;

  it('acknowledges the order and shows a draft Task that says what is missing', async () => {
    const answer = await sendMllp(gateway.mllp, orderFor('PL-1001', 'ACC-1001'));
    expect(answer).toMatch(/\rMSA\|AA\|RISPL-1001/);
    task = (await until(
      () => taskOf('PL-1001'),
      (found) => found !== undefined,
    )) as Task;
    const [request] = await search(`ServiceRequest?_id=${task.focus?.reference?.split('/')[1]}`);
    const [patient] = await search(`Patient?_id=${task.for?.reference?.split('/')[1]}`);
    stages.see('1-mapped.json', { request, patient });
    stages.see('2-draft.json', task);
  });

  it('offers the case when the series is there and nothing more comes', async () => {
    await sendSeries('ACC-1001', 1);
    task = (await until(
      () => taskOf('PL-1001'),
      (found) => found?.status === 'requested',
    )) as Task;
    expect(task.status).toBe('requested');
    stages.see('3-requested.json', task);
  });

  it('gives the specialist every image as it was sent', async () => {
    for (const slice of series('ACC-1001', 1)) {
      const file = await fetchInstance({ http: gateway.http, token }, slice.studyUid, slice.seriesUid, slice.sopInstanceUid);
      expect(file && datasetOf(file).equals(slice.dataset)).toBe(true);
    }
  });

  it('takes the claim and the signed report', async () => {
    const server = connect(`${gateway.http}/fhir`, token);
    await claimTask(server, task);
    const report = reportOn(task.focus?.reference as string, task.for?.reference as string);
    const answer = await postReport(server, specialist, report, '2026-03-02T10:30:00+01:00');
    expect(answer.entry?.map((entry) => entry.response?.status.slice(0, 3))).toEqual(['201', '201']);
    stages.see('4-report.json', report);
  });

  it('brings the result home once, as ORU^R01 with the numbers of the order', async () => {
    const [result] = await until(
      async () => [...receiver.ledger.values()],
      (results) => results.length > 0,
    );
    stages.see('5-returned.hl7', `${result?.bytes.toString('utf8').replaceAll('\r', '\n')}`);
    expect(result?.times).toBe(1);
  });

  it('closes the case when the receipt is in, and tells every hop', async () => {
    const closed = await until(
      () => taskOf('PL-1001'),
      (found) => found?.businessStatus?.text === 'returned',
    );
    expect(closed?.status).toBe('completed');
    const caseId = closed?.identifier?.[0]?.value as string;
    const view = JSON.parse(gateway.run('case', caseId, '--json'));
    expect(view.phase).toBe('closed');
    stages.see('6-closed.json', {
      phase: view.phase,
      waitingFor: view.waitingFor,
      timeline: timelineOf(view.timeline),
    });
  });
});

describe('teleradiology, images first', () => {
  it('keeps the images without a Task until their order comes, then offers one case', async () => {
    await sendSeries('ACC-2002', 2);
    const whole = await until(
      () => gateway.caseView('ACC-2002'),
      ({ waitingFor }) => waitingFor.join() === 'order',
    );
    expect(whole.waitingFor).toEqual(['order']);
    expect(await search('Task?status=requested')).toEqual([]);
    expect(await sendMllp(gateway.mllp, orderFor('PL-2002', 'ACC-2002'))).toMatch(/\rMSA\|AA/);
    const task = await until(
      () => taskOf('PL-2002'),
      (found) => found?.status === 'requested',
    );
    expect(task?.status).toBe('requested');
    expect(task?.input?.map((input) => input.type.text)).toContain('study');
  });

  it('comes to the same end', async () => {
    const task = (await taskOf('PL-2002')) as Task;
    const server = connect(`${gateway.http}/fhir`, token);
    await claimTask(server, task);
    await postReport(
      server,
      specialist,
      reportOn(task.focus?.reference as string, task.for?.reference as string),
      '2026-03-02T10:30:00+01:00',
    );
    const results = await until(
      async () => [...receiver.ledger.values()],
      (all) => all.some((result) => result.placer === 'PL-2002'),
    );
    expect(results.find((result) => result.placer === 'PL-2002')?.bytes.toString('utf8')).toContain('|ACC-2002|');
    expect(
      (
        await until(
          () => taskOf('PL-2002'),
          (found) => found?.businessStatus?.text === 'returned',
        )
      )?.status,
    ).toBe('completed');
  });
});

describe('two specialists at the same moment', () => {
  it('lets one of many claims win, and takes one of many signed reports', async () => {
    await sendSeries('ACC-5005', 5);
    await sendMllp(gateway.mllp, orderFor('PL-5005', 'ACC-5005'));
    const task = (await until(
      () => taskOf('PL-5005'),
      (found) => found?.status === 'requested',
    )) as Task;
    const server = connect(`${gateway.http}/fhir`, token);
    const claims = await Promise.allSettled(Array.from({ length: 50 }, () => claimTask(server, task)));
    expect(claims.filter(({ status }) => status === 'fulfilled').length).toBe(1);
    const report = reportOn(task.focus?.reference as string, task.for?.reference as string);
    const posts = await Promise.allSettled(
      Array.from({ length: 8 }, () => postReport(server, specialist, report, '2026-03-02T10:30:00+01:00')),
    );
    expect(posts.filter(({ status }) => status === 'fulfilled').length).toBe(1);
    await until(
      () => taskOf('PL-5005'),
      (found) => found?.businessStatus?.text === 'returned',
    );
    expect([...receiver.ledger.values()].filter(({ placer }) => placer === 'PL-5005').length).toBe(1);
  });
});

describe('what comes again or is marked as a test', () => {
  it('gives a resent order its stored answer and makes nothing twice', async () => {
    const first = await sendMllp(gateway.mllp, orderFor('PL-3003', 'ACC-3003'));
    const again = await sendMllp(gateway.mllp, orderFor('PL-3003', 'ACC-3003'));
    expect(again).toBe(first);
    await until(
      () => taskOf('PL-3003'),
      (found) => found !== undefined,
    );
    expect((await search('Task?_count=100')).length).toBe(4);
  });

  it('opens nothing for a message marked as training (MSH-11 T)', async () => {
    const training = orderFor('PL-4004', 'ACC-4004').toString('utf8').replace('|P|2.5.1', '|T|2.5.1');
    expect(await sendMllp(gateway.mllp, Buffer.from(training))).toMatch(/\rMSA\|AA/);
    const settled = await until(
      () => gateway.journal(),
      (rows) => rows.some((row) => row.controlId === 'RISPL-4004' && row.state === 'done'),
    );
    expect(settled.find((row) => row.controlId === 'RISPL-4004')?.detail).toContain('nothing was opened');
    expect(await taskOf('PL-4004')).toBeUndefined();
  });
});

/**
 * A hospital orders a reading for one patient number and then finds that it has two for the same person: ADT^A40 makes them one while the
 * images are still coming under both. Played from outside: order and merge by MLLP, images by C-STORE, claim and report by FHIR.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle, Patient, Resource, ServiceRequest, Task } from '@medplum/fhirtypes';
import { ctSlice } from '../support/ct-slice.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { adt, mrg, orm, pid, type Sent } from '../support/hospital-messages.ts';
import { sendMllp } from '../support/mllp-sender.ts';
import { type ResultReceiver, startResultReceiver } from '../support/result-receiver.ts';
import { claimTask, connect, newSpecialist, postReport, reportOn, type Specialist } from '../support/specialist.ts';
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
  - name: hospital
    mllp: { application: ADT, facility: HOSPITAL }
    dimse: { aeTitle: LOADCT }
    messages: { 'ADT^*': mapped }
    patientAuthority: HOSP
    returns: [hospital-results]
destinations:
  - { kind: mllp, name: hospital-results, host: 127.0.0.1, port: ${receiver.port}, receivingApplication: RIS, receivingFacility: HOSPITAL }
  - { kind: pull, name: radiology, group: radiologists }
routes:
  - { when: {}, to: radiology }
signers:
  - name: ${specialist.name}
    identifier: { system: "${specialist.identifier.system}", value: "${specialist.identifier.value}" }
    jwk: ${JSON.stringify(specialist.publicJwk)}
specialties:
  teleradiology: { quiet: 1s }
`;
}

async function say({ bytes }: Sent): Promise<string> {
  return /\rMSA\|(\w\w)/.exec(await sendMllp(gateway.mllp, bytes))?.[1] ?? '';
}

async function sendSlice(n: number, patient: string): Promise<void> {
  const association = await openStoreAssociation(gateway.dimse);
  expect(await association.store(ctSlice(n, { run: 'merge', study: n, accession: 'AC-MERGE', patient }))).toBe(0);
  await association.release();
}

async function search<T extends Resource>(query: string): Promise<T[]> {
  const response = await fetch(`${gateway.http}/fhir/${query}`, { headers: { authorization: `Bearer ${token}` } });
  const bundle = (await response.json()) as Bundle<T>;
  return (bundle.entry ?? []).map((entry) => entry.resource as T);
}

/** PID-3 of the result that came home. */
async function patientNumberOf(placer: string): Promise<string | undefined> {
  const results = await until(
    async () => [...receiver.ledger.values()].filter((result) => result.placer === placer),
    (found) => found.length > 0,
  );
  const segments = results[0]?.bytes.toString('utf8').split('\r') ?? [];
  return segments.find((segment) => segment.startsWith('PID'))?.split('|')[3];
}

async function report(task: Task, patient: string): Promise<void> {
  const server = connect(`${gateway.http}/fhir`, token);
  if (task.status === 'requested') await claimTask(server, task);
  await postReport(server, specialist, reportOn(task.focus?.reference as string, patient), '2026-03-10T10:30:00+01:00');
}

describe('two numbers of one person', () => {
  let task: Task;

  it('become one while the images come under both: one case, one person', async () => {
    expect(await say(orm('MERGE', 'X-1', '20260310080000', { name: 'Muster^Erika' }))).toBe('AA');
    await sendSlice(1, 'X-1');
    expect(await say(adt('A40', '20260310090000', pid('Y-1', 'Muster-Beispiel^Erika'), mrg({ 1: 'X-1^^^HOSP^MR' })))).toBe('AA');
    await sendSlice(2, 'X-1');
    await sendSlice(3, 'Y-1');
    const inputs = (one: Task | undefined) => (one?.input ?? []).filter(({ type }) => type.text === 'study').length;
    const found = await until(
      () => search<Task>('Task?status=requested'),
      ([one]) => inputs(one) === 3,
    );
    task = found[0] as Task;
    expect(await search('Task')).toHaveLength(1);
    expect(
      JSON.parse(gateway.run('case', 'list', '--json')).rows.filter(({ phase }: { phase: string }) => phase !== 'cancelled'),
    ).toHaveLength(1);
    const [patient] = await search<Patient>('Patient?identifier=X-1');
    expect(patient?.name?.[0]?.family).toBe('Muster-Beispiel');
    expect(task.for?.reference).toBe(`Patient/${patient?.id}`);
    const [request] = await search<ServiceRequest>(`ServiceRequest?patient=${patient?.id}`);
    expect(task.focus?.reference).toBe(`ServiceRequest/${request?.id}`);
  });

  it('are shown to an operator with the merge', () => {
    const text = gateway.run('patient', 'X-1');
    expect(text).toMatch(/replaced by Patient\//);
    expect(text).toMatch(/old number +X-1/);
    expect(text).toMatch(/merge +Patient\/\S+ into Patient\//);
  });

  it('mean the survivor in what comes by FHIR under the old number, or under the old record', async () => {
    const operator = gateway.addClient('index', 'operator');
    const post = async (path: string, body: unknown) => {
      const headers = { authorization: `Bearer ${operator}`, 'content-type': 'application/fhir+json' };
      const response = await fetch(`${gateway.http}/fhir${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
      return { status: response.status, body: await response.json() };
    };
    const survivor = task.for?.reference as string;
    const [link] = (await search<Patient>('Patient?identifier=X-1'))[0]?.link ?? [];
    const fullUrl = 'urn:uuid:7c1f6e0a-3f0e-4c53-9d0a-000000000077';
    const order = (subject: string) => ({
      resourceType: 'ServiceRequest',
      status: 'active',
      intent: 'order',
      subject: { reference: subject },
    });
    const identifier = [{ system: 'urn:waystation:authority:HOSP', value: 'X-1' }];
    const entry = [
      {
        fullUrl,
        resource: { resourceType: 'Patient', identifier },
        request: { method: 'POST', url: 'Patient', ifNoneExist: 'identifier=urn:waystation:authority:HOSP|X-1' },
      },
      { resource: order(fullUrl), request: { method: 'POST', url: 'ServiceRequest' } },
    ];
    const { body } = await post('', { resourceType: 'Bundle', type: 'transaction', entry });
    expect(body.entry[0].response).toMatchObject({ status: expect.stringMatching(/^200/), location: expect.stringContaining(survivor) });
    const { body: request } = await post('/ServiceRequest', order(link?.other.reference as string));
    const [drafted] = await until(
      () => search<Task>(`Task?focus=ServiceRequest/${request.id}`),
      (tasks) => tasks.length > 0,
    );
    expect(drafted?.for?.reference).toBe(survivor);
  });

  it('bring the report home under the number of the survivor', async () => {
    await report(task, task.for?.reference as string);
    expect(await patientNumberOf('MERGE')).toBe('Y-1^^^HOSP^MR');
  });

  it('are two again when a person says so, and the case is of the first', async () => {
    const { rows } = JSON.parse(gateway.run('patient', 'X-1', '--json')) as { rows: { patient: string; replacedBy: string }[] };
    const merged = rows.find(({ replacedBy }) => replacedBy !== '')?.patient as string;
    expect(gateway.run('patient', 'unmerge', merged, '--why', 'twins')).toMatch(/undone/);
    expect((await search<Task>(`Task?_id=${task.id}`))[0]?.for?.reference).toBe(merged);
    expect(gateway.run('case', 'AC-MERGE')).toMatch(/patient-unmerged/);
  });
});

describe('a merge while a specialist reads', () => {
  let task: Task;
  let before: string;

  it('leaves the case with who claimed it, and takes the report that names the old record', async () => {
    expect(await say(orm('READ', 'P-2', '20260310080000'))).toBe('AA');
    const association = await openStoreAssociation(gateway.dimse);
    await association.store(ctSlice(1, { run: 'read', study: 9, accession: 'AC-READ', patient: 'P-2' }));
    await association.release();
    const [found] = await until(
      () => search<Task>('Task?status=requested'),
      (tasks) => tasks.length > 0,
    );
    task = await claimTask(connect(`${gateway.http}/fhir`, token), found as Task);
    before = task.for?.reference as string;
    expect(await say(adt('A40', '20260310090000', pid('Q-2'), mrg({ 1: 'P-2^^^HOSP^MR' })))).toBe('AA');
    const [moved] = await until(
      () => search<Task>(`Task?_id=${task.id}`),
      ([one]) => one?.for?.reference !== before,
    );
    expect(moved?.status).toBe('accepted');
    await report(task, before);
    expect(await patientNumberOf('READ')).toBe('Q-2^^^HOSP^MR');
  });

  it('that comes after the report was returned is noted', async () => {
    await until(
      () => search<Task>(`Task?_id=${task.id}`),
      ([one]) => one?.businessStatus?.text === 'returned',
    );
    expect(await say(adt('A40', '20260310110000', pid('R-2'), mrg({ 1: 'Q-2^^^HOSP^MR' })))).toBe('AA');
    const { timeline } = await until(
      () => gateway.caseView('AC-READ'),
      (view) => view.timeline.some(({ detail }) => detail.includes('after the case was closed')),
    );
    expect(timeline.at(-1)?.detail).toMatch(/what was returned is not changed/);
  });
});

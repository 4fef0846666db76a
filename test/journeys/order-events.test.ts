/**
 * What a hospital says of its orders after it has sent them, and what it is told: cancelled before and after the claim, held and released,
 * changed, unknown. Played from outside against a gateway process; the hospital's receiver wants replies and progress.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle, DiagnosticReport, Resource, ServiceRequest, Task } from '@medplum/fhirtypes';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { sendMllp } from '../support/mllp-sender.ts';
import { type ResultReceiver, startResultReceiver } from '../support/result-receiver.ts';
import { claimTask, connect, newSpecialist, postReport, reportOn, type Specialist } from '../support/specialist.ts';
import { until } from '../support/until.ts';

let gateway: GatewayProcess;
let receiver: ResultReceiver;
let specialist: Specialist;
let token: string;
let sent = 0;

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
  - { name: nordstadt, mllp: { application: RIS, facility: NORDSTADT }, patientAuthority: NORDSTADT, returns: [nordstadt, archive] }
destinations:
  - { kind: mllp, name: nordstadt, host: 127.0.0.1, port: ${receiver.port}, replies: true, status: osu }
  - { kind: mllp, name: archive, host: 127.0.0.1, port: ${receiver.port}, report: mdm, version: '2.8', text: lines }
  - { kind: pull, name: radiology, group: radiologists }
routes:
  - { to: radiology }
signers:
  - name: ${specialist.name}
    identifier: { system: "${specialist.identifier.system}", value: "${specialist.identifier.value}" }
    jwk: ${JSON.stringify(specialist.publicJwk)}
`;
}

/** Sends an order of priority S, which is offered at once; its MSH-10. */
const say = (control: string, placer: string, more = '') => sayAll([[control, placer, more]]);

async function sayAll(orders: readonly (readonly [control: string, placer: string, more?: string])[]): Promise<string> {
  const controlId = `EV${++sent}`;
  const segments = [
    `MSH|^~\\&|RIS|NORDSTADT|W|W|202603020815${String(sent).padStart(2, '0')}||ORM^O01|${controlId}|P|2.5.1`,
    'PID|1||4711^^^NORDSTADT^MR||Muster^Erika||19700101|F',
    ...orders.flatMap(([control, placer, more = '']) => [
      `ORC|${control}|${placer}^RIS||G-${placer}^RIS|||^^^^^S`,
      `OBR|1|${placer}^RIS||24725-4^CT Head^LN||||||||||||||A-${placer}||||||CT${more}`,
    ]),
  ];
  expect(await sendMllp(gateway.mllp, Buffer.from(`${segments.join('\r')}\r`))).toMatch(new RegExp(`\\rMSA\\|AA\\|${controlId}`));
  return controlId;
}

async function search<T extends Resource>(query: string): Promise<T[]> {
  const response = await fetch(`${gateway.http}/fhir/${query}`, { headers: { authorization: `Bearer ${token}` } });
  return (((await response.json()) as Bundle<T>).entry ?? []).map((entry) => entry.resource as T);
}

/** The order, its Task, and the Tasks that ask for its end. */
async function orderOf(placer: string): Promise<{ request: ServiceRequest; task: Task; aborts: Task[] }> {
  const request = (await search<ServiceRequest>(`ServiceRequest?identifier=${placer}`))[0] as ServiceRequest;
  const [task] = request ? await search<Task>(`Task?code=fulfill&focus=ServiceRequest/${request.id}`) : [];
  return { request, task: task as Task, aborts: task ? await search<Task>(`Task?code=abort&focus=Task/${task.id}`) : [] };
}

const taskBecomes = (placer: string, status: string) =>
  until(
    () => orderOf(placer),
    ({ task }) => task?.status === status,
  );

const received = () =>
  [...receiver.ledger.values()].map(({ bytes }) =>
    bytes
      .toString('utf8')
      .split('\r')
      .map((line) => line.split('|')),
  );
const fieldOf = (message: string[][], name: string, field: number) => message.find(([segment]) => segment === name)?.[field] ?? '';

/** ORC-1 and ORC-5 of the reply to a message. */
async function replyTo(controlId: string): Promise<string> {
  const found = () => received().find((message) => fieldOf(message, 'MSA', 2) === controlId);
  const message = (await until(
    async () => found(),
    (one) => one !== undefined,
  )) as string[][];
  return [fieldOf(message, 'MSH', 8), fieldOf(message, 'ORC', 1), fieldOf(message, 'ORC', 2), fieldOf(message, 'ORC', 5)].join(' ');
}

/** ORC-5 of what the hospital was told of an order, in the order in which it came. */
const toldOf = (placer: string) =>
  received()
    .filter((message) => fieldOf(message, 'MSH', 8).startsWith('OSU') && fieldOf(message, 'ORC', 2) === `${placer}^RIS`)
    .map((message) => fieldOf(message, 'ORC', 5));

async function answerAbort(placer: string, status: Task['status']): Promise<void> {
  const { aborts } = await until(
    () => orderOf(placer),
    (found) => found.aborts.length === 1,
  );
  const [abort] = aborts as [Task];
  const options = { headers: { 'If-Match': `W/"${abort.meta?.versionId}"` } };
  await connect(`${gateway.http}/fhir`, token).update({
    resourceType: 'Task',
    id: abort.id as string,
    body: { ...abort, status },
    options,
  });
}

const claim = async (placer: string) => claimTask(connect(`${gateway.http}/fhir`, token), (await taskBecomes(placer, 'requested')).task);

describe('an order that is cancelled', () => {
  it('before the claim: nobody can claim it, and CR is the reply', async () => {
    expect(await replyTo(await say('NW', 'C1'))).toBe('ORR^O02^ORR_O02 OK C1^RIS SC');
    const { task } = await taskBecomes('C1', 'requested');
    expect(await replyTo(await say('CA', 'C1'))).toBe('ORR^O02^ORR_O02 CR C1^RIS CA');
    const cancelled = await taskBecomes('C1', 'cancelled');
    expect(cancelled.request.status).toBe('revoked');
    await expect(claimTask(connect(`${gateway.http}/fhir`, token), task)).rejects.toMatchObject({ response: { status: 412 } });
    await expect(claimTask(connect(`${gateway.http}/fhir`, token), cancelled.task)).rejects.toMatchObject({
      response: { status: 409, data: { issue: [{ diagnostics: expect.stringContaining('its order is revoked') }] } },
    });
    await until(
      async () => toldOf('C1'),
      (told) => told.includes('CA'),
    );
    expect(toldOf('C1')).toEqual(['CA']);
  });

  it('after the claim: the reader is asked, and CR is the reply when he stops', async () => {
    await say('NW', 'C2');
    await claim('C2');
    const cancel = await say('CA', 'C2');
    const asked = await until(
      () => orderOf('C2'),
      ({ aborts }) => aborts.length === 1,
    );
    expect([asked.task.status, asked.request.status, asked.aborts[0]?.status]).toEqual(['accepted', 'active', 'requested']);
    expect(received().filter((message) => fieldOf(message, 'MSA', 2) === cancel)).toEqual([]);
    await answerAbort('C2', 'completed');
    expect(await replyTo(cancel)).toBe('ORR^O02^ORR_O02 CR C2^RIS CA');
    const ended = await taskBecomes('C2', 'cancelled');
    expect(ended.request.status).toBe('revoked');
    expect(toldOf('C2').slice(0, 1)).toEqual(['IP']);
  });

  it('after the claim: UC is the reply when he goes on, and his report comes home', async () => {
    await say('NW', 'C3');
    await claim('C3');
    const cancel = await say('DC', 'C3');
    await answerAbort('C3', 'rejected');
    expect(await replyTo(cancel)).toBe('ORR^O02^ORR_O02 UD C3^RIS IP');
    const { task, request } = await orderOf('C3');
    expect([task.status, request.status]).toEqual(['accepted', 'active']);
    const report = reportOn(`ServiceRequest/${request.id}`, task.for?.reference as string);
    await postReport(connect(`${gateway.http}/fhir`, token), specialist, report, '2026-03-02T10:30:00+01:00');
    await taskBecomes('C3', 'completed');
    await until(
      async () => toldOf('C3'),
      (told) => told.includes('CM'),
    );
    expect(toldOf('C3')).toEqual(['IP', 'CM']);
    expect(await replyTo(await say('CA', 'C3'))).toBe('ORR^O02^ORR_O02 UC C3^RIS CM');
  });

  it('after the claim: UC is the reply when the report comes before the answer', async () => {
    await say('NW', 'C4');
    await claim('C4');
    const cancel = await say('CA', 'C4');
    const { task, request } = await until(
      () => orderOf('C4'),
      ({ aborts }) => aborts.length === 1,
    );
    const report = reportOn(`ServiceRequest/${request.id}`, task.for?.reference as string);
    await postReport(connect(`${gateway.http}/fhir`, token), specialist, report, '2026-03-02T10:30:00+01:00');
    expect(await replyTo(cancel)).toBe('ORR^O02^ORR_O02 UC C4^RIS CM');
    const settled = await until(
      () => orderOf('C4'),
      ({ aborts }) => aborts[0]?.status === 'rejected',
    );
    expect(settled.aborts.map(({ status }) => status)).toEqual(['rejected']);
  });
});

describe('a reader who is asked to stop', () => {
  const askedOnce = (placer: string) =>
    until(
      () => orderOf(placer),
      ({ aborts }) => aborts.length === 1,
    );

  it('is asked once, and his answer is the reply to everybody who asked', async () => {
    await say('NW', 'A1');
    await claim('A1');
    const first = await say('CA', 'A1');
    await askedOnce('A1');
    const second = await say('DC', 'A1');
    const change = await say('XO', 'A1');
    expect(await replyTo(change)).toBe('ORR^O02^ORR_O02 XR A1^RIS IP');
    await answerAbort('A1', 'completed');
    expect([await replyTo(first), await replyTo(second)]).toEqual(['ORR^O02^ORR_O02 CR A1^RIS CA', 'ORR^O02^ORR_O02 DR A1^RIS DC']);
  });

  it('need not answer when the order stands again', async () => {
    await say('NW', 'A2');
    await claim('A2');
    const cancel = await say('CA', 'A2');
    await askedOnce('A2');
    expect(await replyTo(await say('NW', 'A2'))).toBe('ORR^O02^ORR_O02 OK A2^RIS IP');
    expect(await replyTo(cancel)).toBe('ORR^O02^ORR_O02 UC A2^RIS IP');
    const { task, aborts } = await orderOf('A2');
    expect([task.status, aborts.map(({ status }) => status)]).toEqual(['accepted', ['cancelled']]);
  });

  it('is asked for an order that is replaced, while the new one is open to all', async () => {
    await say('NW', 'A3');
    await claim('A3');
    const replaced = await sayAll([
      ['RP', 'A3'],
      ['RO', 'A4'],
    ]);
    await askedOnce('A3');
    const { request } = await taskBecomes('A4', 'requested');
    const old = await orderOf('A3');
    expect([request.replaces?.[0]?.reference, old.task.status]).toEqual([`ServiceRequest/${old.request.id}`, 'accepted']);
    await answerAbort('A3', 'completed');
    await taskBecomes('A3', 'cancelled');
    const replies = await until(
      async () => received().filter((message) => fieldOf(message, 'MSA', 2) === replaced),
      (found) => found.length === 2,
    );
    expect(replies.map((message) => [fieldOf(message, 'ORC', 1), fieldOf(message, 'ORC', 2)].join(' '))).toEqual([
      'OK A4^RIS',
      'RQ A3^RIS',
    ]);
  });
});

describe('an order that was written by FHIR', () => {
  it('asks its reader to stop when its author revokes it, and ends when he does', async () => {
    const clinic = connect(`${gateway.http}/fhir`, gateway.addClient('clinic', 'origin', 'clinic'));
    const patient = { resourceType: 'Patient', identifier: [{ system: 'urn:example:clinic', value: '1' }] };
    const request = {
      resourceType: 'ServiceRequest',
      status: 'active',
      intent: 'order',
      priority: 'stat',
      identifier: [{ system: 'urn:example:orders', value: 'F1' }],
      subject: { reference: 'urn:uuid:6f8f9a52-6c6a-4a34-9a53-0c2a6ee1b7aa' },
    };
    const entry = [
      { fullUrl: request.subject.reference, resource: patient, request: { method: 'POST', url: 'Patient' } },
      { resource: request, request: { method: 'POST', url: 'ServiceRequest' } },
    ];
    await clinic.transaction({ body: { resourceType: 'Bundle', type: 'transaction', entry } as never });
    await claim('F1');
    const { request: stored } = await orderOf('F1');
    await clinic.update({ resourceType: 'ServiceRequest', id: stored.id as string, body: { ...stored, status: 'revoked' } as never });
    await answerAbort('F1', 'completed');
    const ended = await taskBecomes('F1', 'cancelled');
    expect([ended.request.status, ended.aborts.map(({ status }) => status)]).toEqual(['revoked', ['completed']]);
  });
});

describe('a report that is corrected', () => {
  it('goes home as a correction with the whole text, and as a document that replaces the first', async () => {
    await say('NW', 'R1');
    await claim('R1');
    const { task, request } = await orderOf('R1');
    const server = connect(`${gateway.http}/fhir`, token);
    const report = reportOn(`ServiceRequest/${request.id}`, task.for?.reference as string);
    await postReport(server, specialist, { ...report, conclusion: 'No fracture.' }, '2026-03-02T10:30:00+01:00');
    const sentFor = (type: string) =>
      received().filter(
        (one) => fieldOf(one, 'MSH', 8).startsWith(type) && one.some((line) => line.includes('P1^RIS') || line.includes('R1^RIS')),
      );
    await until(
      async () => [sentFor('ORU'), sentFor('MDM')],
      ([results, documents]) => results?.length === 1 && documents?.length === 1,
    );
    await expect(postReport(server, specialist, report, '2026-03-02T11:00:00+01:00')).rejects.toMatchObject({
      response: { data: { issue: [{ diagnostics: expect.stringContaining('this case has its report') }] } },
    });
    const correction = { ...report, status: 'corrected' as const, conclusion: 'Fracture of the nose.\nNo bleeding.' };
    await postReport(server, specialist, correction, '2026-03-02T11:30:00+01:00');
    const [results, documents] = (await until(
      async () => [sentFor('ORU'), sentFor('MDM')],
      ([oru, mdm]) => oru?.length === 2 && mdm?.length === 2,
    )) as [string[][][], string[][][]];
    expect(results.map((one) => [fieldOf(one, 'OBR', 25), fieldOf(one, 'OBX', 5)])).toEqual([
      ['F', 'No fracture.'],
      ['C', 'Fracture of the nose.\\.br\\No bleeding.'],
    ]);
    expect(documents.map((one) => fieldOf(one, 'MSH', 8))).toEqual(['MDM^T02^MDM_T02', 'MDM^T10^MDM_T02']);
    expect(fieldOf(documents[1] as string[][], 'TXA', 13)).toBe(fieldOf(documents[0] as string[][], 'TXA', 12));
    expect((documents[1] ?? []).filter(([name]) => name === 'OBX').map((obx) => obx[5])).toEqual([
      'Fracture of the nose.',
      'No bleeding.',
      expect.stringMatching(/^\^application\^pdf\^Base64\^/),
    ]);
    const closed = await until(
      () => orderOf('R1'),
      (found) => found.task.businessStatus?.text === 'returned',
    );
    expect(closed.task.output?.length).toBe(1);
  });
});

describe('a report that its signer takes back', () => {
  it('is withdrawn where it was sent and at the door, and the case takes another', async () => {
    await say('NW', 'W1');
    await claim('W1');
    const { task, request } = await orderOf('W1');
    const server = connect(`${gateway.http}/fhir`, token);
    const report = reportOn(`ServiceRequest/${request.id}`, task.for?.reference as string);
    const sentFor = (type: string) =>
      received().filter((one) => fieldOf(one, 'MSH', 8).startsWith(type) && one.some((line) => line.includes('W1^RIS')));
    const came = (oru: number, mdm: number) =>
      until(
        async () => [sentFor('ORU'), sentFor('MDM')] as const,
        ([results, documents]) => results.length === oru && documents.length === mdm,
      );
    const closed = () =>
      until(
        () => orderOf('W1'),
        (found) => found.task.businessStatus?.text === 'returned',
      );
    await postReport(server, specialist, { ...report, conclusion: 'Fracture.' }, '2026-03-02T10:30:00+01:00');
    await closed();
    await postReport(
      server,
      specialist,
      { ...report, status: 'appended', conclusion: 'Fracture.\nOf the nose.' },
      '2026-03-02T10:40:00+01:00',
    );
    await closed();
    await came(2, 2);
    const withdrawal = { ...report, status: 'entered-in-error' as const, conclusion: 'Other patient.' };
    const stranger = await newSpecialist({ value: '100002' });
    await expect(postReport(server, stranger, withdrawal, '2026-03-02T11:00:00+01:00')).rejects.toMatchObject({
      response: { status: 422 },
    });
    await postReport(server, specialist, withdrawal, '2026-03-02T11:00:00+01:00');

    const [results, documents] = await came(3, 4);
    const [last] = results.slice(-1) as [string[][]];
    expect([fieldOf(last, 'OBR', 25), fieldOf(last, 'ORC', 5), fieldOf(last, 'OBX', 5)]).toEqual([
      'C',
      'SC',
      expect.stringMatching(/^REPORT WITHDRAWN: .*\\.br\\Other patient\.$/),
    ]);
    expect(new Set(last.filter(([name]) => name === 'OBX').map((obx) => obx[11]))).toEqual(new Set(['W']));
    expect(documents.map((one) => fieldOf(one, 'MSH', 8).slice(0, 7))).toEqual(['MDM^T02', 'MDM^T06', 'MDM^T11', 'MDM^T11']);
    // The addendum and what it was added to.
    const numbers = documents.map((one) => fieldOf(one, 'TXA', 12));
    expect(numbers.slice(2)).toEqual([numbers[1], numbers[0]]);
    expect(fieldOf(documents[2] as string[][], 'TXA', 21)).toBe('Other patient.');

    const { task: again } = await taskBecomes('W1', 'requested');
    expect([again.output, again.statusReason?.text]).toEqual([undefined, expect.stringContaining('its report was withdrawn')]);
    const reports = await search<DiagnosticReport>(`DiagnosticReport?based-on=ServiceRequest/${request.id}`);
    expect(reports.map(({ status }) => status)).toEqual(Array(3).fill('entered-in-error'));
    await expect(postReport(server, specialist, withdrawal, '2026-03-02T11:10:00+01:00')).rejects.toMatchObject({
      response: { status: 409 },
    });
    expect(toldOf('W1').slice(-1)).toEqual(['SC']);

    await claim('W1');
    await postReport(server, specialist, { ...report, conclusion: 'No fracture.' }, '2026-03-02T11:30:00+01:00');
    const [, news] = await came(4, 5);
    expect([fieldOf(news[4] as string[][], 'MSH', 8), fieldOf(news[4] as string[][], 'TXA', 13)]).toEqual(['MDM^T02^MDM_T02', '']);
    expect((await closed()).task.output?.length).toBe(1);

    // Worked off once more, neither the first report comes home again nor is the last one taken back.
    const signed = (await gateway.caseView('A-W1')).timeline.filter(({ detail }) => detail.endsWith('signature verified'));
    const written = signed.flatMap(({ seq }) => seq ?? []);
    expect(written).toHaveLength(4);
    for (const seq of written) gateway.run('replay', String(seq));
    const { phase } = await until(
      () => gateway.caseView('A-W1'),
      ({ timeline }) => timeline.filter(({ kind }) => kind === 'report-known').length === 4,
    );
    expect([phase, sentFor('ORU').length, sentFor('MDM').length]).toEqual(['closed', 4, 5]);
  });
});

describe('an order that is held, changed or not known', () => {
  it('is offered again when it is released, as it was changed meanwhile', async () => {
    await say('NW', 'H1');
    await taskBecomes('H1', 'requested');
    expect(await replyTo(await say('HD', 'H1'))).toBe('ORR^O02^ORR_O02 HR H1^RIS HD');
    const { task } = await taskBecomes('H1', 'draft');
    await expect(claimTask(connect(`${gateway.http}/fhir`, token), task)).rejects.toMatchObject({
      response: { data: { issue: [{ diagnostics: expect.stringContaining('its order is on hold') }] } },
    });
    expect(await replyTo(await say('XO', 'H1', '|||||||^Fall from a ladder'))).toBe('ORR^O02^ORR_O02 XR H1^RIS HD');
    expect(await replyTo(await say('RL', 'H1'))).toBe('ORR^O02^ORR_O02 OR H1^RIS SC');
    const { request } = await taskBecomes('H1', 'requested');
    expect([request.status, request.reasonCode?.[0]?.text]).toEqual(['active', 'Fall from a ladder']);
    await until(
      async () => toldOf('H1'),
      (told) => told.length === 2,
    );
    expect(toldOf('H1')).toEqual(['HD', 'SC']);
  });

  it.each([
    ['CA', 'UC'],
    ['DC', 'UD'],
    ['XO', 'UX'],
    ['HD', 'UH'],
    ['RL', 'UR'],
  ])('is not opened by %s: the reply is %s', async (control, reply) => {
    const controlId = await say(control, `N-${control}`);
    expect(await replyTo(controlId)).toBe(`ORR^O02^ORR_O02 ${reply} N-${control}^RIS `);
    expect(await search(`ServiceRequest?identifier=N-${control}`)).toEqual([]);
  });

  it('gets its number back when one is asked for', async () => {
    const controlId = await say('SN', 'S1');
    expect(await replyTo(controlId)).toBe('ORR^O02^ORR_O02 NA S1^RIS SC');
    const reply = received().find((message) => fieldOf(message, 'MSA', 2) === controlId) as string[][];
    expect(fieldOf(reply, 'ORC', 3)).toMatch(/^[0-9a-f]{20}\^WAYSTATION$/);
  });
});

/** Deliveries to FHIR servers that nobody here wrote, over real sockets that hang, break and lie. */
import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DiagnosticReport, ImagingStudy, Media, Patient, Provenance, Resource, ServiceRequest, Task } from '@medplum/fhirtypes';
import { flattenedVerify, importJWK } from 'jose';
import { type FhirClient, type FoundReport, startFhirClient } from '../../src/delivery/fhir/fhir-client.ts';
import type { FhirDestination } from '../../src/model/config.ts';
import type { Receipt, SendResult } from '../../src/model/delivery.ts';
import { type Failure, isFailure } from '../../src/model/failure.ts';
import { answeredPlaces, type Push, pushName } from '../../src/protocols/fhir/push.ts';
import { sameApartFromPlaces } from '../../src/reports/signed-content.ts';
import { composeFhirOrder, type FhirOrderInput } from '../../src/return/fhir/fhir-order.ts';
import { composeFhirReport } from '../../src/return/fhir/fhir-report.ts';
import { type FhirServer, startFhirServer } from '../support/fhir-server.ts';
import { photo as picture } from '../support/photo.ts';
import { newSpecialist, provenanceFor, reportOn, type Specialist } from '../support/specialist.ts';

const PHOTO = picture(8, 6, [180, 120, 100]);
const PDF = Buffer.from('%PDF-1.7 not really a PDF');
const DELIVERY = '0195a1b2-0000-7000-8000-00000000d001';

let there: FhirServer;
let client: FhirClient;
let ada: Specialist;

beforeAll(async () => {
  ada = await newSpecialist();
});
beforeEach(async () => {
  there = await startFhirServer();
  client = startFhirClient(destinationAt(there.url));
});
afterEach(async () => {
  await client.close();
  await there.close();
});

describe('a case pushed to a specialist’s server', () => {
  it('stands there whole: patient, order, Task, photos with their bytes, the way to the images', async () => {
    const receipt = await delivered(composeFhirOrder(orderInput()));
    const [task] = await there.all<Task>('Task');
    const [request] = await there.all<ServiceRequest>('ServiceRequest');
    const [patient] = await there.all<Patient>('Patient');
    const [media] = await there.all<Media>('Media');
    const [study] = await there.all<ImagingStudy>('ImagingStudy');
    expect(task).toMatchObject({
      status: 'requested',
      focus: { reference: `ServiceRequest/${request?.id}` },
      for: { reference: `Patient/${patient?.id}` },
    });
    expect(task?.owner).toBeUndefined();
    expect(request?.supportingInfo).toEqual([{ reference: `Media/${media?.id}` }]);
    expect(request?.requester).toEqual({
      type: 'Practitioner',
      identifier: { system: 'urn:example:npi', value: '77' },
      display: 'Dr. Grace Sample',
    });
    expect(Buffer.from(media?.content?.data ?? '', 'base64')).toEqual(PHOTO);
    expect(study?.contained?.[0]).toMatchObject({ resourceType: 'Endpoint', address: 'https://gateway.example/dicomweb' });
    const places = answeredPlaces(composeFhirOrder(orderInput()), JSON.parse(receipt.bytes.toString()));
    expect(places.get(pushName(`ServiceRequest/${id(2)}`))).toBe(`ServiceRequest/${request?.id}`);
  });

  it('stands there once after it was sent three times', async () => {
    for (let time = 0; time < 3; time++) await delivered(composeFhirOrder(orderInput()));
    expect(await counts()).toEqual({ Patient: 1, ServiceRequest: 1, Task: 1, Media: 1, ImagingStudy: 1 });
  });

  it('stands there once when the answer was lost and it was sent again', async () => {
    there.script('lost-answer');
    expect(await send(composeFhirOrder(orderInput()))).toMatchObject({ code: 'unreachable', class: 'ambiguous' });
    await delivered(composeFhirOrder(orderInput()));
    expect(await counts()).toEqual({ Patient: 1, ServiceRequest: 1, Task: 1, Media: 1, ImagingStudy: 1 });
  });

  it('joins the patient that server already knows by his number', async () => {
    await there.repository.createResource<Patient>({
      resourceType: 'Patient',
      id: 'known',
      identifier: [{ system: 'urn:example:mrn', value: '4711' }],
    });
    await delivered(composeFhirOrder(orderInput()));
    expect((await there.all<Task>('Task'))[0]?.for).toEqual({ reference: 'Patient/known' });
  });

  it('goes in several transactions when it is large, the order and its Task in the last, and survives a break in between', async () => {
    const push = composeFhirOrder(orderInput({ photos: 20 }));
    expect(push.map(({ entry }) => entry?.length)).toEqual([8, 8, 6, 2]);
    there.script('answer', 'answer', 'lost-answer');
    expect(isFailure(await send(push))).toBe(true);
    expect(await there.all('Task')).toEqual([]);
    await delivered(push);
    expect(await counts()).toEqual({ Patient: 1, ServiceRequest: 1, Task: 1, Media: 20, ImagingStudy: 1 });
    const [patient] = await there.all<Patient>('Patient');
    const [request] = await there.all<ServiceRequest>('ServiceRequest');
    const media = await there.all<Media>('Media');
    for (const { subject, basedOn } of media) {
      expect(subject?.reference).toBe(`Patient/${patient?.id}`);
      expect(basedOn?.[0]?.identifier).toEqual({ system: 'urn:example:placer', value: 'PL-1' });
    }
    const [study] = await there.all<ImagingStudy>('ImagingStudy');
    const ahead = [`ImagingStudy/${study?.id}`, ...media.map((one) => `Media/${one.id}`)];
    expect(request?.supportingInfo?.map(({ reference }) => reference).sort()).toEqual(ahead.sort());
  });
});

describe('a signed report pushed to the server that asked', () => {
  it('verifies there with jose alone, and says what was signed', async () => {
    await delivered(await reportPush());
    const [report] = await there.all<DiagnosticReport>('DiagnosticReport');
    const [provenance] = await there.all<Provenance>('Provenance');
    const content = await signedBytes(provenance as Provenance);
    expect(sameApartFromPlaces(JSON.parse(content.toString()), report as DiagnosticReport)).toBe(true);
    expect(provenance?.target).toEqual([{ reference: `DiagnosticReport/${report?.id}` }]);
    expect(report?.basedOn).toEqual([{ type: 'ServiceRequest', identifier: { system: 'urn:example:placer', value: 'PL-1' } }]);
    expect(report?.subject).toEqual({ type: 'Patient', identifier: { system: 'urn:example:mrn', value: '4711' } });
    expect(Buffer.from(report?.presentedForm?.[0]?.data ?? '', 'base64')).toEqual(PDF);
  });

  it('stands there once after a lost answer and two more attempts, with one Provenance', async () => {
    there.script('lost-answer');
    const push = await reportPush();
    expect(isFailure(await send(push))).toBe(true);
    for (let time = 0; time < 2; time++) await delivered(push);
    expect([(await there.all('DiagnosticReport')).length, (await there.all('Provenance')).length]).toEqual([1, 1]);
  });

  it('is marked there when its signer takes it back, beside what says so, once and also where it never arrived', async () => {
    await delivered(await reportPush());
    const { report: before, ...input } = await reportInput();
    const signed = reportOn(`ServiceRequest/${id(2)}`, `Patient/${id(1)}`, { status: 'entered-in-error', conclusion: 'Other knee.' });
    const withdrawn = [before, { ...before, id: id(33) }].map((one) => ({ ...one, status: 'entered-in-error' as const }));
    const proof = await provenanceFor(ada, signed, `DiagnosticReport/${id(34)}`, '2026-03-02T11:31:00Z');
    const push = composeFhirReport({
      ...input,
      report: { ...signed, id: id(34) },
      provenance: { ...proof, id: id(35) },
      withdrawn,
    }) as Push;
    there.script('lost-answer');
    expect(isFailure(await send(push))).toBe(true);
    for (let time = 0; time < 2; time++) await delivered(push);
    const reports = await there.all<DiagnosticReport>('DiagnosticReport');
    expect(reports.map(({ status, conclusion }) => [status, conclusion === 'Other knee.']).sort()).toEqual([
      ['entered-in-error', false],
      ['entered-in-error', false],
      ['entered-in-error', true],
    ]);
    expect(reports.every(({ basedOn }) => basedOn?.[0]?.identifier?.value === 'PL-1')).toBe(true);
    const proofs = await there.all<Provenance>('Provenance');
    expect(
      proofs.map(({ target }) => target[0]?.reference?.split('/')[1]).every((one) => reports.some((report) => report.id === one)),
    ).toBe(true);
    expect(proofs).toHaveLength(2);
    expect(
      composeFhirReport({ ...input, report: { ...signed, id: id(34) }, provenance: proof, withdrawn: Array(9).fill(before) }),
    ).toHaveLength(2);
  });

  it('is not called delivered when the server takes another report for it', async () => {
    const other = await there.repository.createResource<DiagnosticReport>({ resourceType: 'DiagnosticReport', status: 'final', code: {} });
    const push = JSON.parse(JSON.stringify(await reportPush())) as Push;
    for (const entry of push[0]?.entry ?? []) {
      // As a server does that overlooks `_tag`.
      if (entry.resource?.resourceType === 'DiagnosticReport' && entry.request) entry.request.ifNoneExist = `_id=${other.id}`;
    }
    expect(await send(push)).toMatchObject({ code: 'rejected', class: 'permanent' });
  });

  it('is not composed without the bytes of its file, or with others', async () => {
    const input = await reportInput();
    expect(composeFhirReport({ ...input, files: new Map() })).toMatchObject({ failure: true, code: 'not-found' });
    const swapped = new Map([[`Binary/${id(30)}`, Buffer.from('%PDF-1.7 another')]]);
    expect(composeFhirReport({ ...input, files: swapped })).toMatchObject({ failure: true, code: 'signature' });
  });
});

describe('a server that does not take it', () => {
  it.each([
    [500, 'ambiguous'],
    [502, 'ambiguous'],
    [503, 'transient'],
    [429, 'transient'],
    [409, 'transient'],
    [400, 'permanent'],
    [401, 'permanent'],
    [412, 'permanent'],
    [422, 'permanent'],
  ] as const)('HTTP %i is %s, and nothing the server said of a patient is repeated', async (status, expected) => {
    there.script(status);
    const result = (await send(composeFhirOrder(orderInput()))) as Failure;
    expect(result).toMatchObject({ class: expected, detail: `HTTP ${status}: processing` });
  });

  it('that does not answer in time may have taken it', async () => {
    const hasty = startFhirClient({ ...destinationAt(there.url), timeoutMs: 500 });
    there.script('hang');
    expect(await hasty.send(deliveryOf(composeFhirOrder(orderInput())))).toMatchObject({ code: 'timeout', class: 'ambiguous' });
    await hasty.close();
  });

  it('that hangs up may have taken it', async () => {
    there.script('lost-request');
    expect(await send(composeFhirOrder(orderInput()))).toMatchObject({ code: 'unreachable', class: 'ambiguous' });
  });

  it('that is a sign-in page has given no receipt', async () => {
    there.script('not-fhir');
    expect(await send(composeFhirOrder(orderInput()))).toMatchObject({ code: 'malformed', class: 'ambiguous' });
  });

  it('that answers with something of another shape has given no receipt', async () => {
    const odd = { resourceType: 'Bundle', type: 'transaction-response' };
    const answers = [{ ...odd }, { ...odd, entry: 'abcde' }, { ...odd, entry: [1, 2, 3, 4, 5] }, { ...odd, entry: [{}, {}, {}, {}, {}] }];
    for (const answer of [...answers, { resourceType: 'Patient' }, [], null]) {
      there.script({ answer });
      expect(await send(composeFhirOrder(orderInput()))).toMatchObject({ failure: true, class: 'ambiguous' });
    }
    const report = { resourceType: 'DiagnosticReport', id: '1', status: 'final', basedOn: 'ServiceRequest/1' };
    there.script({ answer: { resourceType: 'Bundle', entry: [{ resource: report }] } });
    expect(await client.poll('ServiceRequest/1')).toMatchObject({ failure: true, class: 'ambiguous' });
  });

  it('that redirects gets nothing sent to elsewhere', async () => {
    there.script('redirect');
    expect(await send(composeFhirOrder(orderInput()))).toMatchObject({ code: 'rejected', class: 'permanent' });
    expect(there.requests.map(({ line }) => line)).toEqual(['POST /']);
  });

  it('that is not there was never sent to', async () => {
    const gone = await startFhirServer();
    await gone.close();
    const nowhere = startFhirClient(destinationAt(gone.url));
    expect(await nowhere.send(deliveryOf(composeFhirOrder(orderInput())))).toMatchObject({ code: 'unreachable', class: 'transient' });
    await nowhere.close();
  });

  it('that answers without end is cut off', async () => {
    const endless = await startEndlessServer();
    const victim = startFhirClient(destinationAt(`http://127.0.0.1:${(endless.address() as AddressInfo).port}`));
    const before = process.memoryUsage().rss;
    expect(await victim.send(deliveryOf(composeFhirOrder(orderInput())))).toMatchObject({ failure: true, class: 'ambiguous' });
    expect(process.memoryUsage().rss - before).toBeLessThan(1024 * 1024 * 1024);
    await victim.close();
    endless.closeAllConnections();
    endless.close();
  });
});

describe('looking for the report on a specialist’s server', () => {
  it('finds nothing, then not the preliminary, then the signed one with its PDF', async () => {
    const { remote, patient } = await pushedOrder();
    expect(await client.poll(remote)).toBeNull();
    await there.repository.createResource(reportOn(remote, patient, { status: 'preliminary' }));
    expect(await client.poll(remote)).toBeNull();
    const { report, provenance } = await signedThere(remote, patient);
    const found = (await client.poll(remote)) as FoundReport;
    expect(found.controlId).toBe(`DiagnosticReport/${report.id}/_history/${report.meta?.versionId}`);
    const resources = JSON.parse(found.bytes.toString()).entry.map((entry: { resource: Resource }) => entry.resource);
    expect(resources).toMatchObject([{ id: report.id }, { id: provenance.id }, { resourceType: 'Binary', data: PDF.toString('base64') }]);
    expect((await client.poll(remote)) as FoundReport).toEqual(found);
  });

  it('does not take a report that has no signature yet', async () => {
    const { remote, patient } = await pushedOrder();
    await there.repository.createResource(reportOn(remote, patient));
    expect(await client.poll(remote)).toBeNull();
  });

  it('follows no reference to another server, where the token would go along', async () => {
    const { remote, patient } = await pushedOrder();
    const elsewhere = await startFhirServer();
    const form = { contentType: 'application/pdf', url: `${elsewhere.url}/Binary/1` };
    await signedThere(remote, patient, [form]);
    expect(await client.poll(remote)).toMatchObject({ failure: true, code: 'invalid' });
    expect(elsewhere.requests).toEqual([]);
    expect(there.requests.every(({ authorization }) => authorization === 'Bearer secret')).toBe(true);
    await elsewhere.close();
  });

  it('says what is wrong when the server does not answer', async () => {
    there.script(503, 'lost-request');
    expect(await client.poll('ServiceRequest/1')).toMatchObject({ failure: true, class: 'transient' });
    expect(await client.poll('ServiceRequest/1')).toMatchObject({ failure: true, class: 'ambiguous' });
  });
});

function destinationAt(url: string): FhirDestination {
  const retry = { firstDelayMs: 1, maxDelayMs: 1, maxAttempts: 1, onFailure: 'setAside' as const };
  return { kind: 'fhir', name: 'there', url, token: 'secret', timeoutMs: 60_000, pollMs: 1000, retry };
}

function send(push: Push): Promise<SendResult> {
  return client.send(deliveryOf(push));
}

async function delivered(push: Push): Promise<Receipt> {
  const result = await send(push);
  expect(result).not.toHaveProperty('failure');
  return result as Receipt;
}

function deliveryOf(push: Push): { content: Buffer } {
  return { content: Buffer.from(JSON.stringify(push)) };
}

async function counts(): Promise<Record<string, number>> {
  const types = ['Patient', 'ServiceRequest', 'Task', 'Media', 'ImagingStudy'] as const;
  const found = await Promise.all(types.map(async (type) => [type, (await there.all(type)).length] as const));
  return Object.fromEntries(found);
}

/** Ids as ours are: UUIDs. */
function id(n: number): string {
  return `0195a1b2-0000-7000-8000-${String(n).padStart(12, '0')}`;
}

const patient: Patient = {
  resourceType: 'Patient',
  id: id(1),
  identifier: [{ system: 'urn:example:mrn', value: '4711' }],
  name: [{ family: 'Sample' }],
};
const serviceRequest: ServiceRequest = {
  resourceType: 'ServiceRequest',
  id: id(2),
  identifier: [{ system: 'urn:example:placer', value: 'PL-1' }],
  status: 'active',
  intent: 'order',
  subject: { reference: `Patient/${id(1)}` },
  requester: { reference: `Practitioner/${id(8)}` },
};
const known = new Map<string, Resource>([
  [
    `Practitioner/${id(8)}`,
    {
      resourceType: 'Practitioner',
      id: id(8),
      identifier: [{ system: 'urn:example:npi', value: '77' }],
      name: [{ prefix: ['Dr.'], given: ['Grace'], family: 'Sample' }],
    },
  ],
  [`Patient/${id(1)}`, patient],
  [`ServiceRequest/${id(2)}`, serviceRequest],
]);

function orderInput({ photos = 1 } = {}): FhirOrderInput {
  const media = Array.from({ length: photos }, (_, n): Media & { id: string } => ({
    resourceType: 'Media',
    id: id(100 + n),
    status: 'completed',
    basedOn: [{ reference: `ServiceRequest/${id(2)}` }],
    subject: { reference: `Patient/${id(1)}` },
    content: { contentType: 'image/jpeg', url: `Binary/${id(200 + n)}` },
  }));
  const study: ImagingStudy = { resourceType: 'ImagingStudy', id: id(4), status: 'available', subject: { reference: `Patient/${id(1)}` } };
  const task: Task = {
    resourceType: 'Task',
    id: id(3),
    status: 'draft',
    intent: 'order',
    owner: { reference: `Organization/${id(9)}` },
    focus: { reference: `ServiceRequest/${id(2)}` },
    for: { reference: `Patient/${id(1)}` },
  };
  return {
    task,
    serviceRequest: { ...serviceRequest, supportingInfo: media.map((one) => ({ reference: `Media/${one.id}` })) },
    patient,
    material: [study, ...media],
    known,
    files: new Map(media.map((one) => [one.content.url as string, PHOTO])),
    base: 'https://gateway.example/fhir',
    dicomweb: 'https://gateway.example/dicomweb',
    controlId: DELIVERY,
  };
}

async function reportInput(): Promise<Parameters<typeof composeFhirReport>[0]> {
  const sha256 = createHash('sha256').update(PDF).digest('hex');
  const extension = [{ url: 'https://waystation.dev/fhir/StructureDefinition/attachment-sha256', valueString: sha256 }];
  const presentedForm = [{ extension, contentType: 'application/pdf', url: `Binary/${id(30)}` }];
  const report = { ...reportOn(`ServiceRequest/${id(2)}`, `Patient/${id(1)}`, { presentedForm }), id: id(31), meta: { versionId: '1' } };
  const text = { status: 'additional' as const, div: '<div xmlns="http://www.w3.org/1999/xhtml">Not covered by the signature.</div>' };
  const provenance = { ...(await provenanceFor(ada, report, `DiagnosticReport/${id(31)}`, '2026-03-02T09:31:00Z')), id: id(32) };
  const files = new Map([[`Binary/${id(30)}`, PDF]]);
  return { report: { ...report, text }, provenance, known, files, base: 'https://gateway.example/fhir', controlId: DELIVERY };
}

async function reportPush(): Promise<Push> {
  return composeFhirReport(await reportInput()) as Push;
}

/** The signed bytes, verified with jose and the signer's public key. */
async function signedBytes(provenance: Provenance): Promise<Buffer> {
  const signature = provenance.signature?.[0];
  const content = Buffer.from(signature?.extension?.[0]?.valueBase64Binary ?? '', 'base64');
  const [header, , value] = Buffer.from(signature?.data ?? '', 'base64')
    .toString()
    .split('.') as [string, string, string];
  await flattenedVerify({ protected: header, payload: content.toString('base64url'), signature: value }, await importJWK(ada.publicJwk));
  return content;
}

async function pushedOrder(): Promise<{ remote: string; patient: string }> {
  const push = composeFhirOrder(orderInput());
  const receipt = await delivered(push);
  const places = answeredPlaces(push, JSON.parse(receipt.bytes.toString()));
  return { remote: places.get(pushName(`ServiceRequest/${id(2)}`)) as string, patient: places.get(pushName(`Patient/${id(1)}`)) as string };
}

async function signedThere(remote: string, subject: string, form?: DiagnosticReport['presentedForm']) {
  const binary = await there.repository.createResource<Resource>({
    resourceType: 'Binary',
    contentType: 'application/pdf',
    data: PDF.toString('base64'),
  });
  const presentedForm = form ?? [{ contentType: 'application/pdf', url: `Binary/${binary.id}` }];
  const report = await there.repository.createResource(reportOn(remote, subject, { presentedForm }));
  const provenance = await there.repository.createResource(
    await provenanceFor(ada, report, `DiagnosticReport/${report.id}`, '2026-03-02T09:31:00Z'),
  );
  return { report, provenance };
}

async function startEndlessServer(): Promise<Server> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/fhir+json' });
    const more = () => {
      while (response.writable && response.write(' '.repeat(1024 * 1024)));
    };
    response.on('drain', more);
    more();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

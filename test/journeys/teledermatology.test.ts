/**
 * A clinic asks by FHIR: one transaction with the order, a history form and three photographs. A specialist pulls, looks, claims, signs;
 * the signed report is pushed to the clinic's own FHIR server, which is a program that nobody here wrote.
 */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle, BundleEntry, DiagnosticReport, Media, Provenance, Resource, Task } from '@medplum/fhirtypes';
import { type FhirServer, startFhirServer } from '../support/fhir-server.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { photo } from '../support/photo.ts';
import { claimTask, connect, newSpecialist, postReport, reportOn, type Specialist } from '../support/specialist.ts';
import { stagesOf } from '../support/stages.ts';
import { until } from '../support/until.ts';

const PHOTOS = [photo(64, 48, [180, 120, 100]), photo(48, 48, [120, 70, 60]), photo(32, 64, [90, 50, 40])];
const VIEWS = ['regional', 'medium', 'close-up'];
const stages = stagesOf('teledermatology');
let gateway: GatewayProcess;
let clinic: FhirServer;
let specialist: Specialist;
let clinicToken: string;
let readerToken: string;

beforeAll(async () => {
  clinic = await startFhirServer();
  specialist = await newSpecialist();
  gateway = await startGatewayProcess({ yaml: configuration() });
  clinicToken = gateway.addClient('clinic', 'origin', 'clinic');
  readerToken = gateway.addClient('reading-room', 'reader', 'dermatologists');
});
afterAll(async () => {
  await gateway?.stop();
  gateway?.remove();
  await clinic?.close();
});

function configuration(): string {
  return `
peers:
  - { name: clinic, http: { client: clinic }, returns: [clinic-server] }
destinations:
  - { kind: fhir, name: clinic-server, url: "${clinic.url}" }
  - { kind: pull, name: dermatology, group: dermatologists }
routes:
  - { when: { specialty: teledermatology }, to: dermatology }
signers:
  - name: ${specialist.name}
    identifier: { system: "${specialist.identifier.system}", value: "${specialist.identifier.value}" }
    jwk: ${JSON.stringify(specialist.publicJwk)}
specialties:
  teledermatology: { media: 3 }
`;
}

async function ask(token: string, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/fhir+json', ...init.headers };
  return fetch(`${gateway.http}/fhir/${path}`, { ...init, headers });
}

async function search<T extends Resource>(token: string, query: string): Promise<T[]> {
  const response = await ask(token, query);
  expect(response.status).toBe(200);
  return (((await response.json()) as Bundle<T>).entry ?? []).map((entry) => entry.resource as T);
}

/** The order and its form, and each photograph: two as Binary in the transaction, one uploaded before as it is. */
async function consultation(): Promise<Bundle> {
  const bundle = JSON.parse(stages.read('0-received.json')) as Bundle;
  const uploaded = await ask(clinicToken, 'Binary', {
    method: 'POST',
    body: new Uint8Array(PHOTOS[0] as Buffer),
    headers: { 'content-type': 'image/png' },
  });
  expect(uploaded.status).toBe(201);
  const first = /Binary\/[^/]+/.exec(uploaded.headers.get('location') ?? '')?.[0] as string;
  const photos = PHOTOS.flatMap((bytes, index) => entriesOf(bytes, index, index === 0 ? first : ''));
  return { ...bundle, entry: [...(bundle.entry ?? []), ...photos] };
}

function entriesOf(bytes: Buffer, index: number, uploaded: string): BundleEntry[] {
  const fullUrl = `urn:uuid:11111111-1111-4111-8111-11111111120${index}`;
  const binary = { resourceType: 'Binary' as const, contentType: 'image/png', data: bytes.toString('base64') };
  const media: Media = {
    resourceType: 'Media',
    status: 'completed',
    basedOn: [{ reference: 'urn:uuid:11111111-1111-4111-8111-111111111102' }],
    subject: { reference: 'urn:uuid:11111111-1111-4111-8111-111111111101' },
    view: { text: VIEWS[index] },
    content: { contentType: 'image/png', url: uploaded || fullUrl },
  };
  const entry = { resource: media, request: { method: 'POST' as const, url: 'Media' } };
  return uploaded ? [entry] : [{ fullUrl, resource: binary, request: { method: 'POST', url: 'Binary' } }, entry];
}

describe('teledermatology', () => {
  let task: Task;

  it('takes order, form and photographs in one transaction and offers the case', async () => {
    const response = await ask(clinicToken, '', { method: 'POST', body: JSON.stringify(await consultation()) });
    const answer = (await response.json()) as Bundle;
    expect(response.status).toBe(200);
    expect(answer.entry?.every((entry) => entry.response?.status.startsWith('201'))).toBe(true);
    [task] = (await until(
      () => search<Task>(readerToken, 'Task?status=requested'),
      (found) => found.length > 0,
    )) as [Task];
    stages.see('1-requested.json', task);
  });

  it('shows the specialist each photograph byte for byte, and nobody else', async () => {
    const media = await search<Media>(readerToken, `Media?based-on=${task.focus?.reference}`);
    expect(media.length).toBe(3);
    const digests = await Promise.all(
      media.map(async ({ content }) =>
        sha256(Buffer.from(await (await ask(readerToken, content.url as string, { headers: { accept: 'image/png' } })).arrayBuffer())),
      ),
    );
    expect([...digests].sort()).toEqual(PHOTOS.map(sha256).sort());
    const stranger = gateway.addClient('stranger', 'reader', 'radiologists');
    expect((await ask(stranger, media[0]?.content.url as string)).status).toBe(404);
    expect(await search(stranger, 'Task')).toEqual([]);
  });

  it('refuses a report without a signature, and sends nothing', async () => {
    const server = connect(`${gateway.http}/fhir`, readerToken);
    task = await claimTask(server, task);
    const report = reportFor(task);
    const unsigned = await ask(readerToken, 'DiagnosticReport', { method: 'POST', body: JSON.stringify(report) });
    expect(unsigned.status).toBeGreaterThanOrEqual(400);
    stages.see('2-refused.json', await unsigned.json());
    expect(await clinic.all('DiagnosticReport')).toEqual([]);
  });

  it('takes the signed report and pushes it to the clinic once', async () => {
    const server = connect(`${gateway.http}/fhir`, readerToken);
    await postReport(server, specialist, reportFor(task), '2026-03-02T12:00:00+01:00');
    const [report, ...more] = await until(
      () => clinic.all<DiagnosticReport>('DiagnosticReport'),
      (found) => found.length > 0,
    );
    expect(more).toEqual([]);
    const { meta: _meta, ...content } = report as DiagnosticReport;
    stages.see('3-returned.json', content);
    const [provenance] = await until(
      () => clinic.all<Provenance>('Provenance'),
      (found) => found.length > 0,
    );
    expect(provenance?.target?.[0]?.reference).toBe(`DiagnosticReport/${report?.id}`);
    expect(provenance?.signature?.[0]?.sigFormat).toBe('application/jose');
  });

  it('closes the case when the clinic has answered, and tells every hop', async () => {
    const find = async () => (await search<Task>(clinicToken, 'Task'))[0];
    const closed = await until(find, (found) => found?.businessStatus?.text === 'returned');
    expect(closed?.status).toBe('completed');
    const view = JSON.parse(gateway.run('case', closed?.identifier?.[0]?.value as string, '--json'));
    const timeline = view.timeline.map(({ kind, actor, detail }: Record<string, string>) => `${kind} · ${actor} · ${detail}`);
    stages.see('4-closed.json', { phase: view.phase, waitingFor: view.waitingFor, timeline });
  });
});

function reportFor(task: Task): DiagnosticReport {
  return reportOn(task.focus?.reference as string, task.for?.reference as string, {
    code: { coding: [{ system: 'http://loinc.org', code: '34758-3', display: 'Dermatology Consult note' }] },
    conclusion: 'Seborrhoeic keratosis. No further action.',
  });
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * A clinic asks by FHIR, with a photo of a phone, a HEIC, a film and a file that is no picture; the readers read at a PACS. Photos and film
 * arrive there as DICOM objects of one study, upright and without a place; the gateway is killed while they are made. The PACS is dcmtk's
 * storescp.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle, BundleEntry, ImagingStudy, Media, Task } from '@medplum/fhirtypes';
import { type DicomServer, startStorescp } from '../support/dicom-peers.ts';
import { freePort } from '../support/free-port.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { locatedJpeg, MEDIA } from '../support/located-photo.ts';
import { isInstalled, run } from '../support/programs.ts';
import { until } from '../support/until.ts';

const ORDER = 'urn:uuid:11111111-1111-4111-8111-111111111102';
const PATIENT = 'urn:uuid:11111111-1111-4111-8111-111111111101';
const CLASSES = ['77.1.4', '77.1.4', '77.1.4.1', '77.1.7'].map((suffix) => `1.2.840.10008.5.1.4.1.1.${suffix}`);

(isInstalled('storescp') && isInstalled('dcmdump') ? describe : describe.skip)('a clinic whose photos are read at a PACS', () => {
  let gateway: GatewayProcess;
  let pacs: DicomServer | undefined;
  let port: number;
  let clinic: string;
  let reader: string;
  let task: Task;

  beforeAll(async () => {
    port = await freePort();
    gateway = await startGatewayProcess({ yaml: configuration() });
    clinic = gateway.addClient('clinic', 'origin', 'clinic');
    reader = gateway.addClient('reader', 'reader', 'pacs-readers');
  });
  afterAll(async () => {
    await pacs?.stop();
    await gateway?.stop();
    gateway?.remove();
  });

  function configuration(): string {
    return `
peers: [{ name: clinic, http: { client: clinic }, zone: "+01:00" }]
destinations:
  - { kind: dimse, name: reading-pacs, host: 127.0.0.1, port: ${port}, aeTitle: PACS, group: pacs-readers, retry: { first: 100ms, most: 500ms } }
specialties: { teledermatology: { media: 1 } }
`;
  }

  const ask = async (token: string, path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${gateway.http}/fhir/${path}`, {
      ...init,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/fhir+json', ...init.headers },
    });
  const search = async <T extends Task | ImagingStudy>(path: string): Promise<T[]> =>
    (((await (await ask(reader, path)).json()) as Bundle<T>).entry ?? []).map(({ resource }) => resource as T);
  const view = () => gateway.caseView(task.id as string);
  const received = (): string[] => {
    const directory = pacs?.directory as string;
    return readdirSync(directory).map((name) => join(directory, name));
  };

  async function upload(bytes: Buffer, contentType: string): Promise<string> {
    const answer = await ask(clinic, 'Binary', { method: 'POST', body: new Uint8Array(bytes), headers: { 'content-type': contentType } });
    expect(answer.status).toBe(201);
    return /Binary\/[^/]+/.exec(answer.headers.get('location') ?? '')?.[0] as string;
  }

  async function mediaOf(bytes: Buffer, contentType: string, view: string): Promise<Media> {
    return {
      resourceType: 'Media',
      status: 'completed',
      basedOn: [{ reference: ORDER }],
      subject: { reference: PATIENT },
      createdDateTime: '2026-03-02T07:30:05+01:00',
      view: { text: view },
      content: { contentType, url: await upload(bytes, contentType) },
    };
  }

  async function consultation(): Promise<Bundle> {
    const bundle = JSON.parse(readFileSync('fixtures/fhir/dermatology-consultation.json', 'utf8')) as Bundle;
    const kept = (bundle.entry ?? []).filter(({ resource }) => !['Binary', 'Media'].includes(resource?.resourceType ?? ''));
    const media = [
      await mediaOf(await locatedJpeg({ orientation: 6 }), 'image/jpeg', 'regional'),
      await mediaOf(await locatedJpeg(), 'image/jpeg', 'dermoscopic'),
      await mediaOf(readFileSync(`${MEDIA}/located.heic`), 'image/heic', 'medium'),
      await mediaOf(readFileSync(`${MEDIA}/located.mp4`), 'video/mp4', 'gait'),
      await mediaOf(Buffer.from('not really a photo'), 'image/jpeg', 'broken'),
    ];
    return {
      ...bundle,
      entry: [...kept, ...media.map((resource): BundleEntry => ({ resource, request: { method: 'POST', url: 'Media' } }))],
    };
  }

  it('makes them while the PACS is away, through a kill, and tells of the one that is none', async () => {
    const answer = await ask(clinic, '', { method: 'POST', body: JSON.stringify(await consultation()) });
    expect(answer.status).toBe(200);
    await gateway.kill({ database: true });
    gateway = await startGatewayProcess({ yaml: configuration(), directory: gateway.directory });
    [task] = (await until(
      () => search<Task>('Task?status=requested'),
      (found) => found.length > 0,
    )) as [Task];
    const waiting = await until(
      view,
      ({ objects, timeline }) => objects?.ordered === 4 && timeline.some(({ kind }) => kind === 'photo-not-sent'),
    );
    expect(waiting).toMatchObject({ phase: 'requested', objects: { destination: 'reading-pacs', ordered: 4, taken: 0 } });
    const kinds = waiting.timeline.map(({ kind, detail }) => `${kind}: ${detail}`);
    expect(kinds).toContain('photos: 5 photos and films become DICOM objects for reading-pacs');
    expect(kinds.filter((line) => line.startsWith('photo-not-sent'))).toEqual([
      expect.stringMatching(/^photo-not-sent: Media\/.*: it is no JPEG, PNG, HEIC, AVIF, WebP, TIFF or MP4$/),
    ]);
  });

  it('tries the one that is none again when a person says so, and tells of it again', async () => {
    const caseId = (await view()).id;
    expect(gateway.run('replay')).toMatch(new RegExp(`^--photos ${caseId} .* Media/\\S+ as a DICOM object +it is no JPEG`, 'm'));
    expect(gateway.run('replay', '--photos', caseId)).toBe('1 photo or film is tried again\n');
    const twice = ({ timeline }: { timeline: readonly { kind: string }[] }) =>
      timeline.filter(({ kind }) => kind === 'photo-not-sent').length === 2;
    const again = await until(view, twice);
    expect(again.objects).toMatchObject({ ordered: 4 });
  });

  it('sends each once, as one study of the patient', async () => {
    pacs = await startStorescp(['+xa'], port);
    await until(view, ({ objects }) => objects?.taken === 4);
    expect(received()).toHaveLength(4);
    const said = await Promise.all(received().map(dumped));
    expect(said.map(({ sopClass }) => sopClass).sort()).toEqual(CLASSES);
    expect(new Set(said.map(({ studyUid }) => studyUid)).size).toBe(1);
    expect(new Set(said.map(({ sopInstanceUid }) => sopInstanceUid)).size).toBe(4);
    for (const one of said) expect(one).toMatchObject({ patientId: 'D-77', patientName: 'Beispiel^Ada', taken: '20260302073005+0100' });
    for (const path of received()) {
      for (const place of ['52.5163', 'Berlin', 'loci']) expect(readFileSync(path).includes(place)).toBe(false);
    }
  });

  it('shows the readers the study beside the photos, of the very patient', async () => {
    const studies = await search<ImagingStudy>('ImagingStudy');
    expect(studies).toMatchObject([{ numberOfInstances: 4, subject: task.for }]);
    expect((await view()).studies).toHaveLength(1);
  });

  it('knows a patient without a number by his resource, and no other', async () => {
    const bundle = JSON.parse(readFileSync('fixtures/fhir/dermatology-consultation.json', 'utf8')) as Bundle;
    const entry = (bundle.entry ?? []).flatMap(({ resource, fullUrl, request }): BundleEntry[] => {
      if (!resource || !request) return [];
      const { identifier: _none, ...rest } = resource as { identifier?: unknown } & typeof resource;
      return [{ ...(fullUrl ? { fullUrl } : {}), resource: rest as typeof resource, request: { method: 'POST', url: request.url } }];
    });
    expect((await ask(clinic, '', { method: 'POST', body: JSON.stringify({ ...bundle, entry }) })).status).toBe(200);
    const studies = await until(
      () => search<ImagingStudy>('ImagingStudy'),
      (found) => found.length === 2,
    );
    const tasks = await search<Task>('Task?status=requested');
    const other = tasks.find(({ id }) => id !== task.id) as Task;
    expect(studies.find(({ subject }) => subject.reference === other.for?.reference)).toMatchObject({ numberOfInstances: 1 });
    const view = await until(
      () => gateway.caseView(other.id as string),
      ({ objects }) => objects?.taken === 1,
    );
    expect(view.objects).toMatchObject({ ordered: 1, taken: 1 });
    const said = await Promise.all(received().map(dumped));
    expect(said.filter(({ patientId }) => `Patient/${patientId}` === other.for?.reference)).toHaveLength(1);
  });
});

async function dumped(
  path: string,
): Promise<Record<'sopClass' | 'sopInstanceUid' | 'studyUid' | 'patientId' | 'patientName' | 'taken', string>> {
  const { output } = await run('dcmdump', ['-q', '-Un', '+P', '0008,0016', '+P', '0008,0018', '+P', '0020,000d', ...TEXTS, path]);
  const value = (tag: string): string => new RegExp(`\\(${tag}\\) .. \\[?=?([^\\]#]*?)\\]? +#`).exec(output)?.[1] ?? output;
  return {
    sopClass: value('0008,0016'),
    sopInstanceUid: value('0008,0018'),
    studyUid: value('0020,000d'),
    patientId: value('0010,0020'),
    patientName: value('0010,0010'),
    taken: value('0008,002a'),
  };
}

const TEXTS = ['+P', '0010,0020', '+P', '0010,0010', '+P', '0008,002a'];

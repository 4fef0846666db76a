/**
 * A hospital whose archives take results as DICOM: an order by HL7 v2, a CT series, a signed report; Encapsulated PDF and structured reports
 * arrive at dcmtk's storescp by C-STORE and at Orthanc by STOW-RS, in the study of the images. A correction sends what replaces them, and
 * a rejection note where it is wanted. The gateway is killed in the middle. Nothing of src is imported.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle, DiagnosticReport, Observation, Task } from '@medplum/fhirtypes';
import { ctSlice } from '../support/ct-slice.ts';
import { type DicomServer, startOrthanc, startStorescp } from '../support/dicom-peers.ts';
import { freePort } from '../support/free-port.ts';
import { type CaseView, type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { sendMllp } from '../support/mllp-sender.ts';
import { orderMessage } from '../support/order-message.ts';
import { isInstalled, run } from '../support/programs.ts';
import { claimTask, connect, newSpecialist, postReport, reportOn, type Specialist } from '../support/specialist.ts';
import { openStoreAssociation } from '../support/store-sender.ts';
import { until } from '../support/until.ts';

const PLUGIN = '/usr/share/orthanc/plugins/libOrthancDicomWeb.so';
const ORDER = orderMessage(2, { run: 'RES' });
const PDF = Buffer.from('%PDF-1.4 what the specialist made of it\n%%EOF\n');
const SR = ['1.2.840.10008.5.1.4.1.1.88.11', '1.2.840.10008.5.1.4.1.1.88.22', '1.2.840.10008.5.1.4.1.1.88.33'];
const LESION: Observation = {
  resourceType: 'Observation',
  id: 'lesion',
  status: 'final',
  code: { coding: [{ system: 'http://snomed.info/sct', code: '103339001', display: 'Long axis' }] },
  valueQuantity: { value: 12.5, unit: 'mm', system: 'http://unitsofmeasure.org', code: 'mm' },
};

(isInstalled('storescp') && isInstalled('Orthanc') ? describe : describe.skip)('results for archives', () => {
  let gateway: GatewayProcess;
  let specialist: Specialist;
  let archive: DicomServer | undefined;
  let orthanc: DicomServer;
  let port: number;
  let token: string;
  let other: string;
  const slices = [1, 2, 3].map((n) => ctSlice(n, { run: 'results', study: 1, accession: ORDER.accession, patient: ORDER.patient }));
  const study = slices[0]?.studyUid as string;

  beforeAll(async () => {
    port = await freePort();
    orthanc = await startOrthanc({ Plugins: [PLUGIN], DicomWeb: { Enable: true } });
    specialist = await newSpecialist();
    gateway = await startGatewayProcess({ yaml: configuration() });
    token = gateway.addClient('reader', 'reader', 'readers');
    other = gateway.addClient('other', 'reader', 'others');
  });
  afterAll(async () => {
    await archive?.stop();
    await orthanc?.stop();
    await gateway?.stop();
    gateway?.remove();
  });

  function configuration(): string {
    return `
peers: [{ name: hospital, mllp: { application: LOADRIS }, dimse: { aeTitle: LOADCT }, patientAuthority: HOSP, zone: "+01:00", returns: [archive, orthanc] }]
destinations:
  - { kind: dimse, name: archive, host: 127.0.0.1, port: ${port}, aeTitle: ARCHIVE, results: [pdf, sr, measurements, kos], rejection: quality, retry: { first: 100ms, most: 500ms } }
  - { kind: dicomweb, name: orthanc, url: "${orthanc.http}/dicom-web", retry: { first: 100ms, most: 500ms } }
  - { kind: pull, name: reading-room, group: readers }
signers:
  - name: ${specialist.name}
    identifier: { system: "${specialist.identifier.system}", value: "${specialist.identifier.value}" }
    jwk: ${JSON.stringify(specialist.publicJwk)}
specialties: { teleradiology: { quiet: 500ms } }
`;
  }

  const view = () => gateway.caseView(ORDER.accession);
  const ask = (path: string, as = token) => fetch(`${gateway.http}/${path}`, { headers: { authorization: `Bearer ${as}`, accept: '*/*' } });
  const received = (): string[] => readdirSync(archive?.directory as string).map((name) => join(archive?.directory as string, name));
  const task = async (): Promise<Task | undefined> =>
    ((await (await ask('fhir/Task?code=fulfill')).json()) as Bundle<Task>).entry?.[0]?.resource;

  type Read = { path: string; sopClass: string; uid: string; dump: string };
  /** What dcmtk reads of each object at the archive. */
  async function read(): Promise<Read[]> {
    return Promise.all(
      received().map(async (path) => {
        const { output } = await run('dcmdump', ['-Un', path]);
        const value = (tag: string) => new RegExp(`^\\(${tag}\\) UI \\[([\\d.]+)`, 'm').exec(output)?.[1] ?? '';
        return { path, sopClass: value('0008,0016'), uid: value('0008,0018'), dump: output };
      }),
    );
  }
  const ofClass = (objects: readonly Read[], suffix: string): Read[] =>
    objects.filter(({ sopClass }) => sopClass === `1.2.840.10008.5.1.4.1.1.${suffix}`);

  async function signed(more: Partial<DiagnosticReport>, when: string): Promise<void> {
    const current = (await task()) as Task;
    const report = reportOn(current.focus?.reference as string, current.for?.reference as string, more);
    const answer = await postReport(connect(`${gateway.http}/fhir`, token), specialist, report, when);
    expect(answer.entry?.map((entry) => entry.response?.status.slice(0, 3))).toEqual(['201', '201']);
  }

  it('orders the documents of a report in the transaction that takes it, and closes nothing before the archives have them', async () => {
    expect(await sendMllp(gateway.mllp, ORDER.bytes)).toContain('MSA|AA');
    const association = await openStoreAssociation(gateway.dimse);
    for (const slice of slices) expect(await association.store(slice)).toBe(0);
    await association.release();
    const offered = (await until(task, (found) => found?.status === 'requested')) as Task;
    await claimTask(connect(`${gateway.http}/fhir`, token), offered);
    const selection = {
      resourceType: 'ImagingStudy' as const,
      id: 'key',
      status: 'available' as const,
      subject: { reference: offered.for?.reference as string },
      series: [
        {
          uid: slices[0]?.seriesUid as string,
          modality: { system: 'http://dicom.nema.org/resources/ontology/DCM', code: 'CT' },
          instance: [{ uid: slices[1]?.sopInstanceUid as string, sopClass: { code: 'urn:oid:1.2.840.10008.5.1.4.1.1.2' } }],
        },
      ],
    };
    await signed(
      {
        language: 'en',
        conclusion: 'No fracture. Größe ≥ 12 mm.',
        contained: [LESION, selection] as DiagnosticReport['contained'],
        result: [{ reference: '#lesion' }],
        imagingStudy: [{ reference: '#key' }],
        presentedForm: [{ contentType: 'application/pdf', data: PDF.toString('base64') }],
      },
      '2026-03-02T10:30:00+01:00',
    );
    const waiting = await until(view, ({ phase, waitingFor }) => phase === 'reported' && waitingFor.length === 4);
    expect(waiting.waitingFor.every((line) => line.startsWith('the receipt of archive for dicom-result 2.25.'))).toBe(true);
  });

  it('sends each once to an archive that was away, whatever happens to the gateway meanwhile', async () => {
    await gateway.kill({ database: true });
    archive = await startStorescp([], port);
    gateway = await startGatewayProcess({ yaml: configuration(), directory: gateway.directory });
    const closed = await until(view, ({ phase }) => phase === 'closed');
    expect(closed.studies).toMatchObject([{ series: 1, instances: 3 }]);
    const objects = await read();
    expect(objects).toHaveLength(4);
    expect(new Set(objects.map(({ uid }) => uid)).size).toBe(4);
    for (const suffix of ['104.1', '88.22', '88.33', '88.59']) expect([suffix, ofClass(objects, suffix).length]).toEqual([suffix, 1]);
  });

  it('says patient, study and request as the images and the order say them', async () => {
    for (const { dump } of await read()) {
      expect(dump).toContain(`(0020,000d) UI [${study}]`);
      expect(dump).toContain(`(0010,0020) LO [${ORDER.patient}`);
      expect(dump).toMatch(/^\(0010,0010\) PN \[Invented\^/m);
      expect(dump).toContain(`[${ORDER.accession}`);
    }
    const [sr] = ofClass(await read(), '88.22');
    expect(sr?.dump).toContain('(0008,0005) CS [ISO_IR 192]');
    expect(sr?.dump).toMatch(/\(0040,2016\) LO \[PLRES00000002/);
    expect(sr?.dump).toMatch(/\(0040,a493\) CS \[VERIFIED\]/);
    // Where all of the text has a place in the set of the images, it is theirs.
    expect(ofClass(await read(), '104.1')[0]?.dump).toContain('(0008,0005) CS [ISO_IR 100]');
  });

  it('is read back by dsrdump and dcm2pdf', async () => {
    const objects = await read();
    const text = async (suffix: string) =>
      (await run('dsrdump', ['+U8', '+Pc', '+Pl', ofClass(objects, suffix)[0]?.path as string])).output;
    expect(await text('88.22')).toContain('No fracture. Größe ≥ 12 mm.');
    expect(await text('88.33')).toContain('(103339001,SCT,"Long axis")="12.5" (mm,UCUM,"mm")');
    expect(ofClass(objects, '88.59')[0]?.dump).toContain(slices[1]?.sopInstanceUid as string);
    const pdf = `${ofClass(objects, '104.1')[0]?.path}.pdf`;
    await run('dcm2pdf', [ofClass(objects, '104.1')[0]?.path as string, pdf]);
    expect(readFileSync(pdf).subarray(0, PDF.length).equals(PDF)).toBe(true);
    await run('rm', [pdf]);
  });

  it('is kept by Orthanc, which was asked for no more than it takes by default', async () => {
    const [, instances] = [
      0,
      (await (await fetch(`${orthanc.http}/instances?expand`)).json()) as { MainDicomTags: { SOPInstanceUID: string } }[],
    ];
    const sent = (await read()).filter(({ sopClass }) => ['104.1', '88.22'].some((suffix) => sopClass.endsWith(`.1.1.${suffix}`)));
    expect(instances.map(({ MainDicomTags }) => MainDicomTags.SOPInstanceUID).sort()).toEqual(sent.map(({ uid }) => uid).sort());
  });

  it('is seen with the images by who reads the case, and by nobody else', async () => {
    const found = (await (await ask(`dicomweb/studies/${study}/series`)).json()) as Record<string, { Value?: string[] }>[];
    expect(found.flatMap((series) => series['00080060']?.Value ?? []).sort()).toEqual(['CT', 'DOC', 'KO', 'SR', 'SR']);
    const [pdf] = ofClass(await read(), '104.1');
    const series = /\(0020,000e\) UI \[([\d.]+)/.exec(pdf?.dump ?? '')?.[1];
    expect((await ask(`dicomweb/studies/${study}/series/${series}/instances/${pdf?.uid}/metadata`)).status).toBe(200);
    expect((await ask(`dicomweb/studies/${study}/series`, other)).status).toBe(204);
    expect((await ask(`dicomweb/studies/${study}/series/${series}/metadata`, other)).status).toBe(404);
  });

  it('sends what a correction makes of it, and rejects what it replaces where that is wanted', async () => {
    const before = await read();
    await signed({ status: 'corrected', conclusion: 'A small subdural haematoma.' }, '2026-03-02T12:00:00+01:00');
    const receipts = ({ timeline }: CaseView) => timeline.filter(({ kind }) => kind === 'receipt').length;
    const closed = await until(view, (found) => found.phase === 'closed' && receipts(found) === 6 + 5);
    expect([closed.phase, receipts(closed), received().length]).toEqual(['closed', 6 + 5, 7]);
    const known = new Set(before.map(({ uid }) => uid));
    const objects = (await read()).filter(({ uid }) => !known.has(uid));
    const [sr] = objects.filter(({ sopClass }) => SR.includes(sopClass));
    const [note] = ofClass(objects, '88.59');
    expect((await run('dsrdump', ['+U8', '+Pl', sr?.path as string])).output).toContain('A small subdural haematoma.');
    expect(sr?.dump).toContain('(0040,a360) SQ');
    expect(sr?.dump).toContain(ofClass(before, '88.22')[0]?.uid as string);
    expect(note?.dump).toContain('[Rejected for Quality Reasons]');
    for (const { uid } of before) expect(note?.dump).toContain(uid);
    for (const { sopInstanceUid } of slices) expect(note?.dump).not.toContain(`[${sopInstanceUid}`);
    const instances = (await (await fetch(`${orthanc.http}/instances`)).json()) as string[];
    expect(instances).toHaveLength(4);
  });

  it('tells the case no news of images when an archive sends its own documents back', async () => {
    const [pdf] = ofClass(await read(), '104.1');
    expect(
      (
        await run('storescu', [
          '-aet',
          'LOADCT',
          '-aec',
          gateway.dimse.aeTitle,
          '127.0.0.1',
          String(gateway.dimse.port),
          pdf?.path as string,
        ])
      ).code,
    ).toBe(0);
    const settled = await until(
      () => gateway.journal(),
      (rows) => rows.some((row) => row.controlId === pdf?.uid && row.state === 'done'),
    );
    expect(settled.length).toBeGreaterThan(0);
    expect(await view()).toMatchObject({ phase: 'closed', studies: [{ series: 1, instances: 3 }] });
  });

  /** A stat order, read without images, as when they are looked at elsewhere. */
  async function readUnseen(n: number, more = ''): Promise<string> {
    const order = orderMessage(n, { run: 'RES', priority: 'S' });
    expect(await sendMllp(gateway.mllp, Buffer.concat([order.bytes, Buffer.from(more)]))).toContain('MSA|AA');
    const requested = async (): Promise<Task | undefined> =>
      ((await (await ask('fhir/Task?code=fulfill&status=requested')).json()) as Bundle<Task>).entry?.[0]?.resource;
    const offered = (await until(requested, (found) => found !== undefined)) as Task;
    const server = connect(`${gateway.http}/fhir`, token);
    await claimTask(server, offered);
    const report = reportOn(offered.focus?.reference as string, offered.for?.reference as string);
    await postReport(server, specialist, report, '2026-03-02T13:00:00+01:00');
    return order.accession;
  }

  it('puts the result of an order without images into the study that the order names', async () => {
    const accession = await readUnseen(3, 'ZDS|2.25.99887766^WAYSTATION^Application^DICOM\r');
    await until(
      () => gateway.caseView(accession),
      ({ phase }) => phase === 'closed',
    );
    const objects = (await read()).filter(({ dump }) => dump.includes('(0020,000d) UI [2.25.99887766]'));
    expect(objects.map(({ sopClass }) => sopClass).sort()).toEqual(['1.2.840.10008.5.1.4.1.1.104.1', SR[0]]);
    for (const { dump } of objects) {
      expect(dump).toMatch(/^\(0010,0010\) PN \[Sample\^/m);
      expect(dump).toMatch(/^\(0010,0020\) LO \[PTRES00000003/m);
      expect(dump).toMatch(/^\(0008,0050\) SH \[ACRES00000003/m);
    }
  });

  it('says why an order without images and without a study has no result to send, and keeps its case open', async () => {
    const accession = await readUnseen(4);
    const open = await until(
      () => gateway.caseView(accession),
      ({ phase }) => phase === 'reported',
    );
    expect(open.waitingFor[0]).toMatch(/^an answer for archive/);
    expect(open.phase).toBe('reported');
    const failed = open.timeline.filter(({ kind }) => kind === 'return-failed');
    expect(failed.map(({ detail }) => detail.split(':')[0])).toEqual(['archive', 'orthanc']);
    expect(failed[0]?.detail).toContain('no Study Instance UID');
  });

  it('takes out of sight what its signer takes back, and says so where no rejection note is wanted', async () => {
    const before = await read();
    await signed({ status: 'entered-in-error', conclusion: 'Images of another day.' }, '2026-03-02T12:30:00+01:00');
    const again = await until(
      view,
      ({ phase, waitingFor, timeline }) =>
        phase === 'requested' && waitingFor.length === 1 && timeline.some(({ kind }) => kind === 'report-withdrawn'),
    );
    expect([again.phase, again.waitingFor.length, received().length]).toEqual(['requested', 1, before.length + 1]);
    const known = new Set(before.map(({ uid }) => uid));
    const [note] = (await read()).filter(({ uid }) => !known.has(uid));
    expect(note?.sopClass).toBe('1.2.840.10008.5.1.4.1.1.88.59');
    expect(note?.dump).toContain('[Withdrawn by its signer]');
    const corrected = before.filter(({ dump }) => dump.includes('A small subdural haematoma.') || dump.includes('(0040,a360) SQ'));
    expect(corrected.length).toBeGreaterThan(1);
    for (const { uid } of corrected) expect(note?.dump).toContain(uid);
    const texts = async () => {
      const instances = (await (await fetch(`${orthanc.http}/instances?expand`)).json()) as {
        ID: string;
        MainDicomTags: { SOPInstanceUID: string };
      }[];
      return Promise.all(
        instances.map(async ({ ID }) => JSON.stringify(await (await fetch(`${orthanc.http}/instances/${ID}/simplified-tags`)).json())),
      );
    };
    await until(texts, (all) => all.some((one) => one.includes('REPORT WITHDRAWN') && one.includes('Images of another day.')));
    expect(again.timeline.map(({ kind }) => kind)).toContain('report-withdrawn');
  });
});

/**
 * What a PACS receives of objects whose patient was merged while they waited: copies by the rules of the destination. From outside, with
 * dcmtk's storescp as the PACS; pydicom reads what it got.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type CtSlice, ctSlice } from '../support/ct-slice.ts';
import { type DicomServer, startStorescp } from '../support/dicom-peers.ts';
import { datasetOf } from '../support/fhir-pages.ts';
import { freePort } from '../support/free-port.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { adt, mrg, orm, pid, type Sent } from '../support/hospital-messages.ts';
import { sendMllp } from '../support/mllp-sender.ts';
import { isInstalled, run } from '../support/programs.ts';
import { openStoreAssociation } from '../support/store-sender.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { until } from '../support/until.ts';

const PYTHON = '/usr/bin/python3';
const areThere = isInstalled('storescp') && spawnSync(PYTHON, ['-c', 'import pydicom']).status === 0;
const SLICES = 3;
/** Of a slice of the sample: its UID stands in them. */
const PIXEL_BYTES = 32 * 32 * 2;

/** As DICOM JSON, the pixels by their length. */
const READ = `
import sys, json, os, pydicom
for name in sorted(os.listdir(sys.argv[1])):
    ds = pydicom.dcmread(sys.argv[1] + '/' + name)
    ds.PixelData = b''
    print(json.dumps(ds.to_json_dict()))
`;

(areThere ? describe : describe.skip)('a PACS with rules', () => {
  let gateway: GatewayProcess;
  let pacs: DicomServer | undefined;
  let port: number;
  const slices = Array.from({ length: SLICES }, (_, n) =>
    ctSlice(n + 1, { run: 'coerce', study: 1, accession: 'AC-COERCE', patient: 'X-1' }),
  );

  beforeAll(async () => {
    port = await freePort();
    gateway = await startGatewayProcess({ yaml: configuration() });
  });
  afterAll(async () => {
    await pacs?.stop();
    await gateway?.stop();
    gateway?.remove();
  });

  function configuration(): string {
    return `
peers:
  - name: hospital
    mllp: { application: ADT, facility: HOSPITAL }
    dimse: { aeTitle: LOADCT, query: { group: pacs-readers, moveTo: [reading-pacs] } }
    messages: { 'ADT^*': mapped }
    patientAuthority: HOSP
destinations:
  - kind: dimse
    name: reading-pacs
    host: 127.0.0.1
    port: ${port}
    aeTitle: PACS
    group: pacs-readers
    coerce: { patient: current, patientIdPrefix: H-, patientIdIssuer: HOSP, accessionPrefix: H- }
    retry: { first: 100ms, most: 500ms }
specialties: { teleradiology: { quiet: 500ms } }
`;
  }

  const say = async ({ bytes }: Sent) => expect(await sendMllp(gateway.mllp, bytes)).toMatch(/\rMSA\|AA/);
  const view = () => gateway.caseView('AC-COERCE');
  const send = async (objects: readonly CtSlice[]): Promise<void> => {
    const association = await openStoreAssociation(gateway.dimse);
    for (const object of objects) expect(await association.store(object)).toBe(0);
    await association.release();
  };

  function expectCopies(pacs: DicomServer): void {
    const { stdout } = spawnSync(PYTHON, ['-c', READ, pacs.directory], { encoding: 'utf8' });
    const read = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(read).toHaveLength(SLICES);
    for (const dataset of read) {
      const value = (tag: string, from = dataset) => from[tag]?.Value?.[0];
      expect(value('00100010')).toEqual({ Alphabetic: 'Muster-Beispiel^Erika' });
      expect([value('00100020'), value('00100021'), value('00080050')]).toEqual(['H-Y-1', 'HOSP', 'H-AC-COERCE']);
      const original = value('04000561');
      expect([value('04000563', original), value('04000564', original), value('04000565', original)]).toEqual([
        'WAYSTATION',
        'hospital',
        'COERCE',
      ]);
      expect(value('00100020', value('04000550', original))).toBe('X-1');
      expect(value('00080050', value('04000550', original))).toBe('AC-COERCE');
    }
  }

  it('is sent the patient as he is now, with prefix and issuer, and what was replaced', async () => {
    await say(orm('COERCE', 'X-1', '20260310080000', { name: 'Muster^Erika' }));
    await send(slices);
    await until(view, ({ objects }) => objects?.ordered === SLICES);
    await say(adt('A40', '20260310090000', pid('Y-1', 'Muster-Beispiel^Erika'), mrg({ 1: 'X-1^^^HOSP^MR' })));
    await until(
      () => gateway.journal(),
      (entries) => entries.some(({ type, state }) => type.startsWith('ADT^A40') && state === 'done'),
    );
    pacs = await startStorescp([], port);
    await until(view, ({ objects }) => objects?.taken === SLICES);
    expectCopies(pacs);
  });

  it('is sent the same by a C-MOVE', async () => {
    const { directory } = pacs as DicomServer;
    for (const name of readdirSync(directory)) rmSync(`${directory}/${name}`);
    const study = ['QueryRetrieveLevel=STUDY', `StudyInstanceUID=${slices[0]?.studyUid}`].flatMap((key) => ['-k', key]);
    const who = ['-aet', 'LOADCT', '-aec', 'WAYSTATION', '-aem', 'PACS'];
    const { output } = await run('movescu', ['-d', '-S', ...who, ...study, '127.0.0.1', String(gateway.dimse.port)]);
    expect(output).toMatch(/Completed Suboperations\s*:\s*3/);
    expectCopies(pacs as DicomServer);
  });

  it('is sent the same pixels, and the stored object stays as it came', async () => {
    const directory = pacs?.directory as string;
    const pixels = (bytes: Buffer) => bytes.subarray(-512);
    const received = readdirSync(directory).map((name) => pixels(datasetOf(readFileSync(`${directory}/${name}`))).toString('hex'));
    expect(received.sort()).toEqual(slices.map(({ dataset }) => pixels(dataset).toString('hex')).sort());
    const token = gateway.addClient('operator', 'operator');
    const [slice] = slices as [CtSlice];
    const url = `${gateway.http}/dicomweb/studies/${slice.studyUid}/series/${slice.seriesUid}/instances/${slice.sopInstanceUid}`;
    const response = await fetch(url, {
      headers: { authorization: `Bearer ${token}`, accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' },
    });
    expect(Buffer.from(await response.arrayBuffer()).includes(slice.dataset)).toBe(true);
  });

  it('is not sent what does not fit, and a person is told why', async () => {
    const [long] = [ctSlice(9, { run: 'coerce', study: 2, accession: 'AC-SIXTEEN-CHARS', patient: 'X-1' })];
    await say(orm('SIXTEEN-CHARS', 'X-1', '20260310081000'));
    await send([long as CtSlice]);
    const { studyUid } = long as CtSlice;
    await until(
      () => gateway.caseView(studyUid),
      ({ deliveries }) => deliveries.some(({ state }) => state === 'dead'),
    );
    const text = gateway.run('case', studyUid);
    expect(text).toContain('set aside');
    expect(text).toContain('Accession Number (0008,0050) for this destination has 18 characters, SH takes 16');
  });
});

/** What a specialist makes of one of the copies: a report that names it, of a study, patient and dates that it has from there. */
const REPORT = `
import sys, pydicom
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
copy = pydicom.dcmread(sys.argv[1])
sop = Dataset(); sop.ReferencedSOPClassUID = copy.SOPClassUID; sop.ReferencedSOPInstanceUID = copy.SOPInstanceUID
series = Dataset(); series.SeriesInstanceUID = copy.SeriesInstanceUID; series.ReferencedSOPSequence = Sequence([sop])
study = Dataset(); study.StudyInstanceUID = copy.StudyInstanceUID; study.ReferencedSeriesSequence = Sequence([series])
text = Dataset(); text.RelationshipType = 'CONTAINS'; text.ValueType = 'TEXT'; text.TextValue = copy.PatientID
report = Dataset()
for keyword in ['SpecificCharacterSet', 'PatientName', 'PatientID', 'PatientIdentityRemoved', 'StudyInstanceUID', 'StudyDate', 'StudyTime']:
    setattr(report, keyword, getattr(copy, keyword))
report.PatientBirthDate = ''; report.PatientSex = ''; report.AccessionNumber = ''; report.StudyID = ''
report.SOPClassUID = '1.2.840.10008.5.1.4.1.1.88.22'
report.SOPInstanceUID = '2.25.4711' + sys.argv[3]; report.SeriesInstanceUID = '2.25.4710'
report.Modality = 'SR'; report.SeriesNumber = '9'; report.InstanceNumber = '1'
report.SeriesDate = copy.StudyDate; report.ContentDate = '20260401'; report.ContentTime = '120000'
report.ValueType = 'CONTAINER'; report.ContentSequence = Sequence([text])
report.CurrentRequestedProcedureEvidenceSequence = Sequence([study])
report.file_meta = pydicom.dataset.FileMetaDataset()
report.file_meta.MediaStorageSOPClassUID = report.SOPClassUID
report.file_meta.MediaStorageSOPInstanceUID = report.SOPInstanceUID
report.file_meta.TransferSyntaxUID = '1.2.840.10008.1.2.1'
report.is_little_endian = True; report.is_implicit_VR = False
report.save_as(sys.argv[2], write_like_original=False)
`;

(areThere ? describe : describe.skip)('a PACS that shall not know whose the objects are', () => {
  let gateway: GatewayProcess;
  let pacs: DicomServer;
  let archive: DicomServer;
  const directory = temporaryDirectory('waystation-returned-');
  const about = { run: 'deid', study: 1, accession: 'AC-DEID', patient: 'X-1' };
  const slices = [1, 2].map((n) => ctSlice(n, about));

  beforeAll(async () => {
    [pacs, archive] = [await startStorescp(), await startStorescp()];
    gateway = await startGatewayProcess({
      yaml: `
peers:
  - { name: hospital, mllp: { application: ADT, facility: HOSPITAL }, dimse: { aeTitle: LOADCT }, patientAuthority: HOSP, returns: [archive] }
  - { name: specialist, dimse: { aeTitle: SPECIALIST } }
  - { name: analysis, http: { client: analysis } }
destinations:
  - kind: dimse
    name: research
    host: 127.0.0.1
    port: ${pacs.target.port}
    aeTitle: PACS
    group: research
    deidentify: { retain: [modifiedDates], returnedBy: [specialist, analysis] }
  - { kind: dimse, name: archive, host: 127.0.0.1, port: ${archive.target.port}, aeTitle: ARCHIVE }
specialties: { teleradiology: { quiet: 500ms } }
`,
    });
  });
  afterAll(async () => {
    await pacs?.stop();
    await archive?.stop();
    await gateway?.stop();
    gateway?.remove();
    rmSync(directory, { recursive: true, force: true });
  });

  const copyIn = (): string => `${pacs.directory}/${readdirSync(pacs.directory)[0]}`;
  /** `which` tells reports apart. */
  const makeReport = (which: string): string => {
    const path = `${directory}/report-${which}.dcm`;
    const made = spawnSync(PYTHON, ['-W', 'ignore', '-c', REPORT, copyIn(), path, which], { encoding: 'utf8' });
    expect(made.stderr).toBe('');
    return path;
  };
  const sendFile = async (aeTitle: string, path: string): Promise<void> => {
    const { code } = await run('storescu', ['-aet', aeTitle, '-aec', 'WAYSTATION', '127.0.0.1', String(gateway.dimse.port), path]);
    expect(code).toBe(0);
  };
  const metadata = async (studyUid: string): Promise<Record<string, { Value?: unknown[] }>[]> => {
    const response = await fetch(`${gateway.http}/dicomweb/studies/${studyUid}/metadata`, {
      headers: { authorization: `Bearer ${token}`, accept: 'application/dicom+json' },
    });
    return response.status === 200 ? ((await response.json()) as Record<string, { Value?: unknown[] }>[]) : [];
  };
  let token: string;

  it('is sent a pseudonym and other UIDs, the same in every object, and the same pixels', async () => {
    expect(await sendMllp(gateway.mllp, orm('DEID', 'X-1', '20260310080000').bytes)).toMatch(/\rMSA\|AA/);
    const association = await openStoreAssociation(gateway.dimse);
    for (const object of slices) expect(await association.store(object)).toBe(0);
    await association.release();
    await until(
      () => gateway.caseView('AC-DEID'),
      ({ objects }) => objects?.taken === slices.length,
    );
    const files = readdirSync(pacs.directory).map((name) => readFileSync(`${pacs.directory}/${name}`));
    for (const secret of ['X-1', 'AC-DEID', slices[0]?.studyUid ?? '', ...slices.map(({ sopInstanceUid }) => sopInstanceUid)])
      expect([secret, files.some((file) => file.subarray(0, -PIXEL_BYTES).includes(secret))]).toEqual([secret, false]);
    const { stdout } = spawnSync(PYTHON, ['-c', READ, pacs.directory], { encoding: 'utf8' });
    const read = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const distinct = (tag: string) => new Set(read.map((dataset) => JSON.stringify(dataset[tag]?.Value))).size;
    expect(['00100020', '00100010', '0020000D', '0020000E', '00080018'].map(distinct)).toEqual([1, 1, 1, 1, 2]);
    expect(read[0]['00120062'].Value).toEqual(['YES']);
    const pixels = files.map((file) => file.subarray(-512).toString('hex'));
    expect(pixels.sort()).toEqual(slices.map(({ dataset }) => dataset.subarray(-512).toString('hex')).sort());
  });

  it('sends back a report that joins the patient and the study it is of, and goes to the archive, and to nobody twice', async () => {
    token = gateway.addClient('operator', 'operator');
    const [{ studyUid, seriesUid }] = slices as [CtSlice];
    await sendFile('SPECIALIST', makeReport('1'));
    await sendFile('SPECIALIST', `${directory}/report-1.dcm`);
    await sendFile('SPECIALIST', copyIn());
    const objects = await metadata(studyUid);
    expect(objects).toHaveLength(slices.length + 1);
    const report = objects.find((one) => one['00080060']?.Value?.[0] === 'SR') ?? {};
    const value = (tag: string) => report[tag]?.Value?.[0];
    expect([value('00080018'), value('0020000D'), value('00100020'), value('00080050')]).toEqual([
      '2.25.47111',
      studyUid,
      'X-1',
      'AC-DEID',
    ]);
    expect(value('00100010')).toEqual({ Alphabetic: 'Invented^X-1' });
    expect([value('00080020'), value('00080021'), value('00080023')]).toEqual(['20260302', '20260302', '20260401']);
    const said = JSON.stringify(report);
    expect(slices.some(({ sopInstanceUid }) => said.includes(sopInstanceUid))).toBe(true);
    expect(said).toContain(seriesUid);
    const copy = spawnSync(PYTHON, ['-W', 'ignore', '-c', READ, pacs.directory], { encoding: 'utf8' }).stdout;
    const pseudonyms = copy.match(/P[0-9A-F]{15}|2\.25\.\d+/g) ?? [];
    expect(pseudonyms.length).toBeGreaterThan(4);
    expect(pseudonyms.filter((one) => said.includes(one))).toEqual([]);
    const [sent] = await until(
      async () => readdirSync(archive.directory).map((name) => readFileSync(`${archive.directory}/${name}`)),
      (files) => files.length > 0 && (files[0] as Buffer).includes('AC-DEID'),
    );
    expect([sent?.includes('X-1'), sent?.includes(studyUid)]).toEqual([true, true]);
    await until(
      async () => gateway.run('case', 'AC-DEID'),
      (text) => text.includes('1 object that came back from research to archive'),
    );
    expect(readdirSync(pacs.directory)).toHaveLength(slices.length);
  });

  it('has results sent back by STOW-RS as well, whose answer tells nobody whose they are', async () => {
    const [{ studyUid }] = slices as [CtSlice];
    const before = (await metadata(studyUid)).length;
    const path = makeReport('3');
    const response = await fetch(`${gateway.http}/dicomweb/studies`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gateway.addClient('analysis', 'origin')}`, 'content-type': 'application/dicom' },
      body: readFileSync(path),
    });
    expect(response.status).toBe(200);
    expect(await response.text()).not.toContain(studyUid);
    expect(await metadata(studyUid)).toHaveLength(before + 1);
  });

  it('is alone in that: what anybody else sends under the same UIDs and pseudonym joins nothing', async () => {
    const [{ studyUid }] = slices as [CtSlice];
    const before = (await metadata(studyUid)).length;
    await sendFile('LOADCT', makeReport('2'));
    expect(await metadata(studyUid)).toHaveLength(before);
  });
});

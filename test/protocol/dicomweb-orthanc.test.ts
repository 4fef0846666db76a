/** Orthanc's DICOMweb plugin as the client of our door: it stores, searches and retrieves, and has the same datasets afterwards. */
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeAhead } from '../../src/endpoints/dicomweb/ahead-session.ts';
import { part10Prefix, readPart10 } from '../../src/protocols/dicom/part10.ts';
import { type DicomDoor, openDicomDoor } from '../support/dicom-door.ts';
import { ctSeries } from '../support/dicom-objects.ts';
import { type DicomServer, startOrthanc } from '../support/dicom-peers.ts';
import { isInstalled } from '../support/programs.ts';

const PLUGIN = '/usr/share/orthanc/plugins/libOrthancDicomWeb.so';
const CORPUS = '../shared/corpora/dicom';
const SLICES = ctSeries({ slices: 5 });
const withPeer = isInstalled('Orthanc') && existsSync(PLUGIN) ? describe : describe.skip;

withPeer('Orthanc as a DICOMweb client', () => {
  let door: DicomDoor;
  let orthanc: DicomServer;
  beforeAll(async () => {
    door = await openDicomDoor();
    orthanc = await startOrthanc({ Plugins: [PLUGIN], DicomWeb: { Enable: true, Servers: { waystation: { Url: `${door.url}/` } } } });
  });
  afterAll(async () => {
    await orthanc.stop();
    await door.close();
  });

  const ask = async (path: string, body: unknown = undefined, method = body === undefined ? 'GET' : 'POST') => {
    const response = await fetch(`${orthanc.http}${path}`, {
      method,
      ...(body === undefined ? {} : { body: Buffer.isBuffer(body) ? new Uint8Array(body) : JSON.stringify(body) }),
    });
    expect([path, response.status]).toEqual([path, 200]);
    return response;
  };
  const json = async (path: string, body?: unknown) => (await (await ask(path, body)).json()) as unknown;

  it('stores a study here', async () => {
    for (const object of SLICES) await ask('/instances', Buffer.concat([part10Prefix(object), object.dataset]));
    const studies = (await json('/studies')) as string[];
    await json('/dicom-web/servers/waystation/stow', { Resources: studies, Synchronous: true });
    const { rows } = await door.database.query(`select sop_instance_uid as uid from instance order by sop_instance_uid`);
    expect(rows.map(({ uid }) => uid)).toEqual(SLICES.map(({ sopInstanceUid }) => sopInstanceUid).sort());
  });

  it('searches here', async () => {
    for (let after: number | null = 0; after !== null; ) after = await makeAhead(door, after, 100);
    const found = (await json('/dicom-web/servers/waystation/qido', { Uri: '/studies', Arguments: { PatientID: 'P-*' } })) as Record<
      string,
      { Value: unknown }
    >[];
    expect(found.map((study) => study['0020000D']?.Value)).toEqual(['2.25.4711']);
  });

  it('retrieves from here, and has what was stored', async () => {
    for (const study of (await json('/studies')) as string[]) await ask(`/studies/${study}`, undefined, 'DELETE');
    await json('/dicom-web/servers/waystation/retrieve', { Resources: [{ Study: '2.25.4711' }], Synchronous: true });
    const instances = (await json('/instances')) as string[];
    const files = await Promise.all(instances.map(async (id) => Buffer.from(await (await ask(`/instances/${id}/file`)).arrayBuffer())));
    const datasets = files.map((file) => file.subarray((readPart10(file) as { datasetOffset: number }).datasetOffset));
    expect(datasets.sort(Buffer.compare)).toEqual(SLICES.map(({ dataset }) => dataset).sort(Buffer.compare));
  });

  (existsSync(CORPUS) ? it : it.skip)('stores and retrieves compressed, deflated and big-endian objects', async () => {
    const names = ['JPEG2000', 'MR_small_bigendian', 'SC_rgb_jpeg_dcmtk', 'SC_rgb_rle_2frame', 'image_dfl'];
    const files = names.map((name) => readFileSync(`${CORPUS}/pydicom/files/${name}.dcm`));
    for (const file of files) await ask('/instances', file);
    await json('/dicom-web/servers/waystation/stow', { Resources: await json('/studies'), Synchronous: true });
    const { rows } = await door.database.query<{ syntax: string }>(`select distinct transfer_syntax as syntax from instance`);
    const syntaxes = files.map((file) => (readPart10(file) as { transferSyntax: string }).transferSyntax);
    expect(rows.map(({ syntax }) => syntax).sort()).toEqual([...new Set([...syntaxes, SLICES[0]?.transferSyntax])].sort());
  });
});

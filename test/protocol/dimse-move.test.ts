/** C-MOVE at the DIMSE door: movescu asks and storescp receives; Orthanc finds and fetches for itself by its REST interface. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { moveClient } from '../../src/delivery/dimse/move-client.ts';
import { openStored } from '../../src/delivery/outgoing-session.ts';
import { makeAhead } from '../../src/endpoints/dicomweb/ahead-session.ts';
import type { ConfiguredPeer } from '../../src/model/config.ts';
import { rleCompressed } from '../support/compressed-slice.ts';
import { type DicomDoor, openDicomDoor } from '../support/dicom-door.ts';
import { ctSeries } from '../support/dicom-objects.ts';
import { type DicomServer, startOrthanc, startStorescp } from '../support/dicom-peers.ts';
import { destinationOf } from '../support/dimse-destination.ts';
import { freePort } from '../support/free-port.ts';
import { isInstalled, run } from '../support/programs.ts';
import { accepted, objectAt, released, response } from '../support/scripted-pacs.ts';
import { listenAsPeer, type ScriptedListener } from '../support/scripted-peer.ts';
import { storeObjects } from '../support/store-objects.ts';
import { until } from '../support/until.ts';

const STUDY = { studyUid: '2.25.71', accession: 'M-1', patientId: 'P-71', patientName: 'Moved^Mia' };
const HIDDEN = { ...STUDY, studyUid: '2.25.72', accession: 'M-2' };
const SLICES = ctSeries({ ...STUDY, seriesUid: '2.25.71.1', slices: 3 });
const COMPRESSED = { ...STUDY, studyUid: '2.25.73', accession: 'C-3' };
const COMPRESSED_SLICES = ctSeries({ ...COMPRESSED, seriesUid: '2.25.73.1', slices: 2 });
const ANYWHERE = { callingAddress: '', callingCertificate: '', sendingApplication: '', sendingFacility: '', listener: '', address: '' };
const peerOf = (name: string, callingAeTitle: string, moveTo: readonly string[]) =>
  ({ ...ANYWHERE, certificate: '', name, callingAeTitle, query: { group: 'readers', moveTo } }) as unknown as ConfiguredPeer;

const withPeers = isInstalled('movescu') && isInstalled('Orthanc') ? describe : describe.skip;
withPeers('C-MOVE at the DIMSE door', () => {
  let door: DicomDoor;
  let storescp: DicomServer;
  let implicit: DicomServer;
  let orthanc: DicomServer;
  let breaking: ScriptedListener;
  beforeAll(async () => {
    storescp = await startStorescp();
    implicit = await startStorescp(['+xi']);
    const port = await freePort();
    orthanc = await startOrthanc({
      DicomModalities: { waystation: ['WAYSTATION', '127.0.0.1', port] },
      AuthenticationEnabled: false,
      RemoteAccessAllowed: false,
    });
    const gone = { ...destinationOf('gone', storescp), aeTitle: 'GONE', port: await freePort() };
    const converting = { ...destinationOf('converting', implicit), aeTitle: 'CONVERTING', transcode: 'decompressed' } as const;
    const strict = { ...destinationOf('strict', implicit), aeTitle: 'STRICT' };
    breaking = await listenAsPeer();
    const unsteady = { ...destinationOf('unsteady', storescp), aeTitle: 'UNSTEADY', port: breaking.port };
    const destinations = [destinationOf('storescp', storescp), destinationOf('orthanc', orthanc), gone, converting, strict, unsteady];
    door = await openDicomDoor({
      dimse: { port },
      config: {
        peers: [
          peerOf('workstation', 'WORKSTATION', ['storescp', 'gone', 'converting', 'strict', 'unsteady']),
          peerOf('orthanc', 'ORTHANC', ['orthanc']),
        ],
      },
      move: (blobs, decode) =>
        moveClient(
          () => destinations,
          () => openStored(blobs, decode),
        ),
    });
    await storeObjects(door.port, [...SLICES, ...ctSeries({ ...HIDDEN, seriesUid: '2.25.72.1' }), ...COMPRESSED_SLICES.map(rleCompressed)]);
    for (let after: number | null = 0; after !== null; ) after = await makeAhead(door, after, 3);
    await door.show(STUDY.studyUid, 'readers');
    await door.show(COMPRESSED.studyUid, 'readers');
    await door.show(HIDDEN.studyUid, 'others');
  });
  afterAll(async () => {
    await door.close();
    await storescp.stop();
    await implicit.stop();
    await orthanc.stop();
    await breaking.close();
  });

  const move = (to: string, ...keys: string[]) => {
    const asked = ['QueryRetrieveLevel=STUDY', ...keys].flatMap((key) => ['-k', key]);
    const args = ['-d', '-S', '-aet', 'WORKSTATION', '-aec', 'WAYSTATION', '-aem', to, ...asked, '127.0.0.1', String(door.port)];
    return run('movescu', args);
  };
  const received = () => readdirSync(storescp.directory).map((name) => readFileSync(join(storescp.directory, name)));

  it('sends a study to the destination that is named, byte for byte in its datasets, and counts as it goes', async () => {
    const { output } = await move('STORESCP', 'StudyInstanceUID=2.25.71');
    expect(output).toMatch(/Completed Suboperations\s*:\s*1[\s\S]*Completed Suboperations\s*:\s*3/);
    expect(output).toMatch(/DIMSE Status\s*:\s*0x0000/);
    expect(received()).toHaveLength(3);
    for (const { dataset } of SLICES) expect(received().some((file) => file.includes(dataset))).toBe(true);
    const audited = async () => (await door.database.query(`select client, target, result from audit where action = 'C-MOVE'`)).rows;
    expect(await until(audited, (rows) => rows.length > 0)).toEqual([
      { client: 'workstation', target: 'studies/2.25.71', result: '3 sent to STORESCP' },
    ]);
  });

  it('converts for a destination that takes only another syntax where its configuration allows that, as its lanes do', async () => {
    const strict = await move('STRICT', 'StudyInstanceUID=2.25.71');
    expect(strict.output).toMatch(/Failed Suboperations\s*:\s*3/);
    const { output } = await move('CONVERTING', 'StudyInstanceUID=2.25.71');
    expect(output).toMatch(/DIMSE Status\s*:\s*0x0000/);
    expect(readdirSync(implicit.directory)).toHaveLength(3);
  });

  it('decompresses what is compressed for a destination that does not take it so and may have it so', async () => {
    const strict = await move('STRICT', 'StudyInstanceUID=2.25.73');
    expect(strict.output).toMatch(/Failed Suboperations\s*:\s*2/);
    const { output } = await move('CONVERTING', 'StudyInstanceUID=2.25.73');
    expect(output).toMatch(/DIMSE Status\s*:\s*0x0000/);
    const files = readdirSync(implicit.directory).map((name) => readFileSync(join(implicit.directory, name)));
    for (const { dataset } of COMPRESSED_SLICES) expect(files.some((file) => file.includes(dataset.subarray(-512)))).toBe(true);
  });

  it('sends nothing of a study that the group may not see', async () => {
    const before = received().length;
    const { output } = await move('STORESCP', 'StudyInstanceUID=2.25.72');
    expect(output).toMatch(/DIMSE Status\s*:\s*0x0000/);
    expect(received()).toHaveLength(before);
  });

  it('sends to nobody whom the configuration does not name for this peer', async () => {
    for (const to of ['ORTHANC', 'ELSEWHERE']) {
      const { output } = await move(to, 'StudyInstanceUID=2.25.71');
      expect(output).toMatch(/DIMSE Status\s*:\s*0xa801/);
    }
  });

  it('says so when the destination cannot be reached', async () => {
    const { output } = await move('GONE', 'StudyInstanceUID=2.25.71');
    expect(output).toMatch(/DIMSE Status\s*:\s*0xa702/);
    expect(output).toMatch(/Failed Suboperations\s*:\s*3/);
  });

  /** Takes objects over association after association: of each, how many before it breaks over the next. */
  const takes = async (...objects: readonly number[]): Promise<void> => {
    for (const taken of objects) {
      const pacs = await accepted(breaking);
      for (let n = 0; n < taken; n++) {
        await objectAt(pacs);
        pacs.send(response(0, pacs.messageId));
      }
      if (taken === objects.at(-1) && taken > 0) return released(pacs);
      await objectAt(pacs);
      pacs.reset();
    }
  };

  it('associates again where an association breaks over an object, and sends that one once more', async () => {
    const [{ output }] = await Promise.all([move('UNSTEADY', 'StudyInstanceUID=2.25.71'), takes(1, 2)]);
    expect(output).toMatch(/DIMSE Status\s*:\s*0x0000/);
    expect(output).toMatch(/Completed Suboperations\s*:\s*3/);
  });

  it('leaves an object over which two break, and goes on with the next', async () => {
    const [{ output }] = await Promise.all([move('UNSTEADY', 'StudyInstanceUID=2.25.71'), takes(0, 0, 2)]);
    expect(output).toMatch(/DIMSE Status\s*:\s*0xb000/);
    expect(output).toMatch(/Completed Suboperations\s*:\s*2[\s\S]*Failed Suboperations\s*:\s*1/);
  });

  it('leaves a destination alone where all of them break', async () => {
    const [{ output }] = await Promise.all([move('UNSTEADY', 'StudyInstanceUID=2.25.71'), takes(0, 0, 0, 0)]);
    expect(output).toMatch(/Failed Suboperations\s*:\s*3/);
  });

  it('refuses to move without the unique key of the level', async () => {
    const { output } = await move('STORESCP', 'PatientID=P-71');
    expect(output).toMatch(/DIMSE Status\s*:\s*0xa900/);
  });

  it('is asked by Orthanc, which finds a study and fetches it', async () => {
    const post = async (path: string, body: unknown) => {
      const answer = await fetch(`${orthanc.http}${path}`, { method: 'POST', body: JSON.stringify(body) });
      expect(answer.status).toBe(200);
      return (await answer.json()) as { ID?: string; Path?: string };
    };
    const { Path } = await post('/modalities/waystation/query', {
      Level: 'Study',
      Query: { AccessionNumber: 'M-*', PatientName: '', StudyDate: '' },
    });
    const answers = (await (await fetch(`${orthanc.http}${Path}/answers?expand&simplify`)).json()) as Record<string, string>[];
    expect(answers).toEqual([expect.objectContaining({ AccessionNumber: 'M-1', PatientName: 'Moved^Mia', StudyInstanceUID: '2.25.71' })]);
    await post(`${Path}/retrieve`, { TargetAet: 'ORTHANC', Synchronous: true });
    const instances = (await (await fetch(`${orthanc.http}/instances`)).json()) as string[];
    expect(instances).toHaveLength(3);
    const files = await Promise.all(
      instances.map(async (id) => Buffer.from(await (await fetch(`${orthanc.http}/instances/${id}/file`)).arrayBuffer())),
    );
    for (const { dataset } of SLICES) expect(files.some((file) => file.includes(dataset))).toBe(true);
  });
});

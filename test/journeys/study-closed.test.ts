/**
 * A modality says what it does (MPPS, by dcmjs-dimse), and the study is offered as soon as all that it made is here, long before the quiet
 * time; the images go to a PACS, Orthanc, which is asked to commit them, and answers on an association of its own. The gateway and its
 * database are killed in the middle.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import dcmjsDimse from 'dcmjs-dimse';
import { CT_IMAGE_STORAGE, type CtSlice, ctSlice } from '../support/ct-slice.ts';
import { type DicomServer, startOrthanc } from '../support/dicom-peers.ts';
import { type CaseView, type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { sendMllp } from '../support/mllp-sender.ts';
import { orderMessage } from '../support/order-message.ts';
import { isInstalled } from '../support/programs.ts';
import { openStoreAssociation } from '../support/store-sender.ts';
import { until } from '../support/until.ts';

const { Client, Dataset, requests } = dcmjsDimse;
const ORDER = orderMessage(1, { run: 'MPPS' });
const PERFORMED_STEP = '1.2.840.10008.3.1.2.3.3';
const STEP = '2.25.99000111';
const IMPLICIT_VR_LITTLE_ENDIAN = '1.2.840.10008.1.2';

(isInstalled('Orthanc') ? describe : describe.skip)('a study that its modality announces', () => {
  const study = { run: 'mpps', study: 1, accession: ORDER.accession, patient: ORDER.patient };
  const slices = [1, 2, 3].map((n) => ctSlice(n, study));
  let orthanc: DicomServer;
  let gateway: GatewayProcess;
  let yaml: string;

  beforeAll(async () => {
    orthanc = await startOrthanc({ DicomAet: 'PACS', RemoteAccessAllowed: false, AuthenticationEnabled: false });
    yaml = `
peers: [{ name: hospital, mllp: { application: LOADRIS }, dimse: { aeTitle: LOADCT }, patientAuthority: HOSP }]
destinations:
  - { kind: dimse, name: pacs, host: 127.0.0.1, port: ${orthanc.target.port}, aeTitle: PACS, group: readers, commitment: {}, retry: { first: 100ms, most: 500ms } }
specialties: { teleradiology: { quiet: 1d } }
`;
    gateway = await startGatewayProcess({ yaml });
  });
  afterAll(async () => {
    await gateway?.stop();
    gateway?.remove();
    await orthanc?.stop();
  });

  const viewOnce = (holds: (found: CaseView) => boolean) => until(() => gateway.caseView(ORDER.accession), holds);
  const send = async (objects: readonly CtSlice[]): Promise<void> => {
    const association = await openStoreAssociation(gateway.dimse);
    for (const object of objects) expect(await association.store(object)).toBe(0);
    await association.release();
  };
  /** N-CREATE or N-SET: its status. */
  const say = (operation: 'NCreateRequest' | 'NSetRequest', elements: object): Promise<number> =>
    new Promise((resolve, reject) => {
      const request = new requests[operation](PERFORMED_STEP, STEP);
      request.setDataset(new Dataset(elements as Record<string, unknown>, IMPLICIT_VR_LITTLE_ENDIAN));
      request.on('response', (response: { getStatus(): number }) => resolve(response.getStatus()));
      const client = new Client();
      client.on('networkError', reject);
      client.addRequest(request);
      client.send('127.0.0.1', gateway.dimse.port, 'LOADCT', 'WAYSTATION');
    });
  const created = {
    ...{ PatientID: ORDER.patient, IssuerOfPatientID: 'HOSP', Modality: 'CT', PerformedStationAETitle: 'LOADCT' },
    ...{ PerformedProcedureStepID: 'P1', PerformedProcedureStepStartDate: '20260302', PerformedProcedureStepStartTime: '101500' },
    PerformedProcedureStepStatus: 'IN PROGRESS',
    ScheduledStepAttributesSequence: [{ StudyInstanceUID: slices[0]?.studyUid, AccessionNumber: ORDER.accession }],
  };
  const images = slices.map(({ sopInstanceUid }) => ({
    ReferencedSOPClassUID: CT_IMAGE_STORAGE,
    ReferencedSOPInstanceUID: sopInstanceUid,
  }));
  const completed = {
    PerformedProcedureStepStatus: 'COMPLETED',
    PerformedSeriesSequence: [{ SeriesInstanceUID: slices[0]?.seriesUid, ReferencedImageSequence: images }],
  };

  it('is known to be under way, also after kill -9 of gateway and database', async () => {
    expect(await sendMllp(gateway.mllp, ORDER.bytes)).toContain('MSA|AA');
    expect(await say('NCreateRequest', created)).toBe(0);
    await gateway.kill({ database: true });
    gateway = await startGatewayProcess({ yaml, directory: gateway.directory });
    expect(await say('NCreateRequest', created)).toBe(0x0111);
    await send(slices.slice(0, 2));
    const waiting = await viewOnce(({ studies }) => studies[0]?.instances === 2);
    expect(waiting.phase).toBe('assembling');
    expect(waiting.waitingFor).toEqual(['study: the procedure is still being performed']);
  });

  it('waits for what was made and has not come', async () => {
    expect(await say('NSetRequest', completed)).toBe(0);
    const waiting = await viewOnce(({ waitingFor }) => waitingFor[0]?.includes('2 of 3') ?? false);
    expect(waiting.waitingFor).toEqual([`study: 2 of 3 instances are here (${slices[2]?.sopInstanceUid})`]);
    expect(await say('NSetRequest', completed)).toBe(0x0110);
  });

  it('is offered when all of it is here, and committed where it is read', async () => {
    const modality = JSON.stringify({ AET: 'WAYSTATION', Host: '127.0.0.1', Port: gateway.dimse.port });
    expect((await fetch(`${orthanc.http}/modalities/waystation`, { method: 'PUT', body: modality })).status).toBe(200);
    await send(slices.slice(2));
    await viewOnce(({ phase }) => phase === 'requested');
    const done = await viewOnce(({ commitments }) => commitments[0]?.committed === 3);
    expect(done.commitments).toEqual([{ destination: 'pacs', asked: 3, committed: 3 }]);
    const told = done.timeline.map(({ kind, detail }) => `${kind}: ${detail}`);
    expect(told).toContainEqual(expect.stringContaining('whole (performed procedure step): offered to pacs'));
    // Objects are asked for as they were sent: together, or some before others.
    const committed = told.flatMap((line) => /^committed: pacs has committed (\d+) object/.exec(line)?.[1] ?? []);
    expect(committed.reduce((sum, count) => sum + Number(count), 0)).toBe(3);
    expect(gateway.run('case', ORDER.accession)).toMatch(/committed +pacs: 3 of 3 objects/);
  });
});

/** Storage commitment at the DIMSE door: the answer on the same association, on one of its own, and with Orthanc as the modality. */
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startCommitmentWorker } from '../../src/delivery/dimse/commitment-worker.ts';
import { systemClock } from '../../src/model/clock.ts';
import type { CommitmentAnswer, SopReference } from '../../src/model/commitment.ts';
import type { ConfiguredPeer } from '../../src/model/config.ts';
import type { CallTls } from '../../src/model/tls.ts';
import { COMMAND, type Command, decodeCommand, RESPONSE } from '../../src/protocols/dicom/command.ts';
import { STORAGE_COMMITMENT_INSTANCE, STORAGE_COMMITMENT_PUSH } from '../../src/protocols/dicom/sop-class.ts';
import { writeEvent } from '../../src/protocols/dicom/storage-commitment.ts';
import { EXPLICIT_LITTLE_ENDIAN } from '../../src/protocols/dicom/transfer-syntax.ts';
import { testAuthority } from '../support/certificates.ts';
import { type DicomDoor, openDicomDoor } from '../support/dicom-door.ts';
import { CT, CT_EXPLICIT, ctSlice } from '../support/dicom-objects.ts';
import { startOrthanc } from '../support/dicom-peers.ts';
import { associateRq, associateWith, callDoor, commandValue, type DicomSender } from '../support/dicom-sender.ts';
import { freePort } from '../support/free-port.ts';
import { isInstalled } from '../support/programs.ts';
import { until } from '../support/until.ts';

const COMMITMENT = { abstractSyntax: STORAGE_COMMITMENT_PUSH, transferSyntaxes: [EXPLICIT_LITTLE_ENDIAN] };
const MISSING: SopReference = { sopClassUid: CT, sopInstanceUid: '1.2.3.404' };
const SLICE = ctSlice();
const TRANSACTION = '1.2.3.1000';

let door: DicomDoor;
let port: number;
beforeEach(async () => {
  port = await freePort();
  const signs = {
    callingAddress: '',
    callingCertificate: '',
    sendingApplication: '',
    sendingFacility: '',
    listener: '',
    address: '',
    certificate: '',
  };
  const peer = { ...signs, name: 'ct', callingAeTitle: 'CT1', commitment: { host: '127.0.0.1', port } };
  door = await openDicomDoor({ config: { peers: [peer as unknown as ConfiguredPeer] } });
});
afterEach(() => door.close());

/** Stores a slice and asks for commitment of it and of others: the sender, and the slice. */
async function ask(others: readonly SopReference[] = [], transaction = TRANSACTION, action = 1) {
  const sender = await associateWith(door.port, [CT_EXPLICIT, COMMITMENT], { calling: 'CT1' });
  sender.store(SLICE);
  expect(await sender.status()).toBe(0x0000);
  request(sender, [{ sopClassUid: CT, sopInstanceUid: SLICE.sopInstanceUid }, ...others], transaction, action);
  return { sender, slice: { sopClassUid: CT, sopInstanceUid: SLICE.sopInstanceUid } };
}

function request(sender: DicomSender, references: readonly SopReference[], transactionUid: string, actionTypeId: number): void {
  const command = {
    field: COMMAND.nActionRq,
    messageId: 7,
    sopClassUid: STORAGE_COMMITMENT_PUSH,
    sopInstanceUid: STORAGE_COMMITMENT_INSTANCE,
  };
  const dataset = writeEvent({ transactionUid, committed: references, failed: [] }, true);
  sender.sendValues({ ...commandValue({ ...command, actionTypeId, hasDataset: true }), context: 3 });
  sender.sendValues({ context: 3, command: false, last: true, fragment: dataset });
}

/** The next command and its dataset. */
async function event(sender: DicomSender): Promise<{ command: Command; dataset: Buffer }> {
  const parts = [];
  while (parts.length < 2) {
    const pdu = await sender.pdu();
    if (pdu.type !== 'P-DATA-TF') throw new Error(pdu.type);
    parts.push(...pdu.values.map(({ fragment }) => fragment));
  }
  return { command: decodeCommand(parts[0] as Buffer) as Command, dataset: parts[1] as Buffer };
}

function take(sender: DicomSender, { messageId }: Command, status = 0): void {
  const response = {
    field: COMMAND.nEventReportRq | RESPONSE,
    messageId,
    sopClassUid: STORAGE_COMMITMENT_PUSH,
    sopInstanceUid: '',
    hasDataset: false,
    status,
  };
  sender.sendValues({ ...commandValue(response), context: 3 });
}

const states = async () => (await door.database.query('select state, attempts, answer from commitment order by id')).rows;
const settled = (state: string) =>
  until(
    async () => (await states())[0]?.state,
    (found) => found === state,
  );
const answerIn = async () => JSON.parse(String((await states())[0]?.answer)) as CommitmentAnswer;

describe('a request for storage commitment', () => {
  it('is answered on its association, the whole set, and is then settled', async () => {
    const { sender, slice } = await ask([MISSING, { ...MISSING, sopClassUid: '1.2.840.10008.5.1.4.1.1.4' }]);
    expect(await sender.status()).toBe(0x0000);
    const { command, dataset } = await event(sender);
    const failed = [MISSING, { ...MISSING, sopClassUid: '1.2.840.10008.5.1.4.1.1.4' }].map((one) => ({ ...one, reason: 0x0112 }));
    expect(command).toMatchObject({ field: COMMAND.nEventReportRq, eventTypeId: 2, sopInstanceUid: STORAGE_COMMITMENT_INSTANCE });
    expect(dataset).toEqual(writeEvent({ transactionUid: TRANSACTION, committed: [slice], failed }, true));
    take(sender, command);
    await settled('done');
    expect((await door.journaled()).at(-1)).toBe(`accepted ${STORAGE_COMMITMENT_PUSH} ${TRANSACTION} storage commitment of 3 objects`);
    sender.hangUp();
  });

  it('is in the journal and waits before its success is sent', async () => {
    const { sender } = await ask();
    expect(await sender.status()).toBe(0x0000);
    sender.socket.destroy();
    expect(await states()).toHaveLength(1);
    await door.said('dimse.closed');
  });

  it('never grants what does not read back as it was stored, nor what is of another class', async () => {
    const { sender, slice } = await ask();
    await sender.status();
    const { command } = await event(sender);
    expect(command.eventTypeId).toBe(1);
    take(sender, command);
    await settled('done');
    const { rows } = await door.database.query('select blob from instance');
    writeFileSync(door.blobs.path(rows[0]?.blob), 'damaged');
    request(sender, [slice, { ...slice, sopClassUid: '1.2.840.10008.5.1.4.1.1.4' }], '1.2.3.1001', 1);
    expect(await sender.status()).toBe(0x0000);
    const second = await event(sender);
    const failed = [
      { ...slice, reason: 0x0110 },
      { ...slice, sopClassUid: '1.2.840.10008.5.1.4.1.1.4', reason: 0x0119 },
    ];
    expect(second.dataset).toEqual(writeEvent({ transactionUid: '1.2.3.1001', committed: [], failed }, true));
    sender.hangUp();
  });

  it('never grants what another peer sent: the bytes that are kept are not its own', async () => {
    const other = await associateWith(door.port, [CT_EXPLICIT], { calling: 'CT2' });
    other.store(SLICE);
    expect(await other.status()).toBe(0x0000);
    const sender = await associateWith(door.port, [CT_EXPLICIT, COMMITMENT], { calling: 'CT1' });
    const slice = { sopClassUid: CT, sopInstanceUid: SLICE.sopInstanceUid };
    request(sender, [slice], TRANSACTION, 1);
    expect(await sender.status()).toBe(0x0000);
    const { dataset } = await event(sender);
    const failed = [{ ...slice, reason: 0x0112 }];
    expect(dataset).toEqual(writeEvent({ transactionUid: TRANSACTION, committed: [], failed }, true));
    sender.hangUp();
    other.hangUp();
  });

  it('that comes again is answered again; its Transaction UID for another set is refused', async () => {
    const { sender } = await ask();
    await sender.status();
    take(sender, (await event(sender)).command);
    await settled('done');
    sender.hangUp();
    const again = await ask();
    expect(await again.sender.status()).toBe(0x0000);
    expect((await event(again.sender)).command.eventTypeId).toBe(1);
    again.sender.hangUp();
    const other = await ask([MISSING]);
    expect(await other.sender.status()).toBe(0x0110);
    other.sender.hangUp();
  });

  it('for another action or another instance is refused', async () => {
    const { sender } = await ask([], TRANSACTION, 2);
    expect(await sender.status()).toBe(0x0123);
    expect(await states()).toEqual([]);
    sender.hangUp();
  });

  it('may not be made by a peer that is not configured for it', async () => {
    const sender = await callDoor(door.port);
    sender.sendPdu({ ...associateRq([CT_EXPLICIT, COMMITMENT]), calling: 'MR9' });
    expect(await sender.pdu()).toMatchObject({ type: 'A-ASSOCIATE-AC', results: [{ result: 0 }, { result: 3 }] });
    sender.hangUp();
  });
});

describe('the answer to a peer that has gone', () => {
  const startWorker = (tls?: CallTls) =>
    startCommitmentWorker({
      ...{
        database: door.database,
        blobs: door.blobs,
        clock: systemClock,
        aeTitle: 'WAYSTATION',
        addressOf: () => ({ host: '127.0.0.1', port, aeTitle: 'CT1', ...(tls ? { tls } : {}) }),
      },
      log: { info: () => {}, warn: () => {}, error: () => {} },
      metrics: { count: () => {}, gauge: () => {}, observe: () => {} },
    });

  it('waits while the peer cannot be reached, outlives its worker, and is not made anew', async () => {
    const { sender } = await ask();
    await sender.status();
    sender.socket.destroy();
    await door.said('dimse.closed');
    await until(states, (rows) => rows[0]?.attempts === 1);
    const worker = startWorker();
    await until(states, (rows) => rows[0]?.attempts >= 2);
    await worker.stop();
    const answer = await answerIn();
    expect(await states()).toMatchObject([{ state: 'waiting' }]);
    expect(answer.committed).toHaveLength(1);
  });

  (isInstalled('Orthanc') ? it : it.skip)(
    'comes to Orthanc on an association of its own over TLS, with the roles turned round',
    async () => {
      const authority = testAuthority();
      const [server, us] = [authority.issue('modality'), authority.issue('waystation')];
      const orthanc = await startOrthanc({
        ...{ DicomTlsEnabled: true, DicomTlsCertificate: server.certFile, DicomTlsPrivateKey: server.keyFile },
        ...{ DicomTlsTrustedCertificates: authority.caFile, DicomAet: 'CT1' },
        DicomModalities: { waystation: { AET: 'WAYSTATION', Host: '127.0.0.1', Port: door.port, UseDicomTls: false } },
        RemoteAccessAllowed: false,
        AuthenticationEnabled: false,
      });
      port = orthanc.target.port;
      const worker = startWorker({ ca: authority.ca, key: us.key, cert: us.cert, serverName: '' });
      try {
        const stored = await ask();
        stored.sender.hangUp();
        const instances = [stored.slice, MISSING].map(({ sopClassUid, sopInstanceUid }) => ({
          SOPClassUID: sopClassUid,
          SOPInstanceUID: sopInstanceUid,
        }));
        const post = (body: object) =>
          fetch(`${orthanc.http}/modalities/waystation/storage-commitment`, { method: 'POST', body: JSON.stringify(body) });
        const asked = (await (await post({ DicomInstances: instances })).json()) as { ID: string };
        const report = () => fetch(`${orthanc.http}/storage-commitment/${asked.ID}`).then((response) => response.json());
        const found = (await until(report, (one) => (one as { Status: string }).Status !== 'Pending')) as Record<string, unknown>;
        expect(found).toMatchObject({
          Status: 'Failure',
          Success: [{ SOPInstanceUID: stored.slice.sopInstanceUid }],
          Failures: [{ SOPInstanceUID: MISSING.sopInstanceUid, FailureReason: 0x0112 }],
        });
      } finally {
        await worker.stop();
        await orthanc.stop();
      }
    },
    60_000,
  );
});

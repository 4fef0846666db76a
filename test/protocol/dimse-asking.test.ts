/** Storage commitment that we ask of an archive: answers on the same association and on new ones, lost ones, refused ones; Orthanc as the archive. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import dcmjsDimse from 'dcmjs-dimse';
import { type AskingWorker, startAskingWorker } from '../../src/delivery/dimse/asking-worker.ts';
import { startCommitmentWorker } from '../../src/delivery/dimse/commitment-worker.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { systemClock } from '../../src/model/clock.ts';
import type { CommitmentAnswer, CommitmentRequest } from '../../src/model/commitment.ts';
import type { ConfiguredPeer, DimseDestination } from '../../src/model/config.ts';
import { COMMAND, type Command, decodeCommand, encodeCommand, RESPONSE } from '../../src/protocols/dicom/command.ts';
import { part10Prefix } from '../../src/protocols/dicom/part10.ts';
import { encodePdu } from '../../src/protocols/dicom/pdu.ts';
import type { SampleObject } from '../../src/protocols/dicom/sample-series.ts';
import { STORAGE_COMMITMENT_INSTANCE, STORAGE_COMMITMENT_PUSH } from '../../src/protocols/dicom/sop-class.ts';
import { reportReader, writeEvent, writeRequest } from '../../src/protocols/dicom/storage-commitment.ts';
import {
  EXPLICIT_LITTLE_ENDIAN,
  IMPLICIT_LITTLE_ENDIAN,
  type TransferSyntax,
  transferSyntax,
} from '../../src/protocols/dicom/transfer-syntax.ts';
import { objectDelivery } from '../../src/return/dicom/object-delivery.ts';
import { readCaseEvents } from '../../src/store/case-store.ts';
import { addDeliveries } from '../../src/store/delivery-store.ts';
import { instancesAt } from '../../src/store/instance-store.ts';
import { type DicomDoor, openDicomDoor } from '../support/dicom-door.ts';
import { CT_EXPLICIT, ctSeries } from '../support/dicom-objects.ts';
import { startOrthanc } from '../support/dicom-peers.ts';
import { associateRq, associateWith, callDoor, commandValue } from '../support/dicom-sender.ts';
import { freePort } from '../support/free-port.ts';
import { isInstalled } from '../support/programs.ts';
import { pduAt } from '../support/scripted-pacs.ts';
import { listenAsPeer, type ScriptedPeer } from '../support/scripted-peer.ts';
import { silentLog } from '../support/silent-log.ts';
import { until } from '../support/until.ts';

const LIMIT_MS = 24 * 3_600_000;
const CASE = '0197a000-0000-7000-8000-000000000001';
const COMMITMENT = { abstractSyntax: STORAGE_COMMITMENT_PUSH, transferSyntaxes: [EXPLICIT_LITTLE_ENDIAN] };
const ABOUT = { sopClassUid: STORAGE_COMMITMENT_PUSH, sopInstanceUid: STORAGE_COMMITMENT_INSTANCE };
/** PS3.7 §D.3.3.4: who opens the association performs the service. */
const AS_PROVIDER = {
  ...{ maxPduLength: 16_384, implementationClassUid: '2.25.1', implementationVersionName: '' },
  roles: [{ sopClassUid: STORAGE_COMMITMENT_PUSH, scu: false, scp: true }],
};
const SLICES = ctSeries({ slices: 3 });
const referenceOf = ({ sopClassUid, sopInstanceUid }: SampleObject) => ({ sopClassUid, sopInstanceUid });
const metrics = { count: () => {}, gauge: () => {}, observe: () => {} };

let door: DicomDoor;
let port: number;
let ahead = 0;
const clock = { ...systemClock, now: () => new Date(Date.now() + ahead) };
const closes: (() => Promise<void>)[] = [];

const archive = (): DimseDestination => ({
  ...{ kind: 'dimse', name: 'archive', group: '', host: '127.0.0.1', port, aeTitle: 'ARCHIVE', callingAeTitle: 'WAYSTATION', tls: null },
  ...{
    timeoutMs: 60_000,
    idleMs: 1_000,
    associations: 1,
    transcode: 'never',
    results: ['pdf'],
    srClass: 'basic',
    rejection: 'none',
    commitment: { limitMs: LIMIT_MS },
  },
  retry: { firstDelayMs: 1, maxDelayMs: 1, maxAttempts: 1, onFailure: 'setAside' },
});

beforeEach(async () => {
  ahead = 0;
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
  const commitment = { host: '127.0.0.1', port: 1, archive: { name: 'archive', limitMs: 3 * LIMIT_MS } };
  const peers = [{ ...signs, name: 'ct', callingAeTitle: 'CT1', commitment } as unknown as ConfiguredPeer];
  door = await openDicomDoor({ config: { peers, destinations: [archive()] } });
});
afterEach(async () => {
  for (const close of closes.splice(0).reverse()) await close();
  await door.close();
});

/** Slices came from CT1 and were sent to the archive; the last of them as what was made of a report. */
async function sent(slices: readonly SampleObject[] = SLICES, last: 'dicom-object' | 'dicom-result' = 'dicom-object'): Promise<void> {
  const sender = await associateWith(door.port, [CT_EXPLICIT], { calling: 'CT1' });
  for (const slice of slices) {
    sender.store(slice);
    expect(await sender.status()).toBe(0);
  }
  sender.hangUp();
  const { rows } = await door.database.query<{ study_uid: string }>('select distinct study_uid from instance');
  const objects = await instancesAt(door.database, { study: rows[0]?.study_uid as string }, null);
  const kindAt = (index: number) => (index === objects.length - 1 ? last : 'dicom-object');
  const deliveries = objects.map((object, index) =>
    objectDelivery({ id: systemClock.uuid(), destination: archive(), caseId: CASE, seq: object.seq, object, kind: kindAt(index) }),
  );
  await door.database.transaction((tx) => addDeliveries(tx, deliveries, systemClock.now()));
  await door.database.query(`update delivery set state = 'delivered', settled = now() - interval '1 minute'`);
}

function ask(): AskingWorker {
  const journal = openJournal(door.database);
  const worker = startAskingWorker({ database: door.database, journal, clock, log: silentLog, metrics, destinations: [archive()] });
  closes.push(
    () => journal.close(),
    () => worker.stop(),
  );
  return worker;
}

const asked = async () =>
  (await door.database.query('select state, attempts, transaction_uid, last_failure from asked_commitment order by id')).rows;
const committed = async () =>
  (await door.database.query('select control_id from delivery where committed is not null order by control_id')).rows.map(
    (row) => row.control_id,
  );
const timeline = async () => (await readCaseEvents(door.database, CASE)).map(({ kind, detail }) => `${kind}: ${detail}`);
const stateIs = (state: string) =>
  until(
    async () => (await asked())[0]?.state,
    (found) => found === state,
  );
const uidsOf = (slices: readonly SampleObject[]) => slices.map(({ sopInstanceUid }) => sopInstanceUid).sort();

/** An archive that takes an association and one request, and goes on as the test says. */
async function archiveAsked(): Promise<{
  peer: ScriptedPeer;
  listener: { close(): Promise<void> };
  request: CommitmentAnswer;
  accept(): void;
}> {
  const listener = await listenAsPeer(port);
  closes.push(() => listener.close());
  const peer = await listener.accept();
  const rq = await pduAt(peer);
  if (rq.type !== 'A-ASSOCIATE-RQ') throw new Error(rq.type);
  const user = { maxPduLength: 16_384, implementationClassUid: '2.25.2', implementationVersionName: '' };
  const { called, calling, applicationContext, contexts } = rq;
  const results = contexts.map(({ id }) => ({ id, result: 0, transferSyntax: EXPLICIT_LITTLE_ENDIAN }));
  peer.send(encodePdu({ type: 'A-ASSOCIATE-AC', protocolVersion: 1, called, calling, applicationContext, results, user }));
  const [command, dataset] = await messageAt(peer);
  expect(command).toMatchObject({ field: COMMAND.nActionRq, actionTypeId: 1, ...ABOUT });
  const reader = reportReader(transferSyntax(EXPLICIT_LITTLE_ENDIAN) as TransferSyntax);
  reader.push(dataset);
  const accept = () =>
    peer.send(
      encodePdu({
        type: 'P-DATA-TF',
        values: [
          commandValue({ field: COMMAND.nActionRq | RESPONSE, messageId: command.messageId, ...ABOUT, hasDataset: false, status: 0 }),
        ],
      }),
    );
  return { peer, listener, request: reader.end() as CommitmentAnswer, accept };
}

async function messageAt(peer: ScriptedPeer): Promise<[Command, Buffer]> {
  const parts: Buffer[] = [];
  while (parts.length < 2) {
    const pdu = await pduAt(peer);
    if (pdu.type !== 'P-DATA-TF') throw new Error(pdu.type);
    parts.push(...pdu.values.map(({ fragment }) => fragment));
  }
  return [decodeCommand(parts[0] as Buffer) as Command, parts[1] as Buffer];
}

function eventValues(answer: CommitmentAnswer, context = 1) {
  const eventTypeId = answer.failed.length === 0 ? 1 : 2;
  const fragment = writeEvent(answer, true);
  return [
    {
      context,
      command: true,
      last: true,
      fragment: encodeCommand({ field: COMMAND.nEventReportRq, messageId: 9, eventTypeId, hasDataset: true, ...ABOUT }),
    },
    { context, command: false, last: true, fragment },
  ];
}

/** The archive reports on an association of its own: the status. */
async function report(answer: CommitmentAnswer, calling = 'ARCHIVE'): Promise<number> {
  const sender = await associateWith(door.port, [COMMITMENT], { calling, user: AS_PROVIDER });
  sender.sendValues(...eventValues(answer));
  const status = await sender.status();
  sender.hangUp();
  return status;
}

describe('an archive that is asked for commitment', () => {
  it('answers on the same association, and all that was sent is committed, reports too', async () => {
    await sent(SLICES, 'dicom-result');
    ask();
    const { peer, request, accept } = await archiveAsked();
    expect(request.committed.map(({ sopInstanceUid }) => sopInstanceUid).sort()).toEqual(uidsOf(SLICES));
    accept();
    peer.send(encodePdu({ type: 'P-DATA-TF', values: eventValues(request) }));
    const taken = await pduAt(peer);
    expect(taken.type === 'P-DATA-TF' && decodeCommand(taken.values[0]?.fragment as Buffer)).toMatchObject({
      field: COMMAND.nEventReportRq | RESPONSE,
      messageId: 9,
      status: 0,
    });
    expect(await committed()).toEqual(uidsOf(SLICES));
    expect(await asked()).toMatchObject([{ state: 'done' }]);
    expect(await timeline()).toEqual(['committed: archive has committed 3 objects']);
    expect((await pduAt(peer)).type).toBe('A-RELEASE-RQ');
    peer.send(encodePdu({ type: 'A-RELEASE-RP' }));
    expect((await door.journaled()).at(-1)).toBe(`ignored commitment ${request.transactionUid} 3 objects committed, 0 not`);
  });

  it('answers later on an association of its own; the same answer again is taken and changes nothing', async () => {
    await sent();
    ask();
    const { peer, request, accept } = await archiveAsked();
    accept();
    peer.reset();
    await stateIs('asked');
    expect(await report(request, 'CT1')).toBe(0x0211);
    expect(await report(request, 'STRANGER').catch(() => 'not offered')).toBe('not offered');
    expect(await report({ ...request, transactionUid: '1.2.3' })).toBe(0x0115);
    expect(await committed()).toEqual([]);
    expect(await report(request)).toBe(0);
    expect(await report(request)).toBe(0);
    expect(await committed()).toEqual(uidsOf(SLICES));
    expect(await timeline()).toEqual(['committed: archive has committed 3 objects']);
  });

  it('is asked again for what it has not committed, under another Transaction UID', async () => {
    await sent();
    ask();
    const first = await archiveAsked();
    first.accept();
    first.peer.reset();
    await stateIs('asked');
    const [one, ...others] = first.request.committed;
    const failed = others.map((reference) => ({ ...reference, reason: 0x0112 }));
    expect(await report({ ...first.request, committed: [one as (typeof others)[0]], failed })).toBe(0);
    expect(await committed()).toEqual([one?.sopInstanceUid]);
    expect(await timeline()).toEqual([
      'committed: archive has committed 1 objects',
      'not-committed: archive has not committed 2 objects (0112)',
    ]);
    await first.listener.close();
    ahead = 15 * 60_000;
    const second = await archiveAsked();
    expect(second.request.transactionUid).not.toBe(first.request.transactionUid);
    expect(second.request.committed).toHaveLength(2);
    second.accept();
    second.peer.reset();
    await until(asked, (rows) => rows[0]?.attempts === 3);
    expect(await report(first.request)).toBe(0);
    expect(await asked()).toMatchObject([{ state: 'done' }]);
  });

  it('is not waited for when the gateway stops', async () => {
    await sent();
    const worker = ask();
    const { peer, accept } = await archiveAsked();
    accept();
    const stopped = worker.stop();
    expect((await pduAt(peer)).type).toBe('A-RELEASE-RQ');
    peer.send(encodePdu({ type: 'A-RELEASE-RP' }));
    await stopped;
    expect(await asked()).toMatchObject([{ state: 'asked', attempts: 1, last_failure: 'not answered' }]);
  });

  it('that cannot be reached is asked again, by another worker too, and after its limit a person is told', async () => {
    await sent();
    const worker = ask();
    await until(asked, (rows) => rows[0]?.attempts === 1);
    await worker.stop();
    ask();
    ahead = LIMIT_MS;
    await stateIs('dead');
    expect((await timeline())[0]).toMatch(/^commitment-dead: archive has not committed 3 objects in time \(.+\): a person decides$/);
    expect(await committed()).toEqual([]);
    // Within the limit again, as after a longer one was configured.
    ahead = 0;
    ask();
    await until(asked, (rows) => rows[0]?.state !== 'dead');
    const [row] = await asked();
    expect(await report({ transactionUid: row?.transaction_uid, committed: SLICES.map(referenceOf), failed: [] })).toBe(0);
    expect(await committed()).toEqual(uidsOf(SLICES));
  });

  it('is given the role of the provider on an association that it opens; a modality is not', async () => {
    const rolesOf = async (calling: string) => {
      const sender = await callDoor(door.port);
      sender.sendPdu(associateRq([COMMITMENT], { calling, user: AS_PROVIDER }));
      const answer = await sender.pdu();
      sender.hangUp();
      return answer.type === 'A-ASSOCIATE-AC' ? answer.user.roles : answer.type;
    };
    expect(await rolesOf('ARCHIVE')).toEqual(AS_PROVIDER.roles);
    expect(await rolesOf('CT1')).toBeUndefined();
  });

  it('reports by dcmjs-dimse', async () => {
    await sent();
    ask();
    const { peer, request, accept } = await archiveAsked();
    accept();
    peer.reset();
    await stateIs('asked');
    const { Client, Dataset, requests } = dcmjsDimse;
    const event = new requests.NEventReportRequest(STORAGE_COMMITMENT_PUSH, STORAGE_COMMITMENT_INSTANCE, 1);
    const sops = request.committed.map(({ sopClassUid, sopInstanceUid }) => ({
      ReferencedSOPClassUID: sopClassUid,
      ReferencedSOPInstanceUID: sopInstanceUid,
    }));
    event.setDataset(new Dataset({ TransactionUID: request.transactionUid, ReferencedSOPSequence: sops }, IMPLICIT_LITTLE_ENDIAN));
    const status = new Promise<number>((resolve, reject) => {
      const client = new Client();
      event.on('response', (response: { getStatus(): number }) => resolve(response.getStatus()));
      client.on('networkError', reject);
      client.addRequest(event);
      client.send('127.0.0.1', door.port, 'ARCHIVE', 'WAYSTATION');
    });
    expect(await status).toBe(0);
    expect(await committed()).toEqual(uidsOf(SLICES));
  });
});

describe('a modality whose objects an archive must have committed', () => {
  async function askUs(): Promise<Awaited<ReturnType<typeof associateWith>>> {
    const sender = await associateWith(door.port, [COMMITMENT], { calling: 'CT1' });
    const request: CommitmentRequest = { transactionUid: '1.2.3.1000', references: SLICES.map(referenceOf) };
    sender.sendValues(commandValue({ field: COMMAND.nActionRq, messageId: 7, actionTypeId: 1, hasDataset: true, ...ABOUT }));
    sender.sendValues({ context: 1, command: false, last: true, fragment: writeRequest(request, true) });
    expect(await sender.status()).toBe(0);
    return sender;
  }
  const answers = async () =>
    (await door.database.query('select answer from commitment')).rows.map(({ answer }) => answer && JSON.parse(String(answer)));
  function work(): void {
    const addressOf = () => ({ host: '127.0.0.1', port: 1, aeTitle: 'CT1', archive: { name: 'archive', limitMs: 3 * LIMIT_MS } });
    const worker = startCommitmentWorker({
      database: door.database,
      blobs: door.blobs,
      clock,
      aeTitle: 'WAYSTATION',
      addressOf,
      log: silentLog,
      metrics,
    });
    closes.push(() => worker.stop());
  }

  it('is granted nothing before, and everything after', async () => {
    await sent();
    ask();
    const { peer, request, accept } = await archiveAsked();
    const sender = await askUs();
    work();
    accept();
    peer.reset();
    await stateIs('asked');
    expect(await answers()).toEqual([null]);
    expect(await report(request)).toBe(0);
    ahead = 60_000;
    const [answer] = await until(answers, ([one]) => one !== null);
    expect(answer).toMatchObject({ committed: SLICES.map(referenceOf), failed: [] });
    sender.hangUp();
  });

  it('is refused what the archive has not committed in time', async () => {
    await sent();
    const sender = await askUs();
    ahead = 3 * LIMIT_MS;
    work();
    const [answer] = await until(answers, ([one]) => one !== null);
    expect(answer).toMatchObject({ committed: [], failed: SLICES.map((slice) => ({ ...referenceOf(slice), reason: 0x0110 })) });
    sender.hangUp();
  });
});

(isInstalled('Orthanc') ? describe : describe.skip)('Orthanc as the archive', () => {
  it('commits what it has, on an association of its own, and says what it has not', async () => {
    const orthanc = await startOrthanc({
      DicomAet: 'ARCHIVE',
      DicomModalities: { waystation: ['WAYSTATION', '127.0.0.1', door.port] },
      RemoteAccessAllowed: false,
      AuthenticationEnabled: false,
    });
    closes.push(() => orthanc.stop());
    port = orthanc.target.port;
    const [missing, ...here] = SLICES;
    for (const slice of here) {
      const body = new Uint8Array(Buffer.concat([part10Prefix(slice), slice.dataset]));
      expect((await fetch(`${orthanc.http}/instances`, { method: 'POST', body })).status).toBe(200);
    }
    await sent();
    ask();
    await until(committed, (uids) => uids.length > 0);
    expect(await committed()).toEqual(uidsOf(here));
    expect(await timeline()).toContain('committed: archive has committed 2 objects');
    expect(await timeline()).toContain('not-committed: archive has not committed 1 objects (0112)');
    expect(missing).toBeDefined();
  });
});

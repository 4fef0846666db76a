/** Performed procedure steps and notifications of availability at the DIMSE door, byte by byte and by dcmjs-dimse. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import dcmjsDimse from 'dcmjs-dimse';
import { withAvailability } from '../../src/delivery/dimse/availability-client.ts';
import type { ConfiguredPeer } from '../../src/model/config.ts';
import type { AvailabilityContent, Delivery } from '../../src/model/delivery.ts';
import { failure } from '../../src/model/failure.ts';
import { COMMAND, type Command, decodeCommand, RESPONSE } from '../../src/protocols/dicom/command.ts';
import { DatasetReader } from '../../src/protocols/dicom/dataset-reader.ts';
import { dicomJson } from '../../src/protocols/dicom/header.ts';
import type { Pdv } from '../../src/protocols/dicom/pdu.ts';
import { STEP_TAGS } from '../../src/protocols/dicom/performed-procedure.ts';
import { INSTANCE_AVAILABILITY, PERFORMED_STEP, PERFORMED_STEP_RETRIEVE } from '../../src/protocols/dicom/sop-class.ts';
import {
  EXPLICIT_LITTLE_ENDIAN,
  IMPLICIT_LITTLE_ENDIAN,
  type TransferSyntax,
  transferSyntax,
} from '../../src/protocols/dicom/transfer-syntax.ts';
import { type DicomDoor, openDicomDoor } from '../support/dicom-door.ts';
import { CT } from '../support/dicom-objects.ts';
import { associateWith, commandValue, type DicomSender } from '../support/dicom-sender.ts';
import { destinationOf } from '../support/dimse-destination.ts';
import { freePort } from '../support/free-port.ts';
import { sendNotice } from '../support/notice-sender.ts';
import { availability, performedStep, type StepWords, seriesOf } from '../support/performed-step.ts';
import { until } from '../support/until.ts';

const STEP = { abstractSyntax: PERFORMED_STEP, transferSyntaxes: [EXPLICIT_LITTLE_ENDIAN] };
const NOTICE = { abstractSyntax: INSTANCE_AVAILABILITY, transferSyntaxes: [EXPLICIT_LITTLE_ENDIAN] };
const UID = '1.2.840.99999.7.1';

let door: DicomDoor;
const ANYWHERE = { callingAddress: '', callingCertificate: '', sendingApplication: '', sendingFacility: '', listener: '', address: '' };
const peerOf = (name: string, more: Partial<ConfiguredPeer>) =>
  ({ ...ANYWHERE, certificate: '', name, callingAeTitle: name.toUpperCase(), ...more }) as unknown as ConfiguredPeer;
const PEERS = [
  peerOf('ct', {}),
  peerOf('ris', { worklist: { of: ['ct'] } }),
  peerOf('reader', { query: { group: 'readers', moveTo: [], transcode: 'uncompressed' } }),
  peerOf('other', { query: { group: 'others', moveTo: [], transcode: 'uncompressed' }, worklist: { of: ['mr'] } }),
];
beforeEach(async () => {
  door = await openDicomDoor({ config: { peers: PEERS } });
});
afterEach(() => door.close());

const step = (sender: DicomSender, operation: 'N-CREATE' | 'N-SET', words: StepWords = {}, sopInstanceUid = UID) =>
  sendNotice(sender, { operation, sopClassUid: PERFORMED_STEP, sopInstanceUid, dataset: performedStep(words) });
const states = async () => (await door.database.query('select uid, state from performed_step order by uid')).rows;

describe('a performed procedure step', () => {
  it('is created and set, each in the journal when it is answered, and is then final', async () => {
    const sender = await associateWith(door.port, [STEP]);
    const created = await step(sender, 'N-CREATE');
    expect(created).toMatchObject({
      field: COMMAND.nCreateRq | RESPONSE,
      messageId: 5,
      status: 0,
      sopClassUid: PERFORMED_STEP,
      sopInstanceUid: UID,
    });
    expect(await states()).toEqual([{ uid: UID, state: 'IN PROGRESS' }]);
    expect(await step(sender, 'N-SET', { series: [seriesOf('1.2', ['1.1'])] })).toMatchObject({ status: 0 });
    expect(await step(sender, 'N-SET', { status: 'COMPLETED', series: [seriesOf('1.2', ['1.1', '1.3'])] })).toMatchObject({ status: 0 });
    expect(await states()).toEqual([{ uid: UID, state: 'COMPLETED' }]);
    const again = await step(sender, 'N-SET', { status: 'DISCONTINUED' });
    expect(again).toMatchObject({ field: COMMAND.nSetRq | RESPONSE, status: 0x0110, errorId: 0xa710 });
    expect(await step(sender, 'N-CREATE')).toMatchObject({ status: 0x0111 });
    expect(await states()).toEqual([{ uid: UID, state: 'COMPLETED' }]);
    expect(await door.journaled()).toEqual([
      `accepted ${PERFORMED_STEP} ${UID} N-CREATE: IN PROGRESS, 0 instances`,
      `accepted ${PERFORMED_STEP} ${UID} N-SET: IN PROGRESS, 1 instances`,
      `accepted ${PERFORMED_STEP} ${UID} N-SET: COMPLETED, 2 instances`,
    ]);
    sender.hangUp();
  });

  it('that says the same twice is two entries: between them it may have changed', async () => {
    const sender = await associateWith(door.port, [STEP]);
    await step(sender, 'N-CREATE');
    for (const images of [['1.1'], ['1.3'], ['1.1'], ['1.3']]) await step(sender, 'N-SET', { series: [seriesOf('1.2', images)] });
    expect(await door.journaled()).toHaveLength(5);
    sender.hangUp();
  });

  it('is refused by the standard’s statuses, and leaves nothing', async () => {
    const sender = await associateWith(door.port, [STEP]);
    expect(await step(sender, 'N-SET', { status: 'COMPLETED' })).toMatchObject({ status: 0x0112 });
    expect(await step(sender, 'N-CREATE', { status: 'COMPLETED' })).toMatchObject({ status: 0x0106 });
    expect(await step(sender, 'N-CREATE', { study: '' })).toMatchObject({ status: 0x0121 });
    expect(await step(sender, 'N-CREATE', {}, 'no uid')).toMatchObject({ status: 0x0117 });
    const base = { operation: 'N-CREATE', sopInstanceUid: UID } as const;
    expect(await sendNotice(sender, { ...base, sopClassUid: PERFORMED_STEP, dataset: [[0x00080060, 'CS', 'CT']] })).toMatchObject({
      status: 0x0120,
    });
    expect(await sendNotice(sender, { ...base, sopClassUid: INSTANCE_AVAILABILITY, dataset: performedStep() })).toMatchObject({
      status: 0x0119,
    });
    const huge = Array.from({ length: 40_000 }, (_, index) => `1.2.840.99999.1.${index}`);
    expect(await step(sender, 'N-CREATE', { series: [seriesOf('1.2', huge)] })).toMatchObject({ status: 0x0213 });
    expect(await door.journaled()).toEqual([]);
    expect(await states()).toEqual([]);
    sender.hangUp();
  });

  it('of another peer is not set', async () => {
    const sender = await associateWith(door.port, [STEP]);
    await step(sender, 'N-CREATE');
    const other = await associateWith(door.port, [STEP], { calling: 'OTHER' });
    expect(await step(other, 'N-SET', { status: 'DISCONTINUED' })).toMatchObject({ status: 0x0124 });
    expect(await states()).toEqual([{ uid: UID, state: 'IN PROGRESS' }]);
    sender.hangUp();
    other.hangUp();
  });

  it('that comes on many associations at once is created by one of them', async () => {
    const senders = await Promise.all([1, 2, 3, 4].map(() => associateWith(door.port, [STEP])));
    const answers = await Promise.all(senders.map((sender) => step(sender, 'N-CREATE')));
    expect(answers.map(({ status }) => status).sort()).toEqual([0, 0x0111, 0x0111, 0x0111]);
    for (const sender of senders) sender.hangUp();
  });

  it('gets a UID here where it is created without one', async () => {
    const sender = await associateWith(door.port, [STEP]);
    const { status, sopInstanceUid } = await step(sender, 'N-CREATE', {}, '');
    expect({ status, ours: /^2\.25\.\d+$/.test(sopInstanceUid) }).toEqual({ status: 0, ours: true });
    expect(await step(sender, 'N-SET', { status: 'COMPLETED' }, sopInstanceUid)).toMatchObject({ status: 0 });
    sender.hangUp();
  });

  it('is not taken while the database is away', async () => {
    const sender = await associateWith(door.port, [STEP]);
    await door.database.query('alter table performed_step rename to away');
    expect(await step(sender, 'N-CREATE')).toMatchObject({ status: 0x0213 });
    await door.database.query('alter table away rename to performed_step');
    expect(await step(sender, 'N-CREATE')).toMatchObject({ status: 0 });
    sender.hangUp();
  });
});

describe('a performed procedure step that is asked for', () => {
  const RETRIEVE = { abstractSyntax: PERFORMED_STEP_RETRIEVE, transferSyntaxes: [EXPLICIT_LITTLE_ENDIAN] };
  const ask = async (calling: string, attributes?: readonly string[], sopInstanceUid = UID) => {
    const sender = await associateWith(door.port, [RETRIEVE], { calling });
    const command = { field: COMMAND.nGetRq, messageId: 9, sopClassUid: PERFORMED_STEP_RETRIEVE, sopInstanceUid, hasDataset: false };
    sender.sendValues(commandValue({ ...command, ...(attributes ? { attributes } : {}) }));
    const values: Pdv[] = [];
    while (values.length === 0 || (hasDataset(values[0] as Pdv) && !values.some(({ command, last }) => !command && last))) {
      const pdu = await sender.pdu();
      if (pdu.type !== 'P-DATA-TF') throw new Error(pdu.type);
      values.push(...pdu.values);
    }
    sender.hangUp();
    const reader = new DatasetReader(transferSyntax(EXPLICIT_LITTLE_ENDIAN) as TransferSyntax, STEP_TAGS);
    for (const { command, fragment } of values) if (!command) reader.push(fragment);
    return { answer: decodeCommand((values[0] as Pdv).fragment) as Command, json: dicomJson(reader.dataset) };
  };
  const hasDataset = ({ fragment }: Pdv) => (decodeCommand(fragment) as Command).hasDataset;
  beforeEach(async () => {
    const sender = await associateWith(door.port, [STEP], { calling: 'CT' });
    expect(await step(sender, 'N-CREATE', { study: '1.2.3' })).toMatchObject({ status: 0 });
    expect(await step(sender, 'N-SET', { status: 'COMPLETED', study: '1.2.3', series: [seriesOf('1.2', ['1.1'])] })).toMatchObject({
      status: 0,
    });
    sender.hangUp();
  });

  it('is given as it stands to who made it, whose worklist it is of, and who may see its study; to nobody else', async () => {
    const { answer, json } = await ask('CT');
    expect(answer).toMatchObject({ field: COMMAND.nGetRq | RESPONSE, messageId: 9, status: 0, sopInstanceUid: UID });
    expect(json).toMatchObject({
      '00100010': { Value: [{ Alphabetic: 'DOE^JANE' }] },
      '00400252': { Value: ['COMPLETED'] },
      '00400340': { Value: [{ '0020000E': { Value: ['1.2'] } }] },
    });
    expect((await ask('RIS')).answer).toMatchObject({ status: 0 });
    expect((await ask('READER')).answer).toMatchObject({ status: 0x0112, hasDataset: false });
    await door.show('1.2.3', 'readers');
    expect((await ask('READER')).answer).toMatchObject({ status: 0 });
    for (const stranger of ['OTHER', 'STRANGER']) expect((await ask(stranger)).answer).toMatchObject({ status: 0x0112 });
    expect((await ask('CT', undefined, '1.2.404')).answer).toMatchObject({ status: 0x0112 });
    const audited = async () => (await door.database.query(`select client, result from audit where action = 'N-GET' order by at`)).rows;
    expect(await until(audited, (rows) => rows.length >= 7)).toContainEqual({ client: 'reader', result: '0000' });
  });

  it('has the attributes that are asked for, and says where it keeps none of a kind', async () => {
    const some = await ask('CT', ['00400252', '00100040']);
    expect(some.answer).toMatchObject({ status: 0 });
    expect(some.json).toEqual({ '00400252': { vr: 'CS', Value: ['COMPLETED'] }, '00100040': { vr: 'CS' } });
    expect((await ask('CT', ['00400252', '00080018'])).answer).toMatchObject({ status: 0x0001 });
  });

  it('is read by dcmjs-dimse', async () => {
    const { Client, requests } = dcmjsDimse;
    const request = new requests.NGetRequest(PERFORMED_STEP_RETRIEVE, UID, ['00400252']);
    const answer = await new Promise<InstanceType<typeof dcmjsDimse.responses.NGetResponse>>((resolve, reject) => {
      const client = new Client();
      request.on('response', resolve);
      client.addRequest(request);
      client.on('networkError', reject);
      client.send('127.0.0.1', door.port, 'CT', 'WAYSTATION');
    });
    expect(answer.getStatus()).toBe(0);
    expect(answer.getDataset()?.getElement('PerformedProcedureStepStatus')).toBe('COMPLETED');
  });
});

describe('a notification of availability', () => {
  const notify = (sender: DicomSender, instances: Record<string, string>, study = '1.2.3') =>
    sendNotice(sender, {
      operation: 'N-CREATE',
      sopClassUid: INSTANCE_AVAILABILITY,
      sopInstanceUid: UID,
      dataset: availability(study, instances),
    });

  it('is in the journal when it is answered, and is one and the same when it comes again', async () => {
    const sender = await associateWith(door.port, [NOTICE]);
    expect(await notify(sender, { '1.1': 'ONLINE', '1.2': 'UNAVAILABLE' })).toMatchObject({ status: 0, sopInstanceUid: UID });
    expect(await notify(sender, { '1.1': 'ONLINE', '1.2': 'UNAVAILABLE' })).toMatchObject({ status: 0 });
    expect(await notify(sender, { '1.1': 'ONLINE', '1.2': 'ONLINE' })).toMatchObject({ status: 0x0111 });
    expect(await door.journaled()).toEqual([`accepted ${INSTANCE_AVAILABILITY} ${UID} 1 instances`]);
    sender.hangUp();
  });

  it('without study or instances is refused', async () => {
    const sender = await associateWith(door.port, [NOTICE]);
    expect(await notify(sender, { '1.1': 'ONLINE' }, '')).toMatchObject({ status: 0x0120 });
    expect(await notify(sender, {})).toMatchObject({ status: 0x0120 });
    const set = {
      operation: 'N-SET',
      sopClassUid: INSTANCE_AVAILABILITY,
      sopInstanceUid: UID,
      dataset: availability('1.2.3', { '1.1': 'ONLINE' }),
    } as const;
    expect(await sendNotice(sender, set)).toMatchObject({ status: 0x0211 });
    sender.hangUp();
  });
});

describe('dcmjs-dimse as the modality', () => {
  const { Client, Dataset, requests } = dcmjsDimse;
  type Sent = InstanceType<typeof requests.NCreateRequest>;

  /** Sends on an association of its own: the statuses. */
  function send(all: readonly Sent[]): Promise<number[]> {
    return new Promise((resolve, reject) => {
      const client = new Client();
      const statuses: number[] = [];
      for (const one of all) {
        one.on('response', (response: { getStatus(): number }) => void statuses.push(response.getStatus()));
        client.addRequest(one);
      }
      client.on('networkError', reject);
      client.on('closed', () => resolve(statuses));
      client.send('127.0.0.1', door.port, 'DCMJS', 'WAYSTATION');
    });
  }
  const scheduled = [{ StudyInstanceUID: '1.2.3', AccessionNumber: 'ACC-1' }];
  const start = {
    Modality: 'CT',
    PerformedStationAETitle: 'CT1',
    PerformedProcedureStepStartDate: '20260301',
    PerformedProcedureStepStartTime: '101500',
  };
  const images = [{ ReferencedSOPClassUID: '1.2.840.10008.5.1.4.1.1.2', ReferencedSOPInstanceUID: '1.1' }];
  const withDataset = <T extends Sent>(request: T, elements: object): T => {
    request.setDataset(new Dataset(elements as Record<string, unknown>, IMPLICIT_LITTLE_ENDIAN));
    return request;
  };

  it('creates a step, completes it, and is told that it is final', async () => {
    const begun = { ...start, PatientID: '4711', PerformedProcedureStepID: 'P1', PerformedProcedureStepStatus: 'IN PROGRESS' };
    const create = withDataset(new requests.NCreateRequest(PERFORMED_STEP, UID), { ...begun, ScheduledStepAttributesSequence: scheduled });
    const series = [{ SeriesInstanceUID: '1.2', ReferencedImageSequence: images }];
    const set = () =>
      withDataset(new requests.NSetRequest(PERFORMED_STEP, UID), {
        PerformedProcedureStepStatus: 'COMPLETED',
        PerformedSeriesSequence: series,
      });
    expect(await send([create, set(), set()])).toEqual([0, 0, 0x0110]);
    expect(await states()).toEqual([{ uid: UID, state: 'COMPLETED' }]);
    expect((await door.journaled()).at(-1)).toContain('N-SET: COMPLETED, 1 instances');
  });

  it('tells what is available', async () => {
    const sops = images.map((one) => ({ ...one, InstanceAvailability: 'ONLINE', RetrieveAETitle: 'PACS' }));
    const notice = withDataset(new requests.NCreateRequest(INSTANCE_AVAILABILITY, UID), {
      StudyInstanceUID: '1.2.3',
      ReferencedPerformedProcedureStepSequence: [],
      ReferencedSeriesSequence: [{ SeriesInstanceUID: '1.2', ReferencedSOPSequence: sops }],
    });
    expect(await send([notice])).toEqual([0]);
    expect(await door.journaled()).toEqual([`accepted ${INSTANCE_AVAILABILITY} ${UID} 1 instances`]);
  });
});

describe('telling others what is available', () => {
  const { constants, responses, Scp, Server } = dcmjsDimse;
  const content: AvailabilityContent = {
    ...{ studyUid: '1.2.3', aeTitle: 'WAYSTATION' },
    series: [{ uid: '1.2.3.1', objects: ['1.1', '1.2'].map((sopInstanceUid) => ({ sopClassUid: CT, sopInstanceUid })) }],
  };
  const delivery = (attempts: number): Delivery => ({
    ...{ id: '018f', destination: 'ris', kind: 'availability', caseId: '', seq: 1, controlId: UID, lane: 'ris', laneSeq: 1 },
    ...{ content: Buffer.from(JSON.stringify(content)), state: 'waiting', attempts, due: new Date(), lastFailure: '' },
  });
  const clientTo = (port: number) =>
    withAvailability(
      { ...destinationOf('ris', { target: { host: '127.0.0.1', port, aeTitle: 'WAYSTATION' } }), callingAeTitle: 'PACS' },
      { send: async () => failure('test', 'internal', 'an object'), close: async () => {} },
    );

  it('is taken by a door of ours, the same again too, and closes studies there', async () => {
    const client = clientTo(door.port);
    expect(await client.send(delivery(1))).toMatchObject({ controlId: UID, detail: 'told' });
    expect(await client.send(delivery(2))).toMatchObject({ detail: 'told' });
    expect(await door.journaled()).toEqual([`accepted ${INSTANCE_AVAILABILITY} ${UID} 2 instances`]);
    const others = { ...delivery(1), content: Buffer.from(JSON.stringify({ ...content, studyUid: '1.2.4' })) };
    expect(await client.send(others)).toMatchObject({ class: 'permanent', detail: '0111 duplicate SOP instance' });
    expect(await client.send({ ...others, attempts: 2 })).toMatchObject({ detail: 'told, 0111 duplicate SOP instance' });
    expect(await client.send({ ...delivery(1), kind: 'dicom-object' })).toMatchObject({ detail: 'an object' });
  });

  it('is understood by dcmjs-dimse; one that takes no such notifications is left, and the lane goes on', async () => {
    let heard: unknown;
    let status = 0;
    let accepts = true;
    class Ris extends Scp {
      override associationRequested(association: dcmjsDimse.association.Association): void {
        const { Accept, RejectAbstractSyntaxNotSupported } = constants.PresentationContextResult;
        for (const { id } of association.getPresentationContexts())
          association.getPresentationContext(id).setResult(accepts ? Accept : RejectAbstractSyntaxNotSupported, IMPLICIT_LITTLE_ENDIAN);
        this.sendAssociationAccept();
      }
      override nCreateRequest(
        request: dcmjsDimse.requests.NCreateRequest,
        answer: (response: dcmjsDimse.responses.NCreateResponse) => void,
      ): void {
        heard = request.getDataset()?.getElements();
        const response = responses.NCreateResponse.fromRequest(request);
        response.setStatus(status);
        answer(response);
      }
      override associationReleaseRequested(): void {
        this.sendAssociationReleaseResponse();
      }
    }
    const port = await freePort();
    const server = new Server(Ris);
    server.listen(port);
    const client = clientTo(port);
    expect(await client.send(delivery(1))).toMatchObject({ detail: 'told' });
    expect(heard).toMatchObject({ StudyInstanceUID: '1.2.3' });
    expect(JSON.stringify(heard)).toContain('"RetrieveAETitle":"WAYSTATION"');
    expect(JSON.stringify(heard)).toContain('"InstanceAvailability":"ONLINE"');
    status = 0x0124;
    expect(await client.send(delivery(1))).toMatchObject({ class: 'transient', detail: '0124 not authorized' });
    accepts = false;
    expect(await client.send(delivery(1))).toMatchObject({ class: 'permanent' });
    server.close();
  });
});

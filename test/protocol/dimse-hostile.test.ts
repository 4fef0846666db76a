/** What no sender should do: each ends in an answer or a closed connection with a reason in the log, and the next peer is unharmed. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { COMMAND } from '../../src/protocols/dicom/command.ts';
import { encodePdu, type Pdv } from '../../src/protocols/dicom/pdu.ts';
import { type DicomDoor, openDicomDoor } from '../support/dicom-door.ts';
import { CT, CT_EXPLICIT, ctSlice } from '../support/dicom-objects.ts';
import { associateRq, associateWith, callDoor, commandValue, type DicomSender, storeRq } from '../support/dicom-sender.ts';
import { until } from '../support/until.ts';

const SLICE = ctSlice();
/** Patience of a door that is tried: long enough for an honest peer on a loaded machine. */
const SHORT_MS = 500;
const ABORT_BY_USER = { type: 'A-ABORT', source: 0, reason: 0 };
const UNRECOGNIZED_PDU = { type: 'A-ABORT', source: 2, reason: 1 };
const UNEXPECTED_PDU = { type: 'A-ABORT', source: 2, reason: 2 };
const INVALID_PARAMETER = { type: 'A-ABORT', source: 2, reason: 6 };

describe('the DIMSE door', () => {
  let door: DicomDoor;
  beforeAll(async () => {
    door = await openDicomDoor();
  });
  afterEach(async () => {
    expect(await door.echo()).toBe(0x0000);
    expect(await until(door.unfinished, (files) => files.length === 0)).toEqual([]);
    expect(await door.journaled()).toEqual([]);
  });
  afterAll(() => door.close());

  it.each([
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), ABORT_BY_USER],
    ['a PDU of a type that does not exist', Buffer.from('0800000000040000000000', 'hex'), ABORT_BY_USER],
    ['a P-DATA-TF', encodePdu({ type: 'P-DATA-TF', values: [storeRq(SLICE)] }), ABORT_BY_USER],
    ['an A-RELEASE-RQ', encodePdu({ type: 'A-RELEASE-RQ' }), ABORT_BY_USER],
    ['an A-ASSOCIATE-RQ of 4 GiB', Buffer.from('0100ffffffff', 'hex'), ABORT_BY_USER],
    [
      'an A-ASSOCIATE-RQ whose items lie',
      Buffer.concat([encodePdu(associateRq([CT_EXPLICIT])).subarray(0, 76), Buffer.alloc(200, 0xff)]),
      ABORT_BY_USER,
    ],
  ])('aborts a caller that begins with %s', async (_, bytes, abort) => {
    const sender = await callDoor(door.port);
    sender.send(bytes);
    expect(await sender.pdu()).toEqual(abort);
    sender.hangUp();
    await sender.ended();
  });

  it.each<[string, Buffer, object]>([
    ['a PDU of 4 GiB', Buffer.from('0400ffffffff', 'hex'), INVALID_PARAMETER],
    ['a PDU longer than advertised', Buffer.from('040000100000', 'hex'), INVALID_PARAMETER],
    ['garbage', Buffer.alloc(1000, 0x5a), UNRECOGNIZED_PDU],
    ['a second A-ASSOCIATE-RQ', encodePdu(associateRq([CT_EXPLICIT])), UNEXPECTED_PDU],
    ['an A-ASSOCIATE-AC', Buffer.concat([Buffer.from([2]), encodePdu(associateRq([])).subarray(1)]), UNEXPECTED_PDU],
    ['a PDV longer than its PDU', Buffer.from('04000000000a000000ff010300000000', 'hex'), INVALID_PARAMETER],
    ['a PDV shorter than its own header', Buffer.from('0400000000060000000101030000', 'hex'), INVALID_PARAMETER],
    ['a P-DATA-TF of nothing', Buffer.from('040000000000', 'hex'), INVALID_PARAMETER],
  ])('aborts an association on %s', async (_, bytes, abort) => {
    const sender = await associateWith(door.port, [CT_EXPLICIT]);
    sender.send(bytes);
    expect(await sender.pdu()).toEqual(abort);
    sender.hangUp();
    await sender.ended();
  });

  it.each<[string, Pdv[]]>([
    ['a fragment on a context that was not proposed', [{ ...storeRq(SLICE), context: 9 }]],
    ['a dataset without a command', [data('x', true)]],
    ['a command within a dataset', [storeRq(SLICE), data('x', false), storeRq(SLICE)]],
    ['a dataset on another context than its command', [storeRq(SLICE), { ...data('x', true), context: 3 }]],
    ['a command on two contexts', [half(1), { ...half(1), context: 3, last: true }]],
    ['a command that is none', [{ context: 1, command: true, last: true, fragment: Buffer.from('hello') }]],
    ['a command without end', Array.from({ length: 2000 }, () => half(1))],
    [
      'a response to nothing',
      [commandValue({ field: COMMAND.cEchoRq | 0x8000, messageId: 1, sopClassUid: '', sopInstanceUid: '', hasDataset: false, status: 0 })],
    ],
  ])('aborts an association on %s', async (_, values) => {
    const sender = await associateWith(door.port, [CT_EXPLICIT, { ...CT_EXPLICIT }]);
    for (const value of values) sender.sendValues(value);
    expect(await sender.pdu()).toEqual(ABORT_BY_USER);
    sender.hangUp();
    await sender.ended();
  });

  it('aborts an association on a context that was refused', async () => {
    const sender = await callDoor(door.port);
    sender.sendPdu(associateRq([{ abstractSyntax: '1.2.840.10008.5.1.4.31', transferSyntaxes: ['1.2.840.10008.1.2'] }]));
    expect(await sender.pdu()).toMatchObject({ type: 'A-ASSOCIATE-AC', results: [{ result: 3 }] });
    sender.sendValues(storeRq(SLICE));
    expect(await sender.pdu()).toEqual(ABORT_BY_USER);
    sender.hangUp();
  });

  it('takes empty fragments for what they are, and an object of nothing but them for no dataset', async () => {
    const sender = await associateWith(door.port, [CT_EXPLICIT]);
    sender.sendValues(storeRq(SLICE));
    for (let turn = 0; turn < 1000; turn++) sender.sendValues(data('', false));
    sender.sendValues(data('', true));
    expect(await sender.status()).toBe(0xc000);
    sender.hangUp();
    await sender.ended();
    await door.database.query('truncate journal, outcome');
  });

  it.each<[string, (sender: DicomSender) => void]>([
    ['hangs up', (sender) => sender.hangUp()],
    ['resets the connection', (sender) => sender.reset()],
    ['aborts', (sender) => sender.sendPdu({ type: 'A-ABORT', source: 0, reason: 0 })],
    ['releases the association', (sender) => sender.sendPdu({ type: 'A-RELEASE-RQ' })],
    ['says something else', (sender) => sender.send('something else')],
  ])('keeps nothing of an object when its sender %s in the middle of it', async (_, leave) => {
    const closed = closings(door);
    const sender = await associateWith(door.port, [CT_EXPLICIT]);
    sender.sendValues(storeRq(SLICE), data(SLICE.dataset.subarray(0, 600), false));
    leave(sender);
    if (!sender.socket.destroyed) sender.hangUp();
    await closed();
  });

  it('survives a hundred callers that hang up at once', async () => {
    await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const sender = await callDoor(door.port).catch(() => null);
        sender?.send(encodePdu(associateRq([CT_EXPLICIT])).subarray(0, index * 3));
        sender?.reset();
      }),
    );
  });
});

describe('the limits of the DIMSE door', () => {
  it('let no more associations in than there may be, and one more when one is gone', async () => {
    const door = await openDicomDoor({ dimse: { maxAssociations: 2 } });
    const closed = closings(door);
    const [first] = await Promise.all([associateWith(door.port, [CT_EXPLICIT]), associateWith(door.port, [CT_EXPLICIT])]);
    const third = await callDoor(door.port);
    third.sendPdu(associateRq([CT_EXPLICIT]));
    expect(await third.pdu()).toEqual({ type: 'A-ASSOCIATE-RJ', result: 2, source: 3, reason: 2 });
    third.hangUp();
    first.sendPdu({ type: 'A-RELEASE-RQ' });
    await first.pdu();
    first.hangUp();
    await closed(2);
    expect(await door.echo()).toBe(0x0000);
    await door.close();
  });

  it('close a connection that never asks for an association', async () => {
    const door = await openDicomDoor({ dimse: { artimMs: SHORT_MS } });
    const sender = await callDoor(door.port);
    await sender.ended();
    expect(await door.said('dimse.silent')).toMatchObject({ why: 'no A-ASSOCIATE-RQ' });
    expect(await door.echo()).toBe(0x0000);
    await door.close();
  });

  it('close a connection that sends an A-ASSOCIATE-RQ byte by byte', async () => {
    const door = await openDicomDoor({ dimse: { artimMs: SHORT_MS } });
    const sender = await callDoor(door.port);
    const drip = dripping(sender, encodePdu(associateRq([CT_EXPLICIT])));
    await sender.ended();
    clearInterval(drip);
    expect(await door.echo()).toBe(0x0000);
    await door.close();
  });

  it('abort an association that falls silent in the middle of an object', async () => {
    const door = await openDicomDoor({ dimse: { idleMs: SHORT_MS, artimMs: SHORT_MS } });
    const sender = await associateWith(door.port, [CT_EXPLICIT]);
    sender.sendValues(storeRq(SLICE), data(SLICE.dataset.subarray(0, 600), false));
    expect(await sender.pdu()).toEqual(ABORT_BY_USER);
    await sender.ended();
    await door.said('dimse.closed');
    expect(await door.said('dimse.aborted')).toMatchObject({ why: 'silent' });
    expect(await door.unfinished()).toEqual([]);
    expect(await door.echo()).toBe(0x0000);
    await door.close();
  });

  it('abort an association whose PDU comes byte by byte: single bytes are no sign of life', async () => {
    const door = await openDicomDoor({ dimse: { idleMs: SHORT_MS, artimMs: SHORT_MS } });
    const sender = await associateWith(door.port, [CT_EXPLICIT]);
    const drip = dripping(sender, encodePdu({ type: 'P-DATA-TF', values: [{ ...data(Buffer.alloc(10_000), false), context: 1 }] }));
    expect(await sender.pdu()).toEqual(ABORT_BY_USER);
    clearInterval(drip);
    await door.close();
  });

  it('let go of a peer that does not read its answers', async () => {
    const door = await openDicomDoor({ dimse: { artimMs: SHORT_MS } });
    const sender = await associateWith(door.port, [CT_EXPLICIT]);
    sender.socket.pause();
    const echo = encodePdu({
      type: 'P-DATA-TF',
      values: [commandValue({ field: COMMAND.cEchoRq, messageId: 1, sopClassUid: CT, sopInstanceUid: '', hasDataset: false })],
    });
    const many = Buffer.concat(Array.from({ length: 10_000 }, () => echo));
    for (let turn = 0; turn < 10; turn++) sender.send(many);
    expect(await door.said('dimse.silent')).toMatchObject({ why: 'does not read its answers' });
    expect(await door.echo()).toBe(0x0000);
    sender.socket.destroy();
    await door.close();
  });

  it('end a connection whose peer does not close it after an abort', async () => {
    const door = await openDicomDoor({ dimse: { artimMs: SHORT_MS } });
    const sender = await associateWith(door.port, [CT_EXPLICIT]);
    sender.sendValues(data('x', true));
    expect(await sender.pdu()).toEqual(ABORT_BY_USER);
    await sender.ended();
    await door.close();
  });
});

function data(fragment: Buffer | string, last: boolean): Pdv {
  return { context: 1, command: false, last, fragment: Buffer.from(fragment as string) };
}

/** The beginning of a command. */
function half(context: number): Pdv {
  return { context, command: true, last: false, fragment: storeRq(SLICE).fragment.subarray(0, 30) };
}

function dripping(sender: DicomSender, bytes: Buffer): NodeJS.Timeout {
  let at = 0;
  return setInterval(() => {
    if (at < bytes.length && sender.socket.writable) sender.send(bytes.subarray(at, ++at));
  }, 20);
}

/** Waits until `count` connections more than at the time of the call are closed and cleaned up after. */
function closings(door: DicomDoor): (count?: number) => Promise<void> {
  const closed = (): number => door.logged.filter((line) => line.event === 'dimse.closed').length;
  const before = closed();
  return async (count = 1) => {
    await until(
      async () => closed(),
      (seen) => seen >= before + count,
    );
  };
}

import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type MllpClient, startMllpClient } from '../../src/delivery/mllp/mllp-client.ts';
import type { MllpDestination } from '../../src/model/config.ts';
import type { SendResult } from '../../src/model/delivery.ts';
import { frame } from '../../src/protocols/hl7v2/framer.ts';
import { openTestDoor, record } from '../support/mllp-door.ts';
import { listenAsPeer, type ScriptedListener, type ScriptedPeer } from '../support/scripted-peer.ts';

const CONTENT = Buffer.from('MSH|^~\\&|WAYSTATION|HUB|ORDERS|NORTH|20260314||ORU^R01^ORU_R01|W-1|P|2.5.1\rPID|1||4711\r');

let destination: ScriptedListener;
let client: MllpClient;
let logged: ReturnType<typeof record>['logged'];

beforeEach(async () => {
  destination = await listenAsPeer();
  open({});
});
afterEach(async () => {
  await destination.close();
  await client.close();
});

function open(changes: Partial<MllpDestination>): void {
  const recorded = record();
  logged = recorded.logged;
  client = startMllpClient(
    {
      kind: 'mllp',
      name: 'ris',
      host: '127.0.0.1',
      port: destination.port,
      receivingApplication: 'ORDERS',
      receivingFacility: 'NORTH',
      version: '2.5.1',
      release: 1 as const,
      charset: 'UNICODE UTF-8' as const,
      orderReplies: false,
      orderStatus: 'none' as const,
      report: 'oru' as const,
      text: 'whole' as const,
      tls: null,
      answerTimeoutMs: 60_000,
      retry: { firstDelayMs: 1, maxDelayMs: 1, maxAttempts: 1, onFailure: 'setAside' as const },
      ...changes,
    },
    { log: recorded.log },
  );
}

const send = (controlId = 'W-1', content = CONTENT): Promise<SendResult> => client.send({ id: 'a delivery', controlId, content });
const ack = (msa: string, ...more: readonly string[]): Buffer =>
  frame(Buffer.from(['MSH|^~\\&|ORDERS|NORTH|WAYSTATION|HUB|||ACK|9|P|2.5.1', msa, ...more, ''].join('\r')));

/** Sends, and has the destination answer when it has the whole message. */
async function sendAnswered(...answers: readonly Buffer[]): Promise<SendResult> {
  const result = send();
  const peer = await destination.accept();
  await peer.receive(CONTENT.length + 3);
  for (const answer of answers) peer.send(answer);
  return result;
}

async function received(peer: ScriptedPeer): Promise<Buffer> {
  return peer.receive(CONTENT.length + 3);
}

describe('sending to an MLLP destination', () => {
  it('puts these very bytes in a frame and takes the AA for its receipt', async () => {
    const result = send();
    const peer = await destination.accept();
    expect(await received(peer)).toEqual(Buffer.concat([Buffer.from('\x0b'), CONTENT, Buffer.from('\x1c\r')]));
    const answer = ack('MSA|AA|W-1');
    peer.send(answer);
    expect(await result).toEqual({ bytes: answer.subarray(1, -2), controlId: 'W-1', detail: 'AA' });
  });

  it('keeps the connection for the next message', async () => {
    const first = send();
    const peer = await destination.accept();
    await received(peer);
    peer.send(ack('MSA|AA|W-1'));
    await first;
    const second = send('W-2');
    await received(peer);
    peer.send(ack('MSA|AA|W-2'));
    expect(await second).toMatchObject({ controlId: 'W-2' });
  });

  it('sends one message at a time: the next one waits for the answer', async () => {
    const results = [send('W-1'), send('W-2', Buffer.from(CONTENT.toString().replace('W-1', 'W-2')))];
    const peer = await destination.accept();
    expect((await received(peer)).includes('W-1')).toBe(true);
    // The client has heard this, so whatever it sent before it is here as well.
    peer.send(ack('MSA|AA|W-0'));
    while (logged.length === 0) await new Promise((soon) => setImmediate(soon));
    expect(peer.pending()).toHaveLength(0);
    peer.send(ack('MSA|AA|W-1'));
    expect((await received(peer)).includes('W-2')).toBe(true);
    peer.send(ack('MSA|AA|W-2'));
    expect(await Promise.all(results)).toMatchObject([{ controlId: 'W-1' }, { controlId: 'W-2' }]);
  });

  it('never takes the answer to another message for this one', async () => {
    expect(await sendAnswered(ack('MSA|AA|W-0'), ack('MSA|AE|W-9'), ack('MSA|AA|W-1'))).toMatchObject({ controlId: 'W-1' });
    expect(logged.map(({ event, fields }) => [event, fields.controlId, fields.awaited])).toEqual([
      ['mllp-client.other-answer', 'W-0', 'W-1'],
      ['mllp-client.other-answer', 'W-9', 'W-1'],
    ]);
  });

  it('waits for the AA after a CA', async () => {
    expect(await sendAnswered(ack('MSA|CA|W-1'), ack('MSA|AA|W-1'))).toMatchObject({ detail: 'AA' });
  });

  it('takes the CA for the receipt where it asked for nothing after it', async () => {
    const content = Buffer.from('MSH|^~\\&|WAYSTATION||ORDERS|NORTH|||ACK^O01|W-1|P|2.5.1|||AL|NE\rMSA|AA|N-1\r');
    const result = send('W-1', content);
    const peer = await destination.accept();
    await peer.receive(content.length + 3);
    peer.send(ack('MSA|CA|W-1'));
    expect(await result).toMatchObject({ detail: 'CA' });
  });

  it.each([
    ['AE is set aside for a person', 'MSA|AE|W-1', 'ERR||PID^1^3|101^Required field missing^HL70357|E', 'permanent', 'AE 101'],
    ['CE may pass: it could not be stored', 'MSA|CE|W-1', 'ERR|||207', 'transient', 'CE 207'],
    ['CE for what it says does not', 'MSA|CE|W-1', 'ERR|||101', 'permanent', 'CE 101'],
    ['CR 201 never passes', 'MSA|CR|W-1', 'ERR|||201', 'permanent', 'CR 201'],
    ['AR may pass', 'MSA|AR|W-1', 'ERR|||207^Application error^HL70357|E', 'transient', 'AR 207'],
    ['AR without a reason may pass', 'MSA|AR|W-1', '', 'transient', 'AR'],
    ['AR 200 never passes', 'MSA|AR|W-1', 'ERR|||200|E', 'permanent', 'AR 200'],
    ['AR 203 in the words of v2.3 neither', 'MSA|AR|W-1', 'ERR|MSH^1^12^203&Unsupported version id', 'permanent', 'AR 203'],
    ['what it says in free text is not kept', 'MSA|AE|W-1', 'ERR|||Patient Muster is dead|E', 'permanent', 'AE ?'],
  ])('%s', async (_, msa, err, failureClass, detail) => {
    expect(await sendAnswered(ack(msa, err))).toMatchObject({ failure: true, code: 'rejected', class: failureClass, detail });
  });

  it('is transient where nobody listens', async () => {
    await destination.close();
    expect(await send()).toMatchObject({
      failure: true,
      code: 'unreachable',
      class: 'transient',
      detail: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('is ambiguous when the other side hangs up before it answers', async () => {
    const result = send();
    const peer = await destination.accept();
    await received(peer);
    peer.hangUp();
    expect(await result).toMatchObject({ failure: true, code: 'unreachable', class: 'ambiguous' });
  });

  it('is ambiguous after silence, and the connection is dropped so that no late answer can come', async () => {
    open({ answerTimeoutMs: 1_000 });
    const result = send();
    const peer = await destination.accept();
    await received(peer);
    expect(await result).toMatchObject({ failure: true, code: 'timeout', class: 'ambiguous' });
    await peer.ended();
    const again = send();
    const next = await destination.accept();
    await received(next);
    next.send(ack('MSA|AA|W-1'));
    expect(await again).toMatchObject({ detail: 'AA' });
  });

  it('after CA and silence says so', async () => {
    open({ answerTimeoutMs: 1_000 });
    expect(await sendAnswered(ack('MSA|CA|W-1'))).toMatchObject({ class: 'ambiguous', detail: expect.stringContaining('after CA') });
  });

  it('is transient when the end of the frame never left', async () => {
    open({ answerTimeoutMs: 1_000 });
    const result = send('W-1', Buffer.alloc(64 * 1024 * 1024, 'x'));
    const peer = await destination.accept();
    peer.socket.pause();
    expect(await result).toMatchObject({ failure: true, code: 'timeout', class: 'transient' });
  });

  it('opens anew when a kept connection turns out to be dead, and sends the same bytes', async () => {
    const first = send();
    const peer = await destination.accept();
    await received(peer);
    peer.send(ack('MSA|AA|W-1'));
    await first;
    const second = send();
    await received(peer);
    peer.reset();
    const next = await destination.accept();
    expect(await received(next)).toEqual(frame(CONTENT));
    next.send(ack('MSA|AA|W-1'));
    expect(await second).toMatchObject({ detail: 'AA' });
    expect(logged).toContainEqual({ event: 'mllp-client.stale', fields: { destination: 'ris' } });
  });

  it('opens anew after the other side has closed the connection between messages', async () => {
    const first = send();
    const peer = await destination.accept();
    await received(peer);
    peer.send(ack('MSA|AA|W-1'));
    peer.hangUp();
    await first;
    await peer.ended();
    const second = send();
    const next = await destination.accept();
    await received(next);
    next.send(ack('MSA|AA|W-1'));
    expect(await second).toMatchObject({ detail: 'AA' });
  });

  it('hangs up on an answer without end', async () => {
    expect(await sendAnswered(Buffer.alloc(200_000, '\x0bMSH|'))).toMatchObject({ failure: true, code: 'malformed', class: 'ambiguous' });
  });

  it('passes over what is no acknowledgment and takes the one that comes', async () => {
    expect(await sendAnswered(frame(Buffer.from('HELLO WORLD')), Buffer.from('noise'), ack('MSA|AA|W-1'))).toMatchObject({ detail: 'AA' });
    expect(logged).toMatchObject([{ event: 'mllp-client.no-acknowledgment' }]);
  });

  it('gets AA from our own door', async () => {
    const test = await openTestDoor();
    try {
      open({ port: test.door.port });
      const order = readFileSync('fixtures/hl7v2/orm-o01/new-order.hl7');
      expect(await send('N-1001', order)).toMatchObject({ controlId: 'N-1001', detail: 'AA' });
      expect((await test.journaled())[0]?.payload).toEqual(order);
    } finally {
      await test.close();
    }
  });
});

describe('sending by MLLP Release 2', () => {
  const block = (byte: number): Buffer => Buffer.from([0x0b, byte, 0x1c, 0x0d]);

  it('waits for the answer after the commit acknowledgment, and commits it when its receipt is committed', async () => {
    open({ release: 2 });
    const result = send();
    const peer = await destination.accept();
    await received(peer);
    peer.send(block(0x06));
    peer.send(ack('MSA|AA|W-1'));
    expect(await result).toMatchObject({ detail: 'AA' });
    expect(peer.pending()).toHaveLength(0);
    client.settled();
    expect(await peer.receive(4)).toEqual(block(0x06));
  });

  it('sends again what was not committed, as what was surely not taken', async () => {
    open({ release: 2 });
    expect(await sendAnswered(block(0x15))).toMatchObject({ failure: true, class: 'transient', detail: 'NAK' });
  });

  it('says after commit and silence that it may have been taken', async () => {
    open({ release: 2, answerTimeoutMs: 1_000 });
    expect(await sendAnswered(block(0x06))).toMatchObject({ class: 'ambiguous', detail: expect.stringContaining('after') });
  });
});

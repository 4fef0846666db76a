/** Bytes that no honest sender sends: each gets a clear answer or a closed connection with a reason, and the next peer is unharmed. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import { frame } from '../../src/protocols/hl7v2/framer.ts';
import { answerOf, type DoorOptions, openTestDoor, type TestDoor, verdictOf } from '../support/mllp-door.ts';
import type { ScriptedPeer } from '../support/scripted-peer.ts';
import { until } from '../support/until.ts';

const ORDER = readFileSync('fixtures/hl7v2/orm-o01/new-order.hl7', 'utf8');
const VT = '\x0b';
const END = '\x1c\r';

let test: TestDoor;
const open = async (options: DoorOptions): Promise<ScriptedPeer> => {
  test = await openTestDoor(options);
  return test.call();
};
afterEach(async () => {
  await nextPeerIsUnharmed();
  await test.close();
});

async function nextPeerIsUnharmed(): Promise<void> {
  const peer = await test.call();
  peer.send(frame(Buffer.from(ORDER)));
  expect(await verdictOf(peer)).toBe('AA N-1001');
}

function reasons(): unknown[] {
  return test.logged.filter(({ event }) => event === 'mllp.closed').map(({ fields }) => fields.reason);
}

/** Waits until the door has read so many bytes. */
async function received(bytes: number): Promise<void> {
  await until(
    async () => test.metric('waystation_mllp_received_bytes_total'),
    (read) => read >= bytes,
  );
}

/** Sends until the other side closes. */
async function sendForEver(peer: ScriptedPeer, chunk: Buffer): Promise<void> {
  while (!peer.socket.destroyed && peer.socket.writable) {
    await new Promise<void>((next) => {
      peer.socket.once('close', next);
      peer.socket.write(chunk, () => {
        peer.socket.off('close', next);
        next();
      });
    });
  }
}

describe('at the MLLP door', () => {
  it('HELLO WORLD never gets AA', async () => {
    const peer = await open({});
    peer.send(`${VT}HELLO WORLD${END}`);
    expect(await answerOf(peer)).toMatch(
      /^MSH\|\^~\\&\|WAYSTATION\|.*\rMSA\|AE\|\rERR\|\|MSH\^1\|100\^Segment sequence error\^HL70357\|E\|/,
    );
    expect(await test.journaled()).toMatchObject([{ peer: 'mllp:127.0.0.1', type: '', control_id: '', disposition: 'refused' }]);
  });

  it('an empty frame is refused, and frames of noise are', async () => {
    const peer = await open({});
    peer.send(`${VT}${END}`);
    expect(await verdictOf(peer)).toBe('AE  100');
    const noise = Buffer.from(randomBytes(5000).map((byte) => (byte === 0x0b || byte === 0x1c ? 0x20 : byte)));
    peer.send(frame(noise));
    expect(await verdictOf(peer)).toBe('AE  100');
  });

  it('NUL bytes and endless fields do not reach the index columns', async () => {
    const peer = await open({});
    for (const controlId of ['N\0', 'N'.repeat(5000)]) {
      peer.send(frame(Buffer.from(ORDER.replace('N-1001', controlId))));
      expect(await verdictOf(peer)).toBe('AE  102');
    }
    for (const [id, long] of [
      ['4711^^^NORTH', `4711^^^NORTH~${'4'.repeat(5000)}^^^NORTH`],
      ['NW|P-1001', `NW|${'P'.repeat(5000)}`],
    ] as const) {
      peer.send(frame(Buffer.from(ORDER.replace(id, long))));
      expect(await verdictOf(peer)).toBe('AE N-1001 104');
    }
  });

  it('a message without VT is no message', async () => {
    const peer = await open({ idleMs: 600 });
    peer.send(`${ORDER}${END}`);
    await peer.ended();
    expect(reasons()).toEqual(['silent']);
    expect(test.logged).toContainEqual({
      event: 'mllp.stray',
      fields: expect.objectContaining({ kind: 'garbage', bytes: Buffer.byteLength(ORDER) + 2 }),
    });
  });

  it('garbage between frames is skipped', async () => {
    const peer = await open({});
    peer.send(`\r\nnoise${VT}HELLO${END}\n\n${VT}WORLD${END}`);
    expect([await verdictOf(peer), await verdictOf(peer)]).toEqual(['AE  100', 'AE  100']);
  });

  it('batches of next to nothing are not read on while their messages wait for the journal', async () => {
    const peer = await open({});
    const blocked = await test.fresh.database.connect();
    await blocked.query('begin; lock table journal in exclusive mode');
    const batch = frame(Buffer.from(`BHS|^~\\&|A\r${'MSH|\r'.repeat(2_000)}BTS|2000\r`));
    peer.send(Buffer.concat(Array.from({ length: 60 }, () => batch)));
    await received(batch.length);
    for (let round = 0; round < 20; round++) await test.fresh.database.query('select 1');
    expect(test.metric('waystation_mllp_received_bytes_total')).toBeLessThan(30 * batch.length);
    peer.socket.destroy();
    await blocked.query('rollback');
    blocked.release();
  });

  it('garbage without end is hung up on', async () => {
    const peer = await open({});
    await sendForEver(peer, Buffer.alloc(65_536, 'GET / HTTP/1.1\r\n'));
    expect(reasons()).toEqual(['sends what is no frame']);
  });

  it('frames that are begun and begun again are hung up on, with one line in the log', async () => {
    const peer = await open({});
    await sendForEver(peer, Buffer.alloc(65_536, VT));
    expect(reasons()).toEqual(['sends what is no frame']);
    expect(test.logged.filter(({ event }) => event === 'mllp.stray')).toHaveLength(1);
  });

  it('a message too large is answered AE 104 by its header, and the next one on the same connection is taken', async () => {
    const peer = await open({ maxMessageBytes: 10_000 });
    const large = Buffer.concat([Buffer.from(ORDER), Buffer.alloc(12_000, 'OBX|1|TX|||x\r')]);
    peer.send(frame(large));
    peer.send(frame(Buffer.from(ORDER.replace('N-1001', 'N-2'))));
    expect([await verdictOf(peer), await verdictOf(peer)]).toEqual(['AE N-1001 104', 'AA N-2']);
    expect(await test.journaled()).toHaveLength(1);
  });

  it('a frame without end is hung up on, and no more of it is held than its head', async () => {
    const peer = await open({ maxMessageBytes: 100_000 });
    peer.send(VT);
    await sendForEver(peer, Buffer.alloc(65_536, 'x'));
    expect(reasons()).toEqual(['a frame without end']);
    expect(test.metric('waystation_mllp_received_bytes_total')).toBeLessThan(600_000);
  });

  it('silence within a message is hung up on, and nothing of it stays', async () => {
    const peer = await open({ idleMs: 600 });
    peer.send(VT + ORDER);
    expect(await peer.ended()).toEqual(Buffer.alloc(0));
    expect(reasons()).toEqual(['fell silent within a message']);
    expect(await test.journaled()).toHaveLength(0);
  });

  it('a hang-up within a message leaves nothing but a line in the log', async () => {
    const peer = await open({});
    peer.send(VT + ORDER);
    peer.hangUp();
    await peer.ended();
    expect(test.logged).toContainEqual({ event: 'mllp.unfinished', fields: expect.objectContaining({ reason: 'hung up' }) });
    expect(await test.journaled()).toHaveLength(0);
  });

  it('a connection that is broken while its message is committed does no harm, and the message is a resend later', async () => {
    const peer = await open({});
    peer.send(frame(Buffer.from(ORDER)));
    await received(frame(Buffer.from(ORDER)).length);
    peer.reset();
    await nextPeerIsUnharmed();
    expect((await test.journaled()).length).toBe(1);
  });

  it('a peer that does not read its answers is no longer read, and then hung up on', async () => {
    const peer = await open({ maxMessageBytes: 2_000, idleMs: 500 });
    peer.socket.pause();
    // Nothing of a message too large is journaled, and its header is echoed: many large answers, soon.
    const field = 'x'.repeat(240);
    const large = frame(Buffer.from(`MSH|^~\\&|${field}|${field}|${field}|${field}|||ORM^O01|${field}|P|2.5\r${'x'.repeat(1_000)}`));
    await sendForEver(peer, Buffer.concat(Array.from({ length: 30 }, () => large)));
    expect(reasons()).toEqual(['does not read its answers']);
  });

  it('many that hold back the end of their messages cannot hold more than a few messages together', async () => {
    const first = await open({ maxMessageBytes: 2_000_000 });
    const peers = [first];
    while (peers.length < 30) peers.push(await test.call());
    for (const peer of peers) peer.send(VT + 'x'.repeat(1_999_000));
    await Promise.any(peers.map((peer) => peer.ended()));
    expect(reasons()).toContain('all connections together hold too much');
  });

  it('many that hold back the end of their messages are hung up on, and not those that send honestly beside them', async () => {
    const hoarders = [await open({ maxMessageBytes: 2_000_000 })];
    while (hoarders.length < 16) hoarders.push(await test.call());
    const begun = Buffer.from(VT + 'x'.repeat(1_999_000));
    for (const peer of hoarders) peer.send(begun);
    await received(hoarders.length * begun.length);
    const honest = await Promise.all(Array.from({ length: 8 }, () => test.call()));
    const note = Array.from({ length: 20_000 }, () => 'NTE|1||x\r').join('');
    for (const [n, peer] of honest.entries()) peer.send(`${VT}${ORDER.replace('N-1001', `H-${n}`)}${note}`);
    await Promise.any(hoarders.map((peer) => peer.ended()));
    for (const peer of honest) peer.send(END);
    expect(await Promise.all(honest.map(verdictOf))).toEqual(honest.map((_, n) => `AA H-${n}`));
    expect(reasons()).toEqual(['all connections together hold too much']);
  });

  it('a message that is sent a byte now and then, and never ends, is hung up on', async () => {
    const peer = await open({ idleMs: 600 });
    peer.send(VT + ORDER);
    const trickle = setInterval(() => peer.send('x'), 50);
    await peer.ended();
    clearInterval(trickle);
    expect(reasons()).toEqual(['does not end its message']);
  });
});

import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import { startMllpDoor } from '../../src/endpoints/mllp/mllp-listener.ts';
import { frame } from '../../src/protocols/hl7v2/framer.ts';
import { openDatabase } from '../../src/store/database.ts';
import { databaseUrl } from '../support/database.ts';
import { answerOf, type DoorOptions, openTestDoor, type TestDoor, verdictOf } from '../support/mllp-door.ts';

const ORDER = readFileSync('fixtures/hl7v2/orm-o01/new-order.hl7', 'utf8');

const order = (controlId: string, text = ORDER): Buffer => Buffer.from(text.replace('|N-1001|', `|${controlId}|`));
const framed = (...messages: readonly Buffer[]): Buffer => Buffer.concat(messages.map((one) => frame(one)));

let opened: TestDoor | null = null;
const open = async (options?: DoorOptions): Promise<TestDoor> => {
  opened = await openTestDoor(options);
  return opened;
};
afterEach(async () => {
  await opened?.close();
  opened = null;
});

/** Holds the journal locked while `work` runs and a writer waits for it. */
async function whileJournalWaits<T>(test: TestDoor, work: (waiting: () => Promise<void>) => Promise<T>): Promise<T> {
  const watcher = openDatabase(test.fresh.url);
  const holder = await watcher.connect();
  await holder.query('begin; lock table journal in exclusive mode');
  try {
    return await work(async () => {
      const waits = `select 1 from pg_locks l join pg_database d on d.oid = l.database where not l.granted and d.datname = current_database()`;
      while ((await watcher.query(waits)).rows.length === 0) await new Promise((soon) => setTimeout(soon, 5));
    });
  } finally {
    await holder.query('commit');
    holder.release();
    await watcher.close();
  }
}

describe('the MLLP door', () => {
  it('answers an order with these very bytes, and the journal has what came', async () => {
    const test = await open();
    const peer = await test.call();
    peer.send(framed(order('N-1')));
    const answer = await answerOf(peer);
    expect(answer.replace(/\|\d{14}\+0000\|/, '|NOW|').replace(/\|[0-9a-f]{20}\|/, '|ID|')).toBe(
      'MSH|^~\\&|WAYSTATION|HUB|ORDERS|NORTH|NOW||ACK^O01^ACK|ID|P|2.5.1||||||UNICODE UTF-8\rMSA|AA|N-1\r',
    );
    expect(await test.journaled()).toMatchObject([
      {
        peer: 'mllp:ORDERS|NORTH',
        type: 'ORM^O01',
        control_id: 'N-1',
        lane: 'mllp:ORDERS|NORTH|4711',
        payload: order('N-1'),
        disposition: 'accepted',
        answer: Buffer.from(answer, 'latin1'),
      },
    ]);
  });

  it('answers AA only after the journal has committed', async () => {
    const test = await open();
    const peer = await test.call();
    await whileJournalWaits(test, async (waiting) => {
      peer.send(framed(order('N-1')));
      await waiting();
      expect(peer.pending().length).toBe(0);
    });
    expect(await verdictOf(peer)).toBe('AA N-1');
  });

  it('answers messages sent without waiting in their order, and lets them share a commit', async () => {
    const test = await open();
    const peer = await test.call();
    const other = order('N-2', ORDER.replace('ORM^O01^ORM_O01', 'ADT^A01'));
    peer.send(framed(order('N-1'), other, Buffer.from('HELLO WORLD'), order('N-4')));
    const answers = [await verdictOf(peer), await verdictOf(peer), await verdictOf(peer), await verdictOf(peer)];
    expect(answers).toEqual(['AA N-1', 'AR N-2 200', 'AE  100', 'AA N-4']);
    expect((await test.journaled()).map((row) => row.disposition)).toEqual(['accepted', 'refused', 'refused', 'accepted']);
  });

  it('answers many more messages than it holds at once, none lost and none out of order', async () => {
    const test = await open();
    const peer = await test.call();
    const ids = Array.from({ length: 1000 }, (_, n) => `N-${n}`);
    peer.send(framed(...ids.map((id) => order(id))));
    const answers: string[] = [];
    for (const _ of ids) answers.push(await verdictOf(peer));
    expect(answers).toEqual(ids.map((id) => `AA ${id}`));
    expect((await test.journaled()).map((row) => row.control_id)).toEqual(ids);
  });

  it('takes a message that comes byte by byte', async () => {
    const test = await open();
    const peer = await test.call();
    for (const byte of framed(order('N-1'))) peer.send(Uint8Array.of(byte));
    expect(await verdictOf(peer)).toBe('AA N-1');
    expect((await test.journaled())[0]?.payload).toEqual(order('N-1'));
  });

  it('answers a sender that has closed its sending side', async () => {
    const test = await open();
    const peer = await test.call();
    peer.send(framed(order('N-1')));
    peer.hangUp();
    expect(await verdictOf(peer)).toBe('AA N-1');
    expect(await peer.ended()).toEqual(Buffer.alloc(0));
  });

  it('never answers an acknowledgment', async () => {
    const test = await open();
    const peer = await test.call();
    peer.send(framed(Buffer.from('MSH|^~\\&|A|B|C|D|||ACK^O01|7|P|2.5\rMSA|AA|6\r'), order('N-1')));
    expect(await verdictOf(peer)).toBe('AA N-1');
    expect(await test.journaled()).toHaveLength(1);
  });

  it('counts answers, bytes and connections', async () => {
    const test = await open();
    const peer = await test.call();
    peer.send(framed(order('N-1')));
    await answerOf(peer);
    expect(test.metric('waystation_mllp_messages_total')).toBe(1);
    expect(test.metric('waystation_mllp_received_bytes_total')).toBe(order('N-1').length + 3);
    expect(test.metric('waystation_mllp_connections')).toBe(1);
  });
});

describe('a message that comes again', () => {
  it('gets the stored answer, byte for byte, and has one row', async () => {
    const test = await open();
    const peer = await test.call();
    peer.send(framed(order('N-1')));
    const first = await answerOf(peer);
    peer.send(framed(order('N-1'), order('N-1')));
    expect([await answerOf(peer), await answerOf(peer)]).toEqual([first, first]);
    expect(await test.journaled()).toHaveLength(1);
  });

  it('is processed anew when it was answered AE', async () => {
    const test = await open();
    const peer = await test.call();
    const broken = order('N-1', ORDER.replace('4711^^^NORTH^MR', ''));
    peer.send(framed(broken, broken));
    expect([await verdictOf(peer), await verdictOf(peer)]).toEqual(['AE N-1 101', 'AE N-1 101']);
    peer.send(framed(order('N-1')));
    expect(await verdictOf(peer)).toBe('AA N-1');
    expect((await test.journaled()).map((row) => row.disposition)).toEqual(['refused', 'refused', 'accepted']);
  });

  it('with other bytes is taken as new and flagged, unless the policy says otherwise', async () => {
    const test = await open({ peers: [{ reusedControlId: 'flag' }] });
    const peer = await test.call();
    peer.send(framed(order('N-1'), order('N-1', ORDER.replace('Sturz', 'Unfall'))));
    expect([await verdictOf(peer), await verdictOf(peer)]).toEqual(['AA N-1', 'AA N-1']);
    peer.send(framed(order('N-1', ORDER.replace('Sturz', 'Stoss'))));
    expect(await verdictOf(peer)).toBe('AA N-1');
    expect((await test.journaled()).at(-1)?.reused_control_id).toBe(true);
  });

  it('with other bytes is refused by policy, even when sent without waiting for the first answer', async () => {
    const test = await open({ peers: [{ reusedControlId: 'refuse' }] });
    const peer = await test.call();
    peer.send(framed(order('N-1'), order('N-1', ORDER.replace('Sturz', 'Unfall')), order('N-1'), order('N-2')));
    const answers = [await verdictOf(peer), await verdictOf(peer), await verdictOf(peer), await verdictOf(peer)];
    expect(answers).toEqual(['AA N-1', 'AR N-1 205', 'AA N-1', 'AA N-2']);
    expect((await test.journaled()).map((row) => row.disposition)).toEqual(['accepted', 'refused', 'accepted']);
  });

  it('with other bytes is refused by policy to all but one of many connections that send it at once', async () => {
    const test = await open({ peers: [{ reusedControlId: 'refuse' }] });
    const peers = await Promise.all(Array.from({ length: 8 }, () => test.call()));
    for (let round = 0; round < 5; round++) {
      const id = `N-${round}`;
      for (const [n, peer] of peers.entries()) peer.send(framed(order(id, ORDER.replace('Sturz', `Sturz ${n}`))));
      const answers = await Promise.all(peers.map(verdictOf));
      expect(answers.sort()).toEqual([`AA ${id}`, ...Array(7).fill(`AR ${id} 205`)]);
    }
  });
});

describe('a peer', () => {
  it('has its other messages ignored by policy: AA, and in the journal as ignored', async () => {
    const test = await open({ peers: [{ otherMessages: 'ignored' }] });
    const peer = await test.call();
    peer.send(framed(order('N-1', ORDER.replace('ORM^O01^ORM_O01', 'ADT^A08'))));
    expect(await verdictOf(peer)).toBe('AA N-1');
    expect(await test.journaled()).toMatchObject([{ peer: 'north', type: 'ADT^A08', disposition: 'ignored' }]);
  });

  it('that nobody configured is refused where only known ones are taken', async () => {
    const test = await open({ unknownPeers: 'refuse' });
    const peer = await test.call();
    peer.send(framed(order('N-1')));
    expect(await verdictOf(peer)).toBe('AE N-1 103');
    expect(await test.journaled()).toMatchObject([{ peer: 'mllp:127.0.0.1', disposition: 'refused' }]);
  });
});

describe('while the database is away', () => {
  it('a message is answered AR 207, and AA when the same bytes come after it is back', async () => {
    const test = await open();
    const peer = await test.call();
    const { rows } = await test.fresh.database.query<{ name: string }>('select current_database() as name');
    const name = rows[0]?.name ?? '';
    const admin = openDatabase(databaseUrl(test.fresh.url, 'postgres'), { max: 1 });
    await admin.query(`alter database ${name} with allow_connections false`);
    await admin.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = $1`, [name]);
    peer.send(framed(order('N-1')));
    expect(await verdictOf(peer)).toBe('AR N-1 207');
    await admin.query(`alter database ${name} with allow_connections true`);
    await admin.close();
    peer.send(framed(order('N-1')));
    expect(await verdictOf(peer)).toBe('AA N-1');
    expect(await test.journaled()).toHaveLength(1);
  });
});

describe('stopping the door', () => {
  it('answers what is in, then hangs up', async () => {
    const test = await open();
    const peer = await test.call();
    let stopped: Promise<void> = Promise.resolve();
    await whileJournalWaits(test, async (waiting) => {
      peer.send(framed(order('N-1')));
      await waiting();
      stopped = test.door.stop(20_000);
    });
    expect(await verdictOf(peer)).toBe('AA N-1');
    await peer.ended();
    peer.hangUp();
    await stopped;
  });

  it('does not wait for ever for a peer that does not hang up', async () => {
    const test = await open();
    const peer = await test.call();
    peer.send(framed(order('N-1')));
    await answerOf(peer);
    await test.door.stop(10);
    await peer.ended();
  });
});

describe('a taken port', () => {
  it('is an error that says which door and which setting', async () => {
    const test = await open();
    const settings = {
      name: 'mllp',
      host: '127.0.0.1',
      port: test.door.port,
      tls: null,
      release: 1 as const,
      maxMessageBytes: 1,
      idleMs: 1,
    };
    await expect(startMllpDoor(settings, {} as never)).rejects.toThrow(
      `mllp door: cannot listen on 127.0.0.1:${test.door.port}: another program has this port; choose another in mllp.port`,
    );
  });
});

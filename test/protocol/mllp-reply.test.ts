/** Replies in the connection that brought the order: a real door, a real corridor, and old senders that wait. */
import { execFile } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openCorridor } from '../../src/corridor-worker.ts';
import type { Config } from '../../src/model/config.ts';
import { type Corridor, runBatch } from '../../src/pipeline.ts';
import { frame } from '../../src/protocols/hl7v2/framer.ts';
import { giveUpBroken } from '../../src/store/awaited-reply-store.ts';
import { type Database, openDatabase } from '../../src/store/database.ts';
import { requeueEntries } from '../../src/store/journal-store.ts';
import { answerOf, type DoorOptions, openTestDoor, type TestDoor } from '../support/mllp-door.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { testConfig } from '../support/test-config.ts';
import { until } from '../support/until.ts';

/** Of Debian's python3-hl7. */
const MLLP_SEND = '/usr/bin/mllp_send';
const withMllpSend = existsSync(MLLP_SEND) ? it : it.skip;
const LONG_MS = 30_000;
const SHORT_MS = 150;

const directory = temporaryDirectory('waystation-replies-');
let test: TestDoor;
let pool: Database;
let corridor: Corridor;

beforeEach(() => open(LONG_MS));
afterEach(close);

async function open(waitMs: number, options: DoorOptions = {}): Promise<void> {
  const peer = { ...PEER, replyWaitMs: waitMs };
  test = await openTestDoor({ peers: [peer], ...options });
  pool = openDatabase(test.fresh.url);
  const config = configuration(waitMs);
  corridor = await openCorridor(pool, config, silentLog);
}

async function close(): Promise<void> {
  await test.close();
  await pool.close();
}

/** Another wait or another door than the one that every test begins with. */
async function reopen(waitMs: number, options: DoorOptions = {}): Promise<void> {
  await close();
  await open(waitMs, options);
}

const PEER = { name: 'old-ris', sendingApplication: 'OLD', returns: ['ris-in'] };

function configuration(waitMs: number): Config {
  const file = join(directory, `${waitMs}.yaml`);
  writeFileSync(
    file,
    `
destinations: [{ kind: mllp, name: ris-in, host: 127.0.0.1, port: 1, replies: true }]
peers: [{ name: old-ris, mllp: { application: OLD }, reply: { wait: ${waitMs}ms }, returns: [ris-in], gaps: hold }]
`,
  );
  return testConfig({ WAYSTATION_CONFIG: file });
}

const order = (controlId: string, { control = 'NW', placer = controlId, patient = '4711', tail = '' } = {}): Buffer =>
  Buffer.from(
    [
      `MSH|^~\\&|OLD^1.2.3^ISO|KÖLN|HUB|W|20260302081500||ORM^O01|${controlId}|P|2.3.1||||||8859/1`,
      `PID|1||${patient}^^^HOSP^MR||Müller^Erika||19700101|F`,
      `ORC|${control}|P-${placer}^RIS`,
      `OBR|1|P-${placer}^RIS||24725-4^CT Head^LN${tail}`,
      '',
    ].join('\r'),
    'latin1',
  );

async function workOff(): Promise<void> {
  while ((await runBatch(corridor)) > 0);
}

const isJournaled = (entries: number) =>
  until(
    () => test.journaled(),
    (rows) => rows.length === entries,
  );
const awaited = async () => (await test.fresh.database.query('select seq from awaited_reply')).rows.length;
const deliveries = async () =>
  (await test.fresh.database.query<{ kind: string; content: Buffer }>('select kind, content from delivery order by id')).rows;

/** MSH-9, MSA and ORC-1 of an answer. */
const summary = (answer: string): string =>
  answer
    .split('\r')
    .map((line) => line.split('|'))
    .flatMap(([name, ...fields]) => {
      if (name === 'MSH') return [fields[7] as string];
      if (name === 'MSA') return [fields.slice(0, 2).join(' ')];
      return name === 'ORC' ? [fields[0] as string] : [];
    })
    .join(' ');

describe('an order whose sender waits', () => {
  it('gets its reply in the same connection, in the words and characters of the order', async () => {
    const peer = await test.call();
    peer.send(frame(order('N-1')));
    await isJournaled(1);
    expect(peer.pending().length).toBe(0);
    await workOff();
    const lines = (await answerOf(peer))
      .replace(/\|\d{14}\+0000/g, '|NOW')
      .replace(/\|[0-9a-f]{20}\|/, '|ID|')
      .split('\r');
    expect(lines).toEqual([
      'MSH|^~\\&|HUB|W|OLD^1.2.3^ISO|KÖLN|NOW||ORR^O02|ID|P|2.3.1||||||8859/1',
      'MSA|AA|N-1',
      'PID|1||4711^^^HOSP^MR||Müller^Erika||19700101|F',
      'ORC|OK|P-N-1^RIS|||SC||||NOW',
      'OBR|1|P-N-1^RIS||24725-4^CT Head^LN',
      '',
    ]);
    expect([await deliveries(), await awaited()]).toEqual([[], 0]);
  });

  it('gets AR where it failed, and after a replay that it is done', async () => {
    await test.fresh.database.query(`
      create function refuse() returns trigger language plpgsql as $$ begin raise exception 'not today'; end $$;
      create trigger refuse before insert on cases for each row execute function refuse()`);
    const peer = await test.call();
    peer.send(frame(order('N-1')));
    await isJournaled(1);
    await until(
      async () => {
        await test.fresh.database.query('update pending set not_before = null');
        await runBatch(corridor);
        return (await test.fresh.database.query<{ state: string }>('select state from outcome')).rows[0]?.state;
      },
      (state) => state === 'failed',
    );
    const refused = await answerOf(peer);
    expect(refused).toContain('\rMSA|AR|N-1|Application error\rERR|');
    peer.send(frame(order('N-1')));
    expect(await answerOf(peer)).toBe(refused);
    await test.fresh.database.query('drop trigger refuse on cases');
    await requeueEntries(test.fresh.database, [1]);
    await workOff();
    peer.send(frame(order('N-1')));
    expect(summary(await answerOf(peer))).toBe('ACK^O01^ACK AA N-1');
    expect((await deliveries()).map(({ kind }) => kind)).toEqual(['order-reply']);
  });

  it('waits with a resend too, and both get the same', async () => {
    const [one, other] = [await test.call(), await test.call()];
    one.send(frame(order('N-1')));
    await isJournaled(1);
    other.send(Buffer.concat([frame(order('N-1')), frame(order('N-1'))]));
    await new Promise((soon) => setTimeout(soon, 50));
    expect([one.pending().length, other.pending().length]).toEqual([0, 0]);
    await workOff();
    const first = await answerOf(one);
    expect(summary(first)).toBe('ORR^O02 AA N-1 OK');
    expect([await answerOf(other), await answerOf(other)]).toEqual([first, first]);
    one.send(frame(order('N-1')));
    expect(await answerOf(one)).toBe(first);
    expect(await test.journaled()).toHaveLength(1);
  });

  it('is not hung up on while it waits, however short the silence that is allowed', async () => {
    await reopen(LONG_MS, { idleMs: 400 });
    const peer = await test.call();
    peer.send(frame(order('N-1')));
    await isJournaled(1);
    await new Promise((soon) => setTimeout(soon, 1_000));
    await workOff();
    expect(summary(await answerOf(peer))).toBe('ORR^O02 AA N-1 OK');
  });

  it('is hung up on by a sender who gets the same when he sends it again', async () => {
    const peer = await test.call();
    peer.send(frame(order('N-1')));
    await isJournaled(1);
    peer.socket.resetAndDestroy();
    await workOff();
    const again = await test.call();
    again.send(frame(order('N-1')));
    expect(summary(await answerOf(again))).toBe('ORR^O02 AA N-1 OK');
    expect([await deliveries(), await test.journaled()]).toMatchObject([[], [{}]]);
  });

  it('gets its reply also when every connection to the database is lost meanwhile', async () => {
    const peer = await test.call();
    peer.send(frame(order('N-1')));
    await isJournaled(1);
    const others = 'from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()';
    await pool.query(`select pg_terminate_backend(pid) ${others}`);
    await until(
      async () => (await pool.query(`select 1 ${others} and query = 'listen answered'`)).rows.length,
      (ears) => ears === 1,
    );
    await workOff();
    expect(summary(await answerOf(peer))).toBe('ORR^O02 AA N-1 OK');
  });

  it('hears at once of a message that is held, whose reply comes with its replay', async () => {
    const peer = await test.call();
    peer.send(frame(order('N-1', { control: 'ZZ' })));
    await isJournaled(1);
    await workOff();
    expect(summary(await answerOf(peer))).toBe('ACK^O01^ACK AA N-1');
    const { rows } = await test.fresh.database.query('select state from outcome');
    expect([rows, await awaited()]).toEqual([[{ state: 'held' }], 0]);
  });

  it('gets each reply in a batch, and waits for all at once', async () => {
    const peer = await test.call();
    const lone = order('N-3', { patient: '' });
    peer.send(
      frame(Buffer.concat([Buffer.from('BHS|^~\\&|OLD|W\r'), order('N-1'), order('N-2', { control: 'CA' }), lone, Buffer.from('BTS|3\r')])),
    );
    await isJournaled(3);
    await workOff();
    const answer = await answerOf(peer);
    expect(
      answer
        .split('\r')
        .filter((line) => /^(BHS|MSA|ORC|BTS)/.test(line))
        .map((line) => line.split('|').slice(0, 3).join('|')),
    ).toEqual(['BHS|^~\\&|', 'MSA|AA|N-1', 'ORC|OK|P-N-1^RIS', 'MSA|AA|N-2', 'ORC|UC|P-N-2^RIS', 'MSA|AE|N-3', 'BTS|3']);
  });

  withMllpSend('is python3-hl7', async () => {
    const file = join(directory, 'order.hl7');
    writeFileSync(file, order('N-1').toString('latin1').replaceAll('\r', '\n'), 'latin1');
    const sending = promisify(execFile)(MLLP_SEND, ['--loose', '--file', file, '--port', String(test.door.port), '127.0.0.1'], {
      encoding: 'latin1',
    });
    await isJournaled(1);
    await workOff();
    expect(summary((await sending).stdout.replace('\v', '').replaceAll('\n', '\r'))).toBe('ORR^O02 AA N-1 OK');
  });
});

describe('when time is up', () => {
  beforeEach(() => reopen(SHORT_MS));

  it('the sender gets a plain AA, and the reply goes out as a message of its own, once', async () => {
    const peer = await test.call();
    peer.send(frame(order('N-1')));
    const answer = await answerOf(peer);
    expect(summary(answer)).toBe('ACK^O01^ACK AA N-1');
    await workOff();
    const [delivery, ...others] = await deliveries();
    expect([delivery?.kind, summary(delivery?.content.toString() ?? ''), others]).toEqual(['order-reply', 'ORR^O02^ORR_O02 AA N-1 OK', []]);
    peer.send(frame(order('N-1')));
    expect(await answerOf(peer)).toBe(answer);
  });

  it('while the corridor is about to answer, the sender gets that answer', async () => {
    const waitMs = 3_000;
    await reopen(waitMs);
    const holder = await test.fresh.database.connect();
    await holder.query('begin; lock table case_event in exclusive mode');
    const peer = await test.call();
    peer.send(frame(order('N-1')));
    await isJournaled(1);
    const working = workOff();
    await until(
      async () =>
        (await test.fresh.database.query("select 1 from pg_locks where not granted and relation = 'case_event'::regclass")).rows.length,
      (waiting) => waiting > 0,
    );
    await new Promise((soon) => setTimeout(soon, waitMs + 200));
    expect(peer.pending().length).toBe(0);
    await holder.query('commit');
    holder.release();
    await working;
    expect(summary(await answerOf(peer))).toBe('ORR^O02 AA N-1 OK');
    expect(await deliveries()).toEqual([]);
  });

  it('of many that race with the corridor each has one reply, here or there', async () => {
    await reopen(100);
    const ids = Array.from({ length: 120 }, (_, n) => `N-${n}`);
    const peer = await test.call();
    let sent = false;
    const working = (async () => {
      while (!sent || (await test.fresh.database.query('select 1 from pending limit 1')).rows.length > 0) await runBatch(corridor);
    })();
    const answers: string[] = [];
    for (const id of ids) {
      peer.send(frame(order(id, { patient: id })));
      if (answers.length % 3 === 0) await new Promise((soon) => setTimeout(soon, 7));
      answers.push('');
    }
    for (const index of ids.keys()) answers[index] = await answerOf(peer);
    sent = true;
    await working;
    const here = answers.map(summary).filter((one) => one.startsWith('ORR'));
    const there = (await deliveries()).map(({ content }) => summary(content.toString()));
    const replied = [...here, ...there].map((one) => one.replace('ORR^O02^ORR_O02', 'ORR^O02'));
    expect(replied.sort()).toEqual(ids.map((id) => `ORR^O02 AA ${id} OK`).sort());
    expect(await awaited()).toBe(0);
  });
});

describe('when the gateway ended while somebody waited', () => {
  /** In the journal and not worked off, as a kill leaves it. */
  async function leave(): Promise<void> {
    (await test.call()).send(frame(order('N-1')));
    await isJournaled(1);
  }

  it('a sender with another way to his replies gets it there, also when he never sends again', async () => {
    await leave();
    await giveUpBroken(pool, ['old-ris']);
    await workOff();
    expect((await deliveries()).map(({ content }) => summary(content.toString()))).toEqual(['ORR^O02^ORR_O02 AA N-1 OK']);
    const peer = await test.call();
    peer.send(frame(order('N-1')));
    expect(summary(await answerOf(peer))).toBe('ACK^O01^ACK AA N-1');
    expect(await deliveries()).toHaveLength(1);
  });

  it('a sender without one gets it when he sends again', async () => {
    await leave();
    await giveUpBroken(pool, ['another']);
    await workOff();
    const peer = await test.call();
    peer.send(frame(order('N-1')));
    expect(summary(await answerOf(peer))).toBe('ORR^O02 AA N-1 OK');
    expect(await deliveries()).toEqual([]);
  });

  it('nobody waits for what is worked off', async () => {
    await leave();
    await test.fresh.database.query('delete from pending');
    await giveUpBroken(pool, []);
    expect(await awaited()).toBe(0);
  });
});

describe('who does not wait', () => {
  it('is a sender in enhanced mode, or of a message that has no reply', async () => {
    const peer = await test.call();
    const enhanced = order('N-1').toString('latin1').replace('|2.3.1||||||', '|2.3.1|||AL|NE||');
    peer.send(frame(Buffer.from(enhanced, 'latin1')));
    expect(summary(await answerOf(peer))).toBe('ACK^O01^ACK CA N-1');
    expect(await awaited()).toBe(0);
  });

  it('is everybody when the door closes', async () => {
    const peer = await test.call();
    peer.send(frame(order('N-1')));
    await isJournaled(1);
    await test.replies.stop();
    expect(summary(await answerOf(peer))).toBe('ACK^O01^ACK AA N-1');
  });
});

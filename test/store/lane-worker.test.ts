/** Lanes on a real database; what is at their other end is scripted. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type DestinationClient, type LaneDeps, type Lookout, startLaneWorker } from '../../src/delivery/lane-worker.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { systemClock } from '../../src/model/clock.ts';
import type { Destination } from '../../src/model/config.ts';
import type { Delivery } from '../../src/model/delivery.ts';
import { failure } from '../../src/model/failure.ts';
import { readCaseEvents } from '../../src/store/case-store.ts';
import {
  addDeliveries,
  addWatch,
  beginAttempts,
  dueLanes,
  holdLane,
  isSuperseded,
  readDelivery,
  replayDelivery,
  replaySetAside,
  setAsideDelivery,
  settleAttempts,
  takeDueWatches,
} from '../../src/store/delivery-store.ts';
import { pauseDestination, resumeDestination } from '../../src/store/destination-store.ts';
import { freshDatabase } from '../support/database.ts';
import { silentLog } from '../support/silent-log.ts';
import { until } from '../support/until.ts';

const START = Date.parse('2026-03-01T10:00:00Z');
const at = (seconds: number) => new Date(START + seconds * 1000);
const RETRY = { firstDelayMs: 60_000, maxDelayMs: 3_600_000, maxAttempts: 5, onFailure: 'setAside' as const };
const NEVER_MS = 3_600_000;
const fhir = (name: string, pollMs: number): Destination => ({
  ...{ kind: 'fhir', name, url: 'http://specialist.example/fhir', token: '', timeoutMs: 1000, pollMs, retry: RETRY },
});
const DESTINATIONS = [fhir('a', 10_000), fhir('b', 60_000)];
const RECEIPT = { bytes: Buffer.from('taken'), controlId: 'x', detail: 'taken' };

let fresh: Awaited<ReturnType<typeof freshDatabase>>;
let time = START;

beforeAll(async () => {
  fresh = await freshDatabase();
});
beforeEach(async () => {
  time = START;
  await fresh.database.query('truncate delivery, delivery_attempt, lane, watch, cases, destination_pause');
});
afterAll(() => fresh.drop());

async function order(lane: string, id: string = randomUUID(), caseId: string = randomUUID(), seq = 1): Promise<string> {
  const delivery = {
    id,
    destination: lane,
    kind: 'oru',
    caseId,
    seq,
    controlId: id,
    content: Buffer.from('x'),
    lane,
  } as const;
  await fresh.database.transaction((tx) => addDeliveries(tx, [delivery], at(0)));
  return id;
}

function start(client: Partial<DestinationClient & Lookout>, over: Partial<LaneDeps> = {}) {
  const whole = { send: async () => RECEIPT, close: async () => {}, ...client };
  return startLaneWorker({
    database: fresh.database,
    journal: openJournal(fresh.database),
    destinations: DESTINATIONS,
    clients: new Map(DESTINATIONS.map(({ name }) => [name, whole])),
    clock: { ...systemClock, now: () => new Date(time) },
    log: silentLog,
    metrics: { count: () => {}, gauge: () => {}, observe: () => {} },
    pollMs: NEVER_MS,
    parallel: 8,
    ...over,
  });
}

const stateOf = async (id: string) => (await readDelivery(fresh.database, id)) as Delivery;
const attempts = async () => (await fresh.database.query('select n, outcome from delivery_attempt order by n')).rows;

describe('a lane', () => {
  it('waits before it sends again what it could not record as sent', async () => {
    await fresh.database.query(`
      create function full_disk() returns trigger language plpgsql as $$ begin raise exception 'no space' using errcode = '53100'; end $$;
      create trigger full_disk before insert on delivery_attempt execute function full_disk()`);
    const id = await order('a');
    let [sends, failed] = [0, 0];
    const send = async () => {
      sends++;
      return RECEIPT;
    };
    const worker = start({ send }, { log: { ...silentLog, warn: () => failed++ }, pollMs: 10 });
    await until(
      async () => failed,
      (count) => count > 0,
    );
    worker.wake();
    await worker.stop();
    expect(sends).toBe(1);
    expect(await stateOf(id)).toMatchObject({ state: 'waiting', attempts: 1 });
    expect((await stateOf(id)).due.getTime()).toBeGreaterThanOrEqual(at(45).getTime());
    await fresh.database.query('drop function full_disk cascade');
    time = at(60).getTime();
    const again = start({ send });
    await until(
      () => stateOf(id),
      ({ state }) => state === 'delivered',
    );
    await again.stop();
    expect(sends).toBe(2);
    expect(await stateOf(id)).toMatchObject({ state: 'delivered', attempts: 2 });
  });

  it('that another process holds is tried once until the next poll, and takes no place from another', async () => {
    const [held, free] = [await order('a'), await order('b')];
    let connections = 0;
    const connect = () => {
      connections++;
      return fresh.database.connect();
    };
    await holdLane(fresh.database, 'a', async () => {
      const worker = start({}, { parallel: 1, database: { ...fresh.database, connect } });
      await until(
        () => stateOf(free),
        ({ state }) => state === 'delivered',
      );
      worker.wake();
      await worker.stop();
    });
    expect(await stateOf(free)).toMatchObject({ state: 'delivered' });
    expect(await stateOf(held)).toMatchObject({ state: 'waiting', attempts: 0 });
    expect(connections).toBe(2);
  });

  it('sends what was set aside again in its order, behind what came meanwhile, and nothing of other destinations', async () => {
    const refused = [await order('a'), await order('a'), await order('a')];
    const other = await order('b');
    const worker = start({ send: async () => failure('delivery', 'rejected', '0124 not authorized') });
    for (const id of [...refused, other])
      await until(
        () => stateOf(id),
        ({ state }) => state === 'dead',
      );
    await worker.stop();
    const late = await order('a');
    const again = (limit: number) => fresh.database.transaction((tx) => replaySetAside(tx, 'a', limit, at(0)));
    expect([await again(2), await again(10), await again(10)]).toEqual([2, 1, 0]);
    const sent: string[] = [];
    const send = async ({ id }: Delivery) => {
      sent.push(id);
      return RECEIPT;
    };
    const open = start({ send });
    await until(
      async () => sent.length,
      (count) => count === 4,
    );
    await open.stop();
    expect(sent).toEqual([late, ...refused]);
    expect(await stateOf(other)).toMatchObject({ state: 'dead' });
  });

  it('never sends a report behind the one that corrects or withdraws it', async () => {
    const caseId = randomUUID();
    const [first, withdrawal] = [await order('a', randomUUID(), caseId, 1), await order('a', randomUUID(), caseId, 2)];
    const elsewhere = await order('b', randomUUID(), caseId, 2);
    await fresh.database.query(`update delivery set state = 'dead'`);
    expect(await isSuperseded(fresh.database, first)).toBe(false);
    const again = () => fresh.database.transaction((tx) => replaySetAside(tx, 'a', 10, at(0)));
    expect(await again()).toBe(2);
    await fresh.database.query(`update delivery set state = 'dead' where id = $1`, [first]);
    for (const state of ['waiting', 'delivered']) {
      await fresh.database.query(`update delivery set state = $2 where id = $1`, [withdrawal, state]);
      expect(await isSuperseded(fresh.database, first)).toBe(true);
      expect([await again(), await replayDelivery(fresh.database, first, at(0))]).toEqual([0, false]);
    }
    expect(await replayDelivery(fresh.database, elsewhere, at(0))).toBe(true);
  });

  it('that its destination holds stops at what failed for good, until a person sends it again or sets it aside', async () => {
    const [first, second] = [await order('a'), await order('a')];
    const holding = DESTINATIONS.map((one) => ({ ...one, retry: { ...RETRY, onFailure: 'hold' as const } }));
    let sends = 0;
    const send = async () => (++sends <= 2 ? failure('delivery', 'rejected', 'AE 101') : RECEIPT);
    const worker = start({ send }, { destinations: holding as Destination[] });
    const comesTo = (id: string, wanted: string) =>
      until(
        () => stateOf(id),
        ({ state }) => state === wanted,
      ).then(({ state }) => expect(state).toBe(wanted));
    await comesTo(first, 'held');
    expect(await dueLanes(fresh.database, at(0))).toEqual([]);
    expect(await replayDelivery(fresh.database, first, at(0))).toBe(true);
    worker.wake();
    await until(
      () => stateOf(first),
      ({ state }) => state === 'held' && sends === 2,
    );
    expect(await stateOf(second)).toMatchObject({ state: 'waiting', attempts: 0 });
    expect(await fresh.database.transaction((tx) => setAsideDelivery(tx, first, at(0)))).toBe(true);
    expect(await fresh.database.transaction((tx) => setAsideDelivery(tx, second, at(0)))).toBe(false);
    worker.wake();
    await comesTo(second, 'delivered');
    await worker.stop();
    expect(await stateOf(first)).toMatchObject({ state: 'dead' });
  });

  it('of a destination that is paused rests, and goes on in its order when that is over', async () => {
    const pause = { destination: 'a', by: 'ops', why: 'upgrade', at: at(0) };
    await fresh.database.transaction((tx) => pauseDestination(tx, pause));
    const [paused, free] = [await order('a'), await order('b')];
    const worker = start({});
    await until(
      () => stateOf(free),
      ({ state }) => state === 'delivered',
    );
    expect(await stateOf(paused)).toMatchObject({ state: 'waiting', attempts: 0 });
    expect(await fresh.database.transaction((tx) => resumeDestination(tx, 'a'))).toBe(true);
    expect(await fresh.database.transaction((tx) => resumeDestination(tx, 'a'))).toBe(false);
    worker.wake();
    await until(
      () => stateOf(paused),
      ({ state }) => state === 'delivered',
    );
    await worker.stop();
    expect(await stateOf(paused)).toMatchObject({ state: 'delivered' });
  });

  it('is due when its head is, whatever is behind', async () => {
    const head = await order('a');
    await order('a');
    await order('b');
    await fresh.database.query('update delivery set due = $2 where id = $1', [head, at(60)]);
    expect(await dueLanes(fresh.database, at(0))).toEqual(['b']);
    expect((await dueLanes(fresh.database, at(60))).sort()).toEqual(['a', 'b']);
  });
});

describe('an attempt', () => {
  it('is kept beside those before a replay', async () => {
    const id = await order('a');
    const refuse = async () => failure('delivery', 'rejected', 'AE');
    for (const round of [1, 2]) {
      const worker = start({ send: refuse });
      await until(
        () => stateOf(id),
        ({ state }) => state === 'dead',
      );
      await worker.stop();
      expect((await attempts()).length).toBe(round);
      expect(await replayDelivery(fresh.database, id, at(0))).toBe(true);
    }
    expect(await attempts()).toEqual([
      { n: 1, outcome: 'dead' },
      { n: 2, outcome: 'dead' },
    ]);
  });

  it('is made by one of two, and does not change a delivery that another has ended', async () => {
    const delivery = await stateOf(await order('a'));
    expect(await beginAttempts(fresh.database, [{ delivery, due: at(60) }])).toEqual(new Set([delivery.id]));
    expect(await beginAttempts(fresh.database, [{ delivery, due: at(60) }])).toEqual(new Set());
    const settle = (state: 'delivered' | 'waiting') => {
      const attempt = { started: at(0), ended: at(1), outcome: state, detail: '' };
      return settleAttempts(fresh.database, [{ delivery, attempt, next: { state, due: at(2), lastFailure: '' } }]);
    };
    expect(await settle('delivered')).toEqual(new Set([delivery.id]));
    expect(await settle('waiting')).toEqual(new Set());
    expect(await stateOf(delivery.id)).toMatchObject({ state: 'delivered', attempts: 1 });
    expect((await attempts()).map(({ n }) => n)).toEqual([1, 2]);
  });
});

describe('a lane of many small things', () => {
  const REFUSED = failure('delivery', 'rejected', 'A900');
  const BUSY = failure('delivery', 'out-of-resources', 'A700', 'transient');

  it('begins and settles several at once, in order; one that is refused is set aside, and the rest goes on', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 20; n++) ids.push(await order('a'));
    const sent: string[] = [];
    const send = async ({ id }: Delivery) => {
      sent.push(id);
      return id === ids[3] ? REFUSED : RECEIPT;
    };
    const worker = start({ send, atOnce: 8 });
    const states = async () => (await Promise.all(ids.map(stateOf))).map(({ state, attempts }) => `${state} ${attempts}`);
    await until(states, (all) => !all.some((one) => one.startsWith('waiting')));
    await worker.stop();
    expect(sent).toEqual(ids);
    expect(await states()).toEqual(ids.map((_, n) => (n === 3 ? 'dead 1' : 'delivered 1')));
    const { rows } = await fresh.database.query(`select control_id from journal where kind = 'receipt' and control_id = any($1)`, [ids]);
    expect(rows).toHaveLength(19);
    expect(await attempts()).toHaveLength(20);
  });

  it('tells of what was refused for one reason in one line of the case', async () => {
    const caseId = randomUUID();
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) ids.push(await order('a', randomUUID(), caseId));
    const send = async ({ id }: Delivery) => (id === ids[1] ? RECEIPT : id === ids[4] ? failure('delivery', 'rejected', 'C000') : REFUSED);
    const worker = start({ send, atOnce: 8 });
    await until(attempts, (all) => all.length === 5);
    await worker.stop();
    expect((await readCaseEvents(fresh.database, caseId)).map(({ kind, detail }) => [kind, detail])).toEqual([
      ['delivery-dead', `oru ${ids[0]} and 2 more are set aside: rejected (permanent): A900`],
      ['delivery-dead', `oru ${ids[4]} is set aside: rejected (permanent): C000`],
    ]);
  });

  it('waits where one must wait: what is behind it was not attempted', async () => {
    const ids = [await order('a'), await order('a'), await order('a')];
    let busy = true;
    const send = async ({ id }: Delivery) => (busy && id === ids[1] ? BUSY : RECEIPT);
    const worker = start({ send, atOnce: 8 });
    await until(attempts, (all) => all.length === 2);
    await worker.stop();
    const states = async () => (await Promise.all(ids.map(stateOf))).map(({ state, attempts }) => [state, attempts]);
    expect(await states()).toEqual([
      ['delivered', 1],
      ['waiting', 1],
      ['waiting', 0],
    ]);
    expect((await stateOf(ids[2] as string)).due).toEqual(at(0));
    busy = false;
    time = at(61).getTime();
    const again = start({ send, atOnce: 8 });
    await until(attempts, (all) => all.length === 4);
    await again.stop();
    expect(await states()).toEqual([
      ['delivered', 1],
      ['delivered', 2],
      ['delivered', 1],
    ]);
  });

  it('holds the lane at one that is refused for good, where its destination says so', async () => {
    const ids = [await order('hold'), await order('hold')];
    const destinations = [{ ...fhir('hold', 1_000), retry: { ...RETRY, onFailure: 'hold' as const } }] as Destination[];
    const clients = new Map([['hold', { atOnce: 8, send: async () => REFUSED, close: async () => {} }]]);
    const worker = start({}, { destinations, clients });
    await until(attempts, (all) => all.length === 1);
    await worker.stop();
    expect((await Promise.all(ids.map(stateOf))).map(({ state, attempts }) => [state, attempts])).toEqual([
      ['held', 1],
      ['waiting', 0],
    ]);
  });
});

async function watch(destination: string, phase: string): Promise<string> {
  const caseId = randomUUID();
  await fresh.database.query(
    `insert into cases (id, version, phase, specialty, opened, updated, content) values ($1, 1, $2, 'x', $3, $3, '')`,
    [caseId, phase, at(0)],
  );
  await fresh.database.transaction((tx) => addWatch(tx, { destination, caseId, remote: `ServiceRequest/${caseId}`, due: at(0) }));
  return caseId;
}

describe('looking for reports', () => {
  it('leaves the lanes their places, and looks at four servers at the same time', async () => {
    for (let n = 0; n < 10; n++) await watch('a', 'requested');
    const silence = Promise.withResolvers<null>();
    let [looks, most, now] = [0, 0, 0];
    const poll = async () => {
      looks++;
      most = Math.max(most, ++now);
      await silence.promise;
      now--;
      return null;
    };
    const worker = start({ poll });
    await until(
      async () => now,
      (count) => count === 4,
    );
    const id = await order('b');
    worker.wake();
    expect(
      await until(
        () => stateOf(id),
        ({ state }) => state === 'delivered',
      ),
    ).toMatchObject({ state: 'delivered' });
    silence.resolve(null);
    await until(
      async () => looks,
      (count) => count === 10,
    );
    await worker.stop();
    expect([looks, most]).toEqual([10, 4]);
  });

  it('comes back after the time of each destination', async () => {
    const [a, b] = [await watch('a', 'requested'), await watch('b', 'claimed')];
    const places = [
      { destination: 'a', againMs: 10_000 },
      { destination: 'b', againMs: 60_000 },
    ];
    const take = async (seconds: number) => (await takeDueWatches(fresh.database, at(seconds), places, 10)).map(({ caseId }) => caseId);
    expect((await take(0)).sort()).toEqual([a, b].sort());
    expect(await take(9)).toEqual([]);
    expect(await take(10)).toEqual([a]);
    expect((await take(60)).sort()).toEqual([a, b].sort());
  });

  it('ends with a case that has its report or is cancelled', async () => {
    for (const phase of ['cancelled', 'reported', 'closed']) await watch('a', phase);
    const open = await watch('a', 'requested');
    const taken = await takeDueWatches(fresh.database, at(0), [{ destination: 'a', againMs: 1 }], 10);
    expect(taken.map(({ caseId }) => caseId)).toEqual([open]);
    expect((await fresh.database.query('select case_id from watch where not done')).rows).toEqual([{ case_id: open }]);
  });
});

/** The pool and the ear on a real server; one that never answers is a socket of ours. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Database, openDatabase } from '../../src/store/database.ts';
import { isOutage } from '../../src/store/database-failure.ts';
import { listen } from '../../src/store/notice-store.ts';
import { freshDatabase } from '../support/database.ts';
import { until } from '../support/until.ts';

let fresh: Awaited<ReturnType<typeof freshDatabase>>;
let one: Database;

beforeAll(async () => {
  fresh = await freshDatabase();
  one = openDatabase(fresh.url, { max: 1 });
  await fresh.database.query('create table written (n integer primary key)');
});
afterAll(async () => {
  await one.close();
  await fresh.drop();
});

describe('a pool', () => {
  it('ends a statement after a minute, unless it is opened for long ones', async () => {
    const long = openDatabase(fresh.url, { statementTimeoutMs: 0 });
    expect((await one.query('show statement_timeout')).rows).toEqual([{ statement_timeout: '1min' }]);
    expect((await long.query('show statement_timeout')).rows).toEqual([{ statement_timeout: '0' }]);
    await long.close();
  });

  it('does not call committed what the server rolled back', async () => {
    const work = one.transaction(async (tx) => {
      await tx.query('insert into written values (1)');
      await tx.query('select nonsense').catch(() => undefined);
      return 'done';
    });
    await expect(work).rejects.toThrow('ROLLBACK');
    expect((await one.query('select n from written')).rows).toEqual([]);
  });

  it('calls a server that never answers an outage', async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const database = openDatabase(`postgres://x@127.0.0.1:${(silent.address() as AddressInfo).port}/x`);
    const error = await database.query('select 1').catch((thrown: unknown) => thrown);
    expect(isOutage(error)).toBe(true);
    await database.close();
    for (const socket of sockets) socket.destroy();
    silent.close();
  }, 15_000);
});

describe('an ear', () => {
  it('hears again after its connection was lost', async () => {
    let [heard, lost] = [0, 0];
    const database = openDatabase(fresh.url, { max: 1, application: 'the ear' });
    const ear = listen(database, { corridor: () => heard++ }, { restMs: 1, onLost: () => lost++ });
    const notified = () =>
      until(
        async () => {
          await fresh.database.query('notify corridor');
          return heard;
        },
        (count) => count > 0,
      );
    expect(await notified()).toBeGreaterThan(0);
    await fresh.database.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'the ear'`);
    await until(
      async () => lost,
      (count) => count > 0,
    );
    heard = 0;
    expect(await notified()).toBeGreaterThan(0);
    expect(lost).toBe(1);
    ear.stop();
    await database.close();
  });

  it('gives back every connection on which LISTEN failed', async () => {
    let lost = 0;
    const ear = listen(one, { 'no channel': () => {} }, { restMs: 1, onLost: () => lost++ });
    expect(
      await until(
        async () => lost,
        (count) => count >= 3,
      ),
    ).toBeGreaterThanOrEqual(3);
    ear.stop();
    expect((await one.query('select 1 as n')).rows).toEqual([{ n: 1 }]);
  });

  it('gives back a connection that comes up after its stop', async () => {
    const database = openDatabase(fresh.url, { max: 1 });
    listen(database, { corridor: () => {} }, { restMs: 1, onLost: () => {} }).stop();
    await expect(database.close()).resolves.toBeUndefined();
  });
});

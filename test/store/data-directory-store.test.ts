import { rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import { connectionTo, DirectoryInUse, type Hold, type HoldOptions, holdDataDirectory } from '../../src/store/data-directory-store.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

describe('holding a data directory on a database of its own server', () => {
  let fresh: FreshDatabase;
  let directory: string;
  const holds: Hold[] = [];
  const directories: string[] = [];

  beforeAll(async () => {
    fresh = await freshDatabase();
  });
  beforeEach(() => {
    directory = temporaryDirectory('waystation-hold-');
    directories.push(directory);
  });
  afterAll(async () => {
    await Promise.all(holds.map((hold) => hold.release()));
    await fresh.drop();
    for (const one of directories) rmSync(one, { recursive: true });
  });

  async function hold(options: Partial<HoldOptions> = {}): Promise<Hold> {
    const one = await holdDataDirectory({ dataDirectory: directory, connect: connectionTo(fresh.url), log: silentLog, ...options });
    holds.push(one);
    return one;
  }
  const terminate = (client: pg.Client | undefined) =>
    fresh.database.query('select pg_terminate_backend($1)', [(client as pg.Client & { processID: number }).processID]);

  it('refuses a second gateway, by whatever path it comes, and names the first', async () => {
    await hold();
    const other = `${directory}-link`;
    symlinkSync(directory, other);
    directories.push(other);
    const refusals = [hold(), hold({ dataDirectory: other })].map((refused) => refused.catch((error: unknown) => error));
    for (const refusal of await Promise.all(refusals)) {
      expect(refusal).toBeInstanceOf(DirectoryInUse);
      expect((refusal as Error).message).toContain(`in use by another gateway (waystation ${process.pid}@`);
    }
  });

  it('lets two gateways share a server, each with a directory of its own', async () => {
    await hold();
    await expect(hold({ dataDirectory: join(directory, 'other') })).resolves.toBeDefined();
  });

  it('is free again after a release', async () => {
    await (await hold()).release();
    await expect(hold()).resolves.toBeDefined();
  });

  it('is held again after its connection was cut', async () => {
    const clients: pg.Client[] = [];
    const connect: HoldOptions['connect'] = async (application) => {
      const client = await connectionTo(fresh.url)(application);
      clients.push(client);
      return client;
    };
    const heldAgain = new Promise<void>((resolve) => {
      const info = (event: string) => event === 'data-directory.held-again' && resolve();
      void hold({ connect, log: { ...silentLog, info } }).then(() => terminate(clients[0]));
    });
    await heldAgain;
    expect(clients).toHaveLength(2);
    await expect(hold()).rejects.toBeInstanceOf(DirectoryInUse);
  });

  it('tells the gateway when somebody else took the directory while the connection was cut', async () => {
    const clients: pg.Client[] = [];
    let taken: Promise<unknown> = Promise.resolve();
    const connect: HoldOptions['connect'] = async (application) => {
      if (clients.length > 0) taken = hold();
      await taken;
      const client = await connectionTo(fresh.url)(application);
      clients.push(client);
      return client;
    };
    const lost = new Promise<Error>((resolve) => {
      void hold({ connect, onLost: resolve }).then(() => terminate(clients[0]));
    });
    expect(await lost).toBeInstanceOf(DirectoryInUse);
  });
});

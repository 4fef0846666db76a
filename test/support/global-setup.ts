/**
 * Once a run, before any worker: a PostgreSQL server and a migrated template database on it.
 * The server is our own embedded one in a directory of this run, or the one that WAYSTATION_TEST_DATABASE_URL names.
 * Beside our own: a data directory in which a gateway finds that done, and a cache of what Node has compiled for the gateways.
 */

import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '../../src/store/database.ts';
import { isAlive } from '../../src/store/embedded-home-store.ts';
import { startEmbedded } from '../../src/store/embedded-server.ts';
import { migrate } from '../../src/store/migration-store.ts';
import { databaseUrl, onServer, SERVER_VARIABLE, TEMPLATE_VARIABLE, VOLATILE } from './database.ts';
import { FIRST_START_VARIABLE } from './gateway-process.ts';
import { silentLog } from './silent-log.ts';

/** Handed from setup to teardown; jest runs both in one process. */
export const running: { stop: () => Promise<void> } = { stop: async () => {} };

const PREFIX = 'waystation-test-run-';

export default async function globalSetup(): Promise<void> {
  const given = process.env.WAYSTATION_TEST_DATABASE_URL;
  const server = given ?? (await startOwn());
  const template = `template_${randomBytes(8).toString('hex')}`;
  await onServer(server, `create database ${template}`);
  await migrateAt(databaseUrl(server, template));
  process.env[SERVER_VARIABLE] = server;
  process.env[TEMPLATE_VARIABLE] = template;
  if (given) running.stop = () => onServer(server, `drop database ${template} with (force)`);
}

async function startOwn(): Promise<string> {
  await clearKilledRuns();
  const home = join(tmpdir(), `${PREFIX}${process.pid}`);
  await mkdir(home, { mode: 0o711 });
  running.stop = () => rm(home, { recursive: true });
  const begin = () => startEmbedded({ dataDirectory: home, log: silentLog, settings: VOLATILE });
  const first = await begin();
  await migrateAt(first.url);
  await first.stop();
  const firstStart = join(home, 'first-start');
  await mkdir(firstStart, { mode: 0o711 });
  execFileSync('cp', ['-Rp', join(home, 'postgres'), firstStart]);
  process.env[FIRST_START_VARIABLE] = firstStart;
  process.env.NODE_COMPILE_CACHE = join(home, 'compiled');
  const embedded = await begin();
  running.stop = async () => {
    await embedded.stop();
    await rm(home, { recursive: true });
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void running.stop().finally(() => process.exit(1)));
  }
  return embedded.url;
}

async function migrateAt(url: string): Promise<void> {
  const database = openDatabase(url, { max: 1 });
  await migrate(database);
  await database.close();
}

/** A run that was killed outright left its server running: it is ended like a gateway's, by the directory it names. */
async function clearKilledRuns(): Promise<void> {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(PREFIX))) {
    if (isAlive(Number(name.slice(PREFIX.length)))) continue;
    const home = join(tmpdir(), name);
    const lock = await readFile(join(home, 'postgres', 'postmaster.pid'), 'utf8').catch(() => '');
    if (lock) await (await startEmbedded({ dataDirectory: home, log: silentLog })).stop();
    await rm(home, { recursive: true, force: true });
  }
}

/** The oldest server that DATABASE_URL may name. Debian's, started here on a directory and a socket of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openDatabase } from '../../src/store/database.ts';
import { type EmbeddedServer, startEmbedded } from '../../src/store/embedded-server.ts';
import { migrate } from '../../src/store/migration-store.ts';
import { VOLATILE } from '../support/database.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const BINARIES = '/usr/lib/postgresql/15';
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

(existsSync(BINARIES) ? describe : describe.skip)('PostgreSQL 15', () => {
  let home: string;
  let server: EmbeddedServer;
  let url: string;

  beforeAll(async () => {
    home = temporaryDirectory('waystation-15-');
    server = await startEmbedded({ dataDirectory: home, log: silentLog, binaries: BINARIES, settings: VOLATILE });
    // As DATABASE_URL is written: a percent-encoded host is the directory of a socket.
    const { pathname } = new URL(server.url);
    url = `postgres://postgres@${encodeURIComponent(decodeURIComponent(pathname))}/postgres`;
  });
  afterAll(async () => {
    await server.stop();
    rmSync(home, { recursive: true });
  });

  it('takes the migrations', async () => {
    const database = openDatabase(server.url);
    try {
      await migrate(database);
      const { rows } = await database.query(
        "select current_setting('server_version_num')::integer / 10000 as server, max(version) as schema from schema_version",
      );
      expect(rows).toEqual([{ server: 15, schema: expect.any(Number) }]);
    } finally {
      await database.close();
    }
  });

  it('passes every test of the store', async () => {
    const args = [
      '--experimental-vm-modules',
      'node_modules/jest/bin/jest.js',
      'test/store',
      '--maxWorkers=2',
      '--testPathIgnorePatterns',
      'postgresql-15',
      'embedded-server',
      'blob-store',
    ];
    const env = { ...process.env, WAYSTATION_TEST_DATABASE_URL: url };
    const child = spawn(process.execPath, args, { cwd: ROOT, env, stdio: ['ignore', 'ignore', 'pipe'] });
    const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'close')]);
    expect({ code, said: code === 0 ? '' : said }).toEqual({ code: 0, said: '' });
  }, 900_000);
});

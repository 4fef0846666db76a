/** Who steps back, and who does not: niceness as Linux tells it, by thread and by process. */
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { getPriority } from 'node:os';
import { Worker } from 'node:worker_threads';
import { expect, it } from '@jest/globals';
import { stepBackServer } from '../../src/store/background-store.ts';
import { openDatabase } from '../../src/store/database.ts';
import { freshDatabase } from '../support/database.ts';

const onLinux = process.platform === 'linux' ? it : it.skip;
const MODULE = new URL('../../src/store/background-store.ts', import.meta.url).href;

onLinux('a thread steps back, and the others of its process stay', async () => {
  const own = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
  const before = getPriority(own);
  const code = `
    import { readlinkSync } from 'node:fs';
    import { getPriority } from 'node:os';
    import { parentPort } from 'node:worker_threads';
    import { stepBackThread } from ${JSON.stringify(MODULE)};
    stepBackThread();
    parentPort.postMessage(getPriority(Number(readlinkSync('/proc/thread-self').split('/').at(-1))));`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`));
  const [there] = await once(worker, 'message');
  await worker.terminate();
  expect(there).toBeGreaterThan(before);
  expect(getPriority(own)).toBe(before);
});

onLinux('the server works for a pool in the background after it has worked for the others', async () => {
  const fresh = await freshDatabase();
  const behind = openDatabase(fresh.url, { background: true });
  const niceness = async (database: typeof behind) => {
    const { rows } = await database.query<{ pid: number }>('select pg_backend_pid() as pid');
    return getPriority(rows[0]?.pid);
  };
  const [first, second] = [await niceness(fresh.database), await niceness(behind)];
  await behind.close();
  await fresh.drop();
  expect(second).toBeGreaterThan(first);
});

onLinux('a process that is no server stays as it is', () => {
  const before = getPriority(process.pid);
  stepBackServer(process.pid);
  expect(getPriority(process.pid)).toBe(before);
});

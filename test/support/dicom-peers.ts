/**
 * DICOM servers that others wrote, on free ports and in a directory of their own: dcmtk's storescp and Orthanc as they are by default.
 * Out: where to send, and how to end it. Nothing of src is imported.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from './free-port.ts';
import type { StoreTarget } from './store-sender.ts';
import { temporaryDirectory } from './temporary-directory.ts';

export type DicomServer = {
  readonly target: StoreTarget;
  readonly directory: string;
  /** Of Orthanc: its REST interface. */
  readonly http: string;
  stop(): Promise<void>;
};

/** dcmtk, in Orthanc too, answers in two writes and leaves Nagle's algorithm on unless it is told: 40 ms an object lost to nothing. */
const ENVIRONMENT = { ...process.env, TCP_NODELAY: '1' };
const START_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 10_000;

/** Keeps the bytes as they come, one process an association, the largest PDU it knows; it syncs nothing. `options` are of storescp. */
export async function startStorescp(options: readonly string[] = [], onPort?: number): Promise<DicomServer> {
  const directory = temporaryDirectory('waystation-storescp-');
  const port = onPort ?? (await freePort());
  const program = spawn('storescp', ['+B', '--fork', '-pdu', '131072', '-od', directory, ...options, String(port)], {
    stdio: 'ignore',
    env: ENVIRONMENT,
  });
  return started(program, { directory, port, aeTitle: 'STORESCP', http: '' });
}

/** `settings` beside where its data and ports are; its defaults write through to the disk and keep an SQLite index. */
export async function startOrthanc(settings: Readonly<Record<string, unknown>> = {}): Promise<DicomServer> {
  const directory = temporaryDirectory('waystation-orthanc-');
  const [port, httpPort] = [await freePort(), await freePort()];
  mkdirSync(join(directory, 'db'));
  const places = { StorageDirectory: join(directory, 'db'), IndexDirectory: join(directory, 'db'), DicomPort: port, HttpPort: httpPort };
  writeFileSync(join(directory, 'orthanc.json'), JSON.stringify({ ...places, DicomAet: 'ORTHANC', ...settings }));
  const program = spawn('Orthanc', [join(directory, 'orthanc.json')], { stdio: 'ignore', env: ENVIRONMENT });
  return started(program, { directory, port, aeTitle: 'ORTHANC', http: `http://127.0.0.1:${httpPort}` });
}

/** dcmtk's archive, one process an association; `moveTo`: where it may send to, by AE title. */
export async function startDcmqrscp(options: readonly string[], moveTo: readonly StoreTarget[], onPort?: number): Promise<DicomServer> {
  const directory = temporaryDirectory('waystation-dcmqrscp-');
  const port = onPort ?? (await freePort());
  mkdirSync(join(directory, 'db'));
  const hosts = moveTo.map(({ aeTitle, host, port: to }, index) => `host${index} = (${aeTitle}, ${host}, ${to})`);
  const tables = [['HostTable', ...hosts], ['VendorTable'], ['AETable', `PACS ${join(directory, 'db')} RW (100, 1024mb) ANY`]];
  const blocks = tables.flatMap(([table, ...rows]) => [`${table} BEGIN`, ...rows, `${table} END`]);
  const config = ['MaxPDUSize = 16384', 'MaxAssociations = 16', ...blocks, ''].join('\n');
  writeFileSync(join(directory, 'dcmqrscp.cfg'), config);
  const program = spawn('dcmqrscp', ['-c', join(directory, 'dcmqrscp.cfg'), ...options, String(port)], {
    stdio: 'ignore',
    env: ENVIRONMENT,
  });
  return started(program, { directory, port, aeTitle: 'PACS', http: '' });
}

type About = { readonly directory: string; readonly port: number; readonly aeTitle: string; readonly http: string };

async function started(program: ChildProcess, { directory, port, aeTitle, http }: About): Promise<DicomServer> {
  const gone = new Promise<void>((resolve) => program.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    program.kill('SIGTERM');
    const impatience = setTimeout(() => program.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await gone;
    clearTimeout(impatience);
    rmSync(directory, { recursive: true, force: true });
  };
  const late = Date.now() + START_TIMEOUT_MS;
  while (!(await answers(port))) {
    if (program.exitCode !== null || Date.now() > late) {
      await stop();
      throw new Error(`${aeTitle} did not start`);
    }
    await pause(50);
  }
  return { target: { host: '127.0.0.1', port, aeTitle }, directory, http, stop };
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const answered = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return answered;
}

/**
 * C-STORE of 500 CT slices of 0.5 MB over one and over four associations, and of one 200 MB object, against the same bytes sent to a
 * receiver that does nothing but file and sync them, and to dcmtk's storescp (which syncs nothing) and Orthanc (which does) where they are
 * installed. What is answered is durable; when all of it is found by QIDO-RS is told beside it. Then one object of 2 GB. The sender is the same process every time.
 */
import { rmSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { type CtSlice, ctPieces, ctSlice } from '../support/ct-slice.ts';
import { type DicomServer, startOrthanc, startStorescp } from '../support/dicom-peers.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { isInstalled } from '../support/programs.ts';
import { openStoreAssociation, type StoreTarget } from '../support/store-sender.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { type Bench, megabytes, milliseconds, ratio } from './measure.ts';
import { averageOf, watchMemory } from './memory.ts';
import { type PlainReceiver, sendPlain, startPlainReceiver } from './plain-receiver.ts';

const SLICES = 500;
const SIDE = 512;
const LARGE_FRAMES = 400;
const HUGE_FRAMES = 4096;
const AIM = 0.5;
/** A large object may raise the gateway's memory by what its buffers hold, not by its size. */
const AIM_GROWTH_BYTES = 64 * 1024 * 1024;
const AIM_HUGE_GROWTH_BYTES = 250 * 1024 * 1024;

type Load = { readonly what: string; readonly associations: number; readonly slices: readonly CtSlice[] };
/** A receiver beside us: how many times as fast as it we aim to be. */
type Other = { readonly name: string; readonly program: string; readonly aim: number; readonly start: () => Promise<DicomServer> };

const OTHERS: readonly Other[] = [
  { name: 'Orthanc, default settings', program: 'Orthanc', aim: 2, start: () => startOrthanc() },
  { name: 'storescp +B, no fsync', program: 'storescp', aim: 0.5, start: startStorescp },
];

export async function benchDicom(bench: Bench): Promise<void> {
  const home = temporaryDirectory('waystation-plain-');
  const plain = await startPlainReceiver(home);
  const gateway = await startGatewayProcess();
  const others = await startOthers(bench);
  try {
    const peaks: number[] = [];
    const authorization = `Bearer ${gateway.addClient('bench', 'operator')}`;
    await storeAll(gateway.dimse, { what: '', associations: 1, slices: slicesOf(9, 20) });
    for (const load of loads()) {
      const limit = await bytesPerSecond(load, () => plainAll(plain, load));
      const memory = watchMemory(gateway.pid);
      const started = performance.now();
      const measured = await bytesPerSecond(load, () => storeAll(gateway.dimse, load));
      const stored = performance.now();
      await allFound(`${gateway.http}/dicomweb`, authorization, load);
      const found = performance.now();
      memory.stop();
      peaks.push(Math.max(...memory.samples));
      bench.add(
        `C-STORE of ${load.what}`,
        speed(load, measured),
        `${ratio(measured, limit)} of TCP to file + fdatasync (${speed(load, limit)}), aim ${AIM}`,
        measured / limit >= AIM,
      );
      bench.add('  until all are found by QIDO-RS', milliseconds(found - started), `${milliseconds(found - stored)} after the last answer`);
      for (const { name, aim, server } of others) {
        const theirs = await bytesPerSecond(load, () => storeAll(server.target, load));
        bench.add(
          `  the same to ${name}`,
          speed(load, theirs),
          `ours is ${ratio(measured, theirs)} of it, aim ${aim}`,
          measured / theirs >= aim,
        );
      }
    }
    const [one = 0, four = 0, large = 0] = peaks;
    bench.add(
      'peak memory of the gateway: 1, 4 associations, 200 MB',
      peaks.map(megabytes).join(' / '),
      'does not grow with the object',
      large < Math.max(one, four) + AIM_GROWTH_BYTES,
    );
    await benchHuge(bench, gateway);
  } finally {
    await plain.stop();
    for (const { server } of others) await server.stop();
    await gateway.kill({ database: true });
    gateway.remove();
    rmSync(home, { recursive: true, force: true });
  }
}

/** An absent program is a line that says so. */
async function startOthers(bench: Bench): Promise<(Other & { readonly server: DicomServer })[]> {
  const started: (Other & { readonly server: DicomServer })[] = [];
  for (const other of OTHERS) {
    if (isInstalled(other.program)) started.push({ ...other, server: await other.start() });
    else bench.add(`C-STORE to ${other.name}`, 'skipped', `${other.program} is not installed`);
  }
  return started;
}

/** The sender holds no more of it than a piece. */
async function benchHuge(bench: Bench, gateway: GatewayProcess): Promise<void> {
  const object = ctPieces(0, { run: 'B', study: 4, accession: 'ACB4', patient: 'PTB4', side: SIDE, frames: HUGE_FRAMES });
  const memory = watchMemory(gateway.pid);
  const before = averageOf(memory.samples, 0, 1);
  const started = performance.now();
  const association = await openStoreAssociation(gateway.dimse);
  const status = await association.storePieces(object, object.pieces());
  await association.release();
  memory.stop();
  if (status !== 0) throw new Error(`C-STORE was answered ${status.toString(16)}`);
  const growth = Math.max(...memory.samples) - before;
  bench.add(
    `C-STORE of one multi-frame object of ${megabytes(object.bytes)}`,
    `${megabytes(object.bytes / ((performance.now() - started) / 1000))}/s`,
    `memory of the gateway: ${megabytes(before)} and ${megabytes(growth)} more, aim 250 MB more`,
    growth < AIM_HUGE_GROWTH_BYTES,
  );
}

/** Each load is made when its turn comes, so that only one is in memory. */
function* loads(): Generator<Load> {
  yield { what: `${SLICES} CT slices over 1 association`, associations: 1, slices: slicesOf(1, SLICES) };
  yield { what: `${SLICES} CT slices over 4 associations`, associations: 4, slices: slicesOf(2, SLICES) };
  const large = ctSlice(0, { run: 'B', study: 3, accession: 'ACB3', patient: 'PTB3', side: SIDE, frames: LARGE_FRAMES });
  yield { what: 'one object of 200 MB', associations: 1, slices: [large] };
}

function slicesOf(study: number, count: number): CtSlice[] {
  return Array.from({ length: count }, (_, n) =>
    ctSlice(n, { run: 'B', study, accession: `ACB${study}`, patient: `PTB${study}`, side: SIDE }),
  );
}

/** The index is made behind the answers. */
async function allFound(dicomweb: string, authorization: string, { slices }: Load): Promise<void> {
  const url = `${dicomweb}/studies/${slices[0]?.studyUid}/instances?limit=1000`;
  for (;;) {
    const answer = await fetch(url, { headers: { authorization } });
    const found = answer.status === 200 ? ((await answer.json()) as unknown[]).length : 0;
    if (found === slices.length) return;
    await pause(20);
  }
}

async function plainAll(receiver: PlainReceiver, load: Load): Promise<void> {
  await Promise.all(
    shares(load).map((slices) =>
      sendPlain(
        receiver.port,
        slices.map(({ dataset }) => dataset),
      ),
    ),
  );
}

async function storeAll(target: StoreTarget, load: Load): Promise<void> {
  await Promise.all(
    shares(load).map(async (slices) => {
      const association = await openStoreAssociation(target);
      for (const slice of slices) {
        const status = await association.store(slice);
        if (status !== 0) throw new Error(`C-STORE was answered ${status.toString(16)}`);
      }
      await association.release();
    }),
  );
}

function shares({ associations, slices }: Load): CtSlice[][] {
  return Array.from({ length: associations }, (_, share) => slices.filter((_slice, index) => index % associations === share));
}

async function bytesPerSecond(load: Load, work: () => Promise<void>): Promise<number> {
  const bytes = load.slices.reduce((sum, { dataset }) => sum + dataset.length, 0);
  const started = performance.now();
  await work();
  return bytes / ((performance.now() - started) / 1000);
}

function speed(load: Load, measured: number): string {
  const bytes = load.slices.reduce((sum, { dataset }) => sum + dataset.length, 0);
  const objects = (measured / bytes) * load.slices.length;
  return load.slices.length === 1 ? `${megabytes(measured)}/s` : `${Math.round(objects)} objects/s`;
}

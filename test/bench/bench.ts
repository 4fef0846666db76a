/**
 * `npm run bench -- [--only start,mapping,mllp,corridor,million,dicom,sending,dicomweb] [--seconds S] [--rate R] [--cases N]`: how fast, against limits that are
 * measured in the same run on the same machine. Everything it writes is in the temporary directory and is deleted.
 */
import { availableParallelism, cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { benchCorridor, type CorridorFigures } from './corridor-bench.ts';
import { benchDicom } from './dicom-bench.ts';
import { benchDicomweb } from './dicomweb-bench.ts';
import { benchMapping } from './mapping-bench.ts';
import { type Bench, lineOf, megabytes, openBench } from './measure.ts';
import { storeCases } from './million.ts';
import { benchMllp } from './mllp-bench.ts';
import { benchSending } from './send-bench.ts';
import { benchStart } from './start-bench.ts';

const PARTS = ['start', 'mapping', 'mllp', 'corridor', 'million', 'dicom', 'sending', 'dicomweb'] as const;
/** What a million stored cases may cost. */
const AIM_SLOWER = 1.2;

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: PARTS.join(',') },
    seconds: { type: 'string', default: '60' },
    rate: { type: 'string', default: '1000' },
    cases: { type: 'string', default: '1000000' },
  },
});
const parts = values.only.split(',');
const unknown = parts.filter((part) => !(PARTS as readonly string[]).includes(part));
if (unknown.length > 0) throw new Error(`--only takes ${PARTS.join(', ')}; not ${unknown.join(', ')}`);

const started = Date.now();
const bench = openBench(console.log);
console.log(`node ${process.version}, ${availableParallelism()} × ${cpus()[0]?.model}, ${megabytes(totalmem())} of memory`);
if (parts.includes('start')) await benchStart(bench);
if (parts.includes('mapping')) benchMapping(bench);
if (parts.includes('mllp')) await benchMllp(bench, Math.max(2, Number(values.seconds) / 10));
if (parts.includes('corridor') || parts.includes('million')) await benchCorridors(bench);
if (parts.includes('dicom')) await benchDicom(bench);
if (parts.includes('sending')) await benchSending(bench);
if (parts.includes('dicomweb')) await benchDicomweb(bench);
console.log(`\n${bench.rows.map(lineOf).join('\n')}\n\n${Math.round((Date.now() - started) / 1000)} s`);
process.exit(bench.rows.every(({ held }) => held !== false) ? 0 : 1);

/** The empty and the full house are the same gateway, so that nothing but the stored cases differs. */
async function benchCorridors(bench: Bench): Promise<void> {
  const gateway = await startGatewayProcess();
  try {
    const reader = { http: gateway.http, token: gateway.addClient('bench', 'operator') };
    const load = { seconds: Number(values.seconds), rate: Number(values.rate) };
    const empty = await benchCorridor(bench, gateway, reader, { ...load, title: 'corridor', run: 'E' });
    if (!parts.includes('million')) return;
    const cases = Number(values.cases);
    await storeCases(bench, gateway, cases, 'E');
    const title = `${cases.toLocaleString('en')} cases`;
    const full = await benchCorridor(bench, gateway, reader, { ...load, title, run: 'F' });
    compare(bench, title, empty, full);
  } finally {
    await endOf(gateway);
  }
}

function compare(bench: Bench, title: string, empty: CorridorFigures, full: CorridorFigures): void {
  const slower = full.searchableP50 / empty.searchableP50;
  const rate = full.rate / empty.rate;
  bench.add(
    `${title}: rate, and p50 to searchable, against empty`,
    `${rate.toFixed(2)} ×, ${slower.toFixed(2)} ×`,
    'aim within 20 %',
    rate > 1 / AIM_SLOWER && slower < AIM_SLOWER,
  );
}

async function endOf(gateway: GatewayProcess): Promise<void> {
  await gateway.kill({ database: true });
  gateway.remove();
}

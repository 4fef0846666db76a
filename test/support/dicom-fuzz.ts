/**
 * Mutated objects and conversations at both DICOM doors of a gateway, from outside. In: a seed and bounds. Out: what became of the mutants, and
 * faults: a gateway that dies, hangs, answers 500, says it has something and does not serve it byte for byte, leaves files, or grows.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isFailure } from '../../src/model/failure.ts';
import { readPart10 } from '../../src/protocols/dicom/part10.ts';
import { ATTACKS, type FuzzSeed, type FuzzTarget } from './dicom-attacks.ts';
import { ctSlice } from './dicom-objects.ts';
import { type GatewayProcess, startGatewayProcess } from './gateway-process.ts';
import { partsOf } from './multipart.ts';
import { below } from './mutation.ts';
import { seededRandom } from './random.ts';
import { storeObjects } from './store-objects.ts';

const CORPUS = '../shared/corpora/dicom';
/** Larger ones only take time. */
const MAX_SEED_BYTES = 64 * 1024;
const LANES = 4;
const LOOK_EVERY = 200;
/** A mutant that the gateway has neither answered nor hung up on by then is left hanging. */
const ANSWER_MS = 60_000;
const MAX_FAULTS = 20;
const MAX_RSS_BYTES = 1024 * 1024 * 1024;
const DEFLATED = '1.2.840.10008.1.2.1.99';

export type FuzzBounds = {
  readonly seed: number;
  readonly mutants: number;
  readonly seconds: number;
  readonly tell?: (line: string) => void;
};

export type FuzzReport = {
  mutants: number;
  /** Answered with success, and served byte for byte under the UID of the mutant. */
  taken: number;
  refused: number;
  /** Aborted, or hung up on. */
  closed: number;
  /** Most memory of the gateway. */
  peakBytes: number;
  readonly faults: string[];
};

/** `mutants`, or as many as `seconds` allow. The mutant n of a seed is that of the seed + n alone. */
export async function fuzzDicomDoors({ seed, mutants, seconds, tell = () => {} }: FuzzBounds): Promise<FuzzReport> {
  const report: FuzzReport = { mutants: 0, taken: 0, refused: 0, closed: 0, peakBytes: 0, faults: [] };
  const gateway = await startGatewayProcess();
  const target = { http: gateway.http, dimsePort: gateway.dimse.port, token: gateway.addClient('fuzz', 'operator') };
  const seeds = seedObjects();
  const until = Date.now() + seconds * 1000;
  const lane = async (): Promise<void> => {
    while (report.mutants < mutants && Date.now() < until && report.faults.length < MAX_FAULTS) {
      const n = report.mutants++;
      await sendMutant(target, seeds, seed + n, report);
      if (n % LOOK_EVERY !== LOOK_EVERY - 1) continue;
      await lookAt(gateway, seed + n, report);
      tell(wordsOf(report));
    }
  };
  try {
    await Promise.all(Array.from({ length: LANES }, lane));
    await lookAt(gateway, seed + report.mutants, report);
    report.faults.push(...leftFiles(gateway));
  } finally {
    const code = await gateway.stop();
    if (code !== 0) report.faults.push(`the gateway ended with ${code}: ${gateway.log().slice(-2_000)}`);
    gateway.remove();
  }
  return report;
}

export function wordsOf({ mutants, taken, refused, closed, faults, peakBytes }: FuzzReport): string {
  const memory = `${Math.round(peakBytes / 1024 / 1024)} MB`;
  return `${mutants} mutants: ${taken} taken and served, ${refused} refused, ${closed} connections ended; ${memory}; ${faults.length} faults`;
}

async function sendMutant(target: FuzzTarget, seeds: readonly FuzzSeed[], number: number, report: FuzzReport): Promise<void> {
  const random = seededRandom(number);
  const object = withUidOf(seeds[below(random, seeds.length)] as FuzzSeed, number);
  const other = (seeds[below(random, seeds.length)] as FuzzSeed).dataset;
  const [name, attack] = ATTACKS[below(random, ATTACKS.length)] as (typeof ATTACKS)[number];
  try {
    const outcome = await Promise.race([attack(target, object, random, other), tooLong()]);
    report[outcome.kind]++;
    // Under a UID that came in with foreign bytes another mutant may be there already: the first stays.
    if (outcome.kind === 'taken' && outcome.sopInstanceUid === object.sopInstanceUid) await holdServed(target, { ...object, ...outcome });
  } catch (error) {
    report.faults.push(`${name} ${number}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

type Row = Readonly<Record<string, { readonly Value?: readonly string[] }>>;

async function tooLong(): Promise<never> {
  await pause(ANSWER_MS, undefined, { ref: false });
  throw new Error('was neither answered nor hung up on');
}

/** What was answered with success is found by its UID and comes back as it was sent. */
async function holdServed({ http, token }: FuzzTarget, { sopInstanceUid, transferSyntax, dataset }: FuzzSeed): Promise<void> {
  const ask = (path: string, accept: string) =>
    fetch(`${http}/dicomweb/${path}`, { headers: { authorization: `Bearer ${token}`, accept } });
  const find = async (): Promise<Row | undefined> => {
    const found = await ask(`instances?SOPInstanceUID=${sopInstanceUid}`, 'application/dicom+json');
    return found.status === 200 ? ((await found.json()) as Row[])[0] : undefined;
  };
  let row = await find();
  // The corridor has its turn after the answer.
  for (const until = Date.now() + ANSWER_MS; !row && Date.now() < until; row = await find()) await pause(100);
  if (!row) throw new Error(`was taken, and is not found: ${sopInstanceUid}`);
  const [study, series] = ['0020000D', '0020000E'].map((tag) => encodeURIComponent(row[tag]?.Value?.[0] ?? ''));
  const path = `studies/${study}/series/${series}/instances/${sopInstanceUid}`;
  const [part] = await partsOf(await ask(path, 'multipart/related; type="application/dicom"; transfer-syntax=*'));
  const file = part?.body ?? Buffer.alloc(0);
  const meta = readPart10(file);
  if (isFailure(meta)) throw new Error(`was taken, and is served as no file: ${meta.detail}`);
  if (!file.subarray(meta.datasetOffset).equals(dataset) || meta.transferSyntax !== transferSyntax)
    throw new Error('was taken, and is served otherwise');
}

/** Whether the next sender is served, and how large the gateway has become. */
async function lookAt(gateway: GatewayProcess, number: number, report: FuzzReport): Promise<void> {
  report.peakBytes = peakOf(gateway.pid);
  if (report.peakBytes > MAX_RSS_BYTES) report.faults.push(`after ${number}: the gateway has ${report.peakBytes} bytes`);
  try {
    await storeObjects(gateway.dimse.port, [ctSlice({ seriesUid: `2.25.77.${number}` })]);
  } catch (error) {
    report.faults.push(`after ${number}: a right object is not taken: ${error instanceof Error ? error.message : ''}`);
  }
}

function peakOf(pid: number): number {
  if (!existsSync(`/proc/${pid}/status`)) return 0;
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
}

/** Files begun and never finished. */
function leftFiles(gateway: GatewayProcess): string[] {
  const left = readdirSync(join(gateway.directory, 'data/blobs/tmp'));
  return left.length > 0 ? [`${left.length} unfinished files are left`] : [];
}

/** An object of ours, and whatever is small in the corpora. */
function seedObjects(): FuzzSeed[] {
  return [ctSlice(), ...corpusFiles().flatMap(seedOf)];
}

function corpusFiles(): string[] {
  if (!existsSync(CORPUS)) return [];
  const files = readdirSync(CORPUS, { recursive: true, encoding: 'utf8' }).map((name) => join(CORPUS, name));
  return files.sort().filter((file) => statSync(file).isFile() && statSync(file).size <= MAX_SEED_BYTES);
}

/** Deflated datasets hide their UIDs: they are left out, for every mutant has a UID of its own. */
function seedOf(file: string): FuzzSeed[] {
  const bytes = readFileSync(file);
  const meta = readPart10(bytes);
  if (isFailure(meta) || meta.transferSyntax === DEFLATED || meta.sopInstanceUid.length < MIN_UID) return [];
  return [{ ...meta, dataset: bytes.subarray(meta.datasetOffset) }];
}

const MIN_UID = 20;

/** The same object under a SOP Instance UID that no other mutant has, of the same length where it is a file's. */
function withUidOf(seed: FuzzSeed, number: number): FuzzSeed {
  if (seed.sopInstanceUid.length < MIN_UID) return { ...seed, ...ctSlice({ seriesUid: `2.25.78.${number}` }) };
  const sopInstanceUid = `${seed.sopInstanceUid.slice(0, -9)}1${String(number % 1e8).padStart(8, '0')}`;
  const dataset = Buffer.from(seed.dataset.toString('latin1').replaceAll(seed.sopInstanceUid, sopInstanceUid), 'latin1');
  return { ...seed, sopInstanceUid, dataset };
}

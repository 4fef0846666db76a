/**
 * Sends one message at each door of a gateway that is being traced, and finds in the trace what lies between the last byte in and the
 * answer out. Out: the steps as they happened, one chain a door; a step that is missing or out of order is an Error that names it.
 * Imports nothing from src.
 */
import { type CtSlice, ctSlice } from './ct-slice.ts';
import { type GatewayProcess, startGatewayProcess } from './gateway-process.ts';
import { startMllpLoad } from './mllp-load.ts';
import { type Order, orderMessage } from './order-message.ts';
import { openStoreAssociation } from './store-sender.ts';
import { type Call, startTrace, withDescendants } from './syscall-trace.ts';

export type Step = { readonly says: string; readonly call: Call };
export type Chains = {
  readonly mllp: readonly Step[];
  readonly dimse: readonly Step[];
  /** What is done with the object behind its sender's back, until nothing of it is needed in the landing log. */
  readonly landed: readonly Step[];
  /** An object that is too large to land. */
  readonly large: readonly Step[];
};

export async function traceDoors(): Promise<Chains> {
  const order = orderMessage(1, { run: 'F' });
  const slice = ctSlice(1, { run: 'F', study: 1, accession: order.accession, patient: order.patient, side: 128 });
  const large = ctSlice(2, { run: 'F', study: 1, accession: order.accession, patient: order.patient, side: 512, frames: 5 });
  const gateway = await startGatewayProcess();
  try {
    const trace = await startTrace([gateway.pid, ...withDescendants(gateway.databasePid() as number)]);
    let calls: Call[] = [];
    try {
      await sendOne(gateway, order, slice);
      await sendObject(gateway, large);
      await gateway.stop();
    } finally {
      calls = await trace.stop();
    }
    const done = calls.filter(({ result }) => !result.startsWith('-1 '));
    return {
      mllp: mllpChain(done, order.controlId, gateway.mllp.port),
      dimse: dimseChain(done, slice.sopInstanceUid, gateway.dimse.port),
      landed: landedChain(done, slice.sopInstanceUid),
      large: largeChain(done, large.sopInstanceUid, gateway.dimse.port),
    };
  } finally {
    await gateway.kill({ database: true });
    gateway.remove();
  }
}

async function sendOne(gateway: GatewayProcess, order: Order, slice: CtSlice): Promise<void> {
  await startMllpLoad({ address: () => gateway.mllp, connections: 1, rate: 1, seconds: 0.5, message: () => order }).finished;
  await sendObject(gateway, slice);
}

async function sendObject(gateway: GatewayProcess, slice: CtSlice): Promise<void> {
  const association = await openStoreAssociation(gateway.dimse);
  const status = await association.store(slice);
  await association.release();
  if (status !== 0) throw new Error(`C-STORE was answered ${status.toString(16)}`);
}

/** Message read, its bytes in the write-ahead log, the log on disk, answer written. */
export function mllpChain(calls: readonly Call[], controlId: string, port: number): Step[] {
  const chain = chainIn(calls);
  chain.next('the message is read', (call) => READS.has(call.name) && onPort(call, port) && call.args.includes(controlId));
  throughLog(calls, chain, controlId);
  chain.next('the acknowledgment is written', (call) => WRITES.has(call.name) && onPort(call, port) && call.args.includes('MSA|'));
  refuseEarlier(calls, chain.steps, (call) => WRITES.has(call.name) && onPort(call, port) && call.args.includes('MSA|'));
  if (!chain.steps.at(-1)?.call.args.includes(`MSA|AA|${controlId}`)) throw new Error('the acknowledgment is not AA');
  return chain.steps;
}

/** Object in the landing log, which has all of its room already; the log on disk, C-STORE-RSP written. */
export function dimseChain(calls: readonly Call[], sopInstanceUid: string, port: number): Step[] {
  const chain = chainIn(calls);
  chain.next('the object is read', (call) => READS.has(call.name) && onPort(call, port) && call.args.includes(sopInstanceUid));
  const landed = chain.next('it is in the landing log', (call) => isLanding(call, sopInstanceUid));
  chain.next('the landing log is on disk', (call) => SYNCS.has(call.name) && fileOf(call) === fileOf(landed));
  const answered = (call: Call) => WRITES.has(call.name) && onPort(call, port) && P_DATA.test(call.args);
  chain.next('the C-STORE-RSP is written', answered);
  refuseEarlier(calls, chain.steps, answered);
  return chain.steps;
}

/** Named, index row and journal on disk, file and name on disk: only then its segment is told to be free. */
export function landedChain(calls: readonly Call[], sopInstanceUid: string): Step[] {
  const chain = chainIn(calls);
  const landed = chain.next('it is in the landing log', (call) => isLanding(call, sopInstanceUid));
  const named = chain.next(
    'the file gets its name',
    (call) => call.name.startsWith('rename') && /\/blobs\/tmp\/\d+-landing-/.test(call.args),
  );
  const path = (/, "([^"]+)"[^"]*$/.exec(named.args)?.[1] ?? '') as string;
  throughLog(calls, chain, sopInstanceUid);
  chain.next('the file is on disk', (call) => SYNCS.has(call.name) && fileOf(call) === path);
  chain.next('the name is on disk', (call) => SYNCS.has(call.name) && fileOf(call) === path.replace(/\/[^/]+$/, ''));
  const isFreed = (call: Call) => WRITES.has(call.name) && fileOf(call) === fileOf(landed) && !isLanding(call, '');
  chain.next('its segment is free', isFreed);
  refuseEarlier(calls, chain.steps, isFreed);
  return chain.steps;
}

/** Object in a temporary file, file on disk, named, name on disk, index row and journal on disk, C-STORE-RSP written. */
export function largeChain(calls: readonly Call[], sopInstanceUid: string, port: number): Step[] {
  const chain = chainIn(calls);
  chain.next('the object is read', (call) => READS.has(call.name) && onPort(call, port) && call.args.includes(sopInstanceUid));
  const written = chain.next('its last bytes are written', isLastWrite(calls));
  const temporary = fileOf(written);
  chain.next('the file is on disk', (call) => SYNCS.has(call.name) && fileOf(call) === temporary);
  const named = chain.next('the file gets its name', (call) => call.name.startsWith('rename') && call.args.includes(`"${temporary}"`));
  const directory = (/, "([^"]+)\/[^/"]+"[^"]*$/.exec(named.args)?.[1] ?? '') as string;
  chain.next('the name is on disk', (call) => SYNCS.has(call.name) && fileOf(call) === directory);
  throughLog(calls, chain, sopInstanceUid);
  const answered = (call: Call) => WRITES.has(call.name) && onPort(call, port) && P_DATA.test(call.args);
  chain.next('the C-STORE-RSP is written', answered);
  refuseEarlier(calls, chain.steps, answered);
  return chain.steps;
}

/**
 * In the log, on disk after the database was told to commit, and only then told as committed. One statement commits by itself; several end
 * with COMMIT. Either way the database is done when it says ReadyForQuery outside of a transaction (protocol 3.0, message `Z`, state `I`).
 */
function throughLog(calls: readonly Call[], chain: Chain, id: string): void {
  const begun = chain.steps.at(-1)?.call.returned ?? 0;
  const insert = calls.find((call) => call.entered > begun && call.name === 'recvfrom' && isDatabase(call) && call.args.includes(id));
  const since = (name: string) => (call: Call) => call.pid === insert?.pid && call.entered > insert.entered && call.name === name;
  const done = calls.find((call) => since('sendto')(call) && call.args.includes(READY));
  const commit = calls.find((call) => since('recvfrom')(call) && isCommand(call, 'commit') && call.entered < (done?.entered ?? 0));
  const told = (commit ?? insert)?.returned ?? Number.POSITIVE_INFINITY;
  const logged = chain.next('it is in the write-ahead log', (call) => call.name === 'pwrite64' && isLog(call) && call.args.includes(id));
  chain.next('the log is on disk', (call) => SYNCS.has(call.name) && call.entered > told && fileOf(call) === fileOf(logged));
  chain.next('the database says so', (call) => call === done);
}

const READY = 'Z\\0\\0\\0\\5I';

type Chain = { readonly steps: Step[]; next(says: string, is: (call: Call) => boolean): Call };

/** Each next call must have been entered after the one before had returned; what is sent may be read while the sender is still in the call. */
function chainIn(calls: readonly Call[]): Chain {
  const inOrder = calls.toSorted((a, b) => a.entered - b.entered);
  const steps: Step[] = [];
  return {
    steps,
    next: (says, is) => {
      const before = steps.at(-1)?.call;
      const after = (before?.name === 'sendto' ? before.entered : before?.returned) ?? -1;
      const call = inOrder.find((candidate) => candidate.entered > after && is(candidate));
      if (!call) throw new Error(`not seen: ${says}, after: ${steps.map((step) => step.says).join(', ') || 'nothing'}`);
      steps.push({ says, call });
      return call;
    },
  };
}

/** The chain ends with the first answer after the sync; there must be none before it. */
function refuseEarlier(calls: readonly Call[], steps: readonly Step[], isAnswer: (call: Call) => boolean): void {
  const [first, last] = [steps[0] as Step, steps.at(-1) as Step];
  const early = calls.find((call) => call.entered > first.call.returned && call.entered < last.call.entered && isAnswer(call));
  if (early) throw new Error(`an answer was written before: ${last.says}`);
}

/** Its beginning is that of a record (WSLAND), not of zeros. */
function isLanding(call: Call, id: string): boolean {
  return WRITES.has(call.name) && /\/landing\/\d+$/.test(fileOf(call)) && call.args.includes('WSLAND') && call.args.includes(id);
}

function isLastWrite(calls: readonly Call[]): (call: Call) => boolean {
  const last = calls.findLast((call) => WRITES.has(call.name) && /\/blobs\/tmp\/(?!\d+-landing-)/.test(fileOf(call)));
  return (call) => call === last;
}

/** The file or socket of the first descriptor: `17</path>`, `21<TCP:[127.0.0.1:2575->…` as far as the arrow. */
function fileOf(call: Call): string {
  return /^\d+<([^>]*)>/.exec(call.args)?.[1] ?? '';
}

function onPort(call: Call, port: number): boolean {
  return fileOf(call) === `TCP:[127.0.0.1:${port}-`;
}

/** A simple query on the database's socket (protocol 3.0, message `Q`). */
function isCommand(call: Call, sql: string): boolean {
  return call.name === 'recvfrom' && isDatabase(call) && call.args.includes(`${sql}\\0"`);
}

function isDatabase(call: Call): boolean {
  return call.args.includes('.s.PGSQL.');
}

function isLog(call: Call): boolean {
  return fileOf(call).includes('/pg_wal/');
}

const READS = new Set(['read', 'recvfrom', 'recvmsg']);
const WRITES = new Set(['write', 'writev', 'sendto', 'sendmsg', 'pwrite64', 'pwritev', 'pwritev2']);
const SYNCS = new Set(['fdatasync', 'fsync']);
/** P-DATA-TF is PDU type 4 (PS3.8 §9.3.5); data is the first quoted argument, or the first of the vector. */
const P_DATA = /^[^"]*"\\4\\0/;

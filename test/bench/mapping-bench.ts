/**
 * What mapping costs a core, against reading alone: an order of 1 KB read and mapped, read with every value taken out of it, and the first component of
 * every field taken out by node-hl7-client. CPU time, the least of several runs, so that what else the machine does counts little. And how much memory a result of
 * 20 MB with an embedded document takes on its way through mapping, in a process of its own.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { Message } from 'node-hl7-client';
import { peerDirectory } from '../../src/config/peers.ts';
import type { MessageEntry } from '../../src/mapping/map-context.ts';
import { mapHl7v2 } from '../../src/mapping/registry.ts';
import type { Peer } from '../../src/model/peer.ts';
import { parseMessage } from '../../src/protocols/hl7v2/message.ts';
import { orderMessage } from '../support/order-message.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { testConfig } from '../support/test-config.ts';
import { type Bench, megabytes, ratio } from './measure.ts';

const MESSAGES = 200;
const RUNS = 60;
/** A third of the speed of reading alone. */
const AIM = 1 / 3;
const DOCUMENT_BYTES = 15 * 1024 * 1024;
const AIM_MEMORY = 6;

export function benchMapping(bench: Bench): void {
  const peer = peerDirectory(testConfig()).named('load') as Peer;
  const entries = Array.from({ length: MESSAGES }, (_, n) => entryOf(orderMessage(n, { run: 'B' }).bytes, 'ORM^O01', peer.name));
  const others = entries.slice(0, MESSAGES / 10).map(({ payload }) => payload.toString('utf8').trimEnd());
  const mapped = cpuOf(entries, (entry) => mapHl7v2(entry, { peer }));
  const read = cpuOf(entries, ({ payload }) => readAll(payload));
  const other = cpuOf(others, readAllElsewhere);
  bench.add('1 KB order: read, every value taken out', microseconds(read));
  bench.add('the first component of every field, by node-hl7-client', microseconds(other));
  bench.add(
    'read and mapped to FHIR, against reading',
    microseconds(mapped),
    `${ratio(read, mapped)} of its speed, aim 0.33`,
    read / mapped >= AIM,
  );
  bench.add('read and mapped, against node-hl7-client reading', microseconds(mapped), `${ratio(other, mapped)} of its speed`);
  benchMemory(bench, peer.name);
}

/** Microseconds each. */
function cpuOf<T>(items: readonly T[], work: (item: T) => unknown): number {
  const runs = Array.from({ length: RUNS }, () => {
    const before = process.cpuUsage();
    for (const item of items) work(item);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / items.length;
  });
  return Math.min(...runs);
}

function readAll(bytes: Buffer): number {
  const message = parseMessage(bytes);
  if ('failure' in message) throw new Error(message.detail);
  let values = 0;
  for (const segment of message.segments) for (let field = 1; field <= segment.length; field++) values += segment.tree(field).length;
  return values;
}

function readAllElsewhere(text: string): number {
  const message = new Message({ text });
  let values = 0;
  for (const line of text.split('\r')) {
    const fields = line.split('|');
    for (let field = 2; field < fields.length; field++)
      if (fields[field] !== '') values += message.get(`${fields[0]}.${field}.1`).toString().length;
  }
  return values;
}

function benchMemory(bench: Bench, peer: string): void {
  const directory = temporaryDirectory('waystation-mapping-');
  const document = Buffer.alloc(DOCUMENT_BYTES, '%PDF-1.4 invented ').toString('base64');
  const bytes = Buffer.from(`${RESULT_HEAD}OBX|1|ED|PDF^Report^L||^application^pdf^Base64^${document}||||||F\r`);
  writeFileSync(`${directory}/result.hl7`, bytes);
  const script = new URL('./mapping-memory.ts', import.meta.url).pathname;
  const grown = Number(execFileSync(process.execPath, [script, `${directory}/result.hl7`, peer], { encoding: 'utf8' }));
  const times = grown / bytes.length;
  bench.add(
    `result of ${megabytes(bytes.length)} with an embedded document: memory to read and map it`,
    megabytes(grown),
    `${times.toFixed(1)} × its size, aim under ${AIM_MEMORY}`,
    times < AIM_MEMORY,
  );
}

export function entryOf(payload: Buffer, type: string, peer: string): MessageEntry {
  return { peer, type, controlId: 'B1', digest: createHash('sha256').update(payload).digest(), payload, received: new Date() };
}

function microseconds(value: number): string {
  return `${Math.round(value)} µs`;
}

const RESULT_HEAD = [
  'MSH|^~\\&|LOADRIS|INVENTED|WAYSTATION|REMOTE|20260302093000||ORU^R01^ORU_R01|B1|P|2.5.1||||||UNICODE UTF-8',
  'PID|1||PT1^^^HOSP^MR||Invented^Ada||19500101|F',
  'OBR|1|PL1^LOADRIS|FL1^LOADRIS|CTHEAD^CT head without contrast^LOCAL|||20260302090000|||||||||||||||20260302093000||CT|F',
  '',
].join('\r');

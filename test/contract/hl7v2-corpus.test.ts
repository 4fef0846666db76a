/**
 * Every HL7 v2 message of the third-party corpora, through the real door of a real gateway and down its corridor; hl7v2-corpus.tsv says
 * what is answered and what becomes of it, and why. A new file in the corpora without a line in the table fails.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { isFailure } from '../../src/model/failure.ts';
import { parseAck } from '../../src/protocols/hl7v2/ack.ts';
import { frame } from '../../src/protocols/hl7v2/framer.ts';
import { isRefusal, readHeader } from '../../src/protocols/hl7v2/header.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { openTestDoor } from '../support/mllp-door.ts';
import { callPeer, type ScriptedPeer } from '../support/scripted-peer.ts';

const CORPUS = '../shared/corpora/hl7v2';
const TABLE = 'test/contract/hl7v2-corpus.tsv';
const here = existsSync(CORPUS);
const withCorpus = here ? describe : describe.skip;

type Row = { readonly file: string; readonly type: string; readonly answer: string; readonly ignoring: string; readonly produced: string };

function readTable(): Row[] {
  const lines = readFileSync(TABLE, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  return lines.slice(1).map((line) => {
    const [file = '', type = '', msa1, err3, ignoringMsa1, ignoringErr3, produced = ''] = line.split('\t');
    return { file, type, answer: `${msa1} ${err3}`, ignoring: `${ignoringMsa1} ${ignoringErr3}`, produced };
  });
}

const rows = readTable();

withCorpus('every message of the HL7 v2 corpora', () => {
  let gateway: GatewayProcess;
  let answers: readonly string[];
  let made: readonly string[];
  let ignoring: readonly string[];

  beforeAll(async () => {
    gateway = await startGatewayProcess();
    const peer = await callPeer(gateway.mllp.port, gateway.mllp.host);
    const operations = operationsOf(gateway);
    // One after the other, or what is older than what came before would be decided by chance.
    answers = await sendAll(
      peer,
      ({ answer }) => answer,
      () => settled(operations),
    );
    peer.hangUp();
    made = await producedBy(operations);
    const door = await openTestDoor({ everyone: { otherMessages: 'ignored' } });
    ignoring = await sendAll(await door.call(), ({ ignoring: answer }) => answer);
    await door.close();
  });
  afterAll(async () => {
    await gateway.stop();
    gateway.remove();
  });

  it('is in the table, and no other', () => {
    const files = readdirSync(CORPUS, { recursive: true }).map(String);
    const messages = files.filter((file) => /\.hl7$|\.hl7_.*\.txt$/.test(file)).map((file) => file.replaceAll('\\', '/'));
    expect(rows.map((row) => row.file)).toEqual(messages.sort());
  });

  it.each(rows.map((row, index) => ({ ...row, index })))('$file ($type): $answer; $produced', ({ index, answer, produced }) => {
    expect(answers[index]).toBe(answer);
    expect(made[index]).toBe(produced);
  });

  it.each(rows.map((row, index) => ({ ...row, index })))(
    '$file: $ignoring where other messages are ignored',
    ({ index, ignoring: answer }) => {
      expect(ignoring[index]).toBe(answer);
    },
  );
});

/** No answer, for MSH-15 asks for none. */
const SILENCE = '- -';

/**
 * `MSA-1 ERR-3` of each file, in the order of the table; `-` where there is no error. Where none is to come none is waited for: one that
 * comes all the same is taken for the next one's, and is not that by its code or its control id.
 */
async function sendAll(
  peer: ScriptedPeer,
  expected: (row: Row) => string,
  afterEach: () => Promise<void> = async () => {},
): Promise<string[]> {
  const answers: string[] = [];
  for (const row of rows) {
    const message = readFileSync(`${CORPUS}/${row.file}`);
    peer.send(frame(message));
    if (expected(row) === SILENCE) {
      answers.push(SILENCE);
      continue;
    }
    const block = await peer.receiveUntil(Buffer.from('\x1c\r'));
    const ack = parseAck(block.subarray(1, -2));
    const sent = readHeader(message);
    const other = !isRefusal(sent) && !isFailure(ack) && ack.controlId !== sent.controlId.trim();
    answers.push(isFailure(ack) || other ? `no answer to ${row.file}` : `${ack.code} ${ack.errors.join(' ') || '-'}`);
    await afterEach();
  }
  return answers;
}

/** What is asked of the operations door here. */
type Operations = { readonly depth: () => Promise<number>; readonly journal: (query: string) => Promise<JournalPage> };
type JournalPage = {
  readonly rows: readonly { readonly seq: number; readonly kind: string; readonly produced: readonly string[] }[];
  readonly next: string | null;
};

function operationsOf(gateway: GatewayProcess): Operations {
  const token = gateway.addClient('auditor', 'operator');
  const ask = async (path: string) => {
    const answer = await fetch(`${gateway.http}/operations/${path}`, { headers: { authorization: `Bearer ${token}` } });
    return answer.json();
  };
  return { depth: async () => (await ask('status')).pending.depth, journal: (query) => ask(`journal?${query}`) };
}

async function settled({ depth }: Operations): Promise<void> {
  while ((await depth()) > 0) await new Promise((soon) => setTimeout(soon, 5));
}

/** The types that the corridor made of each message. Each message of the table has one line in the journal. */
async function producedBy(operations: Operations): Promise<string[]> {
  await settled(operations);
  const entries: JournalPage['rows'][number][] = [];
  for (let next: string | null = ''; next !== null; ) {
    const page = await operations.journal(`limit=100${next === '' ? '' : `&before=${next}`}`);
    entries.push(...page.rows.filter(({ kind }) => kind === 'hl7v2'));
    next = page.next;
  }
  return entries.sort((a, b) => a.seq - b.seq).map(({ produced }) => produced.join(' ') || '-');
}

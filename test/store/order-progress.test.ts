/** How the orders of one message get on is told for each, and the message is read once for all of them. */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { openCorridor } from '../../src/corridor-worker.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { type Corridor, runBatch } from '../../src/pipeline.ts';
import type { Database, Transaction } from '../../src/store/database.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { testConfig } from '../support/test-config.ts';

const ORDERS = 40;
const YAML = `
destinations: [{ kind: mllp, name: ris-in, host: 127.0.0.1, port: 1, status: osu }]
peers: [{ name: ris, mllp: { application: RIS }, returns: [ris-in] }]
`;

let fresh: FreshDatabase;
let corridor: Corridor;
let reads = 0;

beforeAll(async () => {
  fresh = await freshDatabase();
  const file = join(temporaryDirectory('waystation-progress-'), 'waystation.yaml');
  writeFileSync(file, YAML);
  const opened = await openCorridor(fresh.database, testConfig({ WAYSTATION_CONFIG: file }), silentLog);
  corridor = { ...opened, database: counted(fresh.database) };
});
afterAll(() => fresh.drop());

/** Counts how often a transaction reads one entry of the journal by its number. */
function counted(database: Database): Database {
  const counting = (tx: Transaction): Transaction => ({
    ...tx,
    query: (text, values) => {
      if (text === 'select * from journal where seq = $1') reads++;
      return tx.query(text, values);
    },
  });
  return { ...database, transaction: (work) => database.transaction((tx) => work(counting(tx))) };
}

async function send(control: string): Promise<void> {
  const orders = Array.from({ length: ORDERS }, (_, n) => [`ORC|${control}|P${n}^RIS`, `OBR|${n + 1}|P${n}^RIS||24725-4^CT Head^LN`]);
  const head = [`MSH|^~\\&|RIS|H|W|W|20260302081500||ORM^O01|${control}|P|2.5.1`, 'PID|1||4711^^^HOSP^MR||Muster^Erika'];
  const payload = Buffer.from(`${[...head, ...orders.flat()].join('\r')}\r`);
  const digest = createHash('sha256').update(payload).digest();
  const entry = { kind: 'hl7v2', peer: 'ris', type: 'ORM^O01', controlId: control, digest, lane: 'ris', payload } as const;
  const rest = { blob: null, disposition: 'accepted', answer: Buffer.alloc(0), effects: [], detail: '', received: new Date() } as const;
  await openJournal(fresh.database).append({ ...entry, ...rest });
  while ((await runBatch(corridor)) > 0);
}

it('the progress of each order is told, from one reading of the message that brought them', async () => {
  await send('NW');
  reads = 0;
  await send('CA');
  const { rows } = await fresh.database.query<{ content: Buffer }>(`select content from delivery where kind = 'order-status' order by id`);
  const told = rows.map(({ content }) => /\rORC\|([^|]*)\|([^|]*)\|\|\|([^|]*)/.exec(content.toString('utf8'))?.slice(1).join(' '));
  expect(told.sort()).toEqual(Array.from({ length: ORDERS }, (_, n) => `SC P${n}^RIS CA`).sort());
  expect(reads).toBe(1);
});

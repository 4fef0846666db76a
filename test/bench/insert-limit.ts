/**
 * What the database takes when nothing stands in front of it: the limit that the MLLP door is measured against.
 * 32 messages of 1 KB a transaction, one transaction after the other: 32 writers whose every commit is shared by all of them.
 * `bare` writes the bytes into a table that has a key and nothing else, `journal` runs the journal's own statement.
 */
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import type { NewEntry } from '../../src/model/entry.ts';
import { type Database, openDatabase } from '../../src/store/database.ts';
import { startEmbedded } from '../../src/store/embedded-server.ts';
import { insertEntries } from '../../src/store/journal-store.ts';
import { migrate } from '../../src/store/migration-store.ts';
import { pack } from '../../src/store/packed.ts';
import { type Order, orderMessage } from '../support/order-message.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const WRITERS = 32;

/** Messages a second. */
export type InsertLimit = { readonly bare: number; readonly journal: number };

/** On an embedded server of its own, which is deleted afterwards. */
export async function measureInsertLimit(seconds: number): Promise<InsertLimit> {
  const home = temporaryDirectory('waystation-limit-');
  const server = await startEmbedded({ dataDirectory: home, log: silentLog });
  const database = openDatabase(server.url, { max: 2 });
  try {
    await migrate(database);
    await database.query('create table bare (seq bigint generated always as identity primary key, payload bytea not null)');
    const bare = await repeat(seconds, (orders) => insertBare(database, orders));
    const journal = await repeat(seconds, (orders) => insertJournal(database, orders));
    return { bare, journal };
  } finally {
    await database.close();
    await server.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

async function repeat(seconds: number, insert: (orders: readonly Order[]) => Promise<void>): Promise<number> {
  const started = performance.now();
  let written = 0;
  while (performance.now() < started + seconds * 1000) {
    await insert(Array.from({ length: WRITERS }, (_, index) => orderMessage(written + index, { run: 'L' })));
    written += WRITERS;
  }
  return written / ((performance.now() - started) / 1000);
}

async function insertBare(database: Database, orders: readonly Order[]): Promise<void> {
  const { bytes, starts, lengths } = pack(orders.map((order) => order.bytes));
  await database.query({
    name: 'bare',
    text: 'insert into bare (payload) select substring($1::bytea from at for length) from unnest($2::int[], $3::int[]) as p(at, length)',
    values: [bytes, starts, lengths],
  });
}

async function insertJournal(database: Database, orders: readonly Order[]): Promise<void> {
  await database.transaction((tx) => insertEntries(tx, orders.map(entryOf)));
}

function entryOf(order: Order): NewEntry {
  return {
    kind: 'hl7v2',
    peer: 'load',
    type: 'ORM^O01',
    controlId: order.controlId,
    digest: createHash('sha256').update(order.bytes).digest(),
    lane: `load|${order.patient}`,
    payload: order.bytes,
    blob: null,
    disposition: 'accepted',
    answer: Buffer.alloc(120),
    effects: [],
    detail: '',
    received: new Date(),
  };
}

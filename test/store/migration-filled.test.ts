/**
 * A database that an earlier version has filled is brought to the newest schema, and goes on: fixtures/store/<version>-….sql are rows as each
 * schema version wrote them, put in at that version. The gateway's own stores read what comes out, and its corridor works off what waited.
 */
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ServiceRequest } from '@medplum/fhirtypes';
import { openCorridor } from '../../src/corridor-worker.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { isFailure } from '../../src/model/failure.ts';
import { runBatch } from '../../src/pipeline.ts';
import { parseSearch } from '../../src/protocols/fhir/search-query.ts';
import { tokenHash } from '../../src/security/token.ts';
import { claimAsked, openReferences } from '../../src/store/asked-commitment-store.ts';
import { readCaseEvents, readCases } from '../../src/store/case-store.ts';
import { findClient } from '../../src/store/client-store.ts';
import { claimCommitments } from '../../src/store/commitment-store.ts';
import { type Database, openDatabase } from '../../src/store/database.ts';
import { laneHeads } from '../../src/store/delivery-store.ts';
import { findIdentifiers } from '../../src/store/identifier-store.ts';
import { instancesAt } from '../../src/store/instance-store.ts';
import { readEntry, readLoss } from '../../src/store/journal-store.ts';
import { readMerge } from '../../src/store/merge-store.ts';
import { migrate } from '../../src/store/migration-store.ts';
import { claimPhoto } from '../../src/store/photo-store.ts';
import { claimPriors } from '../../src/store/prior-store.ts';
import { findPseudonyms, originalDates } from '../../src/store/pseudonym-store.ts';
import { readHistory, readResources } from '../../src/store/resource-store.ts';
import { searchResources } from '../../src/store/search-store.ts';
import { readOpenOrders } from '../../src/store/worklist-store.ts';
import { copyOf, emptyDatabase, type FreshDatabase } from '../support/database.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { testConfig } from '../support/test-config.ts';

const MIGRATIONS = 'src/store/migrations';
const ROWS = 'fixtures/store';
const SOON = new Date('2026-03-02T12:00:00Z');

const numberOf = (file: string): number => Number(file.slice(0, 4));
const versions = readdirSync(MIGRATIONS)
  .map(numberOf)
  .sort((a, b) => a - b);
const tables = new URL(`${pathToFileURL(MIGRATIONS)}/`);

/** One database goes through all versions and is filled by each; every test has a copy of it as it then was. */
const growing = { version: 0, migrations: temporaryDirectory('waystation-migrations-') };
let grown: FreshDatabase;
let fresh: FreshDatabase;
beforeAll(async () => {
  grown = await emptyDatabase();
});
afterEach(() => fresh.drop());
afterAll(() => grown.drop());

/** A database as version `version` had it after some work. */
async function filledBy(version: number): Promise<Database> {
  const database = openDatabase(grown.url, { max: 1 });
  while (growing.version < version) await fill(database, ++growing.version);
  await database.close();
  fresh = await copyOf(grown);
  return fresh.database;
}

async function fill(database: Database, version: number): Promise<void> {
  for (const file of readdirSync(MIGRATIONS))
    if (numberOf(file) === version) cpSync(join(MIGRATIONS, file), join(growing.migrations, file));
  await migrate(database, pathToFileURL(`${growing.migrations}/`));
  for (const file of readdirSync(ROWS)) if (numberOf(file) === version) await database.query(readFileSync(join(ROWS, file), 'utf8'));
}

async function orderIn(database: Database) {
  const [id] = await findIdentifiers(database, [{ type: 'ServiceRequest', system: 'urn:waystation:authority:RIS|PLAC', value: 'P1' }]);
  const stored = (await readResources(database, [`ServiceRequest/${id}`])).get(`ServiceRequest/${id}`);
  const caseId = stored?.caseId ?? '';
  const state = (await readCases(database, [caseId])).get(caseId)?.state;
  return { status: (stored?.resource as ServiceRequest | undefined)?.status, caseId, phase: state?.phase, task: state?.task ?? '' };
}

describe.each(versions)('a database that version %d has filled', (version) => {
  it('is migrated, read, and goes on', async () => {
    const database = await filledBy(version);
    await migrate(database, tables);
    const { rows } = await database.query<{ version: number }>('select max(version)::int as version from schema_version');
    expect(rows[0]?.version).toBe(versions.at(-1));
    await readsWhatWasThere(database);
    await readsWhatCameLater(database, version);
    await goesOn(database);
  });
});

/** Patients, each once, whichever version kept the parts of their names. */
async function namedSo(database: Database, name: string): Promise<string[]> {
  const search = parseSearch('Patient', [['name', name]], { lenient: false, base: 'http://here/fhir' });
  if (isFailure(search)) throw new Error(search.detail);
  return (await searchResources(database, search.query, null)).rows.map(({ resource }) => resource.id as string);
}

async function readsWhatWasThere(database: Database): Promise<void> {
  const { status, caseId, phase, task } = await orderIn(database);
  expect([status, phase]).toEqual(['active', 'assembling']);
  expect((await readHistory(database, 'Task', task.slice('Task/'.length), 10)).map((one) => one.version)).toEqual([2, 1]);
  expect((await readCaseEvents(database, caseId)).map(({ kind }) => kind)).toEqual([
    'opened',
    'order-received',
    'routed',
    'images-received',
  ]);
  const { orders } = await readOpenOrders(database, ['hospital'], '00000000-0000-0000-0000-000000000000', 10);
  expect(orders.map(({ state }) => state.id)).toEqual([caseId]);
  expect(await instancesAt(database, { study: '1.2.3' }, null)).toMatchObject([{ sopInstanceUid: '2.25.71', modality: 'CT' }]);
  expect(await laneHeads(database, 'ris', 10)).toMatchObject([{ controlId: 'W2', caseId, state: 'waiting' }]);
  expect(await namedSo(database, 'erik')).toEqual(['01a21cda-cf9a-7886-a7c5-b67291b4fe64']);
  expect(await findClient(database, tokenHash('a token'))).toMatchObject({ client: 'dr-ada', role: 'reader' });
}

/** Tables that a version had not yet are there, and empty. */
async function readsWhatCameLater(database: Database, version: number): Promise<void> {
  const since = <T>(first: number, value: T, none: T): T => (version >= first ? value : none);
  const unnoted = await readMerge(database, '0195556b-0000-7000-8000-000000000001');
  expect([unnoted?.content, unnoted?.identities.length]).toEqual(since<unknown[]>(4, [null, 1], [undefined, undefined]));
  const noted = await readMerge(database, '0195556b-0000-7000-8000-000000000002');
  expect(noted?.content?.old.id).toBe(since<string | undefined>(10, noted?.merged, undefined));
  expect((await laneHeads(database, 'replies', 10)).map(({ caseId }) => caseId)).toEqual(since(5, [''], []));
  // Its destination is paused.
  expect(await laneHeads(database, 'archive', 10)).toEqual([]);
  expect(await claimCommitments(database, SOON, SOON, 10)).toHaveLength(since(9, 1, 0));
  expect((await readLoss(database, 1))?.length ?? 0).toBe(since(11, 2, 0));
  expect((await claimPhoto(database, SOON, SOON))?.order.sopInstanceUid).toBe(since<string | undefined>(14, '2.25.920', undefined));
  const [asked] = await claimAsked(database, SOON, SOON, 10);
  const open = asked ? await openReferences(database, asked.id) : [];
  expect(open.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual(since(15, ['2.25.72'], []));
  const made = (group: string | null) => instancesAt(database, { study: '1.2.9' }, group);
  expect([(await made('readers')).length, (await made('others')).length]).toEqual(since(16, [1, 0], [0, 0]));
  const standsFor = [...(await findPseudonyms(database, '2.25.17')), ...(await findPseudonyms(database, 'P17A0'))];
  expect(standsFor.map(({ original }) => original)).toEqual(since(17, ['1.2.3', '4711'], []));
  expect([...(await originalDates(database, 'research', '1.2.3'))]).toEqual(since(22, [['20250712', '20260302']], []));
  expect((await claimPriors(database, SOON, SOON))?.order.from).toBe(since<string | undefined>(20, 'pacs', undefined));
}

/** A resend is known; the cancel that waited is worked off. */
async function goesOn(database: Database): Promise<void> {
  const first = await readEntry(database, 1);
  if (!first) throw new Error('the first entry is not there');
  const journal = openJournal(database);
  expect(await journal.append({ ...first, answer: Buffer.from('another') })).toEqual({ seq: 1, duplicate: true, answer: first.answer });
  await journal.close();
  const config = testConfig({ WAYSTATION_DATA: temporaryDirectory('waystation-migrated-') });
  const corridor = await openCorridor(database, config, silentLog);
  expect(await runBatch(corridor)).toBe(1);
  const { status, phase } = await orderIn(database);
  expect([status, phase]).toEqual(['revoked', 'cancelled']);
}

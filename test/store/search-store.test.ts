/** Searches over many rows: which index PostgreSQL asks. Statistics are read back from the server, nothing is timed. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Task } from '@medplum/fhirtypes';
import { uuidv7 } from '../../src/model/clock.ts';
import { isFailure } from '../../src/model/failure.ts';
import { indexResource } from '../../src/protocols/fhir/search-index.ts';
import { parseSearch } from '../../src/protocols/fhir/search-query.ts';
import type { Transaction } from '../../src/store/database.ts';
import { saveResources, tokenHash } from '../../src/store/resource-store.ts';
import { findByTokens, searchResources } from '../../src/store/search-store.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';

const TASKS = 20_000;
const STUDIES = 300_000;
const OWNER = 'Organization/0195a1b2-0000-7000-8000-000000000001';

let fresh: FreshDatabase;
let many: FreshDatabase;

beforeAll(async () => {
  [fresh, many] = [await freshDatabase(), await freshDatabase()];
  await addStudies(many);
  for (let start = 0; start < TASKS; start += 2_000) {
    const writes = Array.from({ length: 2_000 }, (_, n) => writeOf(start + n));
    await fresh.database.transaction((tx) => saveResources(tx, writes, new Date(1_800_000_000_000 + start)));
  }
  await fresh.database.query('vacuum analyze resource');
});
afterAll(() => Promise.all([fresh.drop(), many.drop()]));

function writeOf(number: number) {
  const resource: Task & { id: string } = {
    ...{ resourceType: 'Task', id: uuidv7(1_700_000_000_000 + number), intent: 'order', owner: { reference: OWNER } },
    status: number % 100 === 0 ? 'requested' : 'completed',
    identifier: [{ system: 'urn:test', value: `task-${number}` }],
  };
  return { resource, version: 1, index: indexResource(resource), deleted: false, caseId: null, author: '', readers: ['skin'], seq: null };
}

/** So many that a walk is the dearest way to find one: all have the commonest token, 60 have one more of their own. */
async function addStudies(fresh: FreshDatabase): Promise<void> {
  await fresh.database.query(
    `insert into resource (type, id, version, updated, readers, tokens, digest)
     select 'ImagingStudy', md5(n::text)::uuid, 1, timestamptz '2026-01-01' + n * interval '1 second', '{skin}', array[n * 1000003::bigint, $2, n % 20], ''
     from generate_series(1, $1::int) n`,
    [STUDIES, tokenHash('ImagingStudy.status=available')],
  );
  const rare = studyTokens(60);
  await fresh.database.query(
    `update resource set tokens = tokens || named.token from unnest($1::bigint[]) with ordinality as named(token, n)
     where type = 'ImagingStudy' and id = md5((named.n * 1000)::text)::uuid`,
    [rare.map(tokenHash)],
  );
  await fresh.database.query(
    `insert into resource_version (type, id, version, updated, content)
     select type, id, 1, updated, convert_to('{"resourceType":"ImagingStudy"}', 'UTF8') from resource where type = 'ImagingStudy' and tokens && $1::bigint[]`,
    [rare.map(tokenHash)],
  );
  await fresh.database.query('vacuum analyze resource, resource_version');
}

function studyTokens(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `ImagingStudy.identifier=study-${n}`);
}

/** Rows the server looked at to answer, by index, and `walked` without any: counted on one connection, so that nobody else's are among them. */
async function rowsRead(run: (tx: Transaction) => Promise<void>, { database } = fresh): Promise<Record<string, number>> {
  return database.transaction(async (tx) => {
    const counts = async () =>
      (
        await tx.query<{ name: string; rows: number }>(
          `select indexrelname as name, pg_stat_get_xact_tuples_returned(indexrelid) as rows from pg_stat_user_indexes where relname = 'resource'
           union all select 'walked', pg_stat_get_xact_tuples_returned('resource'::regclass)`,
        )
      ).rows;
    const before = new Map((await counts()).map(({ name, rows }) => [name, rows]));
    await run(tx);
    return Object.fromEntries((await counts()).map(({ name, rows }) => [name, rows - (before.get(name) ?? 0)]));
  });
}

function queryOf(text: string, type: 'Task' | 'ImagingStudy' = 'Task') {
  const search = parseSearch(type, new URLSearchParams(text), { lenient: false, base: 'http://here/fhir' });
  if (isFailure(search)) throw new Error(search.detail);
  return search.query;
}

describe('a search among many', () => {
  it('for a rare token asks the token index, and not the order of the page', async () => {
    const read = await rowsRead(async (tx) => {
      const { rows } = await searchResources(tx, queryOf('identifier=urn:test|task-7777'), 'skin');
      expect(rows).toHaveLength(1);
    });
    expect([read.resource_tokens, read.resource_updated]).toEqual([expect.any(Number), 0]);
    expect(read.resource_tokens).toBeLessThan(10);
  });

  it('for a common token walks in the order of the page', async () => {
    const read = await rowsRead(async (tx) => {
      const { rows } = await searchResources(tx, queryOf('status=completed&_count=10'), 'skin');
      expect(rows).toHaveLength(10);
    });
    expect([read.resource_tokens, (read.resource_updated as number) < 100]).toEqual([0, true]);
  });

  it('for the worklist asks its own index', async () => {
    const read = await rowsRead(async (tx) => {
      const { rows, next } = await searchResources(tx, queryOf(`owner=${OWNER}&status=requested&_count=50`), 'skin');
      expect([rows.length, next === null]).toEqual([50, false]);
    });
    expect(read.task_worklist).toBeLessThan(TASKS / 100 + 10);
    expect([read.resource_tokens, read.resource_updated]).toEqual([0, 0]);
  });

  it('for what refers to a page asks the token index', async () => {
    const read = await rowsRead(async (tx) => {
      const tokens = Array.from({ length: 50 }, (_, n) => `Task.identifier=task-${n * 100}`);
      expect(await findByTokens(tx, 'Task', tokens, 'skin', 1_000)).toHaveLength(50);
    });
    expect(read.resource_updated).toBe(0);
  });

  it('shows a group nothing that is not its own', async () => {
    const { rows } = await searchResources(fresh.database, queryOf('identifier=task-1'), 'chest');
    expect(rows).toEqual([]);
    expect(await findByTokens(fresh.database, 'Task', ['Task.identifier=task-1'], 'chest', 10)).toEqual([]);
  });
});

describe.each(['force_custom_plan', 'force_generic_plan'])('a search among very many, with %s', (plan) => {
  const readBy = (run: (tx: Transaction) => Promise<void>) =>
    rowsRead(async (tx) => {
      await tx.query(`set local plan_cache_mode = ${plan}`);
      await run(tx);
    }, many);

  it.each([
    ['one token', 1, 1],
    ['as many as a page refers to', 60, 60],
    ['a token that is nowhere', 0, 0],
  ])('walks no type for the first that has %s', async (_, count, found) => {
    const tokens = count === 0 ? ['ImagingStudy.identifier=nowhere'] : studyTokens(count);
    const read = await readBy(async (tx) => {
      expect(await findByTokens(tx, 'ImagingStudy', tokens, 'skin', Math.max(found, 1))).toHaveLength(found);
    });
    expect([read.walked, read.resource_updated, (read.resource_tokens as number) <= 60]).toEqual([0, 0, true]);
  });

  it.each([
    ['that is rare', 'identifier=study-7', 1],
    ['that is nowhere', 'identifier=nowhere', 0],
    ['of a long list', `identifier=${Array.from({ length: 60 }, (_, n) => `study-${n}`).join(',')}`, 60],
    ['of a long list that is nowhere', `identifier=${Array.from({ length: 300 }, (_, n) => `nowhere-${n}`).join(',')}`, 0],
    ['that is rare beside a common one', 'status=available&identifier=study-7', 1],
  ])('walks no type for a token %s', async (_, text, found) => {
    const read = await readBy(async (tx) => {
      const { rows } = await searchResources(tx, queryOf(`${text}&_count=100`, 'ImagingStudy'), 'skin');
      expect(rows).toHaveLength(found);
    });
    expect([read.walked, read.resource_updated]).toEqual([0, 0]);
  });
});

/** What refers to one record, as far as that may be moved. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findReferring } from '../../src/store/merge-store.ts';
import { tokenHash } from '../../src/store/resource-store.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';

const MOST = 20_000;
const TOKEN = 'subject\0Patient/1';

let fresh: FreshDatabase;

beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

async function refer(count: number): Promise<void> {
  await fresh.database.query(
    `insert into resource (type, id, version, updated, tokens, digest)
     select 'Observation', gen_random_uuid(), 1, now(), array[$2::bigint], '' from generate_series(1, $1::int)`,
    [count, tokenHash(TOKEN)],
  );
}

describe('what refers to a record', () => {
  it('is found whole, up to as much as one transaction moves; beyond that nothing is', async () => {
    await refer(MOST);
    expect(await findReferring(fresh.database, [TOKEN])).toHaveLength(MOST);
    await refer(1);
    await expect(findReferring(fresh.database, [TOKEN])).rejects.toThrow(`more than ${MOST} resources refer to one record`);
  });
});

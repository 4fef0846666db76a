import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newToken, tokenHash } from '../../src/security/token.ts';
import { addClient, findClient, listClients, type NewClient, revokeClient } from '../../src/store/client-store.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';

describe('clients', () => {
  let fresh: FreshDatabase;
  beforeAll(async () => {
    fresh = await freshDatabase();
  });
  afterAll(() => fresh.drop());

  const opened = new Date('2031-03-01T08:00:00Z');
  const closed = new Date('2031-03-02T08:00:00Z');
  const client = (name: string, token: string): NewClient => ({
    client: name,
    group: 'teleradiology',
    role: 'reader',
    tokenHash: tokenHash(token),
    created: opened,
  });

  it('are found by the hash of their token, and by no other', async () => {
    const token = newToken();
    expect(await addClient(fresh.database, client('reading-room', token))).toBeNull();
    expect(await findClient(fresh.database, tokenHash(token))).toEqual({ client: 'reading-room', group: 'teleradiology', role: 'reader' });
    expect(await findClient(fresh.database, tokenHash(newToken()))).toBeNull();
    expect(await findClient(fresh.database, Buffer.from(token))).toBeNull();
  });

  it('keep their token when somebody else asks for their name', async () => {
    const token = newToken();
    const other = newToken();
    await addClient(fresh.database, client('taken', token));
    expect(await addClient(fresh.database, client('taken', other))).toMatchObject({ failure: true, code: 'conflict' });
    expect(await findClient(fresh.database, tokenHash(other))).toBeNull();
    expect(await findClient(fresh.database, tokenHash(token))).not.toBeNull();
  });

  it('are not found once revoked, stay listed, and may come back with a new token only', async () => {
    const [first, second] = [newToken(), newToken()];
    await addClient(fresh.database, client('away', first));
    expect(await revokeClient(fresh.database, 'away', closed)).toBe(true);
    expect(await revokeClient(fresh.database, 'away', closed)).toBe(false);
    expect(await revokeClient(fresh.database, 'nobody', closed)).toBe(false);
    expect(await findClient(fresh.database, tokenHash(first))).toBeNull();
    expect((await listClients(fresh.database)).find((one) => one.client === 'away')).toEqual({
      client: 'away',
      group: 'teleradiology',
      role: 'reader',
      created: opened,
      revoked: closed,
    });
    expect(await addClient(fresh.database, client('away', second))).toBeNull();
    expect(await findClient(fresh.database, tokenHash(first))).toBeNull();
    expect(await findClient(fresh.database, tokenHash(second))).toMatchObject({ client: 'away' });
  });

  it('leave no token in the database', async () => {
    const token = newToken();
    await addClient(fresh.database, client('secret', token));
    const { rows } = await fresh.database.query('select c::text as row from client c');
    for (const { row } of rows) expect(row).not.toContain('wst_');
  });
});

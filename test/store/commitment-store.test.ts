/** A request for storage commitment whose objects take longer to read than its lease. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { answerCommitment, claimCommitments, LEASE_MS } from '../../src/store/commitment-store.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';

let fresh: FreshDatabase;

/** Rows that any version reads: an object of `ct`, and a request of his that is due. */
beforeAll(async () => {
  fresh = await freshDatabase();
  for (const file of ['0001-corridor', '0009-commitment']) await fresh.database.query(readFileSync(`fixtures/store/${file}.sql`, 'utf8'));
});
afterAll(() => fresh.drop());

describe('a request whose objects are read for long', () => {
  it('is nobody else’s meanwhile, and is answered once', async () => {
    let time = Date.parse('2026-03-02T08:00:00Z');
    const clock = { now: () => new Date(time) };
    const claim = () => claimCommitments(fresh.database, clock.now(), new Date(time + LEASE_MS), 10);
    const [claimed] = await claim();
    if (!claimed) throw new Error('nothing was due');
    const [object] = claimed.request.references;
    const request = { ...claimed.request, references: Array.from({ length: 5 }, () => object as NonNullable<typeof object>) };
    const others: number[] = [];
    const verify = async () => {
      time += LEASE_MS / 2;
      others.push((await claim()).length);
      return true;
    };
    const answer = await answerCommitment(fresh.database, { verify }, { ...claimed, request }, { clock });
    expect([others, answer?.committed.length]).toEqual([[0, 0, 0, 0, 0], 5]);
    time += LEASE_MS;
    expect((await claim())[0]?.answer).toEqual(answer);
  });
});

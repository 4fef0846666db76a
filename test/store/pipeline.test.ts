/** What the corridor does with an entry that fails: nobody waits for it, and it gets its chances. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { openCorridor } from '../../src/corridor-worker.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { systemClock } from '../../src/model/clock.ts';
import type { NewEntry } from '../../src/model/entry.ts';
import { type Corridor, runBatch } from '../../src/pipeline.ts';
import { freshDatabase } from '../support/database.ts';
import { orderMessage } from '../support/order-message.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { testConfig } from '../support/test-config.ts';

let fresh: Awaited<ReturnType<typeof freshDatabase>>;
let corridor: Corridor;
let sent = 0;
let time = Date.parse('2026-03-01T10:00:00Z');

beforeAll(async () => {
  fresh = await freshDatabase();
  const config = testConfig({ WAYSTATION_DATA: temporaryDirectory('waystation-pipeline-') });
  corridor = {
    ...(await openCorridor(fresh.database, config, silentLog)),
    clock: { ...systemClock, now: () => new Date(time) },
  };
});
beforeEach(() => fresh.database.query('delete from pending'));
afterAll(() => fresh.drop());

/** A house in which every case of `broken` fails with `error`. */
function failing(error: Error): Corridor {
  const peerSpecialty = (peer: string) => {
    if (peer === 'broken') throw error;
    return corridor.house.rules.peerSpecialty(peer);
  };
  return { ...corridor, house: { ...corridor.house, rules: { ...corridor.house.rules, peerSpecialty } } };
}

async function order(peer: string): Promise<number> {
  const { bytes, controlId } = orderMessage(sent++, { run: 'FAIL' });
  const digest = createHash('sha256').update(bytes).digest();
  const entry: NewEntry = {
    ...{ kind: 'hl7v2', type: 'ORM^O01', peer, controlId, digest, lane: 'one lane', payload: bytes, blob: null },
    ...{ disposition: 'accepted', answer: Buffer.alloc(0), effects: [], detail: '', received: new Date() },
  };
  return (await openJournal(fresh.database).append(entry)).seq;
}

const outcomeOf = async (seq: number) => (await fresh.database.query('select state, detail from outcome where seq = $1', [seq])).rows[0];
const pending = async () => (await fresh.database.query('select seq, tries from pending order by seq')).rows;
const systemError = (code: string, syscall: string) => Object.assign(new Error(`${code} of Doe^Jane`), { code, syscall });

describe('an entry that fails', () => {
  it.each([systemError('ENOENT', 'open'), systemError('EMFILE', 'open')])(
    'holds back nobody, and is tried again later (%p)',
    async (error) => {
      const [bad, good] = [await order('broken'), await order('ris')];
      await runBatch(failing(error));
      expect(await outcomeOf(good)).toMatchObject({ state: 'done' });
      expect(await pending()).toEqual([{ seq: bad, tries: 1 }]);
      expect(await runBatch(failing(error))).toBe(0);
      expect(await pending()).toEqual([{ seq: bad, tries: 1 }]);
      time += 1_000;
      expect(await runBatch(corridor)).toBe(1);
      expect(await outcomeOf(bad)).toMatchObject({ state: 'done' });
    },
  );

  it('is failed after six tries, and what is kept of its error quotes nothing', async () => {
    const bad = await order('broken');
    for (let tried = 0; tried < 6; tried++) {
      await runBatch(failing(systemError('EIO', 'read')));
      time += 60_000;
    }
    expect(await pending()).toEqual([]);
    expect(await outcomeOf(bad)).toEqual({ state: 'failed', detail: expect.stringMatching(/^internal: Error EIO at \S+$/) });
  });

  it.each(['40P01', '40001'])('is not to blame when it meets other transactions, however often (%s)', async (code) => {
    const entry = await order('broken');
    for (let tried = 0; tried < 8; tried++) {
      await runBatch(failing(Object.assign(new Error('of Doe^Jane'), { code, severity: 'ERROR' })));
      time += 60_000;
    }
    expect(await pending()).toEqual([{ seq: entry, tries: 0 }]);
    expect(await runBatch(corridor)).toBe(1);
    expect(await outcomeOf(entry)).toMatchObject({ state: 'done' });
  });

  it('is not to blame when the database is away', async () => {
    const entry = await order('broken');
    await expect(runBatch(failing(systemError('ECONNREFUSED', 'connect')))).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(await pending()).toEqual([{ seq: entry, tries: 0 }]);
  });
});

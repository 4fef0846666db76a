import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Journal, openJournal } from '../../src/journal/journal.ts';
import type { NewEntry } from '../../src/model/entry.ts';
import { claimEntries, countTry, partOf, readEntry, readHead, requeueEntries } from '../../src/store/journal-store.ts';
import { freshDatabase } from '../support/database.ts';
import { until } from '../support/until.ts';

let fresh: Awaited<ReturnType<typeof freshDatabase>>;
let journal: Journal;

beforeAll(async () => {
  fresh = await freshDatabase();
  journal = openJournal(fresh.database);
});
afterAll(async () => {
  await journal.close();
  await fresh.drop();
});

const entry = (over: Partial<NewEntry> = {}): NewEntry => {
  const payload = over.payload ?? randomBytes(40);
  return {
    kind: 'hl7v2',
    peer: 'ris',
    type: 'ORM^O01',
    controlId: randomBytes(6).toString('hex'),
    digest: createHash('sha256').update(payload).digest(),
    lane: 'ris',
    payload,
    blob: null,
    disposition: 'accepted',
    answer: Buffer.from('AA'),
    effects: [],
    detail: '',
    received: new Date(),
    ...over,
  };
};

async function outcomeOf(seq: number) {
  const { rows } = await fresh.database.query<{ state: string }>('select state from outcome where seq = $1', [seq]);
  return rows[0]?.state;
}

describe('the journal', () => {
  it('keeps the exact bytes, the answer and who sent it', async () => {
    const sent = entry({ payload: Buffer.from([0, 255, 13, 10]), answer: Buffer.from('MSA|AA') });
    const { seq, duplicate } = await journal.append(sent);
    expect(duplicate).toBe(false);
    expect(await readEntry(fresh.database, seq)).toMatchObject({ ...sent, seq, reusedControlId: false });
  });

  it('commits entries that arrive together in the order of their arrival, in one insert', async () => {
    const before = await fresh.database.query('select count(distinct xmin::text)::int as n from journal');
    const appended = await Promise.all(Array.from({ length: 200 }, () => journal.append(entry())));
    const seqs = appended.map(({ seq }) => seq);
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
    const after = await fresh.database.query('select count(distinct xmin::text)::int as n from journal');
    expect(after.rows[0]?.n - before.rows[0]?.n).toBeLessThanOrEqual(2);
  });

  it('gives the head of a large message without what comes after', async () => {
    const payload = Buffer.from(`MSH|^~\\&|A\rPID|1||4711\r${'OBX|1|TX|||some text\r'.repeat(5_000)}`);
    const { seq } = await journal.append(entry({ payload }));
    const head = (await readHead(fresh.database, seq))?.payload ?? Buffer.alloc(0);
    expect(payload.subarray(0, head.length)).toEqual(head);
    expect([head.length > 60_000, head.length <= 65_536, head.toString('latin1').endsWith('text\r')]).toEqual([true, true, true]);
    const small = entry({ payload: Buffer.from('MSH|^~\\&|A') });
    expect((await readHead(fresh.database, (await journal.append(small)).seq))?.payload).toEqual(small.payload);
  });

  it('gives a resend the stored answer and no second row, also when both come together', async () => {
    const first = entry({ answer: Buffer.from('the first answer') });
    const again = { ...first, answer: Buffer.from('another answer'), received: new Date() };
    const [a, b] = await Promise.all([journal.append(first), journal.append(again)]);
    const c = await journal.append(again);
    expect([a.duplicate, b.duplicate, c.duplicate]).toEqual([false, true, true]);
    expect([b.seq, c.seq]).toEqual([a.seq, a.seq]);
    expect(c.answer.toString()).toBe('the first answer');
  });

  it('processes anew what was refused before', async () => {
    const refused = entry({ disposition: 'refused', answer: Buffer.from('AE'), detail: 'why' });
    const first = await journal.append(refused);
    const accepted = await journal.append({ ...refused, disposition: 'accepted', answer: Buffer.from('AA'), detail: '' });
    expect(accepted).toMatchObject({ duplicate: false });
    expect(accepted.seq).not.toBe(first.seq);
    expect(await outcomeOf(first.seq)).toBe('refused');
  });

  it('flags the same control id with other bytes', async () => {
    const first = entry();
    await journal.append(first);
    const other = entry({ controlId: first.controlId });
    const refused = { ...other, disposition: 'refused' as const };
    expect(await journal.appendUnused(other, refused)).toMatchObject({ reused: true });
    const { seq } = await journal.append(other);
    expect((await readEntry(fresh.database, seq))?.reusedControlId).toBe(true);
  });

  it('refuses what the database cannot hold by itself: those that came at the same moment are taken', async () => {
    const [first, poison, last] = await Promise.allSettled(
      [entry(), entry({ controlId: 'NUL\0' }), entry()].map((one) => journal.append(one)),
    );
    expect([first?.status, poison?.status, last?.status]).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('flags the second of two that come together under one control id', async () => {
    const [one, other] = [entry({ controlId: 'TWICE' }), entry({ controlId: 'TWICE' })];
    const [a, b] = await Promise.all([journal.append(one), journal.append(other)]);
    expect((await readEntry(fresh.database, a?.seq as number))?.reusedControlId).toBe(false);
    expect((await readEntry(fresh.database, b?.seq as number))?.reusedControlId).toBe(true);
  });

  it('settles ignored and refused entries at once and queues only accepted ones', async () => {
    const [ignored, accepted] = await Promise.all([journal.append(entry({ disposition: 'ignored' })), journal.append(entry())]);
    expect(await outcomeOf(ignored?.seq as number)).toBe('ignored');
    expect(await outcomeOf(accepted?.seq as number)).toBeUndefined();
    const { rows } = await fresh.database.query('select seq from pending where seq = any($1)', [[ignored?.seq, accepted?.seq]]);
    expect(rows).toEqual([{ seq: accepted?.seq }]);
  });

  it('wakes the corridor after the first and after the last of those that come in quick succession', async () => {
    const ear = await fresh.database.connect();
    let heard = 0;
    ear.on('notification', () => heard++);
    await ear.query('listen corridor');
    const hears = () => until(() => Promise.resolve(heard > 0), Boolean);
    await journal.append(entry());
    expect(await hears()).toBe(true);
    for (let n = 0; n < 5; n++) await journal.append(entry());
    heard = 0;
    await journal.append(entry());
    expect(await hears()).toBe(true);
    ear.release(true);
  });

  it('writes inside a transaction of its caller, and nothing when that rolls back', async () => {
    let seq = 0;
    await fresh.database
      .transaction(async (tx) => {
        seq = await journal.appendIn(tx, entry({ kind: 'fhir' }));
        throw new Error('rolled back');
      })
      .catch(() => undefined);
    expect(await readEntry(fresh.database, seq)).toBeNull();
  });
});

describe('claiming', () => {
  it('hands a lane to one worker at a time, and gives everything back when that worker fails', async () => {
    await fresh.database.query('delete from pending');
    const { seq } = await journal.append(entry({ lane: 'one lane' }));
    await fresh.database
      .transaction(async (tx) => {
        expect((await claimEntries(tx, 10, 1, new Date())).map((claimed) => claimed.seq)).toEqual([seq]);
        await fresh.database.transaction(async (other) => expect(await claimEntries(other, 10, 1, new Date())).toEqual([]));
        throw new Error('the worker dies');
      })
      .catch((error: Error) => expect(error.message).toBe('the worker dies'));
    await fresh.database.transaction(async (tx) => {
      expect((await claimEntries(tx, 10, 1, new Date())).map((claimed) => claimed.seq)).toEqual([seq]);
    });
  });

  it('lets two workers take different lanes at once', async () => {
    const lanes = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    expect(new Set(lanes.map(partOf)).size).toBeGreaterThan(2);
    await Promise.all(lanes.map((lane) => journal.append(entry({ lane }))));
    await fresh.database.transaction(async (tx) => {
      const mine = await claimEntries(tx, 100, 2, new Date());
      await fresh.database.transaction(async (other) => {
        const theirs = await claimEntries(other, 100, 1, new Date());
        const both = [...mine, ...theirs].map((claimed) => claimed.lane);
        expect([...both].sort()).toEqual(lanes);
        expect(theirs.length).toBeGreaterThan(0);
      });
    });
  });

  it('takes about 16 MiB at once, and what is larger alone', async () => {
    await fresh.database.query('delete from pending');
    const mib = (n: number) => entry({ payload: randomBytes(n * 1024 * 1024) });
    for (const size of [20, 10, 10, 10]) await journal.append(mib(size));
    const sizes: number[][] = [];
    for (let claim = 0; claim < 4; claim++) {
      const claimed = await fresh.database.transaction((tx) => claimEntries(tx, 256, 1, new Date()));
      sizes.push(claimed.map(({ payload }) => payload.length / 1024 / 1024));
    }
    expect(sizes).toEqual([[20], [10, 10], [10], []]);
  });

  it('holds what shall gather until its time, and nothing else', async () => {
    await fresh.database.query('delete from pending');
    const until = new Date('2026-03-01T10:00:00.250Z');
    const [slice, next, order] = await Promise.all([
      journal.append(entry({ kind: 'dicom', lane: 'ct|1.2', gatherUntil: until })),
      journal.append(entry({ kind: 'dicom', lane: 'ct|1.2', gatherUntil: until })),
      journal.append(entry()),
    ]);
    const claim = (now: Date) =>
      fresh.database.transaction(async (tx) => (await claimEntries(tx, 10, 1, now)).map((claimed) => claimed.seq));
    expect(await claim(new Date(until.getTime() - 1))).toEqual([order.seq]);
    expect(await claim(until)).toEqual([slice.seq, next.seq]);
  });

  it('keeps the size of an entry that is queued again', async () => {
    const { seq } = await journal.append(entry({ payload: randomBytes(1234) }));
    await fresh.database.query('delete from pending');
    expect(await requeueEntries(fresh.database, [seq])).toBe(1);
    expect((await fresh.database.query('select bytes from pending')).rows).toEqual([{ bytes: 1234 }]);
  });

  it('passes an entry that is put off until its time, twice as long after each try', async () => {
    await fresh.database.query('delete from pending');
    const start = new Date('2026-03-01T10:00:00Z');
    const at = (ms: number) => new Date(start.getTime() + ms);
    const bad = await journal.append(entry({ lane: 'same' }));
    const good = await journal.append(entry({ lane: 'same' }));
    const claim = (now: Date) =>
      fresh.database.transaction(async (tx) => (await claimEntries(tx, 10, 1, now)).map((claimed) => claimed.seq));
    const fail = (now: Date) => fresh.database.transaction((tx) => countTry(tx, bad.seq, 3, 'PostgreSQL 22003', now));
    await fail(at(0));
    await fail(at(1_000));
    const { rows } = await fresh.database.query('select tries, not_before from pending where seq = $1', [bad.seq]);
    expect(rows).toEqual([{ tries: 2, not_before: at(3_000) }]);
    expect(await claim(at(2_999))).toEqual([good.seq]);
    await fail(at(3_000));
    expect(await claim(at(60_000))).toEqual([]);
    expect(await outcomeOf(bad.seq)).toBe('failed');
  });
});

describe('an entry of two lanes', () => {
  /** Patients whose lanes are of three different parts. */
  const [a, b, c] = (() => {
    const lanes = Array.from({ length: 64 }, (_, n) => `ris|${n}`);
    const first = lanes[0] as string;
    const second = lanes.find((lane) => partOf(lane) !== partOf(first)) as string;
    return [first, second, lanes.find((lane) => ![first, second].map(partOf).includes(partOf(lane))) as string];
  })() as [string, string, string];
  const put = async (...lanes: readonly string[]): Promise<number[]> => {
    const seqs: number[] = [];
    for (const lane of lanes) seqs.push((await journal.append(entry({ lane }))).seq);
    return seqs;
  };
  const claim = (workers = 1) =>
    fresh.database.transaction(async (tx) => (await claimEntries(tx, 100, workers, new Date())).map(({ seq }) => seq));

  it('waits until both are free, and what is behind it in either waits for it; others do not', async () => {
    const [before] = await put(a);
    await fresh.database.transaction(async (tx) => {
      expect((await claimEntries(tx, 100, 1, new Date())).map(({ seq }) => seq)).toEqual([before]);
      const [, , other] = await put(`${a}\t${b}`, b, c);
      expect(await claim()).toEqual([other]);
      expect(await claim()).toEqual([]);
    });
    const rest = await claim();
    expect(rest).toHaveLength(2);
    expect(rest).toEqual([...rest].sort((one, two) => one - two));
  });

  it('is claimed by a worker that takes few parts at a time', async () => {
    const seqs = await put(`${a}\t${b}`, `${b}\t${c}`, a, b, c);
    const claimed: number[] = [];
    for (let round = 0; round < 200 && claimed.length < seqs.length; round++) claimed.push(...(await claim(16)));
    expect([...claimed].sort((one, two) => one - two)).toEqual(seqs);
    expect(claimed.indexOf(seqs[0] as number)).toBeLessThan(claimed.indexOf(seqs[3] as number));
    expect(claimed.indexOf(seqs[1] as number)).toBeLessThan(claimed.indexOf(seqs[4] as number));
  });

  it('keeps its lanes when it is replayed', async () => {
    const [seq] = (await put(`${a}\t${b}`)) as [number];
    expect(await claim()).toEqual([seq]);
    expect(await requeueEntries(fresh.database, [seq])).toBe(1);
    const { rows } = await fresh.database.query<{ also: number[] }>('select also from pending where seq = $1', [seq]);
    expect(rows[0]?.also.map(Number)).toEqual([partOf(b)]);
    expect(await claim()).toEqual([seq]);
  });
});

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { NewInstance } from '../../src/model/instance.ts';
import { insertInstances, instancesAt, instancesOfStudies } from '../../src/store/instance-store.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';

const INSTANCE: NewInstance = {
  sopInstanceUid: '1.2.3.4',
  studyUid: '1.2',
  seriesUid: '1.2.3',
  sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
  transferSyntax: '1.2.840.10008.1.2.1',
  modality: 'CT',
  frames: 1,
  peer: 'ct',
  blob: 'ab'.repeat(32),
  bytes: 5_000_000_000,
  datasetOffset: 340,
  pixelOffset: 4_000_000_000,
  digest: Buffer.alloc(32, 1),
  header: Buffer.from('{"00080060":{"vr":"CS","Value":["CT"]}}'),
  received: new Date('2026-03-01T10:15:00Z'),
};

describe('the index of instances', () => {
  let fresh: FreshDatabase;
  beforeAll(async () => {
    fresh = await freshDatabase();
  });
  afterEach(() => fresh.database.query('truncate instance, journal'));
  afterAll(() => fresh.drop());

  it('gives back what was put in, sizes beyond 4 GiB too', async () => {
    await insertInstances(fresh.database, [{ instance: INSTANCE, seq: 7 }]);
    expect(await instancesOfStudies(fresh.database, ['1.2'])).toEqual([{ ...INSTANCE, seq: 7 }]);
  });

  it('keeps many of one batch apart, each with its own bytes', async () => {
    const rows = Array.from({ length: 300 }, (_, n) => ({
      instance: {
        ...INSTANCE,
        sopInstanceUid: `1.2.3.${n}`,
        digest: Buffer.alloc(32, n % 250),
        header: Buffer.from(`"${'x'.repeat(n)}"`),
        pixelOffset: n % 2 ? n : null,
      },
      seq: n,
    }));
    await insertInstances(fresh.database, rows);
    expect(await instancesOfStudies(fresh.database, ['1.2'])).toEqual(rows.map(({ instance, seq }) => ({ ...instance, seq })));
  });

  it('leaves the first under a UID as it is, and flags the journal entry of other bytes', async () => {
    const second = { ...INSTANCE, digest: Buffer.alloc(32, 2), blob: 'cd'.repeat(32) };
    const [first, again, other] = await journal([INSTANCE, INSTANCE, second]);
    await insertInstances(fresh.database, [{ instance: INSTANCE, seq: first as number }]);
    await insertInstances(fresh.database, [
      { instance: INSTANCE, seq: again as number },
      { instance: second, seq: other as number },
    ]);
    expect(await instancesOfStudies(fresh.database, ['1.2'])).toEqual([{ ...INSTANCE, seq: first }]);
    const { rows } = await fresh.database.query('select seq from journal where reused_control_id');
    expect(rows).toEqual([{ seq: other }]);
  });

  it('finds a study, a series of it, an instance of that, and nothing under another parent', async () => {
    const rows = [
      { ...INSTANCE, sopInstanceUid: '1.2.3.1' },
      { ...INSTANCE, sopInstanceUid: '1.2.3.2' },
      { ...INSTANCE, sopInstanceUid: '1.2.5.1', seriesUid: '1.2.5' },
      { ...INSTANCE, sopInstanceUid: '1.3.1.1', seriesUid: '1.3.1', studyUid: '1.3' },
    ];
    await insertInstances(
      fresh.database,
      rows.map((instance, seq) => ({ instance, seq })),
    );
    const found = async (path: Parameters<typeof instancesAt>[1]) =>
      (await instancesAt(fresh.database, path)).map(({ sopInstanceUid }) => sopInstanceUid);
    expect(await found({ study: '1.2' })).toEqual(['1.2.3.1', '1.2.3.2', '1.2.5.1']);
    expect(await found({ study: '1.2', series: '1.2.3' })).toEqual(['1.2.3.1', '1.2.3.2']);
    expect(await found({ study: '1.2', series: '1.2.3', instance: '1.2.3.2' })).toEqual(['1.2.3.2']);
    expect(await found({ study: '1.3', series: '1.2.3', instance: '1.2.3.2' })).toEqual([]);
    expect(await found({ study: '9' })).toEqual([]);
    expect(await instancesOfStudies(fresh.database, [])).toEqual([]);
    expect(await instancesOfStudies(fresh.database, ['1.2', '1.3'])).toHaveLength(4);
  });

  async function journal(instances: readonly NewInstance[]): Promise<number[]> {
    const seqs = [];
    for (const [peer, { sopInstanceUid, digest }] of instances.entries()) {
      const { rows } = await fresh.database.query(
        `insert into journal (received, kind, peer, type, control_id, digest, lane, payload, disposition, answer)
         values (now(), 'dicom', $1, '', $2, $3, '', '', 'accepted', '') returning seq`,
        [String(peer), sopInstanceUid, digest],
      );
      seqs.push(rows[0]?.seq);
    }
    return seqs;
  }
});

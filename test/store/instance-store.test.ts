import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { NewEntry } from '../../src/model/entry.ts';
import type { NewInstance } from '../../src/model/instance.ts';
import {
  addMadeInstance,
  instancesAt,
  instancesOfStudies,
  materialObjects,
  objectsMadeOf,
  unsentObjects,
} from '../../src/store/instance-store.ts';
import { insertEntries } from '../../src/store/journal-store.ts';
import { type FreshDatabase, freshDatabase } from '../support/database.ts';

const INSTANCE: NewInstance & { readonly madeOf: null } = {
  madeOf: null,
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
  number: 7,
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
    const [seq] = await index([INSTANCE]);
    expect(await instancesOfStudies(fresh.database, ['1.2'])).toEqual([{ ...INSTANCE, seq }]);
  });

  it('keeps many of one batch apart, each with its own bytes', async () => {
    const rows = Array.from({ length: 300 }, (_, n) => ({
      ...INSTANCE,
      sopInstanceUid: `1.2.3.${n}`,
      digest: Buffer.alloc(32, n % 250),
      header: Buffer.from(`"${'x'.repeat(n)}"`),
      pixelOffset: n % 2 ? n : null,
    }));
    const seqs = await index(rows);
    expect(await instancesOfStudies(fresh.database, ['1.2'])).toEqual(rows.map((instance, n) => ({ ...instance, seq: seqs[n] })));
  });

  it('leaves the first under a UID as it is, and flags the journal entry of other bytes, in the same batch and later', async () => {
    const second = { ...INSTANCE, digest: Buffer.alloc(32, 2), blob: 'cd'.repeat(32) };
    const [first, again, other] = await index([INSTANCE, { ...INSTANCE, peer: 'pacs' }, second]);
    const [late] = await index([{ ...second, peer: 'pacs' }]);
    const [resent] = await index([INSTANCE]);
    expect(resent).toBe(first);
    expect(await instancesOfStudies(fresh.database, ['1.2'])).toEqual([{ ...INSTANCE, seq: first }]);
    const { rows } = await fresh.database.query('select seq, reused_control_id as flagged from journal order by seq');
    expect(rows.map(({ seq, flagged }) => [seq, flagged])).toEqual([
      [first, false],
      [again, false],
      [other, true],
      [late, true],
    ]);
  });

  it('indexes the instances of a batch that holds other entries too', async () => {
    const order: NewEntry = { ...entryOf(INSTANCE), kind: 'hl7v2', controlId: 'M1', instance: undefined };
    const [before, slice] = await insertEntries(fresh.database, [order, entryOf(INSTANCE)]);
    expect(await instancesOfStudies(fresh.database, ['1.2'])).toEqual([{ ...INSTANCE, seq: slice?.seq }]);
    expect(before?.seq).not.toBe(slice?.seq);
  });

  it('finds a study, a series of it, an instance of that, and nothing under another parent', async () => {
    const rows = [
      { ...INSTANCE, sopInstanceUid: '1.2.3.1' },
      { ...INSTANCE, sopInstanceUid: '1.2.3.2' },
      { ...INSTANCE, sopInstanceUid: '1.2.5.1', seriesUid: '1.2.5' },
      { ...INSTANCE, sopInstanceUid: '1.3.1.1', seriesUid: '1.3.1', studyUid: '1.3' },
    ];
    await index(rows);
    const found = async (path: Parameters<typeof instancesAt>[1]) =>
      (await instancesAt(fresh.database, path, null)).map(({ sopInstanceUid }) => sopInstanceUid);
    expect(await found({ study: '1.2' })).toEqual(['1.2.3.1', '1.2.3.2', '1.2.5.1']);
    expect(await found({ study: '1.2', series: '1.2.3' })).toEqual(['1.2.3.1', '1.2.3.2']);
    expect(await found({ study: '1.2', series: '1.2.3', instance: '1.2.3.2' })).toEqual(['1.2.3.2']);
    expect(await found({ study: '1.3', series: '1.2.3', instance: '1.2.3.2' })).toEqual([]);
    expect(await found({ study: '9' })).toEqual([]);
    expect(await instancesOfStudies(fresh.database, [])).toEqual([]);
    expect(await instancesOfStudies(fresh.database, ['1.2', '1.3'])).toHaveLength(4);
  });

  it('shows what was made of a report to who may see the report, keeps it out of what is to be read, and adds it once', async () => {
    const report = '0192aaaa-0000-7000-8000-000000000001';
    await index([INSTANCE]);
    await fresh.database.query(
      `insert into resource (type, id, version, updated, tokens, digest, readers) values ('DiagnosticReport', $1, 1, now(), '{}', '', '{readers}')`,
      [report],
    );
    const made = { ...INSTANCE, sopInstanceUid: '2.25.1', seriesUid: '2.25.2', peer: '', seq: 7, madeOf: `DiagnosticReport/${report}` };
    await addMadeInstance(fresh.database, made);
    await addMadeInstance(fresh.database, { ...made, blob: 'cd'.repeat(32) });
    const seen = async (group: string | null) =>
      (await instancesAt(fresh.database, { study: '1.2' }, group)).map(({ sopInstanceUid }) => sopInstanceUid);
    expect([await seen(null), await seen('readers'), await seen('others')]).toEqual([
      ['1.2.3.4', '2.25.1'],
      ['1.2.3.4', '2.25.1'],
      ['1.2.3.4'],
    ]);
    expect(await objectsMadeOf(fresh.database, made.madeOf)).toMatchObject([{ sopInstanceUid: '2.25.1', blob: INSTANCE.blob }]);
    expect(await materialObjects(fresh.database, ['1.2'], 10)).toMatchObject([{ sopInstanceUid: '1.2.3.4' }]);
    const place = { caseId: '0192aaaa-0000-7000-8000-000000000002', destination: 'pacs' };
    expect(await unsentObjects(fresh.database, place, ['1.2'], 10)).toMatchObject([{ sopInstanceUid: '1.2.3.4' }]);
  });

  /** The places in the journal. */
  async function index(instances: readonly NewInstance[]): Promise<number[]> {
    return (await insertEntries(fresh.database, instances.map(entryOf))).map(({ seq }) => seq);
  }
});

function entryOf(instance: NewInstance): NewEntry {
  const { peer, sopClassUid: type, sopInstanceUid: controlId, digest, header: payload, blob, received } = instance;
  const nothing = Buffer.alloc(0);
  return {
    ...{ kind: 'dicom', peer, type, controlId, digest, lane: peer, payload, blob, disposition: 'accepted' },
    ...{ answer: nothing, effects: [], detail: '', received, instance },
  };
}

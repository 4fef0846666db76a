/** What was not carried, stored with its entry and counted, and messages that are held for a code: a real corridor on a real database. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { MappingOverrides } from '../../src/model/override.ts';
import { type Corridor, runBatch } from '../../src/pipeline.ts';
import { listGaps } from '../../src/store/gap-store.ts';
import { heldEntries, readLoss, requeueEntries } from '../../src/store/journal-store.ts';
import { readDepths } from '../../src/store/operations-store.ts';
import { adt, orm, pid, type Sent } from '../support/hospital-messages.ts';
import { entryOf, openPersonCorridor, type PersonCorridor } from '../support/person-corridor.ts';

const UNKNOWN = { path: 'PV1-2', reason: 'code is not in HL7 Table 0004', value: 'QQ', table: 'HL7 Table 0004' };

/** An order in which the class of the stay is a code that no table has. */
function withUnknownClass(placer: string, patient: string, when: string, name?: string): Sent {
  const message = orm(placer, patient, when, { visit: `V-${placer}`, ...(name ? { name } : {}) });
  return { ...message, bytes: Buffer.from(message.bytes.toString().replace('PV1|1|I', 'PV1|1|QQ')) };
}

describe('the loss report', () => {
  let house: PersonCorridor;
  beforeAll(async () => {
    house = await openPersonCorridor(2);
  });
  afterAll(() => house.close());

  it('stands beside the outcome, which tells how much it is and nothing of it', async () => {
    const [seq] = await house.send(withUnknownClass('L1', 'P1', '20260302080000'));
    expect(await readLoss(house.database, seq as number)).toContainEqual(UNKNOWN);
    expect(await house.outcome(seq as number)).toMatch(/^done not carried: \d+ values, 1 unknown code$/);
  });

  it('is that of the last time where an entry is replayed, and none where nothing is lost', async () => {
    const [seq] = await house.send(withUnknownClass('L2', 'P2', '20260302080000'));
    await house.database.query(
      `update journal set payload = convert_to(replace(convert_from(payload, 'UTF8'), '|QQ|', '|I|'), 'UTF8') where seq = $1`,
      [seq],
    );
    await requeueEntries(house.database, [seq as number]);
    await house.workOff();
    expect((await readLoss(house.database, seq as number)) ?? []).not.toContainEqual(UNKNOWN);
  });

  it('is counted over all messages, by parallel batches too', async () => {
    const before = await listGaps(house.database, { peer: '', codes: true, offset: 0, limit: 10 });
    const seqs = await house.send(...Array.from({ length: 60 }, (_, n) => withUnknownClass(`M${n}`, `PM${n}`, '20260302080000')));
    const [row, ...others] = await listGaps(house.database, { peer: '', codes: true, offset: 0, limit: 10 });
    expect(others).toEqual([]);
    expect(row).toMatchObject({ type: 'ORM^O01', path: 'PV1-2', code: 'QQ', table: 'HL7 Table 0004', lastSeq: Math.max(...seqs) });
    expect((row?.times ?? 0) - (before[0]?.times ?? 0)).toBe(60);
    const all = await listGaps(house.database, { peer: row?.peer ?? '', codes: false, offset: 0, limit: 100 });
    expect(all.length).toBeGreaterThan(1);
    expect(all.filter(({ table, code }) => table === '' && code !== '')).toEqual([]);
  });

  it('goes on to be counted, but of no new kind, when a sender has filled the table with codes', async () => {
    await house.database.query(
      `insert into gap select 'mad', 'ORM^O01', 'PV1-2', 'code is not in HL7 Table 0004', n, 'HL7 Table 0004', 1, 1, now() from generate_series(1, 50001) n`,
    );
    await house.database.query('analyze gap');
    const times = async () =>
      (await listGaps(house.database, { peer: 'hospital', codes: true, offset: 0, limit: 10 })).map((row) => row.times);
    const [before = 0] = await times();
    const other = withUnknownClass('L4', 'P4', '20260302080000');
    await house.send(withUnknownClass('L3', 'P3', '20260302080000'), {
      ...other,
      bytes: Buffer.from(other.bytes.toString().replace('|QQ|', '|RR|')),
    });
    expect(await times()).toEqual([before + 1]);
  });
});

describe('a message with an unknown code, of a peer whose messages are held for it', () => {
  let house: PersonCorridor;
  beforeAll(async () => {
    house = await openPersonCorridor();
  });
  afterAll(() => house.close());

  /** Takes messages and works them off under a setting. */
  async function send(gaps: 'pass' | 'hold', ...messages: readonly Sent[]): Promise<number[]> {
    const seqs: number[] = [];
    for (const message of messages) seqs.push((await house.append(entryOf(message))).seq);
    await workOff(gaps);
    return seqs;
  }

  async function workOff(gaps: 'pass' | 'hold', mapping?: MappingOverrides): Promise<void> {
    const [corridor] = house.corridors as [Corridor];
    const { peers } = corridor.house;
    const named = (name: string) => ({ ...peers.named(name), gaps, mapping });
    while ((await runBatch({ ...corridor, house: { ...corridor.house, peers: { ...peers, named } } })) > 0);
  }

  it('is settled as held with its reason and its report, and nothing of it is written', async () => {
    const [seq] = await send('hold', withUnknownClass('H1', 'P1', '20260302080000'));
    expect(await house.outcome(seq as number)).toBe('held 1 unknown code: PV1-2 (HL7 Table 0004); nothing of it was written');
    expect(await readLoss(house.database, seq as number)).toContainEqual(UNKNOWN);
    expect(await house.count(`resource where type in ('Patient', 'Encounter', 'ServiceRequest', 'Provenance')`)).toBe(0);
    expect(await house.cases()).toEqual([]);
    expect(await readDepths(house.database)).toMatchObject({ held: 1, failed: 0, pending: { depth: 0 } });
  });

  it('does not hold back what comes later for the same patient, nor messages whose codes are known', async () => {
    const [, later] = await send(
      'hold',
      withUnknownClass('H2', 'P2', '20260302080000', 'Early^Erika'),
      orm('N2', 'P2', '20260302090000', { name: 'Late^Erika' }),
    );
    expect(await house.outcome(later as number)).toMatch(/^done/);
    expect((await house.caseOf('N2')).patient).toBe(`Patient/${(await house.patient('P2'))?.id}`);
  });

  it('is held again while the code is not known', async () => {
    const held = await heldEntries(house.database, 'hospital', 10);
    expect(held).toHaveLength(2);
    await requeueEntries(house.database, held);
    expect(await heldEntries(house.database, 'hospital', 10)).toEqual([]);
    await workOff('hold');
    expect(await heldEntries(house.database, 'hospital', 10)).toEqual(held);
  });

  it('goes on by a replay when nobody holds it any more, and overwrites nothing that is newer', async () => {
    await requeueEntries(house.database, await heldEntries(house.database, 'hospital', 10));
    await workOff('pass');
    expect(await heldEntries(house.database, 'hospital', 10)).toEqual([]);
    expect((await house.caseOf('H1')).phase).toBe('assembling');
    expect((await house.caseOf('H2')).patient).toBe((await house.caseOf('N2')).patient);
    expect((await house.patient('P2'))?.name?.[0]?.family).toBe('Late');
  });

  it('goes on by a replay when the configuration maps the code', async () => {
    const [seq = 0] = await send('hold', withUnknownClass('H4', 'P4', '20260302080000'));
    expect(await house.outcome(seq)).toMatch(/^held/);
    await requeueEntries(house.database, [seq]);
    await workOff('hold', { authorities: {}, codes: { '0004': { QQ: 'I' } }, segments: {}, rewrite: [] });
    expect(await house.outcome(seq)).toMatch(/^done/);
    expect((await house.encounter('V-H4'))?.class.code).toBe('IMP');
    expect((await readLoss(house.database, seq)) ?? []).not.toContainEqual(UNKNOWN);
  });

  it('is not held by values that are no codes', async () => {
    const [seq] = await send('hold', adt('A08', '20260302080000', pid('P3', 'Nil^Erika', { 18: 'ACC-3', 39: 'Tribe' })));
    expect(await house.outcome(seq as number)).toMatch(/^done not carried: \d+ values?$/);
  });
});

/** Events of a patient that arrive late, twice, or at the same moment: through the whole corridor, with the database. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { requeueEntries } from '../../src/store/journal-store.ts';
import { adt, orm, pid, pv1 } from '../support/hospital-messages.ts';
import { entryOf, numbersOf, openPersonCorridor, type PersonCorridor } from '../support/person-corridor.ts';

let house: PersonCorridor;
beforeAll(async () => {
  house = await openPersonCorridor();
});
afterAll(() => house.close());

const family = async (number: string) => (await house.patient(number))?.name?.[0]?.family;

describe('events of a patient', () => {
  it('update one record: a registration, then a change', async () => {
    await house.send(adt('A04', '20260301080000', pid('E1', 'First^Erika'), pv1('V1')));
    await house.send(adt('A08', '20260301090000', pid('E1', 'Second^Erika'), pv1('V1')));
    expect(await family('E1')).toBe('Second');
    expect((await house.encounter('V1'))?.status).toBe('arrived');
    expect(await house.count(`resource where type in ('Patient', 'Encounter')`)).toBe(2);
    expect(await house.cases()).toEqual([]);
  });

  it('are the same resources when they come twice', async () => {
    const message = adt('A08', '20260301090000', pid('E1', 'Second^Erika'), pv1('V1'));
    const before = await house.versions(`Patient/${(await house.patient('E1'))?.id}`);
    await house.send(message, adt('A08', '20260301090000', pid('E1', 'Second^Erika'), pv1('V1')));
    expect(await house.versions(`Patient/${(await house.patient('E1'))?.id}`)).toBe(before);
  });

  it('leave what is newer as it is when they come late', async () => {
    const [seq] = await house.send(adt('A08', '20260301083000', pid('E1', 'Late^Erika'), pv1('V1')));
    expect(await family('E1')).toBe('Second');
    expect(await house.outcome(seq as number)).toContain('done older than what is known of the Patient');
  });

  it('tell of a stay that was not known, also when they come late', async () => {
    await house.send(adt('A01', '20260201080000', pid('E1', 'Late^Erika'), pv1('V0')));
    expect(await family('E1')).toBe('Second');
    expect((await house.encounter('V0'))?.status).toBe('in-progress');
  });

  it('are known when the first to arrive is the last to have happened', async () => {
    await house.send(adt('A03', '20260301120000', pid('E2', 'Discharged^Erika'), pv1('V2', { 45: '20260301115900' })));
    await house.send(adt('A01', '20260301080000', pid('E2', 'Admitted^Erika'), pv1('V2')));
    expect(await family('E2')).toBe('Discharged');
    expect((await house.encounter('V2'))?.status).toBe('finished');
  });

  it('do not open what a newer order closed, nor close for an order what is open', async () => {
    await house.send(orm('O2', 'E2', '20260301130000', { visit: 'V2', name: 'Ordered^Erika' }));
    expect((await house.encounter('V2'))?.status).toBe('finished');
    expect(await family('E2')).toBe('Ordered');
    expect((await house.caseOf('O2')).phase).toBe('assembling');
  });

  it('open the case of an order that is older than what is known of its patient', async () => {
    await house.send(orm('O3', 'E2', '20260228080000', { name: 'Old^Erika' }));
    expect(await family('E2')).toBe('Ordered');
    expect((await house.caseOf('O3')).patient).toBe(`Patient/${(await house.patient('E2'))?.id}`);
  });

  it('that were worked off once more change nothing', async () => {
    const [first] = await house.send(adt('A08', '20260302080000', pid('E3', 'One^Erika')));
    await house.send(adt('A08', '20260302090000', pid('E3', 'Two^Erika')));
    await requeueEntries(house.database, [first as number]);
    await house.workOff();
    expect(await family('E3')).toBe('Two');
  });

  it('that say nothing new are still newer than what comes late', async () => {
    await house.send(adt('A08', '20260302080000', pid('E4', 'Same^Erika')));
    await house.send(adt('A08', '20260302100000', pid('E4', 'Same^Erika')));
    await house.send(adt('A08', '20260302090000', pid('E4', 'Other^Erika')));
    expect(await family('E4')).toBe('Same');
  });

  it('of the same minute are taken as they come', async () => {
    await house.send(adt('A08', '20260302080030', pid('E5', 'Seconds^Erika')));
    await house.send(adt('A08', '202603020800', pid('E5', 'Minute^Erika')));
    expect(await family('E5')).toBe('Minute');
  });

  it('of a clock that is years ahead are as new as their receipt', async () => {
    await house.send(adt('A08', '20620301080000', pid('E6', 'Future^Erika')));
    const now = new Date(Date.now() + 60_000).toISOString().replace(/[-:T]/g, '').slice(0, 14);
    await house.send(adt('A08', now, pid('E6', 'Now^Erika')));
    expect(await family('E6')).toBe('Now');
  });

  it('marked as training change nobody', async () => {
    const message = adt('A08', '20260309080000', pid('E5', 'Training^Erika'));
    const bytes = Buffer.from(message.bytes.toString().replace('|P|2.5.1', '|T|2.5.1'));
    await house.send({ ...message, bytes });
    expect(await family('E5')).toBe('Minute');
  });

  it('say how far a stay is', async () => {
    const status = async (event: string, when: string, fields = {}) => {
      await house.send(adt(event, when, pid('E7'), pv1('V7', fields)));
      return (await house.encounter('V7'))?.status;
    };
    expect(await status('A05', '20260303080000')).toBe('planned');
    expect(await status('A01', '20260303090000', { 44: '20260303090000' })).toBe('in-progress');
    expect(await status('A08', '20260303091000')).toBe('in-progress');
    expect(await status('A03', '20260303100000', { 44: '20260303090000', 45: '20260303100000' })).toBe('finished');
    expect(await status('A13', '20260303110000', { 44: '20260303090000' })).toBe('in-progress');
    expect((await house.encounter('V7'))?.period).toEqual({ start: '2026-03-03T09:00:00+00:00' });
    expect(await status('A11', '20260303120000')).toBe('cancelled');
  });

  it('bring the account and the stay together', async () => {
    await house.send(adt('A01', '20260304080000', pid('E8', 'Muster^Erika', { 18: 'ACC8^^^HOSP^AN' }), pv1('V8')));
    const account = await house.idOf('Account', 'ACC8');
    expect((await house.encounter('V8'))?.account).toEqual([{ reference: `Account/${account}` }]);
    expect(numbersOf(await house.read(`Account/${account}`))).toBe('ACC8');
  });
});

describe('two workers', () => {
  it('leave the newest of many events, in whatever order they take them', async () => {
    const both = await openPersonCorridor(2);
    const numbers = Array.from({ length: 20 }, (_, n) => `R${n}`);
    const events = numbers.flatMap((number, n) =>
      ['08', '09', '10'].map((hour, k) =>
        entryOf(adt('A08', `20260301${hour}0000`, pid(number, `Hour${hour}^Erika`)), `peer${(n + k) % 5}`),
      ),
    );
    const shuffled = events.map((entry, index) => ({ entry, at: (index * 7919) % events.length })).sort((a, b) => a.at - b.at);
    await Promise.all(shuffled.map(({ entry }) => both.append(entry)));
    await both.workOff();
    const names = await Promise.all(numbers.map(async (number) => (await both.patient(number))?.name?.[0]?.family));
    expect(new Set(names)).toEqual(new Set(['Hour10']));
    expect(await both.count(`resource where type = 'Patient'`)).toBe(numbers.length);
    expect(await both.count(`outcome where state <> 'done'`)).toBe(0);
    await both.close();
  });
});

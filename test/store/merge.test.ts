/** Two records that are one, or never were: merges, new numbers, links and moves, through the whole corridor, with the database. */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ImagingStudy, Patient, ServiceRequest, Task } from '@medplum/fhirtypes';
import { requeueEntries } from '../../src/store/journal-store.ts';
import { adt, mrg, orm, pid, pv1 } from '../support/hospital-messages.ts';
import { entryOf, numbersOf, openPersonCorridor, operation, type PersonCorridor } from '../support/person-corridor.ts';
import { sliceEntry } from '../support/slice-entry.ts';

let house: PersonCorridor;
beforeAll(async () => {
  house = await openPersonCorridor();
});
afterAll(() => house.close());

const cx = (number: string) => `${number}^^^HOSP^MR`;
const merge = (into: string, from: string, when = '20260310090000', event = 'A40') =>
  adt(event, when, pid(into, 'Survivor^Erika'), mrg({ 1: cx(from) }));
const known = (number: string, when = '20260310080000') => adt('A04', when, pid(number, `Of${number}^Erika`));
const links = (patient: Patient | null) => (patient?.link ?? []).map(({ type, other }) => `${type} ${other.reference}`);

describe('a merge', () => {
  it('makes one person of two: the old record is out of use, and its number leads to the survivor', async () => {
    await house.send(known('A1'), known('A2'));
    const old = (await house.patient('A1')) as Patient;
    await house.send(merge('A2', 'A1'));
    const survivor = await house.patient('A2');
    expect(await house.idOf('Patient', 'A1')).toBe(survivor?.id);
    expect(numbersOf(survivor)).toBe('A1 old, A2');
    expect(survivor?.name?.[0]?.family).toBe('Survivor');
    expect(links(survivor)).toEqual([`replaces Patient/${old.id}`]);
    const replaced = await house.read<Patient>(`Patient/${old.id}`);
    expect(replaced).toMatchObject({ active: false, name: [{ family: 'OfA1' }] });
    expect(links(replaced)).toEqual([`replaced-by Patient/${survivor?.id}`]);
    expect(numbersOf(replaced)).toBe('A1 old');
  });

  it.each(['A18', 'A30', 'A34', 'A36', 'A40'])('is what ADT^%s says', async (event) => {
    await house.send(known(`E${event}`), known(`F${event}`));
    await house.send(merge(`F${event}`, `E${event}`, '20260310090000', event));
    expect(await house.idOf('Patient', `E${event}`)).toBe((await house.patient(`F${event}`))?.id);
  });

  it('takes open cases along: order, Task, images, and the numbers by which late images find them', async () => {
    await house.send(known('B1'), known('B2'), orm('OB', 'B1', '20260310081000'));
    await house.append(sliceEntry('1.20', 'AC-OB', 'B1'));
    await house.workOff();
    await house.send(merge('B2', 'B1'));
    const survivor = `Patient/${(await house.patient('B2'))?.id}`;
    const state = await house.caseOf('OB');
    expect(state.patient).toBe(survivor);
    expect((await house.read<ServiceRequest>(state.serviceRequest))?.subject?.reference).toBe(survivor);
    expect((await house.read<Task>(state.task))?.for?.reference).toBe(survivor);
    expect((await house.read<ImagingStudy>(state.studies[0]?.imagingStudy ?? ''))?.subject?.reference).toBe(survivor);
    for (const [study, number] of [
      ['1.21', 'B1'],
      ['1.22', 'B2'],
    ] as const) {
      await house.append(sliceEntry(study, 'AC-OB', number));
      await house.workOff();
    }
    expect((await house.caseOf('OB')).studies.map(({ uid }) => uid)).toEqual(['1.20', '1.21', '1.22']);
    expect(await house.events(state.id)).toContain('patient-merged');
    expect((await house.cases()).filter(({ keys }) => keys.some(({ value }) => value === 'AC-OB'))).toHaveLength(1);
  });

  it('brings images to a later order under the new number, whichever of the two they name, with an issuer or without', async () => {
    await house.send(known('B3'), known('B4'), merge('B4', 'B3'), orm('OB3', 'B4', '20260310100000'));
    for (const [study, number, issuer] of [
      ['1.30', 'B3', 'HOSP'],
      ['1.31', 'B4', 'HOSP'],
      ['1.32', 'B3', ''],
      ['1.33', 'B4', ''],
    ] as const) {
      await house.append(sliceEntry(study, 'AC-OB3', number, { issuer }));
      await house.workOff();
    }
    expect((await house.caseOf('OB3')).studies.map(({ uid }) => uid)).toEqual(['1.30', '1.31', '1.32', '1.33']);
  });

  it('leads an order that comes under the old number to the survivor, and does not let it say what he is called', async () => {
    await house.send(known('C1'), known('C2'), merge('C2', 'C1'), orm('OC', 'C1', '20260310110000', { name: 'Outdated^Erika' }));
    const survivor = await house.patient('C2');
    expect((await house.caseOf('OC')).patient).toBe(`Patient/${survivor?.id}`);
    expect(survivor?.name?.[0]?.family).toBe('Survivor');
    expect(numbersOf(survivor)).toBe('C1 old, C2');
  });

  it.each([
    ['an unknown old record', ['known2'], 'Survivor'],
    ['an unknown survivor', ['known1'], 'Survivor'],
    ['two unknown records', [], 'Survivor'],
  ])('of %s leaves one person under both numbers', async (title, before, family) => {
    const [one, two] = [`U1${title.length}`, `U2${title.length}`];
    if (before.includes('known1')) await house.send(known(one));
    if (before.includes('known2')) await house.send(known(two));
    await house.send(merge(two, one));
    const survivor = await house.patient(two);
    expect(await house.idOf('Patient', one)).toBe(survivor?.id);
    expect(numbersOf(survivor)).toBe(`${one} old, ${two}`);
    expect(survivor?.name?.[0]?.family).toBe(family);
    await house.send(orm(`OU${one}`, one, '20260310110000'));
    expect((await house.caseOf(`OU${one}`)).patient).toBe(`Patient/${survivor?.id}`);
  });

  it('into itself changes nothing', async () => {
    await house.send(known('S1'));
    const before = await house.versions(`Patient/${(await house.patient('S1'))?.id}`);
    await house.send(adt('A40', '20260310080000', pid('S1', 'OfS1^Erika'), mrg({ 1: cx('S1') })));
    const patient = await house.patient('S1');
    expect(await house.versions(`Patient/${patient?.id}`)).toBe(before);
    expect(numbersOf(patient)).toBe('S1');
  });

  it('that comes twice, or is worked off once more, is one', async () => {
    await house.send(known('T1'), known('T2'));
    const [seq] = await house.send(merge('T2', 'T1'));
    const survivor = await house.patient('T2');
    const before = await house.versions(`Patient/${survivor?.id}`);
    await house.send(merge('T2', 'T1'));
    await requeueEntries(house.database, [seq as number]);
    await house.workOff();
    expect(await house.versions(`Patient/${survivor?.id}`)).toBe(before);
    expect(await house.count(`patient_merge where survivor = '${survivor?.id}'`)).toBe(1);
  });

  it('of several patients in one message makes each of them one', async () => {
    await house.send(...['M1', 'M2', 'M3', 'M4'].map((number) => known(number)));
    const groups = [pid('M1'), mrg({ 1: cx('M2') }), pid('M3'), mrg({ 1: cx('M4') })];
    await house.send(adt('A40', '20260310090000', ...groups));
    expect(numbersOf(await house.patient('M2'))).toBe('M1, M2 old');
    expect(numbersOf(await house.patient('M4'))).toBe('M3, M4 old');
  });

  it.each([
    ['as they happened', ['12', '23']],
    ['the other way round', ['23', '12']],
  ])('after a merge makes one of all three: %s', async (title, order) => {
    const number = (digit: string | undefined) => `K${digit}-${title.length}`;
    await house.send(known(number('1')), known(number('2')), known(number('3')), orm(`OK${title.length}`, number('1'), '20260310081000'));
    for (const pair of order) await house.send(merge(number(pair[1]), number(pair[0])));
    const survivor = await house.patient(number('3'));
    expect(numbersOf(survivor)).toBe(`${number('1')} old, ${number('2')} old, ${number('3')}`);
    for (const digit of ['1', '2']) expect(await house.idOf('Patient', number(digit))).toBe(survivor?.id);
    expect((await house.caseOf(`OK${title.length}`)).patient).toBe(`Patient/${survivor?.id}`);
  });

  it('is the same when all of it is worked off together', async () => {
    const messages = [
      known('L1'),
      orm('OL1', 'L1', '20260310081000'),
      merge('L2', 'L1'),
      orm('OL2', 'L1', '20260310100000'),
      merge('L3', 'L2'),
    ];
    await house.send(...messages, orm('OL3', 'L2', '20260310110000'));
    const survivor = await house.patient('L3');
    expect(numbersOf(survivor)).toBe('L1 old, L2 old, L3');
    const patients = await Promise.all(['OL1', 'OL2', 'OL3'].map(async (placer) => (await house.caseOf(placer)).patient));
    expect(new Set(patients)).toEqual(new Set([`Patient/${survivor?.id}`]));
    const request = await house.read<ServiceRequest>((await house.caseOf('OL1')).serviceRequest);
    expect(request?.subject?.reference).toBe(`Patient/${survivor?.id}`);
  });

  it('of a number that was retired into yet another record is left to a person', async () => {
    await house.send(known('X1'), known('X2'), known('X3'), merge('X2', 'X1'));
    const [seq] = await house.send(merge('X3', 'X1', '20260310120000'));
    expect(await house.outcome(seq as number)).toContain('failed conflict');
    expect(numbersOf(await house.patient('X3'))).toBe('X3');
    expect(numbersOf(await house.patient('X2'))).toBe('X1 old, X2');
  });

  it('keeps other numbers of the old record in use, except where the survivor has one of their kind', async () => {
    await house.send(adt('A04', '20260310080000', pid('N1^^^HOSP^MR~77^^^STATE^NI~88^^^CARD^HC')));
    await house.send(adt('A04', '20260310080000', pid('N2^^^HOSP^MR~99^^^CARD^HC')));
    await house.send(merge('N2', 'N1'));
    const survivor = await house.patient('N2');
    expect(numbersOf(survivor)).toBe('77, 88 old, 99, N1 old, N2');
    expect(await house.idOf('Patient', '77', 'urn:waystation:authority:STATE')).toBe(survivor?.id);
  });

  it('lets nobody else read a case, and who reads it see who the patient is now', async () => {
    await house.send(known('G1'), known('G2'), orm('OG', 'G1', '20260310081000'), merge('G2', 'G1'));
    const state = await house.caseOf('OG');
    const { rows } = await house.database.query<{ type: string; readers: string[] }>(
      `select type, readers from resource where id = any($1::uuid[]) order by type`,
      [[state.patient, state.serviceRequest, state.task].map((reference) => reference.split('/')[1] as string)],
    );
    expect(rows.map(({ type, readers }) => `${type} ${readers}`)).toEqual(['Patient readers', 'ServiceRequest readers', 'Task readers']);
  });
});

describe('a new number', () => {
  it('is one of the same record, and the old one leads to it', async () => {
    await house.send(known('P1'), orm('OP', 'P1', '20260310081000'));
    const before = await house.patient('P1');
    await house.send(merge('P2', 'P1', '20260310090000', 'A47'));
    const patient = await house.patient('P2');
    expect(patient?.id).toBe(before?.id);
    expect(numbersOf(patient)).toBe('P1 old, P2');
    expect(links(patient)).toEqual([]);
    await house.append(sliceEntry('1.40', 'AC-OP', 'P2'));
    await house.workOff();
    expect((await house.caseOf('OP')).studies).toHaveLength(1);
  });

  it('may be taken back', async () => {
    await house.send(known('Q1'), merge('Q2', 'Q1', '20260310090000', 'A47'), merge('Q1', 'Q2', '20260310100000', 'A47'));
    const patient = await house.patient('Q1');
    expect(numbersOf(patient)).toBe('Q1, Q2 old');
    await house.send(merge('Q2', 'Q1', '20260310090000', 'A47'));
    expect(numbersOf(await house.patient('Q1'))).toBe('Q1, Q2 old');
  });

  it('that has a record already makes one of the two', async () => {
    await house.send(known('R1'), known('R2'), merge('R2', 'R1', '20260310090000', 'A47'));
    expect(numbersOf(await house.patient('R1'))).toBe('R1 old, R2');
  });

  it('of nobody who is known is remembered', async () => {
    await house.send(merge('W2', 'W1', '20260310090000', 'A47'));
    expect(await house.idOf('Patient', 'W1')).toBe((await house.patient('W2'))?.id);
  });

  it('of a stay, and of its alternate one', async () => {
    await house.send(adt('A01', '20260310080000', pid('V1'), pv1('VN1', { 50: 'ALT1^^^HOSP' })));
    const before = await house.encounter('VN1');
    await house.send(adt('A50', '20260310090000', pid('V1'), mrg({ 1: cx('V1'), 5: 'VN1^^^HOSP^VN' }), pv1('VN2')));
    await house.send(adt('A51', '20260310100000', pid('V1'), mrg({ 1: cx('V1'), 6: 'ALT1^^^HOSP' }), pv1('VN2', { 50: 'ALT2^^^HOSP' })));
    const stay = await house.encounter('VN2');
    expect(stay?.id).toBe(before?.id);
    expect((await house.encounter('VN1'))?.id).toBe(before?.id);
    expect(numbersOf(stay)).toBe('ALT1 old, ALT2, VN1 old, VN2');
  });
});

describe('a link', () => {
  it('is between two records that stay two, and may be taken back', async () => {
    await house.send(known('H1'), known('H2'), adt('A24', '20260310090000', pid('H1'), pid('H2')));
    const [one, two] = [await house.patient('H1'), await house.patient('H2')];
    expect(links(one)).toEqual([`seealso Patient/${two?.id}`]);
    expect(links(two)).toEqual([`seealso Patient/${one?.id}`]);
    await house.send(orm('OH', 'H1', '20260310091000'));
    await house.append(sliceEntry('1.50', 'AC-OH', 'H2'));
    await house.workOff();
    expect((await house.caseOf('OH')).studies).toHaveLength(1);
    await house.send(adt('A37', '20260310100000', pid('H1'), pid('H2')));
    expect([...links(await house.patient('H1')), ...links(await house.patient('H2'))]).toEqual([]);
    await house.append(sliceEntry('1.51', 'AC-OH', 'H2'));
    await house.workOff();
    expect((await house.caseOf('OH')).studies.map(({ uid }) => uid)).toEqual(['1.50']);
  });
});

describe('a move', () => {
  it('of a number takes its cases to the right patient, and leaves him the others', async () => {
    await house.send(adt('A04', '20260310080000', pid('D1^^^HOSP^MR~D2^^^HOSP^PI', 'Wrong^Erika')), known('D3'));
    await house.send(orm('OD1', 'D1', '20260310081000'), orm('OD2', 'D2^^^HOSP^PI', '20260310081100'));
    await house.send(adt('A43', '20260310090000', pid('D3', 'OfD3^Erika'), mrg({ 1: 'D2^^^HOSP^PI' })));
    const [wrong, right] = [await house.patient('D1'), await house.patient('D3')];
    expect(numbersOf(wrong)).toBe('D1');
    expect(numbersOf(right)).toBe('D2, D3');
    expect((await house.caseOf('OD1')).patient).toBe(`Patient/${wrong?.id}`);
    expect((await house.caseOf('OD2')).patient).toBe(`Patient/${right?.id}`);
    expect((await house.caseOf('OD2')).patientKeys.map(({ value }) => value).sort()).toEqual(['D2', 'D3']);
  });

  it('of a number whose new owner is named by PID-2 does not tell the old owner what he is called', async () => {
    await house.send(adt('A04', '20260310080000', pid('I1^^^HOSP^MR~I2^^^HOSP^PI', 'Wrong^Erika')));
    await house.send(adt('A43', '20260310090000', pid('I2^^^HOSP^PI', 'Right^Erika', { 2: 'I9^^^HOSP^PI' }), mrg({ 1: 'I2^^^HOSP^PI' })));
    expect((await house.patient('I1'))?.name?.[0]?.family).toBe('Wrong');
    const right = await house.patient('I9');
    expect(right?.name?.[0]?.family).toBe('Right');
    expect((await house.patient('I2'))?.id).toBe(right?.id);
  });

  it('of a stay takes its orders along, and leaves the others', async () => {
    await house.send(known('J1'), known('J2'), adt('A01', '20260310080000', pid('J1'), pv1('JV')));
    await house.send(orm('OJ1', 'J1', '20260310081000', { visit: 'JV' }), orm('OJ2', 'J1', '20260310081100'));
    const move = adt('A45', '20260310090000', pid('J2', 'OfJ2^Erika'), mrg({ 1: cx('J1'), 5: 'JV^^^HOSP^VN' }), pv1('JV'));
    await house.send(move);
    const [wrong, right] = [await house.patient('J1'), await house.patient('J2')];
    expect((await house.encounter('JV'))?.subject?.reference).toBe(`Patient/${right?.id}`);
    const moved = await house.caseOf('OJ1');
    expect(moved.patient).toBe(`Patient/${right?.id}`);
    expect(moved.patientKeys.map(({ value }) => value)).toEqual(['J2']);
    expect((await house.read<ServiceRequest>(moved.serviceRequest))?.subject?.reference).toBe(`Patient/${right?.id}`);
    expect((await house.caseOf('OJ2')).patient).toBe(`Patient/${wrong?.id}`);
  });

  it('of an account takes its stays and their orders along', async () => {
    const account = { 18: 'YA^^^HOSP^AN' };
    await house.send(known('Y1'), known('Y2'), adt('A01', '20260310080000', pid('Y1', 'OfY1^Erika', account), pv1('YV')));
    await house.send(orm('OY1', 'Y1', '20260310081000', { visit: 'YV' }), orm('OY2', 'Y1', '20260310081100'));
    await house.send(adt('A44', '20260310090000', pid('Y2', 'OfY2^Erika', account), mrg({ 1: cx('Y1'), 3: 'YA^^^HOSP^AN' })));
    const right = `Patient/${(await house.patient('Y2'))?.id}`;
    expect((await house.encounter('YV'))?.subject?.reference).toBe(right);
    expect((await house.caseOf('OY1')).patient).toBe(right);
    expect((await house.caseOf('OY2')).patient).not.toBe(right);
  });

  it('of an account into another: stays are of the other', async () => {
    const said = (number: string) => pid('Z1', 'OfZ1^Erika', { 18: `${number}^^^HOSP^AN` });
    await house.send(
      adt('A01', '20260310080000', said('ZA1'), pv1('ZV')),
      adt('A41', '20260310090000', said('ZA2'), mrg({ 3: 'ZA1^^^HOSP^AN' })),
    );
    const account = await house.idOf('Account', 'ZA2');
    expect((await house.encounter('ZV'))?.account).toEqual([{ reference: `Account/${account}` }]);
    expect(await house.idOf('Account', 'ZA1')).toBe(account);
    expect(numbersOf(await house.read(`Account/${account}`))).toBe('ZA1 old, ZA2');
  });
});

describe('a merge that a person undoes', () => {
  const undo = async (number: string, why = 'two persons of one name') => {
    const merged = await house.database.query<{ merged: string }>(
      `select merged from patient_merge where numbers @> array[$1] order by n`,
      [number],
    );
    const { seq } = await house.append(operation('patient.unmerge', { patient: merged.rows[0]?.merged ?? '', why }));
    await house.workOff();
    return house.outcome(seq);
  };

  it('leaves two persons, each with his numbers and his cases, also those that came since', async () => {
    await house.send(adt('A04', '20260310080000', pid('u1^^^HOSP^MR~7^^^STATE^NI~M1^^^FUND^MB', 'OfU1^Erika')), known('u2'));
    const before = await house.patient('u1');
    await house.send(orm('Ou1', 'u1', '20260310081000', { name: 'OfU1^Erika' }), orm('Ou2', 'u2', '20260310081100'));
    await house.append(sliceEntry('1.60', 'AC-Ou1', 'u1'));
    await house.send(merge('u2', 'u1'), orm('Ou3', 'u1', '20260310100000'), orm('Ou4', 'u2', '20260310100100'));
    const survivor = `Patient/${(await house.patient('u2'))?.id}`;
    expect((await house.caseOf('Ou1')).patient).toBe(survivor);
    expect(await undo('u1')).toBe('done');
    const [one, two] = [await house.patient('u1'), await house.patient('u2')];
    expect(one?.id).toBe(before?.id);
    expect(one).toMatchObject({ name: [{ family: 'OfU1' }] });
    expect([one?.active, one?.link, two?.link]).toEqual([undefined, undefined, undefined]);
    expect([numbersOf(one), numbersOf(two)]).toEqual(['7, M1, u1', 'u2']);
    const owners = await Promise.all(['Ou1', 'Ou2', 'Ou3', 'Ou4'].map(async (placer) => (await house.caseOf(placer)).patient));
    expect(owners).toEqual([`Patient/${one?.id}`, survivor, `Patient/${one?.id}`, survivor]);
    const first = await house.caseOf('Ou1');
    expect((await house.read<Task>(first.task))?.for?.reference).toBe(`Patient/${one?.id}`);
    expect((await house.read<ImagingStudy>(first.studies[0]?.imagingStudy ?? ''))?.subject?.reference).toBe(`Patient/${one?.id}`);
    expect(await house.events(first.id)).toContain('patient-unmerged');
    await house.append(sliceEntry('1.61', 'AC-Ou1', 'u2'));
    await house.append(sliceEntry('1.62', 'AC-Ou4', 'u1'));
    await house.workOff();
    expect((await house.caseOf('Ou1')).studies.map(({ uid }) => uid)).toEqual(['1.60']);
    expect((await house.caseOf('Ou4')).studies).toEqual([]);
  });

  it('is not merged again by its own message, but by a later one', async () => {
    await house.send(known('v1'), known('v2'));
    const [seq] = await house.send(merge('v2', 'v1'));
    expect(await undo('v1')).toBe('done');
    await requeueEntries(house.database, [seq as number]);
    await house.workOff();
    expect(numbersOf(await house.patient('v1'))).toBe('v1');
    expect(await undo('v1')).toContain('failed conflict');
    const later = new Date(Date.now() + 60_000).toISOString().replace(/[-:T]/g, '').slice(0, 14);
    await house.send(merge('v2', 'v1', later));
    expect(numbersOf(await house.patient('v1'))).toBe('v1 old, v2');
  });

  it('is not merged again by the move of its last number that merged it', async () => {
    await house.send(known('q1'), known('q2'));
    const [seq] = await house.send(adt('A43', '20260310090000', pid('q2', 'OfQ2^Erika'), mrg({ 1: cx('q1') })));
    expect(await undo('q1')).toBe('done');
    await requeueEntries(house.database, [seq as number]);
    await house.workOff();
    const [one, two] = [await house.patient('q1'), await house.patient('q2')];
    expect([numbersOf(one), numbersOf(two)]).toEqual(['q1', 'q2']);
  });

  it('is undone in the middle of a chain', async () => {
    await house.send(known('w1'), known('w2'), known('w3'), orm('Ow1', 'w1', '20260310081000'), merge('w2', 'w1'), merge('w3', 'w2'));
    expect(await undo('w1')).toBe('done');
    const [one, three] = [await house.patient('w1'), await house.patient('w3')];
    expect([numbersOf(one), numbersOf(three)]).toEqual(['w1', 'w2 old, w3']);
    expect((await house.caseOf('Ow1')).patient).toBe(`Patient/${one?.id}`);
    expect(await undo('w2')).toBe('done');
    expect(numbersOf(await house.patient('w2'))).toBe('w2');
    expect(numbersOf(await house.patient('w3'))).toBe('w3');
    expect((await house.caseOf('Ow1')).patient).toBe(`Patient/${one?.id}`);
  });

  it('hides the one record from who reads only the other', async () => {
    await house.send(known('x1'), known('x2'), orm('Ox1', 'x1', '20260310081000'), merge('x2', 'x1'));
    await undo('x1');
    const readers = async (number: string) => {
      const { rows } = await house.database.query<{ readers: string[] }>(`select readers from resource where id = $1`, [
        (await house.patient(number))?.id,
      ]);
      return rows[0]?.readers;
    };
    expect([await readers('x1'), await readers('x2')]).toEqual([['readers'], []]);
  });
});

describe('two workers', () => {
  it('lead every order to the survivor, whoever is first: the merge or the order', async () => {
    const both = await openPersonCorridor(2);
    const pairs = Array.from({ length: 40 }, (_, n) => n);
    const entries = pairs.flatMap((n) => {
      const [one, two] = [`OLD${n}`, `NEW${n}`];
      const before = n % 3 === 0 ? [] : [entryOf(known(one), 'adt')];
      const order = entryOf(orm(`RO${n}`, one, '20260310081000'), 'ris');
      const union = entryOf(merge(two, one), 'adt');
      const images = sliceEntry(`1.9.${n}`, `AC-RO${n}`, n % 2 ? one : two);
      return n % 2 ? [...before, order, union, images] : [...before, union, images, order];
    });
    await Promise.all(entries.map(both.append));
    await both.workOff();
    expect(await both.count(`pending`)).toBe(0);
    expect(await both.count(`outcome where state <> 'done'`)).toBe(0);
    for (const n of pairs) {
      const survivor = await both.patient(`NEW${n}`);
      expect(await both.idOf('Patient', `OLD${n}`)).toBe(survivor?.id);
      const state = await both.caseOf(`RO${n}`);
      expect(state.patient).toBe(`Patient/${survivor?.id}`);
      expect((await both.read<ServiceRequest>(state.serviceRequest))?.subject?.reference).toBe(state.patient);
    }
    expect(await both.count(`cases where phase <> 'cancelled'`)).toBe(pairs.length);
    await both.close();
  });
});

/** What is declared of a person's gender (GSP, GSR, GSC), told whole or one by one, in a real corridor. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Extension } from '@medplum/fhirtypes';
import { adt, pid, pv1 } from '../support/hospital-messages.ts';
import { openPersonCorridor, type PersonCorridor } from '../support/person-corridor.ts';

let test: PersonCorridor;
let told = 0;

beforeAll(async () => {
  test = await openPersonCorridor();
});
afterAll(() => test.close());

const MALE = '446151000124109^Identifies as male gender^SCT';
const NONBINARY = '33791000087105^Identifies as nonbinary gender^SCT';
const identity = (action: string, number: string, value: string, more = '') =>
  `GSP|1|${action}|${number}|76691-5^Gender identity^LN|${value}${more}`;

/** Tells something of a patient, later than all before; what is then known of him under `url`: its codes. */
async function tell(patient: string, ...segments: string[]): Promise<string[]> {
  const at = `202603100900${String(++told).padStart(2, '0')}`;
  await test.send(adt('A08', at, pid(patient, 'Muster^Jo'), pv1(''), ...segments));
  return known(patient, 'individual-genderIdentity');
}

async function known(patient: string, url: string): Promise<string[]> {
  const { extension = [] } = (await test.patient(patient)) ?? {};
  return extension.filter((one) => one.url.endsWith(url)).map(codeOf);
}

function codeOf({ extension }: Extension): string {
  return extension?.find(({ url }) => url === 'value')?.valueCodeableConcept?.coding?.[0]?.code ?? '';
}

describe('what is declared of a person', () => {
  it('as a snapshot takes the place of all that was known', async () => {
    expect(await tell('S', identity('S', '', MALE, '|20210101'))).toEqual(['446151000124109']);
    expect(await tell('S', identity('S', '', NONBINARY, '|20210701'))).toEqual(['33791000087105']);
    expect(await tell('S')).toEqual(['33791000087105']);
  });

  it('one by one is added, changed by its number, and ended', async () => {
    expect(await tell('N', identity('A', 'G1^RIS', MALE))).toEqual(['446151000124109']);
    expect((await tell('N', identity('A', 'G2^RIS', NONBINARY))).sort()).toEqual(['33791000087105', '446151000124109']);
    await tell('N', identity('U', 'G1^RIS', MALE, '|20210101^20210630|until he changed it'));
    const first = (await test.patient('N'))?.extension?.find((one) => codeOf(one) === '446151000124109');
    expect(first?.extension?.slice(1)).toEqual([
      { url: 'period', valuePeriod: { start: '2021-01-01', end: '2021-06-30' } },
      { url: 'comment', valueString: 'until he changed it' },
    ]);
    expect(await tell('N', identity('D', 'G1^RIS', MALE))).toEqual(['33791000087105']);
    expect(await tell('N', identity('X', 'G2^RIS', MALE))).toEqual(['33791000087105']);
    expect(await tell('N', identity('D', 'G2^RIS', NONBINARY))).toEqual([]);
    expect((await test.patient('N'))?.extension).toBeUndefined();
  });

  it('of a patient who is new here ends nothing', async () => {
    expect(await tell('E', identity('D', 'G9^RIS', MALE))).toEqual([]);
    expect((await test.patient('E'))?.extension).toBeUndefined();
  });

  it('without a number is known by its value', async () => {
    await tell('V', identity('A', '', MALE));
    expect(await tell('V', identity('A', '', MALE, '|20210101'))).toEqual(['446151000124109']);
    expect(await tell('V', identity('D', '', MALE))).toEqual([]);
  });

  it('of his relative is not of him; GSR and GSC stand at him where no order is', async () => {
    const gsc = 'GSC|1|S||248152002^Female^SCT|20220715|PR1^1';
    await tell('R', 'GSR|1|S||F^Female^HL70001', gsc, 'NK1|1|Muster^Eva|MTH^mother^HL70063', identity('S', '', MALE));
    expect(await known('R', 'individual-genderIdentity')).toEqual([]);
    expect(await known('R', 'individual-recordedSexOrGender')).toEqual(['F']);
    expect(await known('R', 'patient-sexParameterForClinicalUse')).toEqual(['248152002']);
  });
});

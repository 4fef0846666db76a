/** The operations door on what was sent de-identified: whose it is, and who looked. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Page, PseudonymLine } from '../../src/endpoints/operations/contract.ts';
import { savePseudonyms } from '../../src/store/pseudonym-store.ts';
import { type OperationsDoor, startOperationsDoor } from '../support/operations-door.ts';

let door: OperationsDoor;

beforeAll(async () => {
  door = await startOperationsDoor();
  const patient = { pseudonym: 'P51F0', patientId: '4711', issuer: 'HOSP' };
  const study = { dates: new Map<string, string>(), studyUid: '1.2.3' };
  await savePseudonyms(door.database, { ...study, destination: 'study', uids: new Map([['2.25.1', '1.2.3']]), patient });
  await savePseudonyms(door.database, {
    ...study,
    destination: 'teaching',
    uids: new Map([['2.25.2', '1.2.3']]),
    patient: { ...patient, issuer: '' },
  });
});
afterAll(() => door.close());

async function ask(value: string): Promise<{ status: number; rows: readonly PseudonymLine[] }> {
  const response = await fetch(`${door.url}/operations/pseudonyms/${value}`, { headers: { authorization: `Bearer ${door.token}` } });
  return { status: response.status, rows: response.status === 200 ? ((await response.json()) as Page<PseudonymLine>).rows : [] };
}

it('tells what a UID stands for, and notes who looked', async () => {
  expect(await ask('2.25.1')).toEqual({
    status: 200,
    rows: [{ destination: 'study', kind: 'uid', pseudonym: '2.25.1', original: '1.2.3', issuer: '' }],
  });
  await door.audit.close();
  const { rows } = await door.database.query('select action, target, result from audit');
  expect(rows).toEqual([{ action: 'read', target: 'pseudonym 2.25.1', result: '200' }]);
});

it('tells whose a patient identifier is, at each destination', async () => {
  const { rows } = await ask('P51F0');
  expect(rows.map(({ destination, kind, original, issuer }) => [destination, kind, original, issuer])).toEqual([
    ['study', 'patient', '4711', 'HOSP'],
    ['teaching', 'patient', '4711', ''],
  ]);
});

it('knows nothing of what was never sent', async () => {
  expect((await ask('1.2.3')).status).toBe(404);
});

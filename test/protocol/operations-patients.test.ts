/** The operations door on patients: what it shows of a number, and what it takes as the undoing of a merge. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Patient } from '@medplum/fhirtypes';
import type { Page, PatientLine } from '../../src/endpoints/operations/contract.ts';
import { indexResource } from '../../src/protocols/fhir/search-index.ts';
import { readEntry } from '../../src/store/journal-store.ts';
import { endMerge, insertMerge } from '../../src/store/merge-store.ts';
import { saveResources } from '../../src/store/resource-store.ts';
import { type OperationsDoor, startOperationsDoor } from '../support/operations-door.ts';

const OLD = '0190aaaa-0000-7000-8000-000000000011';
const NEW = '0190aaaa-0000-7000-8000-000000000012';
const SYSTEM = 'urn:waystation:authority:HOSP';
const old: Patient & { id: string } = { resourceType: 'Patient', id: OLD, identifier: [{ system: SYSTEM, value: '4711' }] };

let door: OperationsDoor;
let merge: number;

beforeAll(async () => {
  door = await startOperationsDoor();
  const link = (other: string, type: 'replaces' | 'replaced-by') => [{ other: { reference: `Patient/${other}` }, type }];
  const numbers = [
    { system: SYSTEM, value: '4712' },
    { system: SYSTEM, value: '4711', use: 'old' as const },
  ];
  const patients: (Patient & { id: string })[] = [
    { ...old, active: false, identifier: [{ system: SYSTEM, value: '4711', use: 'old' }], link: link(NEW, 'replaced-by') },
    { resourceType: 'Patient', id: NEW, identifier: numbers, link: link(OLD, 'replaces') },
  ];
  const rest = { version: 1, deleted: false, caseId: null, author: '', readers: [], seq: null };
  await door.database.transaction(async (tx) => {
    await saveResources(
      tx,
      patients.map((resource) => ({ ...rest, resource, index: indexResource(resource) })),
      new Date(),
    );
    const identities = [{ type: 'Patient', system: SYSTEM, value: '4711' }];
    merge = await insertMerge(tx, {
      merged: OLD,
      survivor: NEW,
      at: new Date(0),
      seq: 7,
      identities,
      content: { old, gained: identities },
    });
  });
});
afterAll(() => door.close());

async function ask<Body>(path: string, body?: unknown): Promise<{ status: number; body: Body }> {
  const response = await fetch(`${door.url}/operations/patients/${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${door.token}`, 'content-type': 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Body };
}

it('shows the records that a number leads to and led to, and their merges, and notes who looked', async () => {
  const { status, body } = await ask<Page<PatientLine>>('4711');
  expect(status).toBe(200);
  expect(body.rows.map(({ patient, replacedBy }) => [patient, replacedBy])).toEqual([
    [`Patient/${NEW}`, ''],
    [`Patient/${OLD}`, `Patient/${NEW}`],
  ]);
  expect(body.rows[0]?.numbers).toEqual([
    { system: SYSTEM, value: '4712', old: false },
    { system: SYSTEM, value: '4711', old: true },
  ]);
  const one = { merged: `Patient/${OLD}`, survivor: `Patient/${NEW}`, at: '1970-01-01T00:00:00.000Z', seq: 7, undone: null };
  expect(body.rows.map(({ merges }) => merges)).toEqual([[one], [one]]);
  expect((await ask<Page<PatientLine>>('4712')).body.rows).toHaveLength(1);
  expect((await ask<Page<PatientLine>>(OLD)).body.rows).toHaveLength(1);
  await door.audit.close();
  const { rows } = await door.database.query<{ target: string }>('select distinct target from audit order by target');
  expect(rows.map(({ target }) => target)).toEqual([`Patient/${OLD}`, `Patient/${NEW}`]);
});

it.each([
  ['no reason', `${OLD}/unmerge`, {}, 422],
  ['a number', '4711/unmerge', { why: 'twins' }, 422],
  ['a record that was never merged', `${NEW}/unmerge`, { why: 'twins' }, 404],
])('refuses to undo a merge by %s', async (_title, path, body, status) => {
  expect((await ask(path, body)).status).toBe(status);
});

it('knows no such number', async () => {
  expect((await ask('4713')).status).toBe(404);
});

it('journals the undoing of a merge, once', async () => {
  const { status, body } = await ask<{ seq: number }>(`${OLD}/unmerge`, { why: 'twins' });
  expect(status).toBe(202);
  const entry = await readEntry(door.database, body.seq);
  expect(entry).toMatchObject({ kind: 'operation', type: 'patient.unmerge', lane: `patient ${OLD}` });
  expect(JSON.parse(String(entry?.payload))).toEqual({ patient: OLD, why: 'twins' });
  await door.database.transaction((tx) => endMerge(tx, merge, new Date()));
  expect((await ask(`${OLD}/unmerge`, { why: 'twins' })).status).toBe(409);
});

/** Programs of others at the FHIR door: fhir-kit-client and curl. */
import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle, Patient } from '@medplum/fhirtypes';
import { Client } from 'fhir-kit-client';
import { bundle, type FhirCaller, type FhirDoor, openFhirDoor, order, patient, post, urn } from '../support/fhir-door.ts';

let door: FhirDoor;
let clinic: FhirCaller;
let kit: Client;

beforeAll(async () => {
  door = await openFhirDoor();
  clinic = await door.client('origin', 'clinic');
  kit = new Client({ baseUrl: door.base, bearerToken: clinic.token });
});
afterAll(() => door.close());

/** The client types what it gets as any resource at all. */
async function gets<T>(answer: Promise<unknown>): Promise<T> {
  return (await answer) as T;
}

describe('fhir-kit-client', () => {
  it('reads what the server can do', async () => {
    expect(await kit.capabilityStatement()).toMatchObject({ resourceType: 'CapabilityStatement', fhirVersion: '4.0.1' });
  });

  it('creates, reads, updates, patches, searches and deletes', async () => {
    const made = await gets<Patient>(kit.create({ resourceType: 'Patient', body: patient('kit-1') }));
    const id = String(made.id);
    await kit.update({ resourceType: 'Patient', id, body: { ...made, gender: 'female' } });
    await kit.patch({ resourceType: 'Patient', id, jsonPatch: [{ op: 'replace', path: '/gender', value: 'other' }] });
    expect(await kit.read({ resourceType: 'Patient', id })).toMatchObject({ gender: 'other', meta: { versionId: '3' } });
    expect(await kit.vread({ resourceType: 'Patient', id, version: '2' })).toMatchObject({ gender: 'female' });
    expect((await gets<Bundle>(kit.history({ resourceType: 'Patient', id }))).entry).toHaveLength(3);
    const found = await gets<Bundle>(kit.search({ resourceType: 'Patient', searchParams: { identifier: 'urn:test:mrn|kit-1' } }));
    expect(found.entry?.map(({ resource }) => resource?.id)).toEqual([id]);
    await kit.delete({ resourceType: 'Patient', id });
    await expect(kit.read({ resourceType: 'Patient', id })).rejects.toMatchObject({ response: { status: 410 } });
  });

  it('walks from page to page', async () => {
    const group = await door.client('origin', 'paging');
    const own = new Client({ baseUrl: door.base, bearerToken: group.token });
    for (let count = 0; count < 5; count++) await group.ask('POST', 'Patient', patient(`page-${count}`));
    let page = await gets<Bundle>(own.search({ resourceType: 'Patient', searchParams: { _count: 2 } }));
    const sizes = [page.entry?.length];
    while (page.link?.some(({ relation }) => relation === 'next')) {
      page = await gets<Bundle>(own.nextPage({ bundle: page as never }) as Promise<unknown>);
      sizes.push(page.entry?.length);
    }
    expect(sizes).toEqual([2, 2, 1]);
  });

  it('sends a consultation as one transaction', async () => {
    const entries = [post(urn(1), patient('kit-2')), post(urn(2), order(urn(1)))];
    const answer = await gets<Bundle>(kit.transaction({ body: bundle(entries) }));
    expect(answer.entry?.map(({ response }) => response?.status)).toEqual(['201 Created', '201 Created']);
  });

  it('hears in its own way what was refused', async () => {
    const refused = kit.create({ resourceType: 'Patient', body: { resourceType: 'Patient', gender: 'x' } });
    await expect(refused).rejects.toMatchObject({ response: { status: 422, data: { resourceType: 'OperationOutcome' } } });
  });
});

const hasCurl = spawnSync('curl', ['--version']).status === 0;
const run = promisify(execFile);

(hasCurl ? describe : describe.skip)('curl', () => {
  const curl = async (...args: string[]) =>
    (await run('curl', ['-sS', '-w', '\n%{http_code}', '-H', `Authorization: Bearer ${clinic.token}`, ...args])).stdout;

  it('creates and reads', async () => {
    const made = await curl('-H', 'Content-Type: application/fhir+json', '-d', JSON.stringify(patient('curl-1')), `${door.base}/Patient`);
    expect(made).toMatch(/\n201$/);
    expect(await curl(`${door.base}/Patient?identifier=curl-1&_summary=count`)).toMatch(/"total":1.*\n200$/);
  });

  it('uploads a file after asking whether it may (Expect: 100-continue)', async () => {
    const made = await curl(
      '-H',
      'Content-Type: text/plain',
      '-H',
      'Expect: 100-continue',
      '--data-binary',
      'some text',
      `${door.base}/Binary`,
    );
    expect(made).toMatch(/\n201$/);
  });
});

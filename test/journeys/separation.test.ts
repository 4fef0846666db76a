/** Nobody sees what is not his: clients that try to come by another's patient, order or images through the numbers they name. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle, Resource, Task } from '@medplum/fhirtypes';
import { ctSlice } from '../support/ct-slice.ts';
import { fetchInstance } from '../support/fhir-pages.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { asMessage, sendMllp } from '../support/mllp-sender.ts';
import { stagesOf } from '../support/stages.ts';
import { openStoreAssociation } from '../support/store-sender.ts';
import { until } from '../support/until.ts';

let gateway: GatewayProcess;
let reader: string;
let stranger: string;

beforeAll(async () => {
  gateway = await startGatewayProcess({ yaml: 'specialties: { teleradiology: { quiet: 0s } }\n' });
  reader = gateway.addClient('reading-room', 'reader', 'readers');
  stranger = gateway.addClient('stranger', 'origin');
});
afterAll(async () => {
  await gateway?.stop();
  gateway?.remove();
});

async function search<T extends Resource>(token: string, query: string): Promise<T[]> {
  const response = await fetch(`${gateway.http}/fhir/${query}`, { headers: { authorization: `Bearer ${token}` } });
  expect(response.status).toBe(200);
  return (((await response.json()) as Bundle<T>).entry ?? []).map((entry) => entry.resource as T);
}

async function write(token: string, resource: Resource): Promise<Resource> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/fhir+json' };
  const response = await fetch(`${gateway.http}/fhir/${resource.resourceType}`, {
    method: 'POST',
    headers,
    body: JSON.stringify(resource),
  });
  expect(response.status).toBe(201);
  return (await response.json()) as Resource;
}

/** The numbers of a hospital, as the gateway keeps them, written first by somebody else. */
async function plantNumbers(): Promise<void> {
  const patient = await write(stranger, {
    resourceType: 'Patient',
    identifier: [{ system: 'urn:waystation:authority:HOSP', value: '4711' }],
  });
  await write(stranger, {
    resourceType: 'ServiceRequest',
    status: 'active',
    intent: 'order',
    subject: { reference: `Patient/${patient.id}` },
    identifier: [
      { type: { coding: [{ code: 'PLAC' }] }, system: 'urn:waystation:authority:RIS', value: 'PL-1001' },
      { type: { coding: [{ code: 'ACSN' }] }, system: 'urn:waystation:authority:default', value: 'ACC-1001' },
    ],
  });
}

describe('a client that names the numbers of another', () => {
  const slice = ctSlice(1, { run: 'separation', study: 1, accession: 'ACC-1001', patient: '4711' });

  it('gets neither the patient nor the order nor the images that come under them later', async () => {
    await plantNumbers();
    const order = asMessage(stagesOf('teleradiology').read('0-received.hl7'));
    expect(await sendMllp(gateway.mllp, order)).toMatch(/\rMSA\|AA/);
    const association = await openStoreAssociation(gateway.dimse);
    expect(await association.store(slice)).toBe(0);
    await association.release();
    await until(
      () => search(reader, 'ImagingStudy'),
      (found) => found.length > 0,
    );
    const seen = await Promise.all(
      ['Patient', 'ServiceRequest', 'ImagingStudy', 'Task', 'Encounter', 'Practitioner'].map((type) => search(stranger, type)),
    );
    expect(JSON.stringify(seen)).not.toMatch(/Erika|skulap|VISIT-9|24725-4/);
    expect(seen[2]).toEqual([]);
  });

  it('does not draw the images into a case of his own: the order they belong to is whole', async () => {
    const offered = await until(
      () => search<Task>(reader, 'Task?status=requested'),
      (found) => found.length > 0,
    );
    expect(offered.map(({ description, input }) => [description, input?.length])).toEqual([['CT Head', 1]]);
  });

  it('is told of images only that they are not there, also after he wrote a study of his own with their UID', async () => {
    const http = gateway.http;
    const [patient] = await search(stranger, 'Patient');
    await write(stranger, {
      resourceType: 'ImagingStudy',
      status: 'available',
      subject: { reference: `Patient/${patient?.id}` },
      identifier: [{ system: 'urn:dicom:uid', value: `urn:oid:${slice.studyUid}` }],
    });
    expect(await fetchInstance({ http, token: stranger }, slice.studyUid, slice.seriesUid, slice.sopInstanceUid)).toBeNull();
    expect(await fetchInstance({ http, token: reader }, slice.studyUid, slice.seriesUid, slice.sopInstanceUid)).not.toBeNull();
  });
});

/** A case pushed to a second Waystation, read and signed there, and found by the first: our client against our own FHIR door, as a process. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle, Media, Patient, QuestionnaireResponse, Resource, ServiceRequest, Task } from '@medplum/fhirtypes';
import { type FhirClient, type FoundReport, startFhirClient } from '../../src/delivery/fhir/fhir-client.ts';
import type { Receipt } from '../../src/model/delivery.ts';
import { isFailure } from '../../src/model/failure.ts';
import { answeredPlaces, type Push, pushName } from '../../src/protocols/fhir/push.ts';
import { loadValidator } from '../../src/protocols/fhir/resource-validator.ts';
import { type FoundReport as Opened, readFoundReport } from '../../src/reports/found-report.ts';
import { verifyReport } from '../../src/reports/verify.ts';
import { composeFhirOrder } from '../../src/return/fhir/fhir-order.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { photo } from '../support/photo.ts';
import { claimTask, connect, newSpecialist, openTasks, postReport, reportOn, type Specialist } from '../support/specialist.ts';
import { until } from '../support/until.ts';

let there: GatewayProcess;
let client: FhirClient;
let ada: Specialist;
let reader: ReturnType<typeof connect>;

beforeAll(async () => {
  ada = await newSpecialist();
  there = await startGatewayProcess({ yaml: configuration() });
  const token = there.addClient('first-gateway', 'origin');
  reader = connect(`${there.http}/fhir`, there.addClient('skin-clinic', 'reader', 'dermatologists'));
  const retry = { firstDelayMs: 1, maxDelayMs: 1, maxAttempts: 1, onFailure: 'setAside' as const };
  client = startFhirClient({ kind: 'fhir', name: 'there', url: `${there.http}/fhir`, token, timeoutMs: 60_000, pollMs: 1000, retry });
});
afterAll(async () => {
  await client?.close();
  await there?.stop();
  there?.remove();
});

describe.each([
  ['small', 1],
  ['of several bundles', 12],
])('a %s case pushed to a second Waystation', (_size, photos) => {
  const push = pushOf(photos);
  let places: ReadonlyMap<string, string>;
  let task: Task;

  it('opens one case there, however often it is sent', async () => {
    for (let time = 0; time < 3; time++) places = answeredPlaces(push, await answersTo(push));
    const order = places.get(pushName(`ServiceRequest/${id(photos, 2)}`)) as string;
    const tasks = async () => (await openTasks(reader)).filter(({ focus }) => focus?.reference === order);
    expect(await until(tasks, (found) => found.length > 0)).toHaveLength(1);
    [task] = (await tasks()) as [Task];
    expect(`Task/${task.id}`).toBe(places.get(pushName(`Task/${id(photos, 3)}`)));
  });

  it('shows its reader every photo', async () => {
    for (let n = 0; n < photos; n++) {
      const [resourceType, mediaId] = (places.get(pushName(`Media/${id(photos, 100 + n)}`)) as string).split('/') as ['Media', string];
      const media = (await reader.read({ resourceType, id: mediaId })) as Resource as Media;
      expect(Buffer.from(media.content.data ?? '', 'base64').equals(nth(n))).toBe(true);
    }
  });

  it('is found there with its signed report, which holds for what was pushed', async () => {
    const order = task.focus?.reference as string;
    expect(await client.poll(order)).toBeNull();
    await claimTask(reader, task);
    await postReport(reader, ada, reportOn(order, task.for?.reference as string), '2026-03-02T09:31:00Z');
    const found = await until(
      () => client.poll(order),
      (one) => one !== null,
    );
    const { report, provenance } = readFoundReport((found as FoundReport).bytes, loadValidator()) as Opened;
    const expected = {
      serviceRequest: places.get(pushName(`ServiceRequest/${id(photos, 2)}`)) as string,
      patient: places.get(pushName(`Patient/${id(photos, 1)}`)) as string,
    };
    const signers = [{ name: ada.name, identifier: ada.identifier, jwk: ada.publicJwk }];
    expect(isFailure(verifyReport({ report, provenance, signers, expected, blobOf: () => null }))).toBe(false);
  });
});

function configuration(): string {
  return `
destinations:
  - { kind: pull, name: dermatology, group: dermatologists }
routes:
  - { when: { specialty: teledermatology }, to: dermatology }
defaultSpecialty: teledermatology
signers:
  - name: ${ada.name}
    identifier: { system: "${ada.identifier.system}", value: "${ada.identifier.value}" }
    jwk: ${JSON.stringify(ada.publicJwk)}
`;
}

async function answersTo(push: Push): Promise<Bundle[]> {
  const result = await client.send({ content: Buffer.from(JSON.stringify(push)) });
  expect(result).not.toHaveProperty('failure');
  return JSON.parse((result as Receipt).bytes.toString());
}

/** UUIDs of the first gateway; `run` tells the cases apart. */
function id(run: number, n: number): string {
  return `0195a1b2-0000-7000-8000-${String(run * 1000 + n).padStart(12, '0')}`;
}

function nth(n: number): Buffer {
  return photo(4, 3, [n, 0, 0]);
}

function pushOf(photos: number): Push {
  const at = (n: number) => id(photos, n);
  const subject = { reference: `Patient/${at(1)}` };
  const patient: Patient = { resourceType: 'Patient', id: at(1), identifier: [{ system: 'urn:example:mrn', value: `47-${photos}` }] };
  const media = Array.from({ length: photos }, (_, n): Media & { id: string } => ({
    resourceType: 'Media',
    id: at(100 + n),
    status: 'completed',
    basedOn: [{ reference: `ServiceRequest/${at(2)}` }],
    subject,
    content: { contentType: 'image/jpeg', url: `Binary/${at(200 + n)}` },
  }));
  const form: QuestionnaireResponse = {
    resourceType: 'QuestionnaireResponse',
    id: at(5),
    status: 'completed',
    basedOn: [{ reference: `ServiceRequest/${at(2)}` }],
    subject,
  };
  const serviceRequest: ServiceRequest = {
    resourceType: 'ServiceRequest',
    id: at(2),
    identifier: [{ system: 'urn:example:placer', value: `PL-${photos}` }],
    status: 'active',
    intent: 'order',
    code: { coding: [{ system: 'http://snomed.info/sct', code: '394582007' }] },
    subject,
  };
  const task: Task = {
    resourceType: 'Task',
    id: at(3),
    status: 'requested',
    intent: 'order',
    focus: { reference: `ServiceRequest/${at(2)}` },
    for: subject,
  };
  return composeFhirOrder({
    task,
    serviceRequest,
    patient,
    material: [form, ...media],
    known: new Map(),
    files: new Map(media.map(({ content }, n) => [content.url as string, nth(n)])),
    base: 'https://gateway.example/fhir',
    dicomweb: 'https://gateway.example/dicomweb',
    controlId: at(9),
  });
}

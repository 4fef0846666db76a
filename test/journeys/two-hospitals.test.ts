/** Two hospitals count alike: the same patient, order and accession numbers are two patients, two orders and two cases. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle, Patient, Resource, Task } from '@medplum/fhirtypes';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { sendMllp } from '../support/mllp-sender.ts';
import { until } from '../support/until.ts';

let gateway: GatewayProcess;
let token: string;

beforeAll(async () => {
  gateway = await startGatewayProcess({
    yaml: `
peers:
  - { name: north, mllp: { application: RIS, facility: NORTH } }
  - { name: south, mllp: { application: RIS, facility: SOUTH } }
`,
  });
  token = gateway.addClient('reading-room', 'reader', 'readers');
});
afterAll(async () => {
  await gateway?.stop();
  gateway?.remove();
});

function order(facility: string, name: string): Buffer {
  const segments = [
    `MSH|^~\\&|RIS|${facility}|W|W|20260302081500||ORM^O01|1|P|2.5.1`,
    `PID|1||555||${name}||19700101|F`,
    'ORC|NW|PLX-1',
    'OBR|1|PLX-1||24725-4^CT Head^LN||||||||||||||ACC-77||||||CT',
  ];
  return Buffer.from(`${segments.join('\r')}\r`);
}

async function search<T extends Resource>(query: string): Promise<T[]> {
  const response = await fetch(`${gateway.http}/fhir/${query}`, { headers: { authorization: `Bearer ${token}` } });
  expect(response.status).toBe(200);
  return (((await response.json()) as Bundle<T>).entry ?? []).map((entry) => entry.resource as T);
}

describe('two hospitals with the same numbers', () => {
  it('are two cases of two patients', async () => {
    expect(await sendMllp(gateway.mllp, order('NORTH', 'Nord^Anna'))).toMatch(/\rMSA\|AA/);
    expect(await sendMllp(gateway.mllp, order('SOUTH', 'Sued^Berta'))).toMatch(/\rMSA\|AA/);
    const tasks = await until(
      () => search<Task>('Task'),
      (found) => found.length === 2,
    );
    expect(new Set(tasks.map((task) => task.focus?.reference)).size).toBe(2);
    const patients = await search<Patient>('Patient');
    expect(patients.map(({ name }) => name?.[0]?.family).sort()).toEqual(['Nord', 'Sued']);
  });
});

/**
 * A case is pushed to a specialist's own FHIR server, here a second gateway: it arrives there once, is read and signed there, the report is
 * found by polling, verified once more, and goes home by ORU^R01. Played from outside against two gateway processes.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle, Resource, ServiceRequest, Task } from '@medplum/fhirtypes';
import { ctSlice } from '../support/ct-slice.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { asMessage, sendMllp } from '../support/mllp-sender.ts';
import { type ResultReceiver, startResultReceiver } from '../support/result-receiver.ts';
import { claimTask, connect, newSpecialist, postReport, reportOn, type Specialist } from '../support/specialist.ts';
import { stagesOf } from '../support/stages.ts';
import { openStoreAssociation } from '../support/store-sender.ts';
import { until } from '../support/until.ts';

let hospitalSide: GatewayProcess;
let readingSide: GatewayProcess;
let receiver: ResultReceiver;
let specialist: Specialist;
let readerToken: string;

beforeAll(async () => {
  receiver = await startResultReceiver();
  specialist = await newSpecialist();
  readingSide = await startGatewayProcess({ yaml: `${signer()}specialties: { teleradiology: { instances: 0, quiet: 0s } }\n` });
  const token = readingSide.addClient('hospital-gateway', 'origin');
  readerToken = readingSide.addClient('reading-room', 'reader', 'readers');
  hospitalSide = await startGatewayProcess({ yaml: configuration(), env: { READING_SIDE_TOKEN: token } });
});
afterAll(async () => {
  await hospitalSide?.stop();
  await readingSide?.stop();
  hospitalSide?.remove();
  readingSide?.remove();
  await receiver?.close();
});

function configuration(): string {
  return `${signer()}
peers:
  - { name: nordstadt, mllp: { application: RIS }, dimse: { aeTitle: LOADCT }, returns: [results] }
destinations:
  - { kind: mllp, name: results, host: 127.0.0.1, port: ${receiver.port} }
  - { kind: fhir, name: reading-side, url: "${readingSide.http}/fhir", token: { env: READING_SIDE_TOKEN }, poll: 1s }
routes:
  - { to: reading-side }
specialties: { teleradiology: { quiet: 1s } }
`;
}

function signer(): string {
  return `signers:
  - name: ${specialist.name}
    identifier: { system: "${specialist.identifier.system}", value: "${specialist.identifier.value}" }
    jwk: ${JSON.stringify(specialist.publicJwk)}
`;
}

async function atReadingSide<T extends Resource>(query: string): Promise<T[]> {
  const response = await fetch(`${readingSide.http}/fhir/${query}`, { headers: { authorization: `Bearer ${readerToken}` } });
  expect(response.status).toBe(200);
  return (((await response.json()) as Bundle<T>).entry ?? []).map((entry) => entry.resource as T);
}

describe('a case read on another server', () => {
  let task: Task;

  it('arrives there once, with its order and its images named', async () => {
    const text = stagesOf('teleradiology').read('0-received.hl7');
    expect(await sendMllp(hospitalSide.mllp, asMessage(text))).toMatch(/\rMSA\|AA/);
    const association = await openStoreAssociation(hospitalSide.dimse);
    expect(await association.store(ctSlice(1, { run: 'push', study: 1, accession: 'ACC-1001', patient: '4711' }))).toBe(0);
    await association.release();
    [task] = (await until(
      () => atReadingSide<Task>('Task?status=requested'),
      (found) => found.length > 0,
    )) as [Task];
    const [request, ...more] = await atReadingSide<ServiceRequest>('ServiceRequest');
    expect(more).toEqual([]);
    expect(request?.identifier?.some(({ value }) => value === 'PL-1001')).toBe(true);
    expect((await atReadingSide('ImagingStudy')).length).toBe(1);
  });

  it('is claimed and reported there', async () => {
    const server = connect(`${readingSide.http}/fhir`, readerToken);
    await claimTask(server, task);
    const report = reportOn(task.focus?.reference as string, task.for?.reference as string);
    const answer = await postReport(server, specialist, report, '2026-03-02T10:30:00+01:00');
    expect(answer.entry?.every((entry) => entry.response?.status.startsWith('201'))).toBe(true);
  });

  it('comes home as the result of the order, once, and closes the case', async () => {
    const results = await until(
      async () => [...receiver.ledger.values()],
      (found) => found.length > 0,
    );
    expect(results.map(({ placer }) => placer)).toEqual(['PL-1001']);
    expect(results[0]?.bytes.toString('utf8')).toContain('No intracranial haemorrhage.');
    const [line] = JSON.parse(hospitalSide.run('case', 'list', '--json')).rows;
    const view = await until(
      () => hospitalSide.caseView(line.id),
      (found) => found.phase === 'closed',
    );
    expect(view.phase).toBe('closed');
    const kinds = view.timeline.map(({ kind }) => kind).filter((kind) => kind !== 'images-received');
    expect(kinds).toEqual([
      ...[
        'opened',
        'order-received',
        'routed',
        'requested',
        'sending',
        'delivered',
        'receipt',
        'reported',
        'sending',
        'delivered',
        'receipt',
        'closed',
      ],
    ]);
  });
});

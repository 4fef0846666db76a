/**
 * A case that is read at a PACS: the whole study goes there by C-STORE, and what comes later as well; who reads it reports by FHIR, and the
 * report goes home. The PACS is dcmtk's storescp, away at first; the gateway is killed in the middle.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle, Task } from '@medplum/fhirtypes';
import { type CtSlice, ctSlice } from '../support/ct-slice.ts';
import { type DicomServer, startStorescp } from '../support/dicom-peers.ts';
import { datasetOf } from '../support/fhir-pages.ts';
import { freePort } from '../support/free-port.ts';
import { type CaseView, type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { sendMllp } from '../support/mllp-sender.ts';
import { orderMessage } from '../support/order-message.ts';
import { isInstalled } from '../support/programs.ts';
import { type ResultReceiver, startResultReceiver } from '../support/result-receiver.ts';
import { claimTask, connect, newSpecialist, postReport, reportOn, type Specialist } from '../support/specialist.ts';
import { openStoreAssociation } from '../support/store-sender.ts';
import { until } from '../support/until.ts';

const ORDER = orderMessage(1, { run: 'PACS' });
const SLICES = 40;

(isInstalled('storescp') ? describe : describe.skip)('a case that is read at a PACS', () => {
  let gateway: GatewayProcess;
  let receiver: ResultReceiver;
  let specialist: Specialist;
  let pacs: DicomServer | undefined;
  let port: number;
  let token: string;
  const study = { run: 'pacs', study: 1, accession: ORDER.accession, patient: ORDER.patient, side: 64 };
  const slices = Array.from({ length: SLICES }, (_, n) => ctSlice(n + 1, study));

  beforeAll(async () => {
    port = await freePort();
    receiver = await startResultReceiver();
    specialist = await newSpecialist();
    gateway = await startGatewayProcess({ yaml: configuration() });
    token = gateway.addClient('reader', 'reader', 'pacs-readers');
  });
  afterAll(async () => {
    await pacs?.stop();
    await gateway?.stop();
    gateway?.remove();
    await receiver?.close();
  });

  function configuration(): string {
    return `
peers: [{ name: hospital, mllp: { application: LOADRIS }, dimse: { aeTitle: LOADCT }, patientAuthority: HOSP, returns: [results] }]
destinations:
  - { kind: mllp, name: results, host: 127.0.0.1, port: ${receiver.port} }
  - { kind: dimse, name: reading-pacs, host: 127.0.0.1, port: ${port}, aeTitle: PACS, group: pacs-readers, retry: { first: 100ms, most: 500ms } }
signers:
  - name: ${specialist.name}
    identifier: { system: "${specialist.identifier.system}", value: "${specialist.identifier.value}" }
    jwk: ${JSON.stringify(specialist.publicJwk)}
specialties: { teleradiology: { quiet: 500ms } }
`;
  }

  const view = () => gateway.caseView(ORDER.accession);
  const task = async (): Promise<Task | undefined> => {
    const response = await fetch(`${gateway.http}/fhir/Task?code=fulfill`, { headers: { authorization: `Bearer ${token}` } });
    return ((await response.json()) as Bundle<Task>).entry?.[0]?.resource;
  };
  const send = async (objects: readonly CtSlice[]): Promise<void> => {
    const association = await openStoreAssociation(gateway.dimse);
    for (const object of objects) expect(await association.store(object)).toBe(0);
    await association.release();
  };
  const files = (): string[] => readdirSync(pacs?.directory as string).map((name) => `${pacs?.directory}/${name}`);
  /** Once storescp has written what it has. */
  const received = (): Buffer[] => files().map((path) => datasetOf(readFileSync(path)));

  it('waits while the PACS is away, and says for what', async () => {
    expect(await sendMllp(gateway.mllp, ORDER.bytes)).toContain('MSA|AA');
    await send(slices);
    const waiting = await until(view, ({ objects }) => objects?.ordered === SLICES);
    expect(waiting).toMatchObject({ phase: 'requested', objects: { destination: 'reading-pacs', ordered: SLICES, taken: 0 } });
    expect(waiting.waitingFor[0]).toBe(`reading-pacs to take ${SLICES} of ${SLICES} objects`);
    expect(waiting.waitingFor[1]).toMatch(/^somebody of group pacs-readers to claim Task\//);
  });

  it('sends every object, whatever happens to the gateway meanwhile', async () => {
    pacs = await startStorescp([], port);
    await until(
      async () => files().length,
      (count) => count > 0,
    );
    await gateway.kill({ database: true });
    gateway = await startGatewayProcess({ yaml: configuration(), directory: gateway.directory });
    const receiptsIn = ({ timeline }: CaseView) => timeline.filter(({ kind }) => kind === 'receipt');
    const taken = await until(view, (found) => found.objects?.taken === SLICES && receiptsIn(found).length > 0);
    expect(receiptsIn(taken)).toMatchObject([{ actor: 'reading-pacs', detail: `reading-pacs has stored all ${SLICES} objects` }]);
    expect(received().sort(Buffer.compare)).toEqual(slices.map(({ dataset }) => dataset).sort(Buffer.compare));
  });

  it('sends what comes later, once', async () => {
    const late = ctSlice(SLICES + 1, study);
    await send([late, slices[0] as CtSlice]);
    const after = await until(view, ({ objects }) => objects?.taken === SLICES + 1);
    expect(after).toMatchObject({ phase: 'requested', objects: { ordered: SLICES + 1, taken: SLICES + 1 } });
    expect(received()).toHaveLength(SLICES + 1);
    expect(gateway.run('destination', 'check', 'reading-pacs')).toMatch(/^PACS@127\.0\.0\.1:\d+ answered C-ECHO in \d+ ms$/m);
    expect(gateway.run('case', ORDER.accession)).toContain(`reading-pacs took ${SLICES + 1} of ${SLICES + 1} objects`);
  });

  it('takes the report of who reads there, brings it home and closes', async () => {
    const server = connect(`${gateway.http}/fhir`, token);
    const offered = (await task()) as Task;
    await claimTask(server, offered);
    const report = reportOn(offered.focus?.reference as string, offered.for?.reference as string);
    await postReport(server, specialist, report, '2026-03-02T10:30:00+01:00');
    const closed = await until(view, ({ phase }) => phase === 'closed');
    expect([closed.phase, receiver.ledger.size]).toEqual(['closed', 1]);
  });
});

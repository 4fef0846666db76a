/**
 * An order and its CT; the PACS of the hospital, dcmtk's dcmqrscp, has two earlier studies of the patient, the study itself, and one of somebody
 * else. The reader is shown exactly the two, whether the PACS gives them by C-GET or has to move them.
 */
import { afterEach, describe, expect, it } from '@jest/globals';
import type { ImagingStudy, Task } from '@medplum/fhirtypes';
import { type CtSlice, ctSlice } from '../support/ct-slice.ts';
import { type DicomServer, startDcmqrscp } from '../support/dicom-peers.ts';
import { searchAll } from '../support/fhir-pages.ts';
import { freePort } from '../support/free-port.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { sendMllp } from '../support/mllp-sender.ts';
import { orderMessage } from '../support/order-message.ts';
import { isInstalled } from '../support/programs.ts';
import { openStoreAssociation } from '../support/store-sender.ts';
import { until } from '../support/until.ts';

const ORDER = orderMessage(1, { run: 'PRIOR' });
const SECOND = orderMessage(2, { run: 'PRIOR' });
const slices = (study: number, accession: string, patient = ORDER.patient): CtSlice[] =>
  [1, 2].map((n) => ctSlice(n, { run: 'prior', study, accession, patient }));
const OWN = slices(1, ORDER.accession);
const PRIORS = [slices(2, 'OLD-2'), slices(3, 'OLD-3')];
const OTHERS = slices(4, 'OLD-4', 'SOMEBODY');

(isInstalled('dcmqrscp') ? describe : describe.skip)('priors', () => {
  let pacs: DicomServer | undefined;
  let gateway: GatewayProcess | undefined;
  afterEach(async () => {
    await gateway?.stop();
    gateway?.remove();
    await pacs?.stop();
    [gateway, pacs] = [undefined, undefined];
  });

  const yamlOf = (port: number, wait: string) => `
peers:
  - { name: hospital, mllp: { application: LOADRIS }, dimse: { aeTitle: LOADCT }, patientAuthority: HOSP }
  - { name: archive, dimse: { aeTitle: PACS }, patientAuthority: HOSP }
destinations:
  - { kind: pull, name: readers, group: readers }
  - { kind: dimse, name: pacs, host: 127.0.0.1, port: ${port}, aeTitle: PACS }
specialties: { teleradiology: { quiet: 1s, priors: { from: pacs, wait: ${wait} } } }
`;
  const send = async (target: Parameters<typeof openStoreAssociation>[0], objects: readonly CtSlice[]): Promise<void> => {
    const association = await openStoreAssociation(target);
    for (const object of objects) expect(await association.store(object)).toBe(0);
    await association.release();
  };
  const startPacs = async (port: number, options: readonly string[], dimse: GatewayProcess['dimse']): Promise<void> => {
    pacs = await startDcmqrscp(options, [dimse], port);
    await send(pacs.target, [...OWN, ...PRIORS.flat(), ...OTHERS]);
  };

  it.each([
    ['C-GET', []],
    ['C-MOVE', ['--disable-get']],
  ])(
    'come by %s, to the case that asked and to nobody else',
    async (_, options) => {
      const port = await freePort();
      const running = await startGatewayProcess({ yaml: yamlOf(port, '0s') });
      gateway = running;
      await startPacs(port, options, running.dimse);
      expect(await sendMllp(running.mllp, ORDER.bytes)).toContain('MSA|AA');
      await send(running.dimse, OWN);
      const reader = { http: running.http, token: running.addClient('reader', 'reader', 'readers') };
      const { timeline } = await until(
        () => running.caseView(ORDER.accession),
        (view) => view.timeline.some(({ kind }) => kind.startsWith('priors') && kind !== 'priors-asked'),
      );
      expect(timeline).toContainEqual(expect.objectContaining({ kind: 'priors', detail: '2 of 2 studies came from pacs' }));
      const studiesOf = (found: readonly ImagingStudy[]) => found.map(({ identifier }) => identifier?.[0]?.value).sort();
      const seen = await until(
        async () => studiesOf(await searchAll<ImagingStudy>(reader, 'ImagingStudy')),
        (found) => found.length === 3,
      );
      expect(seen).toEqual([OWN, ...PRIORS].map(([slice]) => `urn:oid:${slice?.studyUid}`).sort());
      const [task, ...more] = await searchAll<Task>(reader, 'Task');
      expect(more).toEqual([]);
      const inputs = task?.input?.map(({ type }) => type.text).sort();
      expect(inputs?.filter((text) => text === 'study' || text === 'prior study')).toEqual(['prior study', 'prior study', 'study']);
      for (const slice of PRIORS.flat()) {
        const path = `studies/${slice.studyUid}/series/${slice.seriesUid}/instances/${slice.sopInstanceUid}`;
        const headers = { authorization: `Bearer ${reader.token}`, accept: 'application/dicom' };
        const answer = await fetch(`${running.http}/dicomweb/${path}`, { headers });
        expect(answer.status).toBe(200);
        expect(Buffer.from(await answer.arrayBuffer()).includes(slice.dataset)).toBe(true);
      }
      expect(
        (await fetch(`${running.http}/dicomweb/studies/${OTHERS[0]?.studyUid}`, { headers: { authorization: `Bearer ${reader.token}` } }))
          .status,
      ).toBe(404);
      const operator = { http: running.http, token: running.addClient('operator', 'operator') };
      expect(studiesOf(await searchAll<ImagingStudy>(operator, 'ImagingStudy'))).toEqual(seen);
      expect((await running.caseView(ORDER.accession)).studies).toHaveLength(1);
    },
    120_000,
  );

  it('are waited for as long as the rule says, and asked for again after a kill', async () => {
    const port = await freePort();
    const yaml = yamlOf(port, '10m');
    const first = await startGatewayProcess({ yaml });
    gateway = first;
    expect(await sendMllp(first.mllp, ORDER.bytes)).toContain('MSA|AA');
    expect(await sendMllp(first.mllp, SECOND.bytes)).toContain('MSA|AA');
    await send(first.dimse, OWN);
    await until(
      () => first.caseView(ORDER.accession),
      ({ waitingFor }) => waitingFor.join() === 'priors: the PACS is being asked',
    );
    await first.kill({ database: true });
    const second = await startGatewayProcess({ yaml, directory: first.directory });
    gateway = second;
    await startPacs(port, [], second.dimse);
    const offered = await until(
      () => second.caseView(ORDER.accession),
      ({ phase }) => phase === 'requested',
    );
    const kinds = offered.timeline.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind.startsWith('priors'))).toEqual(['priors-asked', 'priors']);
  });
});

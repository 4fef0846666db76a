/** What a gateway writes to its log while patients of every protocol pass through it, some of them in messages that are refused. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ctSlice } from '../support/ct-slice.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { asMessage, sendMllp } from '../support/mllp-sender.ts';
import { stagesOf } from '../support/stages.ts';
import { openStoreAssociation } from '../support/store-sender.ts';

let gateway: GatewayProcess;

beforeAll(async () => {
  const receiver = '{ kind: mllp, name: results, host: 127.0.0.1, port: 1 }';
  gateway = await startGatewayProcess({ yaml: `destinations: [${receiver}]\n`, env: { WAYSTATION_LOG_LEVEL: 'info' } });
});
afterAll(async () => {
  await gateway.stop();
  gateway.remove();
});

const ORDER = stagesOf('teleradiology').read('0-received.hl7');
const CONSULTATION = stagesOf('teledermatology').read('0-received.json');
/** Names, numbers, addresses and words of the story of the patients below. */
const PATIENTS = [
  'Äskulap',
  'Erika',
  '4711',
  '19700101',
  'Ringstra',
  'VN-88',
  'anticoagulants',
  'ladder',
  'Beispiel',
  'D-77',
  '1984-05-06',
  'SLICE-PATIENT',
];

async function postFhir(token: string, body: string, contentType = 'application/fhir+json'): Promise<number> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': contentType };
  return (await fetch(`${gateway.http}/fhir`, { method: 'POST', headers, body })).status;
}

describe('the log', () => {
  it('names no patient, whatever was taken or refused', async () => {
    await sendMllp(gateway.mllp, asMessage(ORDER));
    await sendMllp(gateway.mllp, asMessage(ORDER.replace('ORM^O01^ORM_O01', 'ADT^A40^ADT_A39').replace('RIS000001', 'RIS000002')));
    await sendMllp(gateway.mllp, asMessage(ORDER.replace('PID|1||4711^^^HOSP^MR', 'PID|1||').replace('RIS000001', 'RIS000003')));
    const association = await openStoreAssociation(gateway.dimse);
    const slice = ctSlice(1, { run: 'log', study: 1, accession: 'ACC-1001', patient: 'SLICE-PATIENT' });
    expect(await association.store(slice)).toBe(0);
    expect(await association.store({ ...slice, dataset: slice.dataset.subarray(0, -100) })).not.toBe(0);
    await association.release();
    const token = gateway.addClient('clinic', 'origin');
    expect(await postFhir(token, CONSULTATION)).toBe(200);
    expect(await postFhir(token, CONSULTATION.replace('"gender": "female"', '"gender": "Beispiel"'))).toBeGreaterThanOrEqual(400);
    expect(await postFhir(token, CONSULTATION.slice(0, 900))).toBe(400);
    await fetch(`${gateway.http}/fhir/Patient?family=Beispiel&nonsense=D-77`, { headers: { authorization: `Bearer ${token}` } });
    await gateway.stop();
    const lines = gateway.log().trim().split('\n');
    expect(lines.length).toBeGreaterThan(3);
    expect(lines.flatMap((line) => PATIENTS.filter((word) => line.includes(word)).map((word) => `${word}: ${line}`))).toEqual([]);
  });

  it('is one JSON object a line, with time, level and event', () => {
    for (const line of gateway.log().trim().split('\n')) {
      expect(JSON.parse(line)).toMatchObject({
        at: expect.any(String),
        level: expect.any(String),
        event: expect.stringMatching(/^[a-z-]+\.[a-z-]+$/),
      });
    }
  });
});

/** Bodies and connections that mean harm: a clear answer or a closed connection, bounded memory, and the next client unharmed. */
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { created, type FhirCaller, type FhirDoor, openFhirDoor, patient } from '../support/fhir-door.ts';

let door: FhirDoor;
let clinic: FhirCaller;

beforeAll(async () => {
  door = await openFhirDoor({ settings: { bodyTimeoutMs: 1_000, maxBinaryBytes: 1024 * 1024 } });
  clinic = await door.client('origin', 'clinic');
});
afterAll(() => door.close());

const JSON_TYPE = { 'content-type': 'application/fhir+json' };

/** Sends chunks without a length until the answer is there; gives its status and how much was sent by then. */
async function flood(path: string, type: string, first: string, chunk: Buffer, chunks: number): Promise<{ status: number; sent: number }> {
  const headers = { authorization: `Bearer ${clinic.token}`, 'content-type': type, 'transfer-encoding': 'chunked' };
  const call = request(`${door.base}/${path}`, { method: 'POST', headers });
  let status = 0;
  let wake = () => {};
  const somethingHappens = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });
  for (const event of ['drain', 'close', 'error']) call.on(event, () => wake());
  call.on('response', (response) => {
    status = response.statusCode ?? 0;
    response.resume();
    wake();
  });
  call.write(first);
  let sent = first.length;
  for (let count = 0; count < chunks && status === 0 && !call.destroyed; count++) {
    sent += chunk.length;
    if (!call.write(chunk)) await somethingHappens();
  }
  while (status === 0 && !call.destroyed) await somethingHappens();
  call.destroy();
  return { status, sent };
}

async function isUnharmed(): Promise<void> {
  await created(await door.client('origin', 'clinic'), patient('unharmed'));
}

describe('a JSON body', () => {
  it.each([
    ['no JSON', '{"resourceType":"Patient",'],
    ['not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['no object', '[]'],
    ['nothing', ''],
    ['nested a hundred thousand deep', `{"resourceType":"Patient","extension":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
    ['a quarter of a million values', `{"resourceType":"Patient","name":[${'{},'.repeat(125_000)}{}]}`],
  ])('that is %s is refused', async (_what, body) => {
    const answer = await clinic.ask('POST', 'Patient', body, JSON_TYPE);
    expect([answer.status, answer.body.resourceType]).toEqual([400, 'OperationOutcome']);
  });

  it('that says it is too large is refused before it is sent', async () => {
    const socket = connect(door.port, '127.0.0.1');
    socket.write(`POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${clinic.token}\r\n`);
    socket.write('Content-Type: application/fhir+json\r\nContent-Length: 104857600\r\n\r\n');
    const [head] = (await once(socket, 'data')) as [Buffer];
    expect(head.toString()).toMatch(/^HTTP\/1\.1 413 /);
    socket.destroy();
  });

  it('of a hundred megabytes without a length is refused while it comes, and not kept', async () => {
    const before = process.memoryUsage.rss();
    const { status, sent } = await flood(
      'Patient',
      'application/fhir+json',
      '{"resourceType":"Patient","id":"',
      Buffer.alloc(65_536, 0x61),
      1_600,
    );
    expect(status).toBe(413);
    expect(sent).toBeLessThan(100 * 1024 * 1024);
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024);
    await isUnharmed();
  });

  it('that stops coming is given up', async () => {
    const { status } = await flood('Patient', 'application/fhir+json', '{"resourceType":', Buffer.alloc(0), 0);
    expect(status).toBe(408);
    await isUnharmed();
  });

  it('that is compressed is refused', async () => {
    const answer = await clinic.ask('POST', 'Patient', Buffer.from('x'), { ...JSON_TYPE, 'content-encoding': 'gzip' });
    expect(answer.status).toBe(415);
  });
});

describe('a Binary', () => {
  it('larger than allowed is refused while it comes, and leaves no file', async () => {
    const { status } = await flood('Binary', 'video/mp4', 'x', Buffer.alloc(65_536), 400);
    expect(status).toBe(413);
    expect(await door.blobs.sweep()).toBe(0);
  });

  it('that stops coming is given up', async () => {
    expect((await flood('Binary', 'video/mp4', 'beginning', Buffer.alloc(0), 0)).status).toBe(408);
    expect(await door.blobs.sweep()).toBe(0);
  });

  it('whose sender hangs up leaves nothing', async () => {
    const headers = { authorization: `Bearer ${clinic.token}`, 'content-type': 'video/mp4', 'transfer-encoding': 'chunked' };
    const call = request(`${door.base}/Binary`, { method: 'POST', headers });
    call.on('error', () => {});
    await new Promise((resolve) => call.write('beginning', resolve));
    call.destroy();
    await isUnharmed();
    const { rows } = await door.database.query(`select 1 from resource where type = 'Binary'`);
    expect(rows).toEqual([]);
  });

  it('with a content type that is a trick on the next reader is refused', async () => {
    expect((await clinic.ask('POST', 'Binary', Buffer.from('x'), { 'content-type': 'image/png; a="b; c' })).status).toBe(415);
  });
});

describe('a URL', () => {
  it.each([
    'Patient/%E0%A4%A',
    'Patient/%00',
    'Patient?name=%00',
    'Patient?_cursor=x',
    `Patient?_count=${'9'.repeat(99)}`,
    'Patient?_lastUpdated=2026-99',
    '..%2f..',
    '%2e%2e/x',
  ])('%s is answered with a fault of the client', async (path) => {
    const { status } = await clinic.ask('GET', path);
    expect([400, 404]).toContain(status);
  });

  it('longer than any header may be is refused', async () => {
    const { status } = await clinic.ask('GET', `Patient?name=${'x'.repeat(40_000)}`);
    expect(status).toBe(431);
  });
});

describe('a patch', () => {
  it('cannot reach what every object inherits', async () => {
    const reference = await created(clinic, patient('patched'));
    for (const path of ['/__proto__/polluted', '/constructor/prototype/polluted']) {
      const operations = JSON.stringify([{ op: 'add', path, value: true }]);
      const answer = await clinic.ask('PATCH', reference, operations, { 'content-type': 'application/json-patch+json' });
      expect(answer.status).toBe(422);
    }
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

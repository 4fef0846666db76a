/** Real senders at the MLLP door, and a real receiver of what we send. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AddressInfo, Server } from 'node:net';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startMllpClient } from '../../src/delivery/mllp/mllp-client.ts';
import { openTestDoor, record, type TestDoor } from '../support/mllp-door.ts';

/** Of Debian's python3-hl7. */
const MLLP_SEND = '/usr/bin/mllp_send';
const FIXTURE = 'fixtures/hl7v2/orm-o01/new-order.hl7';
const ORDER = readFileSync(FIXTURE, 'utf8').replaceAll('\n', '\r');

const withMllpSend = existsSync(MLLP_SEND) ? it : it.skip;

/** simple-hl7 has no types: this is what is used of it. */
type SimpleHl7 = {
  readonly Parser: new (options?: object) => { parse(text: string): { toString(): string } };
  readonly Server: {
    createTcpClient(options: object): { send(message: object, answered: (error: Error | null, ack: object) => void): void; close(): void };
    createTcpServer(handler: (error: Error | null, request: { raw: string }, response: { end(): void }) => void): {
      readonly server: Server;
      start(where: object): void;
      stop(): void;
    };
  };
};
const simpleHl7 = createRequire(import.meta.url)('simple-hl7') as SimpleHl7;

let test: TestDoor;
beforeAll(async () => {
  test = await openTestDoor();
});
afterAll(() => test.close());

describe('mllp_send', () => {
  withMllpSend('sends an order and prints our AA', async () => {
    const sent = await promisify(execFile)(MLLP_SEND, ['--loose', '--file', FIXTURE, '--port', String(test.door.port), '127.0.0.1']);
    expect(sent.stdout).toContain('MSA|AA|N-1001');
    expect((await test.journaled())[0]).toMatchObject({ control_id: 'N-1001', disposition: 'accepted' });
  });
});

describe('simple-hl7', () => {
  const order = (controlId: string) => new simpleHl7.Parser({ segmentSeperator: '\r' }).parse(ORDER.replace('|N-1001|', `|${controlId}|`));

  it('sends orders over one connection and reads our answers', async () => {
    const client = simpleHl7.Server.createTcpClient({ host: '127.0.0.1', port: test.door.port, keepalive: true });
    const send = (controlId: string) =>
      new Promise<string>((resolve, reject) => {
        client.send(order(controlId), (error, ack) => (error ? reject(error) : resolve(String(ack))));
      });
    expect(await send('S-1')).toContain('MSA|AA|S-1');
    expect(await send('S-2')).toContain('MSA|AA|S-2');
    client.close();
    const rows = (await test.journaled()).filter(({ control_id }) => control_id.startsWith('S-'));
    expect(rows.map(({ disposition }) => disposition)).toEqual(['accepted', 'accepted']);
  });

  it('receives what we send, and its answers are receipts', async () => {
    const received: string[] = [];
    const server = simpleHl7.Server.createTcpServer((_error, request, response) => {
      received.push(request.raw);
      response.end();
    });
    server.start({ port: 0, host: '127.0.0.1' });
    await once(server.server, 'listening');
    const retry = { firstDelayMs: 1, maxDelayMs: 1, maxAttempts: 1, onFailure: 'setAside' as const };
    const said = { receivingApplication: '', receivingFacility: '', version: '2.5.1', charset: 'UNICODE UTF-8' as const };
    const told = { orderReplies: false, orderStatus: 'none' as const, report: 'oru' as const, text: 'whole' as const };
    const { port } = server.server.address() as AddressInfo;
    const client = startMllpClient(
      { kind: 'mllp', name: 'simple', host: '127.0.0.1', port, release: 1, tls: null, answerTimeoutMs: 60_000, retry, ...said, ...told },
      { log: record().log },
    );
    for (const controlId of ['N-1001', 'N-1001']) {
      const result = await client.send({ id: 'a delivery', controlId, content: Buffer.from(ORDER) });
      expect(result).toMatchObject({ detail: 'AA', controlId: 'N-1001' });
    }
    await client.close();
    server.stop();
    expect(received).toEqual([`\x0b${ORDER}\x1c\r`, `\x0b${ORDER}\x1c\r`]);
  });
});

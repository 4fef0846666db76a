/** MLLP over TLS, both ways: real handshakes, real certificates, OpenSSL's own client. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type ConnectionOptions, connect } from 'node:tls';
import { afterEach, describe, expect, it } from '@jest/globals';
import { startMllpClient } from '../../src/delivery/mllp/mllp-client.ts';
import type { DoorTls } from '../../src/model/tls.ts';
import { frame } from '../../src/protocols/hl7v2/framer.ts';
import { testAuthority } from '../support/certificates.ts';
import { openTestDoor, record, type TestDoor } from '../support/mllp-door.ts';
import { callPeer } from '../support/scripted-peer.ts';
import { until } from '../support/until.ts';

const ORDER = readFileSync('fixtures/hl7v2/orm-o01/new-order.hl7');
const authority = testAuthority();
const stranger = testAuthority('Stranger');
const [server, renewed, ris] = [authority.issue('gateway'), authority.issue('gateway-2'), authority.issue('ris.example')];
const fake = stranger.issue('ris.example');
const DOOR: DoorTls = { key: server.key, cert: server.cert, ca: authority.ca, clients: 'required' };

let opened: TestDoor | null = null;
const open = async (tls: DoorTls = DOOR): Promise<TestDoor> => {
  const peers = [{ name: 'by-certificate', sendingApplication: '', certificate: 'ris.example' }];
  opened = await openTestDoor({ tls, peers, unknownPeers: 'refuse' });
  return opened;
};
afterEach(async () => {
  await opened?.close();
  opened = null;
});

const refusal = (test: TestDoor) =>
  until(
    async () => test.logged.map(({ event }) => event),
    (events) => events.includes('mllp.tls-refused'),
  ).then((events) => expect(events).toContain('mllp.tls-refused'));

/** Sends an order; the answer, or the code of the error. */
function exchange(port: number, options: ConnectionOptions): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', ca: authority.ca, ...options }, () => socket.write(frame(ORDER)));
    socket.on('data', (chunk) => resolve(socket.end() && chunk.toString('latin1')));
    socket.on('error', (error: Error & { code?: string }) => resolve(error.code ?? error.message));
    socket.on('close', () => resolve('closed'));
  });
}

describe('an MLLP door with TLS', () => {
  it('answers a caller that shows its certificate, and knows the peer by it', async () => {
    const test = await open();
    expect(await exchange(test.door.port, { key: ris.key, cert: ris.cert })).toContain('MSA|AA|N-1001');
    expect(await test.journaled()).toMatchObject([{ peer: 'by-certificate', disposition: 'accepted' }]);
    expect(test.door.address).toMatch(/ with TLS$/);
  });

  it.each([
    ['no certificate', {}],
    ['a certificate of another authority', { key: fake.key, cert: fake.cert }],
    ['TLS 1.1', { key: ris.key, cert: ris.cert, minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' } as const],
  ])('takes nobody with %s, says so in the log, and goes on', async (_, options) => {
    const test = await open();
    expect(await exchange(test.door.port, options)).not.toContain('MSA');
    await refusal(test);
    expect(await exchange(test.door.port, { key: ris.key, cert: ris.cert })).toContain('MSA|AA');
    expect(await test.journaled()).toHaveLength(1);
  });

  it('takes a caller whose certificate is not verified as nobody, where one is only asked for', async () => {
    const test = await open({ ...DOOR, clients: 'asked' });
    expect(await exchange(test.door.port, { key: fake.key, cert: fake.cert })).toContain('MSA|AE|N-1001');
    expect(await exchange(test.door.port, { key: ris.key, cert: ris.cert })).toContain('MSA|AA|N-1001');
  });

  it('refuses what speaks no TLS', async () => {
    const test = await open();
    const peer = await callPeer(test.door.port);
    peer.send(frame(ORDER));
    await peer.ended();
    await refusal(test);
    expect(await test.journaled()).toEqual([]);
  });

  it('shows renewed certificates to whoever comes next', async () => {
    const test = await open();
    test.door.renew({ ...DOOR, key: renewed.key, cert: renewed.cert });
    const shown = new Promise<string>((resolve) => {
      const socket = connect({ port: test.door.port, host: '127.0.0.1', ca: authority.ca, key: ris.key, cert: ris.cert }, () => {
        resolve(String(socket.getPeerCertificate().subject.CN));
        socket.destroy();
      });
    });
    expect(await shown).toBe('gateway-2');
  });

  it('stops though somebody holds a handshake open', async () => {
    const test = await open();
    const peer = await callPeer(test.door.port);
    await test.door.stop(10);
    await peer.ended();
  });

  it('serves openssl s_client', async () => {
    const test = await open();
    const files = ['-CAfile', authority.caFile, '-cert', ris.certFile, '-key', ris.keyFile];
    const client = spawn('openssl', ['s_client', '-quiet', '-verify_return_error', '-connect', `127.0.0.1:${test.door.port}`, ...files]);
    let said = '';
    client.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString('latin1');
    });
    client.stdin.write(frame(ORDER));
    await until(
      async () => said,
      (text) => text.includes('\x1c\r'),
    );
    client.kill();
    expect(said).toContain('MSA|AA|N-1001');
  });
});

describe('the sending client with TLS', () => {
  const link = (port: number, tls: object) => ({
    kind: 'mllp' as const,
    name: 'ris',
    host: '127.0.0.1',
    port,
    receivingApplication: '',
    receivingFacility: '',
    version: '2.5.1',
    release: 1 as const,
    charset: 'UNICODE UTF-8' as const,
    orderReplies: false,
    orderStatus: 'none' as const,
    report: 'oru' as const,
    text: 'whole' as const,
    tls: { ca: authority.ca, key: ris.key, cert: ris.cert, serverName: '', ...tls },
    answerTimeoutMs: 60_000,
    retry: { firstDelayMs: 1, maxDelayMs: 1, maxAttempts: 1, onFailure: 'setAside' as const },
  });
  const send = async (port: number, tls = {}) => {
    const client = startMllpClient(link(port, tls), { log: record().log });
    const result = await client.send({ id: 'a delivery', controlId: 'N-1001', content: ORDER });
    await client.close();
    return result;
  };

  it('delivers where both know each other', async () => {
    const test = await open();
    expect(await send(test.door.port)).toMatchObject({ detail: 'AA' });
  });

  it.each([
    ['trusts no other authority', { ca: stranger.ca }],
    ['insists on the name', { serverName: 'other.example' }],
  ])('%s: nothing is sent, and it is tried again', async (_, tls) => {
    const test = await open();
    expect(await send(test.door.port, tls)).toMatchObject({ failure: true, code: 'unreachable', class: 'transient' });
    expect(await test.journaled()).toEqual([]);
  });
});

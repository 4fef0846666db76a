/**
 * A hospital that calls with a certificate and asks for enhanced acknowledgments, beside one that calls as it always has: two listeners of
 * one gateway, whose HTTP door has TLS too. Its keys are renewed, and its destination is paused and goes on, while it runs. Played from outside.
 */
import { copyFileSync } from 'node:fs';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { testAuthority } from '../support/certificates.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { asMessage, sendMllp } from '../support/mllp-sender.ts';
import { type ResultReceiver, startResultReceiver } from '../support/result-receiver.ts';
import { stagesOf } from '../support/stages.ts';
import { until } from '../support/until.ts';

const authority = testAuthority();
const [first, second, ris] = [authority.issue('gateway'), authority.issue('renewed'), authority.issue('ris.example')];
const ORDER = stagesOf('teleradiology').read('0-received.hl7');
let gateway: GatewayProcess;
let receiver: ResultReceiver;
let securePort: number;

beforeAll(async () => {
  receiver = await startResultReceiver();
  const tls = `{ key: { file: ${first.keyFile} }, cert: { file: ${first.certFile} }, ca: { file: ${authority.caFile} } }`;
  gateway = await startGatewayProcess({
    mllp: `[{ port: 0 }, { name: secure, port: 0, tls: ${tls} }]`,
    http: `{ port: 0, tls: { key: { file: ${first.keyFile} }, cert: { file: ${first.certFile} } } }`,
    yaml: `
destinations: [{ kind: mllp, name: ris-in, host: 127.0.0.1, port: ${receiver.port} }]
peers: [{ name: ris, mllp: { listener: secure, certificate: ris.example }, returns: [ris-in] }]
`,
  });
  securePort = Number(/mllp secure 127\.0\.0\.1:(\d+) with TLS/.exec(gateway.run('status'))?.[1]);
});
afterAll(async () => {
  await gateway?.stop();
  gateway?.remove();
  await receiver?.close();
});

/** `asked`: what stands between MSH-12 and MSH-17. */
function order(id: string, asked = '||||'): Buffer {
  const text = ORDER.replaceAll('PL-1001', `PL-${id}`).replaceAll('ACC-1001', `ACC-${id}`).replace('RIS000001', id);
  return asMessage(text.replace(/^((?:[^|\r\n]*\|){12})[^\r\n]*/, `$1${asked}||UNICODE UTF-8`));
}

/** Sends in the secure way; the answer, and the name in the certificate that was shown. */
function sendSecurely(message: Buffer): Promise<{ answer: string; shown: string }> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: securePort, ca: authority.ca, key: ris.key, cert: ris.cert }, () =>
      socket.write(Buffer.concat([Buffer.from('\x0b'), message, Buffer.from('\x1c\r')])),
    );
    socket.on('data', (chunk) => {
      resolve({ answer: chunk.toString('latin1'), shown: String(socket.getPeerCertificate().subject.CN) });
      socket.end();
    });
    socket.on('error', reject);
  });
}

/** What came in about one control id: the answers to it. */
const toldOf = (id: string): string[] =>
  [...receiver.ledger.values()].map(({ bytes }) => bytes.toString()).filter((text) => text.includes(`\rMSA|AA|${id}\r`));
const told = (id: string) =>
  until(
    async () => toldOf(id),
    (answers) => answers.length > 0,
  );

describe('a hospital with a certificate', () => {
  it('hears CA at once, and AA as a message of its own when its order is worked off', async () => {
    const { answer, shown } = await sendSecurely(order('E-1', '||AL|AL'));
    expect(answer).toContain('MSA|CA|E-1');
    expect(shown).toBe('gateway');
    expect((await told('E-1'))[0]).toMatch(/\|ACK\^O01\^ACK\|.*\|AL\|NE\|/);
    expect(gateway.run('journal')).toMatch(/ORM\^O01 +ris\b|ris +ORM\^O01|from ris/);
  });

  it('is shown the renewed certificate after SIGHUP, without a start', async () => {
    copyFileSync(second.keyFile, first.keyFile);
    copyFileSync(second.certFile, first.certFile);
    process.kill(gateway.pid, 'SIGHUP');
    let number = 0;
    const { shown } = await until(
      () => sendSecurely(order(`R-${++number}`)),
      (seen) => seen.shown === 'renewed',
    );
    expect(shown).toBe('renewed');
    // The command line trusts what the HTTP door shows now, and nothing else.
    const known = await until(
      async () => gateway.run('status'),
      (text) => text.includes('mllp secure'),
    );
    expect(known).toContain(`http ${gateway.http.replace('http:', 'https:')}/fhir`);
  });

  it('is told nothing while a person has paused its destination, and everything after', async () => {
    gateway.run('destination', 'pause', 'ris-in', '--why', 'upgrade');
    await sendSecurely(order('E-2', '||AL|AL'));
    await until(
      () => gateway.journal(),
      (entries) => entries.some(({ controlId, state }) => controlId === 'E-2' && state === 'done'),
    );
    expect(gateway.run('destination')).toMatch(/ris-in +1 waiting since .*paused by .*: upgrade/);
    expect(toldOf('E-2')).toEqual([]);
    gateway.run('destination', 'resume', 'ris-in');
    expect(await told('E-2')).toHaveLength(1);
  });
});

describe('a hospital that calls as it always has', () => {
  it('hears AA at the other listener', async () => {
    expect(await sendMllp(gateway.mllp, order('P-1'))).toContain('MSA|AA|P-1');
  });
});

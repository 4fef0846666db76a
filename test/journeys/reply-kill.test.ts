/**
 * Old senders that wait for the reply to an order in its connection, at a gateway that is killed with -9 under them: each order has one
 * reply, in the connection or as a message of its own, however often it had to be sent.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { sendMllp } from '../support/mllp-sender.ts';
import { type ResultReceiver, startResultReceiver } from '../support/result-receiver.ts';
import { until } from '../support/until.ts';

const SENDERS = 4;
const ROUNDS = 3;
/** Answers between one kill and the next, and after the last. */
const ROUND = 24;

let gateway: GatewayProcess;
let receiver: ResultReceiver;

beforeAll(async () => {
  receiver = await startResultReceiver();
  gateway = await startGatewayProcess({ yaml: configuration() });
});
afterAll(async () => {
  await gateway?.stop();
  gateway?.remove();
  await receiver?.close();
});

/** The waits of one end about when the corridor is done, the other waits for as long as that takes: replies go both ways. */
function configuration(): string {
  return `
peers:
  - { name: ris, mllp: { application: RIS }, reply: { wait: 100ms }, returns: [ris-in] }
  - { name: patient, mllp: { application: PATIENT }, reply: { wait: 60s }, returns: [ris-in] }
destinations: [{ kind: mllp, name: ris-in, host: 127.0.0.1, port: ${receiver.port}, replies: true }]
`;
}

const order = (id: string, application: string): Buffer =>
  Buffer.from(
    [
      `MSH|^~\\&|${application}|H|W|W|20260302081500||ORM^O01|${id}|P|2.5.1`,
      `PID|1||P${id}^^^HOSP^MR||Muster^Erika||19700101|F`,
      `ORC|NW|${id}^RIS`,
      `OBR|1|${id}^RIS||24725-4^CT Head^LN`,
      '',
    ].join('\r'),
  );

/** As a sender does: the same again until it is answered. */
async function answerTo(id: string, application: string): Promise<string> {
  for (;;) {
    const answer = await sendMllp(gateway.mllp, order(id, application)).catch(() => '');
    if (answer.includes(`\rMSA|AA|${id}\r`)) return answer;
    await pause(100);
  }
}

const isReply = (message: string): boolean => message.includes('||ORR^O02^ORR_O02|');

describe('a gateway that is killed while senders wait', () => {
  it('gives each order its reply once', async () => {
    const answers = new Map<string, string>();
    let going = true;
    const send = async (sender: number): Promise<void> => {
      const application = sender % 2 === 0 ? 'RIS' : 'PATIENT';
      for (let n = 0; going; n++) answers.set(`S${sender}-${n}`, await answerTo(`S${sender}-${n}`, application));
    };
    const round = () => {
      const enough = answers.size + ROUND;
      return until(
        async () => answers.size,
        (size) => size >= enough,
      );
    };
    const senders = Array.from({ length: SENDERS }, (_, sender) => send(sender));
    for (let kill = 0; kill < ROUNDS; kill++) {
      await round();
      await gateway.kill();
      gateway = await startGatewayProcess({ yaml: configuration(), directory: gateway.directory });
    }
    await round();
    going = false;
    await Promise.all(senders);
    const here = [...answers].filter(([, answer]) => isReply(answer)).map(([id]) => id);
    const there = () =>
      [...receiver.ledger.values()]
        .map(({ bytes }) => bytes.toString())
        .flatMap((one) => (isReply(one) ? [/\rMSA\|AA\|([^\r|]*)/.exec(one)?.[1]] : []));
    await until(
      async () => there().length + here.length,
      (replies) => replies >= answers.size,
    );
    await until(
      async () => gateway.run('destination'),
      (text) => !/[1-9]\d* waiting/.test(text),
    );
    expect([...here, ...there()].sort()).toEqual([...answers.keys()].sort());
    expect(here.length).toBeGreaterThan(0);
  });
});

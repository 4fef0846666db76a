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
const ROUND_MS = 2_500;

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

/** Waits that end about when the corridor is done, so that replies go both ways. */
function configuration(): string {
  return `
peers: [{ name: ris, mllp: { application: RIS }, reply: { wait: 100ms }, returns: [ris-in] }]
destinations: [{ kind: mllp, name: ris-in, host: 127.0.0.1, port: ${receiver.port}, replies: true }]
`;
}

const order = (id: string): Buffer =>
  Buffer.from(
    [
      `MSH|^~\\&|RIS|H|W|W|20260302081500||ORM^O01|${id}|P|2.5.1`,
      `PID|1||P${id}^^^HOSP^MR||Muster^Erika||19700101|F`,
      `ORC|NW|${id}^RIS`,
      `OBR|1|${id}^RIS||24725-4^CT Head^LN`,
      '',
    ].join('\r'),
  );

/** As a sender does: the same again until it is answered. */
async function answerTo(id: string): Promise<string> {
  for (;;) {
    const answer = await sendMllp(gateway.mllp, order(id)).catch(() => '');
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
      for (let n = 0; going; n++) answers.set(`S${sender}-${n}`, await answerTo(`S${sender}-${n}`));
    };
    const senders = Array.from({ length: SENDERS }, (_, sender) => send(sender));
    for (let round = 0; round < ROUNDS; round++) {
      await pause(ROUND_MS);
      await gateway.kill();
      gateway = await startGatewayProcess({ yaml: configuration(), directory: gateway.directory });
    }
    await pause(ROUND_MS);
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
    await pause(1_000);
    expect([...here, ...there()].sort()).toEqual([...answers.keys()].sort());
    expect(here.length).toBeGreaterThan(0);
  });
});

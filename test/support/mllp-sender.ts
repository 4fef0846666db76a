/** One message over one MLLP connection, and the bytes that are answered. Imports nothing from src. */
import { once } from 'node:events';
import { connect } from 'node:net';

const ANSWER_TIMEOUT_MS = 90_000;
const END = Buffer.from([0x1c, 0x0d]);

export async function sendMllp(target: { host: string; port: number }, message: Buffer): Promise<string> {
  const socket = connect({ ...target, timeout: ANSWER_TIMEOUT_MS });
  socket.once('timeout', () => socket.destroy(new Error('no answer')));
  await once(socket, 'connect');
  socket.write(Buffer.concat([Buffer.from([0x0b]), message, END]));
  let received: Buffer = Buffer.alloc(0);
  for await (const chunk of socket) {
    received = Buffer.concat([received, chunk as Buffer]);
    if (received.includes(END)) break;
  }
  socket.destroy();
  return received.subarray(1, received.indexOf(END)).toString('utf8');
}

/** A fixture with a line a segment becomes a message: segments end with CR (HL7 v2.5.1 §2.5). */
export function asMessage(text: string): Buffer {
  return Buffer.from(`${text.trimEnd().replaceAll('\n', '\r')}\r`);
}

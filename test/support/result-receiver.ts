/**
 * A hospital that receives results: an MLLP server over plain node:net that answers every message AA and keeps a ledger of its own,
 * by MSH-10, as receivers do that must not file a result twice. Imports nothing from src.
 */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';

export type ReceivedResult = {
  /** MSH-10. */
  readonly controlId: string;
  /** OBR-2.1: whose answer it is. */
  readonly placer: string;
  /** How often it came: a sender that did not hear the answer sends the same message again. */
  times: number;
  /** Whether all of them were the same bytes. */
  same: boolean;
  readonly bytes: Buffer;
};

export type ResultReceiver = {
  readonly port: number;
  /** One entry a control id. */
  readonly ledger: ReadonlyMap<string, ReceivedResult>;
  close(): Promise<void>;
};

export async function startResultReceiver(): Promise<ResultReceiver> {
  const ledger = new Map<string, ReceivedResult>();
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    let received: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      for (let end = received.indexOf(END); end >= 0; end = received.indexOf(END)) {
        socket.write(answerTo(note(ledger, Buffer.from(received.subarray(1, end)))));
        received = received.subarray(end + END.length);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as { port: number }).port,
    ledger,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function note(ledger: Map<string, ReceivedResult>, bytes: Buffer): ReceivedResult {
  const segments = bytes
    .toString('utf8')
    .split('\r')
    .map((segment) => segment.split('|'));
  const controlId = segments[0]?.[9] ?? '';
  const placer = segments.find(([name]) => name === 'OBR')?.[2]?.split('^')[0] ?? '';
  const known = ledger.get(controlId);
  if (!known) {
    const first = { controlId, placer, times: 1, same: true, bytes };
    ledger.set(controlId, first);
    return first;
  }
  known.times++;
  known.same &&= known.bytes.equals(bytes);
  return known;
}

function answerTo({ controlId }: ReceivedResult): Buffer {
  const msh = `MSH|^~\\&|LOADRIS|INVENTED|WAYSTATION|REMOTE|20260302120000||ACK^R01^ACK|A${controlId}|P|2.5.1`;
  return Buffer.from(`\x0b${msh}\rMSA|AA|${controlId}\r\x1c\r`, 'utf8');
}

const END = Buffer.from([0x1c, 0x0d]);

/** A hospital: its RIS orders by MLLP and receives results by MLLP, its CT sends by C-STORE. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { associate } from '../../delivery/dimse/dimse-client.ts';
import { startMllpClient } from '../../delivery/mllp/mllp-client.ts';
import { isFailure } from '../../model/failure.ts';
import { jsonLog } from '../../model/log.ts';
import { type SampleObject, type SampleSeries, sampleSeries } from '../../protocols/dicom/sample-series.ts';
import { buildAck } from '../../protocols/hl7v2/ack.ts';
import { createFramer, frame } from '../../protocols/hl7v2/framer.ts';
import { isRefusal, readHeader } from '../../protocols/hl7v2/header.ts';

export type Hospital = {
  /** Where it receives results. */
  readonly port: number;
  /** Results it has acknowledged. */
  readonly results: readonly Buffer[];
  /** Sends an order; the code it hears. */
  order(port: number, controlId: string, message: Buffer): Promise<string>;
  /** Sends a series; the objects it was told are stored. */
  scan(port: number, series: SampleSeries): Promise<SampleObject[]>;
  close(): Promise<void>;
};

export async function openHospital(): Promise<Hospital> {
  const results: Buffer[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    receive(socket, results);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  };
  return { port: (server.address() as { port: number }).port, results, order, scan, close };
}

function receive(socket: Socket, results: Buffer[]): void {
  const framer = createFramer(MAX_RESULT_BYTES);
  socket.on('data', (chunk) => {
    for (const event of framer.read(chunk)) {
      if (event.kind !== 'frame') continue;
      const header = readHeader(event.bytes);
      if (isRefusal(header)) continue;
      results.push(Buffer.from(event.bytes));
      socket.write(frame(buildAck(header, null, { now: new Date(), controlId: `ACK${results.length}` })));
    }
  });
}

async function order(port: number, controlId: string, message: Buffer): Promise<string> {
  const silent = jsonLog(
    () => {},
    () => new Date(),
    'silent',
  );
  const client = startMllpClient({ ...RIS_LINK, port }, { log: silent });
  const answer = await client.send({ id: controlId, controlId, content: message });
  await client.close();
  return isFailure(answer) ? `${answer.code}: ${answer.detail}` : 'AA';
}

async function scan(port: number, series: SampleSeries): Promise<SampleObject[]> {
  const objects = [...sampleSeries(series)];
  const wanted = objects
    .slice(0, 1)
    .map(({ sopClassUid, transferSyntax }) => ({ abstractSyntax: sopClassUid, transferSyntaxes: [transferSyntax] }));
  const association = await associate({ host: '127.0.0.1', port, calling: 'CT1', called: 'WAYSTATION', timeoutMs: TIMEOUT_MS }, wanted);
  if (isFailure(association)) throw new Error(association.detail);
  for (const { dataset, ...object } of objects) {
    const status = await association.store({ ...object, dataset: [dataset] });
    if (isFailure(status)) throw new Error(status.detail);
    if (status !== 0) throw new Error(`C-STORE was answered ${status.toString(16)}`);
  }
  await association.release();
  return objects;
}

const TIMEOUT_MS = 30_000;
const MAX_RESULT_BYTES = 64 * 1024 * 1024;
const RIS_LINK = {
  kind: 'mllp',
  name: 'gateway',
  host: '127.0.0.1',
  receivingApplication: 'WAYSTATION',
  receivingFacility: '',
  version: '2.5.1',
  release: 1,
  charset: 'UNICODE UTF-8',
  orderReplies: false,
  orderStatus: 'none',
  report: 'oru',
  text: 'whole',
  tls: null,
  answerTimeoutMs: TIMEOUT_MS,
  retry: { firstDelayMs: 0, maxDelayMs: 0, maxAttempts: 1, onFailure: 'setAside' },
} as const;

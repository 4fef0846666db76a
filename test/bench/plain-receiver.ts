/**
 * The limit that the DIMSE door is measured against: objects over TCP, each after its length, straight into a file, fdatasync, rename,
 * one byte back. On a thread of its own, as the gateway is a process of its own; no protocol, no digest, no index.
 */
import { once } from 'node:events';
import { open, rename } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const HEADER_BYTES = 8;

export type PlainReceiver = { readonly port: number; stop(): Promise<void> };

/** Files go into `directory`. */
export async function startPlainReceiver(directory: string): Promise<PlainReceiver> {
  const worker = new Worker(new URL(import.meta.url), { workerData: { plainReceiver: directory } });
  const [port] = (await once(worker, 'message')) as [number];
  return { port, stop: async () => void (await worker.terminate()) };
}

/** Sends objects over one connection, each after the answer to the one before. */
export async function sendPlain(port: number, objects: Iterable<Buffer>): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  await once(socket, 'connect');
  for (const object of objects) {
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeBigUInt64BE(BigInt(object.length));
    const answered = once(socket, 'data');
    socket.write(header);
    socket.write(object);
    await answered;
  }
  socket.destroy();
}

async function listen(directory: string): Promise<void> {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {});
    void receive(socket, directory);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  parentPort?.postMessage((server.address() as { port: number }).port);
}

let files = 0;

async function receive(socket: Socket, directory: string): Promise<void> {
  let file: Awaited<ReturnType<typeof open>> | null = null;
  let left = 0;
  let name = '';
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    let rest = chunk;
    if (!file) {
      left = Number(rest.readBigUInt64BE());
      rest = rest.subarray(HEADER_BYTES);
      name = join(directory, String(files++));
      file = await open(`${name}.part`, 'wx');
    }
    if (rest.length > 0) await file.write(rest);
    left -= rest.length;
    if (left > 0) continue;
    await file.datasync();
    await file.close();
    await rename(`${name}.part`, name);
    file = null;
    socket.write('.');
  }
}

const given = workerData as { plainReceiver?: string } | null;
if (!isMainThread && given?.plainReceiver) await listen(given.plainReceiver);

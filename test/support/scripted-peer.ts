/**
 * A peer that does exactly what a test says, byte by byte: connect or accept, send, receive, wait, hang up.
 * Every wait is for something to happen (bytes, the end, a hang-up), bounded by a limit that only a broken program reaches.
 */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Long enough for a loaded machine; a test that reaches it fails. */
const PATIENCE_MS = 60_000;

export type ScriptedPeer = {
  readonly socket: Socket;
  /** Everything received and not yet taken. */
  pending(): Buffer;
  send(bytes: Uint8Array | string): void;
  /** The next `length` bytes. Throws when the other side ends first. */
  receive(length: number): Promise<Buffer>;
  /** Everything up to and including `mark`. */
  receiveUntil(mark: Uint8Array): Promise<Buffer>;
  /** Resolves when the other side has ended or reset the connection; gives what came before that. */
  ended(): Promise<Buffer>;
  /** Ends politely (FIN). */
  hangUp(): void;
  /** Breaks the connection (RST). */
  reset(): void;
};

/** Calls a listening program. */
export async function callPeer(port: number, host = '127.0.0.1'): Promise<ScriptedPeer> {
  const socket = connect({ port, host, noDelay: true });
  await once(socket, 'connect');
  return scripted(socket);
}

export type ScriptedListener = {
  readonly port: number;
  /** The next connection somebody opens. */
  accept(): Promise<ScriptedPeer>;
  close(): Promise<void>;
};

/** Waits to be called, on a free port. */
export async function listenAsPeer(port = 0): Promise<ScriptedListener> {
  const waiting: Socket[] = [];
  const open = new Set<Socket>();
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.on('error', () => {}).on('close', () => open.delete(socket));
    waiting.push(socket);
    server.emit('waiting');
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as { port: number }).port,
    accept: async () => {
      await until(server, ['waiting'], () => waiting.length > 0, 'a connection');
      return scripted(waiting.shift() as Socket);
    },
    close: () => {
      for (const socket of open) socket.destroy();
      return new Promise((closed) => server.close(() => closed()));
    },
  };
}

function scripted(socket: Socket): ScriptedPeer {
  let received = Buffer.alloc(0);
  let over = false;
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
  });
  for (const event of ['end', 'close', 'error']) socket.on(event, () => (over = true));
  const arrived = async (enough: () => boolean, what: string): Promise<void> => {
    await until(socket, ['data', 'end', 'close', 'error'], () => enough() || over, what);
    if (!enough())
      throw new Error(`the other side hung up before ${what} came; it had sent ${JSON.stringify(received.toString('latin1'))}`);
  };
  const take = (length: number): Buffer => {
    const taken = received.subarray(0, length);
    received = received.subarray(length);
    return taken;
  };
  return {
    socket,
    pending: () => received,
    send: (bytes) => void socket.write(bytes),
    receive: async (length) => {
      await arrived(() => received.length >= length, `${length} bytes`);
      return take(length);
    },
    receiveUntil: async (mark) => {
      await arrived(() => received.indexOf(mark) >= 0, `the mark ${Buffer.from(mark).toString('hex')}`);
      return take(received.indexOf(mark) + mark.length);
    },
    ended: async () => {
      await until(socket, ['end', 'close', 'error'], () => over, 'the end');
      return take(received.length);
    },
    hangUp: () => void socket.end(),
    reset: () => void socket.resetAndDestroy(),
  };
}

async function until(emitter: Server | Socket, events: readonly string[], holds: () => boolean, what: string): Promise<void> {
  if (holds()) return;
  await new Promise<void>((resolve, reject) => {
    const limit = setTimeout(() => finish(new Error(`waited too long for ${what}`)), PATIENCE_MS);
    const look = (): void => {
      if (holds()) finish();
    };
    const finish = (error?: Error): void => {
      clearTimeout(limit);
      for (const event of events) emitter.off(event, look);
      if (error) reject(error);
      else resolve();
    };
    for (const event of events) emitter.on(event, look);
  });
}

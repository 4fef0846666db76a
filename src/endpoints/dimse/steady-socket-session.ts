/**
 * A connection whose reads all go into one block of memory. net.Socket allocates a new buffer for every read; at hundreds of megabytes
 * a second of pixels the collector then walks the whole heap every few objects, which was half of the door's time.
 * In: an accepted connection that has not read yet (`pauseOnConnect`). Out: a socket, and its chunks one at a time.
 * Unverified: Node offers such reads (`onread`) only to sockets that call, so the accepted handle is moved into one by an option that
 * its documentation does not name. Where there is no handle to move (TLS, another Node), reads are ordinary ones.
 */
import { Socket, type SocketConstructorOpts } from 'node:net';

/** What a fast link delivers at once. */
const BLOCK_BYTES = 128 * 1024;

/** `take` has the chunk until its promise resolves; only then is more read. Resolves at the end of the stream, rejects when it breaks. */
export type SteadySocket = { readonly socket: Socket; readAll(take: (chunk: Buffer) => Promise<void>): Promise<void> };

export function steadySocket(accepted: Socket): SteadySocket {
  const moved = 'encrypted' in accepted ? null : handleOf(accepted);
  return moved === null ? ordinary(accepted) : steady(accepted, moved);
}

function ordinary(socket: Socket): SteadySocket {
  return {
    socket,
    readAll: async (take) => {
      for await (const chunk of socket) await take(chunk as Buffer);
    },
  };
}

function steady(accepted: Socket, handle: object): SteadySocket {
  const block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  const ended = Promise.withResolvers<void>();
  ended.promise.catch(() => {});
  let taken: Promise<void> = Promise.resolve();
  let take = (_chunk: Buffer): Promise<void> => Promise.resolve();
  const callback = (bytes: number): boolean => {
    taken = take(block.subarray(0, bytes)).then(
      () => void socket.resume(),
      (error) => ended.reject(error),
    );
    return false;
  };
  const options = { handle, onread: { buffer: block, callback }, manualStart: true } as SocketConstructorOpts;
  const socket = new Socket(options);
  socket.on('error', ended.reject);
  socket.on('close', () => {
    // The accepted one holds the place among the server's connections.
    accepted.destroy();
    ended.resolve();
  });
  return {
    socket,
    readAll: async (reader) => {
      take = reader;
      socket.resume();
      await ended.promise.finally(() => taken);
    },
  };
}

/** Takes the connection out of the socket that accepted it. */
function handleOf(accepted: Socket): object | null {
  const holder = accepted as unknown as { _handle?: object | null };
  const handle = holder._handle ?? null;
  if (handle !== null) holder._handle = null;
  return handle;
}

/**
 * The MLLP door: a listening socket, a session for each connection, and what they may hold together.
 * Promises: a port that is taken is an Error saying which door and which setting; stopping answers what is in and hangs up.
 */
import { createServer, type Server, type Socket } from 'node:net';
import type { Config } from '../../model/config.ts';
import type { Door } from '../../model/door.ts';
import { MllpSession, type SessionDeps } from './mllp-session.ts';

const MAX_CONNECTIONS = 512;
/** Unfinished and unjournaled messages of all connections together, in messages of the largest size. */
const MAX_HELD_MESSAGES = 16;

export type MllpDoorDeps = Omit<SessionDeps, 'hold'>;

/** Opens the door. Rejects when the address cannot be listened on. */
export async function startMllpDoor(settings: Config['mllp'], deps: MllpDoorDeps): Promise<Door> {
  const sessions = new Map<Socket, MllpSession>();
  const hold = createBudget(settings.maxMessageBytes * MAX_HELD_MESSAGES);
  const countConnections = (): void => deps.metrics.gauge('waystation_mllp_connections', sessions.size);
  // A sender may close its sending side and still wait for its answers.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sessions.set(socket, new MllpSession(socket, settings, { ...deps, hold }));
    countConnections();
    socket.once('close', () => {
      sessions.delete(socket);
      countConnections();
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.on('drop', (dropped) => deps.log.warn('mllp.dropped', { remoteAddress: dropped?.remoteAddress ?? '', limit: MAX_CONNECTIONS }));
  const port = await listen(server, settings);
  server.on('error', (error) => deps.log.error('mllp.listen', { error: error.message }));
  return {
    address: `mllp ${settings.host}:${port}`,
    port,
    stop: async (graceMs) => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const session of sessions.values()) session.finish();
      const impatience = setTimeout(() => {
        for (const socket of sessions.keys()) socket.destroy();
      }, graceMs);
      await closed;
      clearTimeout(impatience);
    },
  };
}

function createBudget(limit: number): (bytes: number) => boolean {
  let held = 0;
  return (bytes) => {
    held += bytes;
    return bytes <= 0 || held <= limit;
  };
}

async function listen(server: Server, { host, port }: Config['mllp']): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new Error(`mllp door: cannot listen on ${host}:${port}: ${whyNot(error)}`)),
    );
    server.listen(port, host, resolve);
  });
  server.removeAllListeners('error');
  return (server.address() as { port: number }).port;
}

function whyNot(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return 'another program has this port; choose another in mllp.port';
    case 'EACCES':
      return 'this user may not open this port; choose one above 1023 in mllp.port';
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return 'this machine has no such address; see mllp.host';
    default:
      return error.message;
  }
}

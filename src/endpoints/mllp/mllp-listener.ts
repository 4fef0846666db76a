/**
 * The MLLP door: a listening socket, a session for each connection, and what they may hold together.
 * Promises: a port that is taken is an Error saying which door and which setting; stopping answers what is in and hangs up.
 */
import { createServer, type Socket } from 'node:net';
import type { Config } from '../../model/config.ts';
import type { Door } from '../../model/door.ts';
import { listen } from '../listen-session.ts';
import { type Budget, type Holder, MllpSession, type SessionDeps } from './mllp-session.ts';

const MAX_CONNECTIONS = 512;
/** Unfinished and unjournaled messages of all connections together: so many of the largest size, or so many bytes where that is more. */
const MAX_HELD_MESSAGES = 16;
const MIN_HELD_BYTES = 32 * 1024 * 1024;

export type MllpDoorDeps = Omit<SessionDeps, 'budget'>;

/** Opens the door. Rejects when the address cannot be listened on. */
export async function startMllpDoor(settings: Config['mllp'], deps: MllpDoorDeps): Promise<Door> {
  const sessions = new Map<Socket, MllpSession>();
  const budget = createBudget(Math.max(settings.maxMessageBytes * MAX_HELD_MESSAGES, MIN_HELD_BYTES));
  const countConnections = (): void => deps.metrics.gauge('waystation_mllp_connections', sessions.size);
  // A sender may close its sending side and still wait for its answers.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sessions.set(socket, new MllpSession(socket, settings, { ...deps, budget }));
    countConnections();
    socket.once('close', () => {
      sessions.delete(socket);
      countConnections();
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.on('drop', (dropped) => deps.log.warn('mllp.dropped', { remoteAddress: dropped?.remoteAddress ?? '', limit: MAX_CONNECTIONS }));
  const port = await listen(server, 'mllp', settings);
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

/**
 * Bytes held by all connections together. When it is too much, whoever holds the most of an unfinished message has to go, not whoever
 * came last: many that send slowly on purpose cannot make the others pay.
 */
function createBudget(limit: number): Budget {
  const holders = new Map<Holder, { readonly held: number; readonly unfinished: number }>();
  let total = 0;
  const note = (holder: Holder, held: number, unfinished: number): void => {
    const grown = held - (holders.get(holder)?.held ?? 0);
    total += grown;
    if (held > 0) holders.set(holder, { held, unfinished });
    else holders.delete(holder);
    // The largest is at least as large as what was added. Where none is unfinished, all wait for the journal: no more is taken.
    if (grown > 0 && total > limit) (largest() ?? holder).giveUp();
  };
  const largest = (): Holder | null => {
    let found: Holder | null = null;
    let most = 0;
    for (const [holder, { unfinished }] of holders) {
      if (unfinished > most) [found, most] = [holder, unfinished];
    }
    return found;
  };
  return { note };
}

/**
 * An MLLP door: a listening socket, with TLS or without, a session for each connection, and what they may hold together.
 * Promises: a port that is taken is an Error saying which door and which setting; stopping answers what is in and hangs up; a caller
 * whose TLS fails is a line in the log and no connection; who is at the other end is known from what was verified only.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import type { MllpListener } from '../../model/config.ts';
import type { Door } from '../../model/door.ts';
import type { Log } from '../../model/log.ts';
import type { DoorTls, ShownCertificate } from '../../model/tls.ts';
import { doorTlsOptions, handshakeFault, shownCertificate } from '../../security/tls-options.ts';
import { listen } from '../listen-session.ts';
import { type Budget, type Holder, MllpSession, type SessionDeps } from './mllp-session.ts';

const MAX_CONNECTIONS = 512;
/** Unfinished and unjournaled messages of all connections together: so many of the largest size, or so many bytes where that is more. */
const MAX_HELD_MESSAGES = 16;
const MIN_HELD_BYTES = 32 * 1024 * 1024;

export type MllpDoorDeps = Omit<SessionDeps, 'budget' | 'caller'>;

/** `renew`: other certificates for the connections to come. */
export type MllpDoor = Door & { renew(tls: DoorTls | null): void };

/** Opens the door. Rejects when the address cannot be listened on. */
export async function startMllpDoor(settings: MllpListener, deps: MllpDoorDeps): Promise<MllpDoor> {
  const { name, host, tls } = settings;
  const sessions = new Map<Socket, MllpSession>();
  const budget = createBudget(Math.max(settings.maxMessageBytes * MAX_HELD_MESSAGES, MIN_HELD_BYTES));
  const countConnections = (): void => deps.metrics.gauge('waystation_mllp_connections', sessions.size, { listener: name });
  const serve = (socket: Socket, certificate: ShownCertificate | null): void => {
    const caller = { listener: name, address: socket.remoteAddress ?? '', certificate };
    sessions.set(socket, new MllpSession(socket, settings, { ...deps, budget, caller }));
    countConnections();
    socket.once('close', () => {
      sessions.delete(socket);
      countConnections();
    });
  };
  const { server, renew } = tls === null ? plainServer(serve) : tlsServer(tls, deps.log, serve);
  /** Those whose handshake is not done have no session. */
  const connections = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.on('drop', (dropped) => deps.log.warn('mllp.dropped', { remoteAddress: dropped?.remoteAddress ?? '', limit: MAX_CONNECTIONS }));
  const port = await listen(server, name === 'mllp' ? name : `mllp ${name}`, settings);
  server.on('error', (error) => deps.log.error('mllp.listen', { error: error.message }));
  return {
    address: `mllp${name === 'mllp' ? '' : ` ${name}`} ${host}:${port}${tls === null ? '' : ' with TLS'}`,
    port,
    renew,
    stop: async (graceMs) => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const session of sessions.values()) session.finish();
      const impatience = setTimeout(() => {
        for (const socket of connections) socket.destroy();
      }, graceMs);
      await closed;
      clearTimeout(impatience);
    },
  };
}

type Serve = (socket: Socket, certificate: ShownCertificate | null) => void;
type Listening = { readonly server: Server; readonly renew: (tls: DoorTls | null) => void };

/** A sender may close its sending side and still wait for its answers. */
const HALF_OPEN = { allowHalfOpen: true };

function plainServer(serve: Serve): Listening {
  return { server: createServer(HALF_OPEN, (socket) => serve(socket, null)), renew: () => {} };
}

function tlsServer(tls: DoorTls, log: Log, serve: Serve): Listening {
  const server = createTlsServer({ ...HALF_OPEN, ...doorTlsOptions(tls) }, (socket) =>
    serve(socket, shownCertificate(socket.getPeerCertificate(), socket.authorized)),
  );
  server.on('tlsClientError', (error, socket: TLSSocket) => {
    log.warn('mllp.tls-refused', { remoteAddress: socket.remoteAddress ?? '', reason: handshakeFault(error) });
    socket.destroy();
  });
  return { server, renew: (renewed) => renewed && server.setSecureContext(doorTlsOptions(renewed)) };
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

/**
 * The DIMSE door: a listening socket, with TLS (PS3.15 §B.9, BCP 195) or without, and a session for each association.
 * Promises: a caller whose TLS fails is a line in the log and no association; no more associations than configured (the next is told so: rejected-transient, local limit exceeded), and hardly more
 * connections than that; a port that is taken is an Error saying which door and which setting; stopping lets objects under way finish.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import type { Config } from '../../model/config.ts';
import type { Door } from '../../model/door.ts';
import type { Log } from '../../model/log.ts';
import type { DoorTls, ShownCertificate } from '../../model/tls.ts';
import { doorTlsOptions, handshakeFault, shownCertificate } from '../../security/tls-options.ts';
import { listen } from '../listen-session.ts';
import { AssociationSession, type SessionDeps } from './association-session.ts';
import { steadySocket } from './steady-socket-session.ts';

/** Connections that may wait beside the associations to hear that all are taken. */
const SPARE_CONNECTIONS = 16;

export type DimseDoorDeps = Omit<SessionDeps, 'admit' | 'certificate'>;

/** `renew`: other certificates for the associations to come. */
export type DimseDoor = Door & { renew(tls: DoorTls | null): void };

/** Opens the door. Rejects when the address cannot be listened on. */
export async function startDimseDoor(settings: Config['dimse'], deps: DimseDoorDeps): Promise<DimseDoor> {
  const sessions = new Map<AssociationSession, Promise<void>>();
  const associated = new Set<AssociationSession>();
  const countAssociations = (): void => deps.metrics.gauge('waystation_dimse_associations', associated.size);
  const serve = (accepted: Socket, certificate: ShownCertificate | null): void => {
    const admit = (): boolean => {
      if (associated.size >= settings.maxAssociations) return false;
      associated.add(session);
      countAssociations();
      return true;
    };
    const session = new AssociationSession(steadySocket(accepted), settings, { ...deps, admit, certificate });
    const served = session.run().then(() => {
      sessions.delete(session);
      associated.delete(session);
      countAssociations();
    });
    sessions.set(session, served);
  };
  const { server, renew } = settings.tls === null ? plainServer(serve) : tlsServer(settings.tls, deps.log, serve);
  /** Those whose handshake is not done have no session. */
  const shaking = new Set<Socket>();
  if (settings.tls !== null) server.on('connection', (socket: Socket) => shaking.add(socket.once('close', () => shaking.delete(socket))));
  server.maxConnections = settings.maxAssociations + SPARE_CONNECTIONS;
  server.on('drop', (dropped) =>
    deps.log.warn('dimse.dropped', { remoteAddress: dropped?.remoteAddress ?? '', limit: server.maxConnections }),
  );
  const port = await listen(server, 'dimse', settings);
  server.on('error', (error) => deps.log.error('dimse.listen', { error: error.message }));
  return {
    address: `dimse ${settings.aeTitle}@${settings.host}:${port}${settings.tls === null ? '' : ' with TLS'}`,
    port,
    renew,
    stop: async (graceMs) => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const session of sessions.keys()) void session.finish();
      let impatience: NodeJS.Timeout | undefined;
      const patience = new Promise<void>((resolve) => {
        impatience = setTimeout(resolve, graceMs);
      });
      // An object that is with the journal already is waited for: it may yet be stored.
      await Promise.race([Promise.all(sessions.values()), patience]);
      clearTimeout(impatience);
      for (const session of sessions.keys()) session.destroy();
      for (const socket of shaking) socket.destroy();
      await closed;
    },
  };
}

type Serve = (accepted: Socket, certificate: ShownCertificate | null) => void;
type Listening = { readonly server: Server; readonly renew: (tls: DoorTls | null) => void };

function plainServer(serve: Serve): Listening {
  return { server: createServer({ pauseOnConnect: true }, (accepted) => serve(accepted, null)), renew: () => {} };
}

function tlsServer(tls: DoorTls, log: Log, serve: Serve): Listening {
  const server = createTlsServer(doorTlsOptions(tls), (socket) =>
    serve(socket, shownCertificate(socket.getPeerCertificate(), socket.authorized)),
  );
  server.on('tlsClientError', (error, socket: TLSSocket) => {
    log.warn('dimse.tls-refused', { remoteAddress: socket.remoteAddress ?? '', reason: handshakeFault(error) });
    socket.destroy();
  });
  return { server, renew: (renewed) => renewed && server.setSecureContext(doorTlsOptions(renewed)) };
}

/**
 * The DIMSE door: a listening socket and a session for each association.
 * Promises: no more associations than configured (the next is told so: rejected-transient, local limit exceeded), and hardly more
 * connections than that; a port that is taken is an Error saying which door and which setting; stopping lets objects under way finish.
 */
import { createServer } from 'node:net';
import type { Config } from '../../model/config.ts';
import type { Door } from '../../model/door.ts';
import { listen } from '../listen-session.ts';
import { AssociationSession, type SessionDeps } from './association-session.ts';
import { steadySocket } from './steady-socket-session.ts';

/** Connections that may wait beside the associations to hear that all are taken. */
const SPARE_CONNECTIONS = 16;

export type DimseDoorDeps = Omit<SessionDeps, 'admit'>;

/** Opens the door. Rejects when the address cannot be listened on. */
export async function startDimseDoor(settings: Config['dimse'], deps: DimseDoorDeps): Promise<Door> {
  const sessions = new Map<AssociationSession, Promise<void>>();
  const associated = new Set<AssociationSession>();
  const countAssociations = (): void => deps.metrics.gauge('waystation_dimse_associations', associated.size);
  const server = createServer({ pauseOnConnect: true }, (accepted) => {
    const admit = (): boolean => {
      if (associated.size >= settings.maxAssociations) return false;
      associated.add(session);
      countAssociations();
      return true;
    };
    const session = new AssociationSession(steadySocket(accepted), settings, { ...deps, admit });
    const served = session.run().then(() => {
      sessions.delete(session);
      associated.delete(session);
      countAssociations();
    });
    sessions.set(session, served);
  });
  server.maxConnections = settings.maxAssociations + SPARE_CONNECTIONS;
  server.on('drop', (dropped) =>
    deps.log.warn('dimse.dropped', { remoteAddress: dropped?.remoteAddress ?? '', limit: server.maxConnections }),
  );
  const port = await listen(server, 'dimse', settings);
  server.on('error', (error) => deps.log.error('dimse.listen', { error: error.message }));
  return {
    address: `dimse ${settings.aeTitle}@${settings.host}:${port}`,
    port,
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
      await closed;
    },
  };
}

/** The operations door alone, on a database of its own and a free port: without the corridor behind it, what is put in stays as it is. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import express from 'express';
import { healthRoutes, readinessOf } from '../../src/endpoints/operations/health-routes.ts';
import { openMetrics } from '../../src/endpoints/operations/metrics.ts';
import { operationsRoutes } from '../../src/endpoints/operations/operations-routes.ts';
import { type Journal, openJournal } from '../../src/journal/journal.ts';
import { systemClock } from '../../src/model/clock.ts';
import { jsonLog } from '../../src/model/log.ts';
import type { Metrics } from '../../src/model/metrics.ts';
import { newToken, tokenHash } from '../../src/security/token.ts';
import { type AuditTrail, openAudit } from '../../src/store/audit-store.ts';
import type { Database } from '../../src/store/database.ts';
import { readDepths } from '../../src/store/operations-store.ts';
import { freshDatabase } from './database.ts';

export type OperationsDoor = {
  readonly url: string;
  /** The operator's, as gateway.json has it. */
  readonly token: string;
  readonly database: Database;
  readonly journal: Journal;
  readonly audit: AuditTrail;
  readonly metrics: Metrics;
  readonly logged: readonly string[];
  /** Epoch ms of the corridor's last sign of life: always just now, until a test says otherwise. */
  readonly corridor: { seen: number };
  close(): Promise<void>;
};

export async function startOperationsDoor(): Promise<OperationsDoor> {
  const { database, drop } = await freshDatabase();
  const [journal, audit] = [openJournal(database), openAudit(database, () => {})];
  const corridor = { seen: Number.POSITIVE_INFINITY };
  const readiness = readinessOf({ database, dataDirectory: tmpdir(), corridorSeen: () => corridor.seen, now: Date.now });
  const { metrics, scrape } = openMetrics(() => readDepths(database), Date.now);
  const token = newToken();
  const logged: string[] = [];
  const log = jsonLog(
    (line) => logged.push(line),
    () => new Date(0),
    'info',
  );
  const shared = { database, operatorTokenHash: tokenHash(token), readiness };
  const app = express();
  const told = {
    readingGroups: ['dermatologists'],
    destinations: ['ris', 'clinic'],
    version: '0.1.0',
    started: new Date(0),
    addresses: () => ['mllp 127.0.0.1:2575'],
  };
  app.use('/operations', operationsRoutes({ ...shared, ...told, journal, audit, clock: systemClock, log }));
  const probes = healthRoutes({ ...shared, scrape });
  app.get('/health', probes.health).get('/ready', probes.ready).get('/metrics', probes.metrics);
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    await audit.close();
    await journal.close();
    await drop();
  };
  return { url, token, database, journal, audit, metrics, logged, corridor, close };
}

/**
 * Puts the house together and takes it down in reverse: database, journal, corridor, doors. The only place where rooms meet sockets and
 * tables. In: a checked configuration. Out: a Gateway that is ready when the promise resolves; a start that fails leaves nothing running.
 */
import { join } from 'node:path';
import { admitTask } from './cases/admit.ts';
import { peerDirectory } from './config/peers.ts';
import { type Pulse, startCorridor } from './corridor-session.ts';
import { archivesOf, startAskingWorker } from './delivery/dimse/asking-worker.ts';
import { startCommitmentWorker } from './delivery/dimse/commitment-worker.ts';
import { moveClient } from './delivery/dimse/move-client.ts';
import { openCopy } from './delivery/outgoing-copy-session.ts';
import { requireBearer } from './endpoints/bearer-session.ts';
import { openDecoder } from './endpoints/dicom/decoder-session.ts';
import { findReturned } from './endpoints/dicom/returned-session.ts';
import { type DicomwebDeps, dicomwebRoutes } from './endpoints/dicomweb/dicomweb-routes.ts';
import { openRenderer } from './endpoints/dicomweb/renderer-session.ts';
import { askedObjects } from './endpoints/dimse/asked-session.ts';
import { startDimseDoor } from './endpoints/dimse/dimse-listener.ts';
import { DEFAULT_BODY_TIMEOUT_MS, DEFAULT_MAX_BINARY_BYTES } from './endpoints/fhir/deps.ts';
import { fhirRoutes } from './endpoints/fhir/fhir-routes.ts';
import { type HttpDoor, startHttpDoor } from './endpoints/http-listener.ts';
import { startMllpDoor } from './endpoints/mllp/mllp-listener.ts';
import { openReplyWaiter } from './endpoints/mllp/reply-session.ts';
import { healthRoutes, readinessOf } from './endpoints/operations/health-routes.ts';
import { type MetricsPage, openMetrics } from './endpoints/operations/metrics.ts';
import { operationsRoutes } from './endpoints/operations/operations-routes.ts';
import { type Journal, openJournal } from './journal/journal.ts';
import { type Landing, openLanding } from './journal/landing-session.ts';
import { openPlacer } from './journal/placer-session.ts';
import type { Admit } from './model/admit.ts';
import { systemClock as clock } from './model/clock.ts';
import { type Config, type DimseDestination, readersOf, replyDestinations } from './model/config.ts';
import type { Door } from './model/door.ts';
import type { Log } from './model/log.ts';
import type { Caller } from './model/peer.ts';
import { loadValidator } from './protocols/fhir/resource-validator.ts';
import { admitReport } from './reports/admit.ts';
import { removeGatewayFile, writeGatewayFile } from './security/gateway-file-store.ts';
import { validUntil } from './security/tls-options.ts';
import { newToken, tokenHash } from './security/token.ts';
import { type AuditTrail, openAudit } from './store/audit-store.ts';
import { giveUpBroken } from './store/awaited-reply-store.ts';
import { type BlobStore, openBlobs } from './store/blob-store.ts';
import { findClient } from './store/client-store.ts';
import { connectionTo, holdDataDirectory } from './store/data-directory-store.ts';
import { type Database, openDatabase } from './store/database.ts';
import { reasonOf } from './store/database-failure.ts';
import { startEmbedded } from './store/embedded-server.ts';
import { openLandingLog } from './store/landing-log-store.ts';
import { LANDING } from './store/landing-segments-store.ts';
import { migrate } from './store/migration-store.ts';
import { readDepths } from './store/operations-store.ts';
import { openRenderCache } from './store/render-cache-store.ts';

const VERSION = '0.1.0';
/** What is under way at the doors may end in this time. */
const GRACE_MS = 10_000;

export type Gateway = {
  /** One line a door, as printed at the start. */
  readonly addresses: readonly string[];
  /** The HTTP door, `http://host:port`. */
  readonly url: string;
  /** Resolves when the gateway cannot go on (the corridor or the data directory is lost); never while it is well. */
  readonly lost: Promise<Error>;
  /** Keys and certificates anew, for connections to come; nothing else of the configuration is looked at. */
  renewCertificates(config: Config): void;
  stop(): Promise<void>;
};

type Close = () => Promise<void>;

export async function startGateway(config: Config, { log }: { readonly log: Log }): Promise<Gateway> {
  const closes: Close[] = [];
  const closeAll = async (): Promise<void> => {
    for (const one of closes.splice(0).reverse()) await one().catch((error) => log.error('stop.failed', { reason: reasonOf(error) }));
  };
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= closeAll());
  try {
    return await open(config, log, closes, close);
  } catch (error) {
    await close();
    throw error;
  }
}

/** In the order of need; what was opened is closed in reverse. */
async function open(config: Config, log: Log, closes: Close[], close: () => Promise<void>): Promise<Gateway> {
  const lost = Promise.withResolvers<Error>();
  const url = await openServer(config, log, closes, lost.resolve);
  await migrateSchema(url);
  const database = openDatabase(url, { max: 20, onError: (error) => log.warn('database.connection-lost', { reason: reasonOf(error) }) });
  closes.push(() => inTime(database.close()));
  const blobs = await openBlobs(config.dataDirectory);
  const swept = await blobs.sweep();
  if (swept > 0) log.info('blobs.swept', { files: swept });
  const page = openMetrics(() => readDepths(database), Date.now);
  const journal = openJournal(database, page.metrics);
  closes.push(() => inTime(journal.close()));
  const { log: landingLog, left } = await openLandingLog(join(config.dataDirectory, LANDING), Date.now());
  if (left.length > 0) log.info('landing.left', { objects: left.length });
  const landing = openLanding(landingLog, left, { journal, placer: openPlacer(config.dataDirectory), log, metrics: page.metrics });
  closes.push(() => inTime(landing.close()));
  const audit = openAudit(database, (error) => log.error('audit.failed', { reason: reasonOf(error) }));
  closes.push(() => inTime(audit.close()));
  const pulse = { seen: 0 };
  const renewals: ((config: Config) => void)[] = [];
  const doors = await openDoors({ config, log, database, blobs, journal, landing, audit, page, pulse, closes, renewals });
  const here = httpUrl(config, doors.at(-1) as Door);
  // Last, because it words our address; what arrives before it runs waits in the journal.
  const named = { ...config, http: { ...config.http, publicUrl: config.http.publicUrl || here } };
  const corridor = await startCorridor({ config: named, databaseUrl: url }, { log, metrics: page.metrics, pulse, onLost: lost.resolve });
  closes.push(() => corridor.stop());
  renewals.push(({ destinations }) => corridor.renew(destinations));
  const renewCertificates = (renewed: Config): void => renewals.forEach((renew) => void renew(renewed));
  return { addresses: doors.map((door) => door.address), url: here, lost: lost.promise, renewCertificates, stop: close };
}

/** On a pool of its own, whose statements may take as long as a large database needs. */
async function migrateSchema(url: string): Promise<void> {
  const database = openDatabase(url, { max: 1, statementTimeoutMs: 0 });
  try {
    await migrate(database);
  } finally {
    await inTime(database.close());
  }
}

/** A database that is silent must not keep us from stopping: what was acknowledged is committed. */
async function inTime(closed: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('took too long to close')), GRACE_MS);
  });
  try {
    await Promise.race([closed, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The embedded server, or a shared one; both hold the data directory for this gateway alone. */
async function openServer(config: Config, log: Log, closes: Close[], onLost: (error: Error) => void): Promise<string> {
  const { dataDirectory, databaseUrl } = config;
  if (databaseUrl === '') {
    const server = await startEmbedded({ dataDirectory, log, onLost });
    closes.push(() => server.stop());
    return server.url;
  }
  const hold = await holdDataDirectory({ dataDirectory, connect: connectionTo(databaseUrl), log, onLost });
  closes.push(() => inTime(hold.release()));
  return databaseUrl;
}

type Parts = {
  readonly config: Config;
  readonly log: Log;
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly journal: Journal;
  readonly landing: Landing;
  readonly audit: AuditTrail;
  readonly page: MetricsPage;
  readonly pulse: Pulse;
  readonly closes: Close[];
  readonly renewals: ((config: Config) => void)[];
};

/** A certificate that ends soon is told while there is time to renew it. */
function tellExpiry(listener: string, cert: string, log: Log): void {
  const until = validUntil(cert);
  const told = { listener, until: until.toISOString() };
  if (until.getTime() - clock.now().getTime() < CERTIFICATE_NOTICE_MS) log.warn('tls.certificate-ends', told);
}

const CERTIFICATE_NOTICE_MS = 30 * 24 * 60 * 60_000;

/** The doors; /ready says yes once the corridor runs. */
async function openDoors(parts: Parts): Promise<Door[]> {
  const { config, log, database, journal, landing, blobs, page } = parts;
  const peers = peerDirectory(config);
  const doors: Door[] = [];
  const add = (door: Door): void => {
    doors.push(door);
    parts.closes.push(() => door.stop(GRACE_MS));
  };
  await giveUpBroken(database, toldElsewhere(config));
  const replies = openReplyWaiter(database, (error) => log.warn('mllp.replies-unheard', { reason: reasonOf(error) }));
  for (const listener of config.mllp) {
    if (listener.tls) tellExpiry(listener.name, listener.tls.cert, log);
    const door = await startMllpDoor(listener, { journal, peers, replies, log, metrics: page.metrics, clock });
    add(door);
    parts.renewals.push((renewed) => door.renew(renewed.mllp.find(({ name }) => name === listener.name)?.tls ?? null));
  }
  // Before the doors are closed: nobody is kept waiting for a corridor that has stopped.
  parts.closes.push(() => inTime(replies.stop()));
  if (config.dimse.tls) tellExpiry('dimse', config.dimse.tls.cert, log);
  const decoder = openDecoder();
  parts.closes.push(() => decoder.close());
  const copies = { database, blobs, clock, aeTitle: config.dimse.aeTitle, decode: decoder.decode };
  let movedTo = dimseDestinations(config);
  parts.renewals.push((renewed) => {
    movedTo = dimseDestinations(renewed);
  });
  const move = moveClient(
    () => movedTo,
    (one) => openCopy(one, copies),
  );
  const dimse = await startDimseDoor(config.dimse, {
    journal,
    blobs,
    landing,
    commitment: { database, journal, blobs },
    asked: askedObjects(config, peers, database),
    returned: returnedObjects(parts),
    query: { database, blobs, audit: parts.audit, move, decode: decoder.decode },
    peers,
    log,
    metrics: page.metrics,
    clock,
  });
  add(dimse);
  parts.renewals.push((renewed) => dimse.renew(renewed.dimse.tls));
  startCommitments(parts);
  const token = newToken();
  const renderer = openRenderer();
  parts.closes.push(() => renderer.close());
  const rendering = { renderer, decode: decoder.decode, renderCache: await openRenderCache(config.dataDirectory) };
  const http = await startHttpDoor(config.http, {
    ...httpRoutes({ ...parts, rendering }, token, () => doors.map((door) => door.address)),
    log,
  });
  add(http);
  await announce(http, token, parts);
  return doors;
}

/** Tells the command line of this machine where the gateway is, and what its HTTP door shows. */
async function announce(http: HttpDoor, token: string, { config, log, closes, renewals }: Parts): Promise<void> {
  if (config.http.tls) tellExpiry('http', config.http.tls.cert, log);
  const file = { pid: process.pid, url: httpUrl(config, http), token };
  const write = (certificate: string): Promise<void> => writeGatewayFile(config.dataDirectory, { ...file, certificate });
  let shown = config.http.tls?.cert ?? '';
  await write(shown);
  renewals.push(({ http: { tls } }) => {
    if (config.http.tls === null || tls === null) return;
    // Both are named before the door changes, so that no command finds one that it does not know.
    const written = write(`${shown}\n${tls.cert}`);
    shown = tls.cert;
    written.catch((error) => log.error('gateway-file.failed', { reason: reasonOf(error) })).finally(() => http.renew(tls));
  });
  closes.push(() => removeGatewayFile(config.dataDirectory));
}

/** What comes back from where it was sent de-identified. */
function returnedObjects({ config, database, journal, blobs, log }: Parts) {
  const { aeTitle, reserveBytes } = config.dimse;
  return findReturned({ database, journal, blobs, log, clock, peers: peerDirectory(config), aeTitle, reserveBytes });
}

/** Peers that take the replies to their orders as messages of their own, too. */
function toldElsewhere(config: Config): string[] {
  return config.peers.filter(({ returns }) => replyDestinations(config, returns).length > 0).map(({ name }) => name);
}

/** Where objects may be moved to. */
function dimseDestinations({ destinations }: Config): DimseDestination[] {
  return destinations.filter((one) => one.kind === 'dimse');
}

/** Answers to requests for storage commitment, where some peer may ask for it; and requests to archives, where some are asked. */
function startCommitments(parts: Parts): void {
  const { config, log, database, blobs, journal, page, closes, renewals } = parts;
  if (archivesOf(config.destinations).size > 0) {
    const asking = startAskingWorker({ database, journal, clock, log, metrics: page.metrics, destinations: config.destinations });
    closes.push(() => inTime(asking.stop()));
    renewals.push(({ destinations }) => asking.renew(destinations));
  }
  if (!config.peers.some(({ commitment }) => commitment)) return;
  const { aeTitle } = config.dimse;
  let { peers } = config;
  renewals.push((renewed) => {
    peers = renewed.peers;
  });
  const addressOf = (peer: string) => {
    const found = peers.find(({ name }) => name === peer);
    return found?.commitment ? { ...found.commitment, aeTitle: found.callingAeTitle } : null;
  };
  const worker = startCommitmentWorker({ database, blobs, clock, log, metrics: page.metrics, aeTitle, addressOf });
  closes.push(() => inTime(worker.stop()));
}

function httpRoutes(
  parts: Parts & { readonly rendering: Pick<DicomwebDeps, 'renderer' | 'renderCache' | 'decode'> },
  operatorToken: string,
  addresses: () => readonly string[],
) {
  const { config, log, database, blobs, journal, landing, audit, page, pulse } = parts;
  const operatorTokenHash = tokenHash(operatorToken);
  const readingGroups = config.destinations.map(readersOf).filter((group) => group !== '');
  const authenticate = (token: string): Promise<Caller | null> => findClient(database, tokenHash(token));
  const readiness = readinessOf({ database, dataDirectory: config.dataDirectory, corridorSeen: () => pulse.seen, now: Date.now });
  const { publicUrl, maxBodyBytes, corsOrigins } = config.http;
  const limits = { maxBodyBytes, maxBinaryBytes: DEFAULT_MAX_BINARY_BYTES, bodyTimeoutMs: DEFAULT_BODY_TIMEOUT_MS };
  const settings = { publicUrl, cors: corsOrigins.length > 0, ...limits };
  const shared = { database, blobs, journal, audit, clock, log, metrics: page.metrics };
  return {
    ...healthRoutes({ database, operatorTokenHash, readiness, scrape: page.scrape }),
    fhir: fhirRoutes({ ...shared, authenticate, admit: admission(config), validate: loadValidator(), settings }),
    dicomweb: [
      requireBearer(authenticate),
      dicomwebRoutes({
        ...shared,
        landing,
        ...parts.rendering,
        ...{ publicUrl, peers: peerDirectory(config), reserveBytes: config.dimse.reserveBytes, returned: returnedObjects(parts) },
      }),
    ],
    operations: operationsRoutes({
      ...shared,
      readingGroups,
      destinations: config.destinations.filter(({ kind }) => kind !== 'pull').map(({ name }) => name),
      operatorTokenHash,
      readiness,
      version: VERSION,
      started: clock.now(),
      addresses,
    }),
  };
}

/** What is answered at once on a FHIR write: one question of `cases`, one of `reports`. */
function admission(config: Config): Admit {
  return (change, facts) => admitTask(change, facts) ?? admitReport(change, facts, config.signers);
}

function httpUrl(config: Config, door: Door): string {
  const host = config.http.host.includes(':') ? `[${config.http.host}]` : config.http.host;
  return `${config.http.tls === null ? 'http' : 'https'}://${host}:${door.port}`;
}

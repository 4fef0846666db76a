/**
 * The corridor's own thread: it works off the journal and drains the outbound lanes, so that the doors' event loop stays free for
 * acknowledging; what acknowledges goes before it, here and in the database. It has its own pool; it is woken by NOTIFY and looks by itself
 * once a second for what NOTIFY missed.
 */

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import type { PriorRules } from './cases/prior-step.ts';
import { peerDirectory } from './config/peers.ts';
import { withAvailability } from './delivery/dimse/availability-client.ts';
import { type PriorWorkerDeps, startPriorWorker } from './delivery/dimse/prior-worker.ts';
import { startStoreClient } from './delivery/dimse/store-client.ts';
import { type DestinationClient, type Lookout, startLaneWorker } from './delivery/lane-worker.ts';
import { startMllpClient } from './delivery/mllp/mllp-client.ts';
import { type CopyDeps, openCopy } from './delivery/outgoing-copy-session.ts';
import { type PhotoWorkerDeps, startPhotoWorker } from './delivery/photos/photo-worker.ts';
import { openDecoder } from './endpoints/dicom/decoder-session.ts';
import { type ObjectDeps, ObjectSession } from './endpoints/dicom/object-session.ts';
import { type AheadDeps, makeAhead } from './endpoints/dicomweb/ahead-session.ts';
import { openJournal } from './journal/journal.ts';
import { systemOfName } from './mapping/datatypes/systems.ts';
import { systemClock } from './model/clock.ts';
import type { Config, Destination, DicomwebDestination, FhirDestination } from './model/config.ts';
import { failure } from './model/failure.ts';
import type { Log, LogFields } from './model/log.ts';
import type { Labels, Metrics } from './model/metrics.ts';
import type { PeerDirectory } from './model/peer.ts';
import { priorPeer } from './model/prior.ts';
import { type Corridor, runBatch, runClock, saveWork } from './pipeline.ts';
import type { Validate } from './protocols/fhir/resource-validator.ts';
import type { ReportFonts } from './reports/render.ts';
import type { Render } from './return/return-step.ts';
import { openOwners } from './routing/route-step.ts';
import { stepBackThread } from './store/background-store.ts';
import { openBlobs } from './store/blob-store.ts';
import { type Database, openDatabase } from './store/database.ts';
import { reasonOf } from './store/database-failure.ts';
import { listen } from './store/notice-store.ts';
import { giveBackStartMemory } from './store/start-memory.ts';

/** What main hands over; configuration is plain data. */
export type CorridorData = { readonly config: Config; readonly databaseUrl: string };

/** What main tells the thread. */
export type CorridorOrder = { readonly kind: 'stop' } | { readonly kind: 'renew'; readonly destinations: readonly Destination[] };

/** What the thread tells main. */
export type CorridorWord =
  | { readonly kind: 'ready' }
  | { readonly kind: 'alive' }
  | { readonly kind: 'log'; readonly level: 'info' | 'warn' | 'error'; readonly event: string; readonly fields?: LogFields }
  | { readonly kind: 'count'; readonly name: string; readonly labels?: Labels; readonly by: number }
  | { readonly kind: 'gauge'; readonly name: string; readonly labels?: Labels; readonly value: number }
  | { readonly kind: 'observe'; readonly name: string; readonly labels?: Labels; readonly seconds: number };

/** Rest between batches: arrivals gather, and one commit serves more of them. */
const REST_MS = 40;
/** Batches under way at once: one in the database, one in this thread. */
const WORKERS = 2;
const POLL_MS = 1_000;
/** How soon the cases' clock is looked at. */
const CLOCK_MS = 250;
/** Instances that are made ready before the corridor looks for work again. */
const AHEAD_AT_ONCE = 16;
/** Rest after the database was away. */
const OUTAGE_REST_MS = 1_000;

if (parentPort) await runThread(workerData as CorridorData);

async function runThread(data: CorridorData): Promise<void> {
  stepBackThread();
  const say = (word: CorridorWord): void => parentPort?.postMessage(word);
  const log = logThrough(say);
  const metrics = metricsThrough(say);
  const database = openDatabase(data.databaseUrl, {
    max: 12,
    application: 'waystation corridor',
    background: true,
    onError: (error) => log.warn('database.connection-lost', { reason: reasonOf(error) }),
  });
  const corridor = await openCorridor(database, data.config, log);
  const blobs = await openBlobs(data.config.dataDirectory);
  const decoder = openDecoder();
  const copies = { blobs, database, clock: systemClock, aeTitle: data.config.dimse.aeTitle, decode: decoder.decode };
  const clients = await clientsOf(data.config, log, copies);
  const shared = { database, blobs, clock: systemClock, log, metrics };
  const journal = openJournal(database, metrics);
  const lanes = startLaneWorker({
    database,
    journal,
    destinations: data.config.destinations,
    clients,
    clock: systemClock,
    log,
    metrics,
    pollMs: POLL_MS,
    parallel: 8,
  });
  const photos = startPhotoWorker({ ...shared, store: takeObject(data.config, { ...shared, journal }, corridor.house.peers) });
  const priors = startPriorWorker({
    ...{ database, clock: systemClock, log, metrics, destinations: data.config.destinations, ownAeTitle: data.config.dimse.aeTitle },
    begin: beginAsked(data.config, { ...shared, journal }, corridor.house.peers),
  });
  const loop = startLoop(corridor, metrics, () => say({ kind: 'alive' }), aheadMaker({ database, blobs }));
  const ear = listen(
    database,
    { corridor: loop.wake, delivery: lanes.wake },
    { restMs: OUTAGE_REST_MS, onLost: (error) => log.warn('database.listen-failed', { reason: reasonOf(error) }) },
  );
  giveBackStartMemory();
  say({ kind: 'ready' });
  await untilStopped((destinations) => {
    priors.renew(destinations);
    for (const destination of destinations) clients.get(destination.name)?.renew?.(destination);
  });
  ear.stop();
  await loop.stop();
  await photos.stop();
  await Promise.all([priors.stop(), lanes.stop()]);
  await decoder.close();
  await database.close();
  parentPort?.close();
}

/** Resolves when main says stop. */
function untilStopped(renew: (destinations: readonly Destination[]) => void): Promise<void> {
  return new Promise((resolve) => {
    parentPort?.on('message', (order: CorridorOrder) => {
      if (order.kind === 'stop') resolve();
      else renew(order.destinations);
    });
  });
}

/** The corridor on a database of its own pool: the thread has one, a test may have two. */
export async function openCorridor(database: Database, config: Config, log: Log): Promise<Corridor> {
  const peers = peerDirectory(config);
  const owners = await openOwners(database, config, systemClock, saveWork);
  const rules = {
    specialties: config.specialties,
    peerSpecialty: (peer: string) => peers.named(peer).specialty,
    defaultSpecialty: config.defaultSpecialty,
    priorAuthority: priorAuthority(config),
  };
  const blobs = await openBlobs(config.dataDirectory);
  return {
    database,
    house: { config, peers, rules, owners, blobs, loadValidate, render: openRender() },
    clock: systemClock,
    log,
    workers: WORKERS,
  };
}

/** A PACS has the patient numbers that it sends. */
function priorAuthority({ destinations, peers }: Config): PriorRules['priorAuthority'] {
  return (name) => {
    const pacs = destinations.find((one) => one.kind === 'dimse' && one.name === name);
    const peer = pacs?.kind === 'dimse' ? peers.find(({ callingAeTitle }) => callingAeTitle === pacs.aeTitle) : undefined;
    return peer ? { name: peer.patientAuthority, system: systemOfName(peer.patientAuthority) } : null;
  };
}

/** What only some houses need is loaded when it is needed: a thread that never writes a PDF does without 15 MB. */
async function loadValidate(): Promise<Validate> {
  const { loadValidator } = await import('./protocols/fhir/resource-validator.ts');
  return loadValidator();
}

function openRender(): Render {
  let fonts: Promise<ReportFonts> | null = null;
  return async ({ provenance, ...input }) => {
    const { renderReport } = await import('./reports/render.ts');
    fonts ??= reportFonts();
    return renderReport({ ...input, signedAt: provenance.signature?.[0]?.when ?? '', fonts: await fonts });
  };
}

/** DejaVu Sans knows Latin, Greek, Cyrillic, Arabic and more; what it lacks stands as code points, and the page says so. */
async function reportFonts(): Promise<ReportFonts> {
  const font = (name: string) => readFile(fileURLToPath(import.meta.resolve(`dejavu-fonts-ttf/ttf/${name}.ttf`)));
  return { regular: await font('DejaVuSans'), bold: await font('DejaVuSans-Bold') };
}

/** One line a kind of destination. */
async function clientsOf(config: Config, log: Log, copies: CopyDeps): Promise<Map<string, DestinationClient & Partial<Lookout>>> {
  const clients = new Map<string, DestinationClient & Partial<Lookout>>();
  for (const destination of config.destinations) {
    if (destination.kind === 'mllp') clients.set(destination.name, startMllpClient(destination, { log }));
    if (destination.kind === 'fhir') clients.set(destination.name, await fhirClient(destination));
    if (destination.kind === 'dimse')
      clients.set(
        destination.name,
        withAvailability(destination, startStoreClient(destination, { log, open: openCopy(destination, copies) })),
      );
    if (destination.kind === 'dicomweb') clients.set(destination.name, await stowClient(destination, copies));
  }
  return clients;
}

async function fhirClient(destination: FhirDestination): Promise<DestinationClient & Lookout> {
  const { startFhirClient } = await import('./delivery/fhir/fhir-client.ts');
  return startFhirClient(destination);
}

async function stowClient(destination: DicomwebDestination, copies: CopyDeps): Promise<DestinationClient> {
  const { startStowClient } = await import('./delivery/dicomweb/stow-client.ts');
  return startStowClient(destination, { open: openCopy(destination, copies) });
}

/** An object that was made here is taken as the doors take one: streamed to disk, its header read, in the journal when it resolves. */
function takeObject({ dimse }: Config, deps: Omit<ObjectDeps, 'reserveBytes'>, peers: PeerDirectory): PhotoWorkerDeps['store'] {
  return async (object, peer) => {
    const announced = { ...object, studyUid: null };
    const session = new ObjectSession('photos', announced, peers.named(peer), { ...deps, reserveBytes: dimse.reserveBytes });
    try {
      for await (const chunk of object.dataset) await session.write(chunk);
    } catch (error) {
      await session.abandon();
      return failure('photos', 'unreachable', `the file cannot be read: ${reasonOf(error)}`, 'transient');
    }
    return session.end();
  };
}

/** So is one that a PACS was asked for. */
function beginAsked({ dimse }: Config, deps: Omit<ObjectDeps, 'reserveBytes'>, peers: PeerDirectory): PriorWorkerDeps['begin'] {
  return (destination, object, refusal) => {
    const peer = peers.named(priorPeer(destination));
    return new ObjectSession('priors', { ...object, studyUid: null }, peer, { ...deps, reserveBytes: dimse.reserveBytes, refusal });
  };
}

/** What DICOMweb needs is made while nothing else waits, a few instances at a time: true while there is more. Who asks earlier has it made at once. */
function aheadMaker(deps: AheadDeps): () => Promise<boolean> {
  let after = 0;
  return async () => {
    const last = await makeAhead(deps, after, AHEAD_AT_ONCE);
    after = last ?? after;
    return last !== null;
  };
}

type Loop = { wake(): void; stop(): Promise<void> };

/**
 * Walks batches, as many at once as the corridor has workers: while one is in the database the next is mapped. Each works while there is
 * work and rests between batches; when there is none one does what is left for idle times, then each waits for `wake` or the poll.
 */
function startLoop(corridor: Corridor, metrics: Metrics, alive: () => void, idle: () => Promise<boolean>): Loop {
  const walk = async (): Promise<number> => {
    const started = performance.now();
    const settled = await runBatch(corridor);
    if (settled > 0) {
      metrics.count('waystation_corridor_entries_total', {}, settled);
      metrics.observe('waystation_corridor_batch_seconds', (performance.now() - started) / 1000);
    }
    alive();
    return settled;
  };
  let clockDue = 0;
  const walkAndLook = async (): Promise<number> => {
    const settled = await walk();
    if (Date.now() < clockDue) return settled;
    clockDue = Date.now() + CLOCK_MS;
    await runClock(corridor);
    return settled;
  };
  const loops = Array.from({ length: corridor.workers }, (_, index) =>
    index === 0 ? startWalker(walkAndLook, idle, corridor.log) : startWalker(walk, () => Promise.resolve(false), corridor.log),
  );
  return {
    wake: () => {
      for (const loop of loops) loop.wake();
    },
    stop: async () => {
      await Promise.all(loops.map((loop) => loop.stop()));
    },
  };
}

function startWalker(walk: () => Promise<number>, idle: () => Promise<boolean>, log: Log): Loop {
  let stopping = false;
  let asked = true;
  let wakeUp: () => void = () => {};
  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  const run = async (): Promise<void> => {
    while (!stopping) {
      asked = false;
      try {
        const settled = await walk();
        if (settled > 0) await new Promise((resolve) => setTimeout(resolve, REST_MS));
        else if (!(await idle()) && !asked) await pause(CLOCK_MS);
      } catch (error) {
        log.error('corridor.failed', { reason: reasonOf(error) });
        await new Promise((resolve) => setTimeout(resolve, OUTAGE_REST_MS));
      }
    }
  };
  const running = run();
  const wake = (): void => {
    asked = true;
    wakeUp();
  };
  return {
    wake,
    stop: async () => {
      stopping = true;
      wakeUp();
      await running;
    },
  };
}

function logThrough(say: (word: CorridorWord) => void): Log {
  const at = (level: 'info' | 'warn' | 'error') => (event: string, fields?: LogFields) => say({ kind: 'log', level, event, fields });
  return { info: at('info'), warn: at('warn'), error: at('error') };
}

function metricsThrough(say: (word: CorridorWord) => void): Metrics {
  return {
    count: (name, labels, by = 1) => say({ kind: 'count', name, labels, by }),
    gauge: (name, value, labels) => say({ kind: 'gauge', name, labels, value }),
    observe: (name, seconds, labels) => say({ kind: 'observe', name, labels, seconds }),
  };
}

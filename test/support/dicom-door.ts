/**
 * A DIMSE door and a DICOMweb door over one journal, database and blob store of their own, with what they log and count kept to look at.
 */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ImagingStudy } from '@medplum/fhirtypes';
import express from 'express';
import { peerDirectory } from '../../src/config/peers.ts';
import { DimseAssociation } from '../../src/delivery/dimse/dimse-client.ts';
import { openDecoder } from '../../src/endpoints/dicom/decoder-session.ts';
import { dicomwebRoutes } from '../../src/endpoints/dicomweb/dicomweb-routes.ts';
import { openRenderer } from '../../src/endpoints/dicomweb/renderer-session.ts';
import { type DimseDoorDeps, startDimseDoor } from '../../src/endpoints/dimse/dimse-listener.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { type Landing, type LandingDeps, openLanding } from '../../src/journal/landing-session.ts';
import { openPlacer } from '../../src/journal/placer-session.ts';
import { systemClock } from '../../src/model/clock.ts';
import type { Config } from '../../src/model/config.ts';
import { isFailure } from '../../src/model/failure.ts';
import type { Log, LogFields } from '../../src/model/log.ts';
import type { Metrics } from '../../src/model/metrics.ts';
import type { OpenMove } from '../../src/model/move.ts';
import type { Caller } from '../../src/model/peer.ts';
import type { DecodeFrame } from '../../src/model/pixel-decoder.ts';
import { VERIFICATION } from '../../src/protocols/dicom/sop-class.ts';
import { IMPLICIT_LITTLE_ENDIAN } from '../../src/protocols/dicom/transfer-syntax.ts';
import { indexResource } from '../../src/protocols/fhir/search-index.ts';
import { openAudit } from '../../src/store/audit-store.ts';
import { type BlobStore, openBlobs } from '../../src/store/blob-store.ts';
import type { Database } from '../../src/store/database.ts';
import { claimIdentifiers } from '../../src/store/identifier-store.ts';
import { openLandingLog } from '../../src/store/landing-log-store.ts';
import { openRenderCache } from '../../src/store/render-cache-store.ts';
import { saveResources } from '../../src/store/resource-store.ts';
import { freshDatabase } from './database.ts';

export type DicomDoor = {
  readonly port: number;
  /** `http://…/dicomweb`. */
  readonly url: string;
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly logged: readonly { readonly event: string; readonly fields: LogFields }[];
  /** Waits until an event is logged (or was): its fields. */
  said(event: string): Promise<LogFields>;
  /** Who asks at the DICOMweb door; null for nobody. */
  reading: { caller: Caller | null };
  /** Keeps an ImagingStudy of a study, as the corridor does, shown to a group. */
  show(studyUid: string, group: string): Promise<void>;
  /** Names of unfinished files. */
  unfinished(): Promise<readonly string[]>;
  /** `disposition type control-id detail` of every journal entry, in order. */
  journaled(): Promise<readonly string[]>;
  /** A C-ECHO by a peer that has nothing to do with what happened before: the status. */
  echo(): Promise<number>;
  stop(graceMs?: number): Promise<void>;
  close(): Promise<void>;
};

export type DoorOptions = {
  readonly dimse?: Partial<Config['dimse']>;
  readonly config?: Partial<Config>;
  /** Where blobs go; a directory of its own by default. */
  readonly directory?: string;
  /** How long rendering one frame may take. */
  readonly renderMs?: number;
  /** Where C-MOVE leads; nowhere by default. */
  readonly move?: (blobs: BlobStore, decode: DecodeFrame) => OpenMove;
  /** Small objects land first, as they do in a gateway; else each is stored by itself, and is in the journal when it is answered. */
  readonly landing?: boolean;
  /** Puts something between the door and the journal or the blobs. */
  readonly wrap?: (deps: Pick<DimseDoorDeps, 'journal' | 'blobs'>) => Pick<DimseDoorDeps, 'journal' | 'blobs'>;
};

const DIMSE = {
  host: '127.0.0.1',
  port: 0,
  aeTitle: 'WAYSTATION',
  maxAssociations: 8,
  maxPduBytes: 128 * 1024,
  artimMs: 60_000,
  idleMs: 60_000,
  tls: null,
  calledAeTitles: [],
  reserveBytes: 0,
};
const OPERATOR: Caller = { client: 'tester', group: 'everybody', role: 'operator' };

export async function openDicomDoor(options: DoorOptions = {}): Promise<DicomDoor> {
  const fresh = await freshDatabase();
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'waystation-dicom-')));
  const blobs = await openBlobs(directory);
  const { log, metrics, logged, said } = record();
  const journal = openJournal(fresh.database, metrics);
  const audit = openAudit(fresh.database, () => {});
  const dimse = { ...DIMSE, ...options.dimse };
  const peers = peerDirectory({ dimse, peers: [], unknownPeers: 'accept', ...options.config } as unknown as Config);
  const commitment = { database: fresh.database, journal, blobs };
  const decoder = openDecoder();
  const { decode } = decoder;
  const query = { database: fresh.database, blobs, audit, decode, move: options.move?.(blobs, decode) ?? (() => null) };
  const landing = options.landing ? await openSmallLanding(directory, { journal, log, metrics }) : null;
  const deps = {
    ...(options.wrap?.({ journal, blobs }) ?? { journal, blobs }),
    ...(landing ? { landing } : {}),
    commitment,
    query,
    peers,
    log,
    metrics,
    clock: systemClock,
  };
  const door = await startDimseDoor(dimse, deps);
  const reading: DicomDoor['reading'] = { caller: OPERATOR };
  const renderer = openRenderer(options.renderMs);
  const renderCache = await openRenderCache(directory);
  const web = await listenWeb(
    reading,
    dicomwebRoutes({
      ...deps,
      database: fresh.database,
      blobs,
      audit,
      publicUrl: '',
      decode,
      renderer,
      renderCache,
      reserveBytes: dimse.reserveBytes,
    }),
  );
  return {
    ...{ port: door.port, url: web.url, database: settledFirst(fresh.database, landing), blobs, logged, said, reading },
    show: (studyUid, group) => show(fresh.database, studyUid, group),
    unfinished: () => readdir(join(directory, 'blobs', 'tmp')),
    journaled: async () => {
      await landing?.settled();
      return journaled(fresh.database);
    },
    echo: () => echo(door.port),
    stop: (graceMs = 0) => door.stop(graceMs),
    close: async () => {
      await door.stop(0);
      await web.close();
      await renderer.close();
      await landing?.close();
      await decoder.close();
      await journal.close();
      await audit.close();
      await fresh.drop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Some of the objects of tests are too large for it, as some in hospitals are. */
async function openSmallLanding(directory: string, deps: Omit<LandingDeps, 'placer'>): Promise<Landing> {
  const { log, left } = await openLandingLog(join(directory, 'landing'), Date.now(), { segmentBytes: 1024 * 1024, maxSegments: 4 });
  return openLanding(log, left, { ...deps, placer: openPlacer(directory) });
}

/** Whoever asks is told of all that was answered before. */
function settledFirst(database: Database, landing: Landing | null): Database {
  const query: Database['query'] = async (...question: Parameters<Database['query']>) => {
    await landing?.settled();
    return database.query(...question);
  };
  return { ...database, query };
}

async function listenWeb(reading: DicomDoor['reading'], routes: express.Router) {
  const app = express();
  app.use('/dicomweb', (_request, response, next) => {
    response.locals.caller = reading.caller ?? undefined;
    next();
  });
  app.use('/dicomweb', routes);
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}/dicomweb`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function show(database: Database, studyUid: string, group: string): Promise<void> {
  const resource: ImagingStudy & { id: string } = {
    ...{ resourceType: 'ImagingStudy', id: systemClock.uuid(), status: 'available', subject: { display: 'nobody' } },
    identifier: [{ system: 'urn:dicom:uid', value: `urn:oid:${studyUid}` }],
  };
  const identities = [{ type: 'ImagingStudy', system: 'urn:dicom:uid', value: `urn:oid:${studyUid}` }];
  const row = { version: 1, index: indexResource(resource), deleted: false, caseId: null, author: '', seq: null };
  await database.transaction(async (tx) => {
    await claimIdentifiers(tx, [{ identities, fresh: resource.id }]);
    await saveResources(tx, [{ ...row, resource, readers: [group] }], systemClock.now());
  });
}

async function journaled(database: Database): Promise<string[]> {
  const { rows } = await database.query(`select disposition, type, control_id, detail from journal order by seq`);
  return rows.map((row) => [row.disposition, row.type, row.control_id, row.detail].join(' ').trim());
}

async function echo(port: number): Promise<number> {
  const target = { host: '127.0.0.1', port, calling: 'HEALTHY', called: 'WAYSTATION', timeoutMs: 60_000 };
  const association = new DimseAssociation(target, [{ abstractSyntax: VERIFICATION, transferSyntaxes: [IMPLICIT_LITTLE_ENDIAN] }]);
  const refused = await association.open();
  if (refused) throw new Error(refused.detail);
  const status = await association.echo();
  await association.release();
  if (isFailure(status)) throw new Error(status.detail);
  return status;
}

function record() {
  const logged: { event: string; fields: LogFields }[] = [];
  const listeners = new Set<() => void>();
  const say = (event: string, fields: LogFields = {}): void => {
    logged.push({ event, fields });
    for (const listener of listeners) listener();
  };
  const said = (event: string): Promise<LogFields> =>
    new Promise((resolve) => {
      const look = (): void => {
        const found = logged.find((line) => line.event === event);
        if (!found) return;
        listeners.delete(look);
        resolve(found.fields);
      };
      listeners.add(look);
      look();
    });
  const log: Log = { info: say, warn: say, error: say };
  const metrics: Metrics = { count: () => {}, gauge: () => {}, observe: () => {} };
  return { log, metrics, logged, said };
}

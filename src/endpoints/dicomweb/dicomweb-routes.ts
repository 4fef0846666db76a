/**
 * WADO-RS: objects, metadata, bulk data and frames of what is stored here (PS3.18 §10.4), streamed from file as they were received; QIDO-RS;
 * STOW-RS.
 * In: requests of a caller that was authenticated before (`response.locals.caller`). Promises: what a caller may not see is for him
 * as if it were not there (404); memory does not grow with the object; every request is audited.
 */
import express, { type Request, type Response, type Router } from 'express';
import type { Clock } from '../../model/clock.ts';
import type { DicomLevel } from '../../model/dicom-search.ts';
import type { Instance, StoredObject } from '../../model/instance.ts';
import type { Metrics } from '../../model/metrics.ts';
import type { Caller } from '../../model/peer.ts';
import type { DecodeFrame } from '../../model/pixel-decoder.ts';
import { isUid } from '../../protocols/dicom/uid.ts';
import { chooseAnswer, chooseMetadata, DICOM_XML, parseAccept } from '../../protocols/dicom/web-accept.ts';
import type { AuditTrail } from '../../store/audit-store.ts';
import type { Database } from '../../store/database.ts';
import { type InstancePath, instanceAt, instancesAt } from '../../store/instance-store.ts';
import { type Blocks, spareBlocks } from '../../store/spare-blocks.ts';
import { baseUrl } from '../base-url.ts';
import { FRAME_BLOCK_BYTES } from './frame-session.ts';
import { metadataArray, metadataEach } from './metadata-session.ts';
import { modelReply } from './model-session.ts';
import { answerQuery } from './query-session.ts';
import { type RenderDeps, retrieveRendered } from './rendered-session.ts';
import { etagOf, NOT_ACCEPTABLE, NOT_FOUND, type Refusal, type Reply } from './reply.ts';
import { retrieveBulkdata, retrieveFrames, retrieveObjects } from './retrieve-session.ts';
import { sendReply } from './send-session.ts';
import { type StowDeps, storeInstances } from './stow-session.ts';
import { maySeeStudy } from './study-visibility-session.ts';

export type DicomwebDeps = RenderDeps &
  StowDeps & {
    readonly database: Database;
    readonly decode: DecodeFrame;
    readonly audit: AuditTrail;
    readonly clock: Clock;
    readonly metrics: Metrics;
    /** How others reach the gateway; '' for the address they reached it at. */
    readonly publicUrl: string;
  };

/** Frames of usual slices that are read at once without making room for them anew. */
const SPARE_BLOCKS = 16;

/** A router to be mounted behind authentication, at `/dicomweb`. */
export function dicomwebRoutes(given: DicomwebDeps): Router {
  const deps = { ...given, blocks: spareBlocks(FRAME_BLOCK_BYTES, SPARE_BLOCKS) };
  const router = express.Router();
  const at = (path: string, answer: Answer) => router.get(path, (request, response) => serve(deps, request, response, answer));
  const atInstance = (path: string, answer: InstanceAnswer) =>
    router.get(`${INSTANCE}/${path}`, (request, response) => serveInstance(deps, request, response, answer));
  for (const resource of [STUDY, SERIES, INSTANCE]) {
    at(resource, (objects, request) => retrieveObjects(objects, acceptOf(request), request.params.instance !== undefined, deps));
    at(`${resource}/metadata`, (objects, request) => retrieveMetadata(objects, request, deps));
  }
  atInstance('frames/:frames', (object, request) => retrieveFrames(object, String(request.params.frames), acceptOf(request), deps));
  atInstance('bulkdata/*path', (object, request) => retrieveBulkdata(object, wildcard(request), acceptOf(request), deps));
  for (const resource of [STUDY, SERIES, INSTANCE])
    at(`${resource}/thumbnail`, (objects, request) => rendered(objects, request, deps, true));
  at(`${INSTANCE}/rendered`, (objects, request) => rendered(objects, request, deps, false));
  at(`${INSTANCE}/frames/:frames/rendered`, (objects, request) => rendered(objects, request, deps, false));
  at(`${INSTANCE}/frames/:frames/thumbnail`, (objects, request) => rendered(objects, request, deps, true));
  for (const [path, level] of SEARCHES) {
    router.get(path, (request, response) => answering(deps, request, response, 'qido', (caller) => search(deps, caller, request, level)));
  }
  for (const path of ['/studies', STUDY]) {
    router.post(path, (request, response) => answering(deps, request, response, 'stow', (caller) => store(deps, caller, request)));
  }
  return router;
}

/** PS3.18 Table 10.6.1-1. */
const SEARCHES = [
  ['/studies', 'study'],
  ['/studies/:study/series', 'series'],
  ['/series', 'series'],
  ['/studies/:study/series/:series/instances', 'instance'],
  ['/studies/:study/instances', 'instance'],
  ['/instances', 'instance'],
] as const;

const STUDY = '/studies/:study';
const SERIES = `${STUDY}/series/:series`;
const INSTANCE = `${SERIES}/instances/:instance`;

type Answer = (objects: readonly [StoredObject, ...StoredObject[]], request: Request) => Reply | Refusal | Promise<Reply | Refusal>;
type InstanceAnswer = (object: Instance, request: Request) => Promise<Reply | Refusal>;

function serve(deps: DicomwebDeps, request: Request, response: Response, answer: Answer): Promise<void> {
  return answering(deps, request, response, 'wado', async (caller) => {
    const { study, series, instance } = request.params as InstancePath & Record<string, string>;
    if (![study, series ?? study, instance ?? study].every(isUid)) return NO_UID;
    const [isVisible, objects] = await Promise.all([
      maySeeStudy(deps.database, caller, study),
      instancesAt(deps.database, { study, series, instance }, groupOf(caller)),
    ]);
    return !isVisible || objects.length === 0 ? NOT_FOUND : answer(objects as [StoredObject, ...StoredObject[]], request);
  });
}

/** Whose objects he sees; null: all. */
function groupOf({ role, group }: Caller): string | null {
  return role === 'operator' ? null : group;
}

/** The same with its header, which says how its pixels lie. */
function serveInstance(deps: DicomwebDeps, request: Request, response: Response, answer: InstanceAnswer): Promise<void> {
  return answering(deps, request, response, 'wado', async (caller) => {
    const { study, series, instance } = request.params as Required<InstancePath> & Record<string, string>;
    if (![study, series, instance].every(isUid)) return NO_UID;
    const [isVisible, object] = await Promise.all([
      maySeeStudy(deps.database, caller, study),
      instanceAt(deps.database, { study, series, instance }, groupOf(caller)),
    ]);
    return isVisible && object ? answer(object, request) : NOT_FOUND;
  });
}

/** What is audited of a search is its path: its query may name a patient. */
function search(deps: DicomwebDeps, caller: Caller, request: Request, level: DicomLevel): Promise<Reply | Refusal> | Refusal {
  const path = request.params as { study?: string; series?: string };
  if (!Object.values(path).every((uid) => isUid(uid as string))) return NO_UID;
  const parameters = [...queryOf(request)];
  const { publicUrl, database } = deps;
  return answerQuery(database, caller, {
    level,
    path,
    parameters,
    accept: acceptOf(request),
    base: baseUrl(request.socket, publicUrl, '/dicomweb'),
  });
}

/** Who sends orders may send images. */
function store(deps: DicomwebDeps, caller: Caller, request: Request): Promise<Reply | Refusal> | Refusal {
  const study = request.params.study as string | undefined;
  if (study !== undefined && !isUid(study)) return NO_UID;
  if (caller.role === 'reader') return { status: 403, why: 'readers do not store' };
  const contentType = chooseAnswer(acceptOf(request));
  if (!contentType) return { status: 406, why: 'the answer is DICOM JSON or XML' };
  return storeInstances(request, caller, study ?? null, { base: baseUrl(request.socket, deps.publicUrl, '/dicomweb'), contentType }, deps);
}

async function answering(
  deps: DicomwebDeps,
  request: Request,
  response: Response,
  action: string,
  answer: (caller: Caller) => Promise<Reply | Refusal> | Refusal,
): Promise<void> {
  const caller = response.locals.caller as Caller | undefined;
  let isTold = false;
  const tell = async (status: number): Promise<void> => {
    isTold = true;
    deps.metrics.count('waystation_dicomweb_requests_total', { status: String(status) });
    const line = { at: deps.clock.now(), action, target: request.path, result: String(status) };
    if (caller) await deps.audit.record({ ...line, client: caller.client });
  };
  try {
    // What a sender was told is stored is there for whoever asks after him.
    if (action !== 'stow') await deps.landing?.settled();
    const reply = caller ? await answer(caller) : UNAUTHENTICATED;
    await tell(reply.status);
    // What was not read of a body is not waited for.
    if (!request.complete) response.set('Connection', 'close');
    if ('why' in reply) response.status(reply.status).type('text/plain').send(`${reply.why}\n`);
    else if (await sendReply(response, reply)) reply.release?.();
  } catch (error) {
    if (!isTold) await tell(500);
    deps.log.error('dicomweb.failed', {
      client: caller?.client ?? '',
      path: request.path,
      error: error instanceof Error ? error.message : 'failed',
    });
    if (response.headersSent) response.destroy();
    else response.status(500).type('text/plain').send('internal error\n');
  }
}

/** Of a study or a series the first image stands for all; of an instance the first frame, where none is named. */
function rendered(
  objects: readonly StoredObject[],
  request: Request,
  deps: DicomwebDeps & { readonly blocks: Blocks },
  thumbnail: boolean,
): Promise<Reply | Refusal> | Refusal {
  const image = objects.find((object) => object.frames > 0);
  const frame = String(request.params.frames ?? 1);
  return image ? retrieveRendered(image, { frame, query: queryOf(request), accept: acceptOf(request), thumbnail }, deps) : NOT_FOUND;
}

/** PS3.18 §10.4.1.1.2. */
function retrieveMetadata(objects: readonly StoredObject[], request: Request, deps: DicomwebDeps): Reply | Refusal {
  const contentType = chooseMetadata(acceptOf(request));
  if (!contentType) return NOT_ACCEPTABLE;
  const base = baseUrl(request.socket, deps.publicUrl, '/dicomweb');
  const etag = etagOf(objects, `metadata ${contentType === DICOM_XML ? 'xml ' : ''}${base}`);
  if (contentType === DICOM_XML) return modelReply(() => metadataEach(deps, objects, base), { status: 200, etag: `W/${etag}` });
  return { status: 200, contentType, length: null, etag, ranged: false, body: () => metadataArray(deps, objects, base) };
}

/** PS3.18 §8.3.3.1: the query may stand in for the header. */
function acceptOf(request: Request) {
  const { accept } = request.query;
  return parseAccept(typeof accept === 'string' && accept !== '' ? accept : request.headers.accept);
}

function queryOf(request: Request): URLSearchParams {
  return new URLSearchParams(/\?(.*)/.exec(request.url)?.[1] ?? '');
}

function wildcard(request: Request): string {
  return (request.params.path as unknown as readonly string[]).join('/');
}

const UNAUTHENTICATED: Refusal = { status: 401, why: 'a bearer token is asked for' };
const NO_UID: Refusal = { status: 400, why: 'a UID in the path is none' };

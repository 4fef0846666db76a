/**
 * WADO-RS: objects, metadata and frames of what is stored here (PS3.18 §10.4), streamed from file as they were received.
 * In: GET requests of a caller that was authenticated before (`response.locals.caller`). Promises: what a caller may not see is for him
 * as if it were not there (404); memory does not grow with the object; every retrieval is audited.
 * Partial: no transcoding, no rendering, no bulk data; metadata holds the attributes that were indexed, not all of the object's.
 */
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import express, { type Request, type Response, type Router } from 'express';
import type { Clock } from '../../model/clock.ts';
import { isFailure } from '../../model/failure.ts';
import type { Instance } from '../../model/instance.ts';
import type { Log } from '../../model/log.ts';
import type { Metrics } from '../../model/metrics.ts';
import type { Caller } from '../../model/peer.ts';
import { type TransferSyntax, transferSyntax } from '../../protocols/dicom/transfer-syntax.ts';
import { isUid } from '../../protocols/dicom/uid.ts';
import { chooseFrames, chooseMetadata, chooseObjects, parseAccept } from '../../protocols/dicom/web-accept.ts';
import type { AuditTrail } from '../../store/audit-store.ts';
import type { BlobStore } from '../../store/blob-store.ts';
import type { Database } from '../../store/database.ts';
import { type InstancePath, instancesAt } from '../../store/instance-store.ts';
import { findFrames } from './frame-session.ts';
import { multipart, type Part } from './multipart.ts';
import { maySeeStudy } from './study-visibility-session.ts';

export type DicomwebDeps = {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly audit: AuditTrail;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
};

/** A reader that takes nothing for this long is let go, and its files are closed. */
const STALLED_MS = 120_000;
const MAX_FRAMES_ASKED = 1_000;

/** A router to be mounted behind authentication, at `/dicomweb`. */
export function dicomwebRoutes(deps: DicomwebDeps): Router {
  const router = express.Router();
  const at = (path: string, answer: Answer) => router.get(path, (request, response) => serve(deps, request, response, answer));
  for (const resource of [STUDY, SERIES, INSTANCE]) {
    at(resource, retrieveObjects);
    at(`${resource}/metadata`, retrieveMetadata);
  }
  at(`${INSTANCE}/frames/:frames`, retrieveFrames);
  return router;
}

const STUDY = '/studies/:study';
const SERIES = `${STUDY}/series/:series`;
const INSTANCE = `${SERIES}/instances/:instance`;

/** What goes out; `length` null where it is not known before. */
type Reply = { readonly status: number; readonly contentType: string; readonly length: number; body(): AsyncIterable<Buffer> };
type Refusal = { readonly status: number; readonly why: string };
type Answer = (instances: readonly Instance[], request: Request, deps: DicomwebDeps) => Promise<Reply | Refusal>;

async function serve(deps: DicomwebDeps, request: Request, response: Response, answer: Answer): Promise<void> {
  const caller = response.locals.caller as Caller | undefined;
  try {
    const reply = caller ? await replyTo(deps, caller, request, answer) : UNAUTHENTICATED;
    deps.metrics.count('waystation_dicomweb_requests_total', { status: String(reply.status) });
    if (caller) await audit(deps, caller, request, reply.status);
    if ('why' in reply) response.status(reply.status).type('text/plain').send(`${reply.why}\n`);
    else await send(response, reply);
  } catch (error) {
    deps.log.error('dicomweb.failed', {
      client: caller?.client ?? '',
      path: request.path,
      error: error instanceof Error ? error.message : 'failed',
    });
    if (response.headersSent) response.destroy();
    else response.status(500).type('text/plain').send('internal error\n');
  }
}

async function replyTo(deps: DicomwebDeps, caller: Caller, request: Request, answer: Answer): Promise<Reply | Refusal> {
  const { study, series, instance } = request.params as InstancePath & Record<string, string>;
  if (![study, series ?? study, instance ?? study].every(isUid)) return { status: 400, why: 'a UID in the path is none' };
  if (!(await maySeeStudy(deps.database, caller, study))) return NOT_FOUND;
  const instances = await instancesAt(deps.database, { study, series, instance });
  return instances.length === 0 ? NOT_FOUND : answer(instances, request, deps);
}

/** PS3.18 §10.4.1.1.1: the objects themselves, as Part 10 files. */
async function retrieveObjects(instances: readonly Instance[], request: Request, { blobs }: DicomwebDeps): Promise<Reply | Refusal> {
  const accept = parseAccept(request.headers.accept);
  const stored = instances.map((instance) => instance.transferSyntax);
  const chosen = chooseObjects(accept, stored, request.params.instance !== undefined);
  if (!chosen) return NOT_ACCEPTABLE;
  const sent = instances.filter((instance) => chosen.accepts(instance.transferSyntax));
  const parts = sent.map((instance) => ({
    contentType: `application/dicom; transfer-syntax=${instance.transferSyntax}`,
    length: instance.bytes,
    open: () => blobs.read(instance.blob),
  }));
  // PS3.18 Table 8.5-1: 206 when some of the target are left out.
  const status = sent.length === instances.length ? 200 : 206;
  return chosen.multipart ? inParts(status, parts, 'application/dicom') : alone(parts[0] as Part);
}

/** PS3.18 §10.4.1.1.2. */
async function retrieveMetadata(instances: readonly Instance[], request: Request): Promise<Reply | Refusal> {
  const contentType = chooseMetadata(parseAccept(request.headers.accept));
  if (!contentType) return NOT_ACCEPTABLE;
  const length = instances.reduce((total, instance) => total + instance.header.length + 1, 1);
  return {
    status: 200,
    contentType,
    length,
    body: async function* () {
      for (const [index, instance] of instances.entries()) {
        yield Buffer.from(index === 0 ? '[' : ',');
        yield instance.header;
      }
      yield Buffer.from(']');
    },
  };
}

/** PS3.18 §10.4.1.1.6. */
async function retrieveFrames(instances: readonly Instance[], request: Request, { blobs, log }: DicomwebDeps): Promise<Reply | Refusal> {
  const [instance] = instances as [Instance];
  const wanted = String(request.params.frames).split(',');
  if (!wanted.every((text) => /^[1-9]\d{0,8}$/.test(text)) || wanted.length > MAX_FRAMES_ASKED)
    return { status: 400, why: 'a list of frame numbers is asked for' };
  if (new Set(wanted).size < wanted.length) return { status: 400, why: 'a frame is asked for once' };
  const syntax = transferSyntax(instance.transferSyntax) as TransferSyntax;
  const chosen = chooseFrames(parseAccept(request.headers.accept), syntax, wanted.length === 1);
  if (!chosen) return NOT_ACCEPTABLE;
  const frames = await findFrames(blobs, instance, syntax, wanted.map(Number));
  if (isFailure(frames)) {
    log.info('dicomweb.no-frames', { sopInstanceUid: instance.sopInstanceUid, why: frames.detail });
    return frames.code === 'not-found' ? NOT_FOUND : NOT_ACCEPTABLE;
  }
  const parts = frames.map((frame) => ({ contentType: chosen.contentType, ...frame }));
  const [type] = chosen.contentType.split(';') as [string];
  return chosen.multipart ? inParts(200, parts, type) : alone(parts[0] as Part);
}

function inParts(status: number, parts: readonly Part[], type: string): Reply {
  return { status, ...multipart(parts, type, randomUUID()) };
}

function alone(part: Part): Reply {
  return { status: 200, contentType: part.contentType, length: part.length, body: () => part.open() };
}

async function send(response: Response, reply: Reply): Promise<void> {
  response
    .status(reply.status)
    .set({ 'Content-Type': reply.contentType, 'Content-Length': String(reply.length), 'Cache-Control': 'private, no-store' });
  if (response.req.method === 'HEAD') {
    response.end();
    return;
  }
  response.setTimeout(STALLED_MS, () => response.destroy());
  await pipeline(Readable.from(reply.body(), { objectMode: false }), response).catch((error: NodeJS.ErrnoException) => {
    // A caller that hangs up has what it wanted.
    if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  });
}

function audit({ audit, clock }: DicomwebDeps, caller: Caller, request: Request, status: number): Promise<void> {
  return audit.record({ at: clock.now(), client: caller.client, action: 'wado', target: request.path, result: String(status) });
}

const UNAUTHENTICATED: Refusal = { status: 401, why: 'a bearer token is asked for' };
const NOT_FOUND: Refusal = { status: 404, why: 'not found' };
const NOT_ACCEPTABLE: Refusal = { status: 406, why: 'not available in what is accepted: objects and frames are sent as they are stored' };

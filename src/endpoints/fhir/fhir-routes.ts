/**
 * The FHIR door's routes (R4 §3.1.0), mounted at /fhir. In: an HTTP request. Out: a Reply of one of the sessions, or an OperationOutcome.
 * Everything but the CapabilityStatement needs a bearer token. Bodies are read only after that, within limits.
 */
import express, { type NextFunction, type Request, type Response, type Router } from 'express';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import type { LogFields } from '../../model/log.ts';
import type { Caller } from '../../model/peer.ts';
import { capabilityStatement } from '../../protocols/fhir/capability-statement.ts';
import { interactionOf } from '../../protocols/fhir/interaction.ts';
import { parseJson, parseJsonObject } from '../../protocols/fhir/json-text.ts';
import { refuse } from '../../protocols/fhir/operation-outcome.ts';
import { bearerToken } from '../../security/token.ts';
import { baseUrl } from '../base-url.ts';
import { binaryWithData, downloadBinary, uploadBinary } from './binary-routes.ts';
import { binaryViews, type ViewBinary } from './binary-view-session.ts';
import { processBundle } from './bundle-session.ts';
import type { FhirDeps } from './deps.ts';
import { acceptsJson, isLenient, mediaType, readBody, returnPreference, sendFailure, sendReply } from './http-session.ts';
import { read } from './read-session.ts';
import { etagOf, preferred, type Reply } from './reply.ts';
import { performWrite } from './write-session.ts';

/** Bodies held at the same time, in bodies of the largest size; of ordinary ones there is room for thousands. */
const MAX_HELD_BODIES = 4;

type Call = {
  readonly deps: FhirDeps;
  readonly caller: Caller;
  readonly request: Request;
  readonly base: string;
  readonly hold: Hold;
  readonly view: ViewBinary;
};
type Hold = (bytes: number) => boolean;
type Handle = (call: Call) => Promise<Reply | Failure>;

/** All routes below the base. */
export function fhirRoutes(deps: FhirDeps): Router {
  const router = express.Router();
  const hold = budget(deps.settings.maxBodyBytes * MAX_HELD_BODIES);
  const view = binaryViews(deps.blobs);
  const answered =
    (handle: Handle) =>
    async (request: Request, response: Response): Promise<void> => {
      const base = baseUrl(request.socket, deps.settings.publicUrl, '/fhir');
      const result = await handle({ deps, caller: response.locals.caller as Caller, request, base, hold, view });
      deps.metrics.count('waystation_fhir_requests_total', { method: request.method, status: isFailure(result) ? 'refused' : 'done' });
      if (isFailure(result)) refused(deps, request, response, result);
      else sendReply(response, result, base);
    };
  router.use(commonHeaders);
  router.get('/metadata', answered(metadata));
  router.use((request, response, next) => authenticate(deps, request, response, next));
  router.get('/Binary/:id', (request, response, next) => rawBinary(deps, view, request, response, next));
  router.post('/', answered(postBundle));
  router.post('/:type/_search', answered(postSearch));
  router.get('/{*path}', answered(get));
  router.post('/:type', answered(write));
  router.put(['/:type', '/:type/:id'], answered(write));
  router.patch('/:type/:id', answered(write));
  router.delete('/:type/:id', answered(write));
  router.use((request, response) => sendFailure(request, response, refuse(405, 'not-supported', `${request.method} is not possible here`)));
  router.use((error: unknown, request: Request, response: Response, _next: NextFunction) => broken(deps, error, request, response));
  return router;
}

async function metadata({ base, deps }: Call): Promise<Reply> {
  return { status: 200, body: capabilityStatement(base, deps.clock.now(), deps.settings.cors), version: null };
}

async function get(call: Call): Promise<Reply | Failure> {
  const { deps, request, caller, base, view } = call;
  if (!acceptsJson(request)) return refuse(406, 'not-supported', 'only JSON is spoken here');
  const parameters = [...new URLSearchParams(queryOf(request))];
  const reply = await read(deps, { caller, path: request.path.split('/').filter(Boolean), parameters, lenient: isLenient(request), base });
  if (isFailure(reply)) return reply;
  if (reply.version && request.headers['if-none-match'] === etagOf(reply.version)) return { ...reply, status: 304, body: null };
  return binaryWithData(deps, view, caller, reply);
}

/** Search parameters as a form, beside those of the URL. */
async function postSearch(call: Call): Promise<Reply | Failure> {
  const { deps, request, caller, base } = call;
  if (mediaType(request) !== 'application/x-www-form-urlencoded') return refuse(415, 'not-supported', '_search takes a form');
  return withBody(call, MAX_FORM_BYTES, async (bytes) => {
    const parameters = [...new URLSearchParams(queryOf(request)), ...new URLSearchParams(bytes.toString('utf8'))];
    return read(deps, { caller, path: [String(request.params.type)], parameters, lenient: isLenient(request), base });
  });
}

const MAX_FORM_BYTES = 64 * 1024;

async function postBundle(call: Call): Promise<Reply | Failure> {
  const { deps, request, caller, base } = call;
  if (!JSON_TYPES.has(mediaType(request))) return notJson();
  return withBody(call, deps.settings.maxBodyBytes, async (payload) => {
    const body = parseJsonObject(payload);
    if (isFailure(body)) return body;
    return processBundle(deps, {
      caller,
      body,
      payload,
      preference: returnPreference(request) ?? 'minimal',
      lenient: isLenient(request),
      base,
    });
  });
}

/** Create, update, patch and delete of one resource. */
async function write(call: Call): Promise<Reply | Failure> {
  const { deps, request, caller, base } = call;
  if (request.method === 'POST' && /^\/Binary\/?$/.test(request.path) && mediaType(request) !== FHIR_MEDIA_TYPE) {
    return uploadBinary(deps, caller, request, base);
  }
  if (request.method !== 'DELETE' && !(request.method === 'PATCH' ? PATCH_TYPES : JSON_TYPES).has(mediaType(request))) return notJson();
  return withBody(call, deps.settings.maxBodyBytes, async (payload) => {
    const asked = interactionFrom(request, payload);
    if (isFailure(asked)) return asked;
    if (asked.kind === 'get') return refuse(405, 'not-supported', 'this is no write');
    const type = `${asked.type}.${asked.kind}`;
    const replies = await performWrite(deps, { caller, writes: [asked], type, isTransaction: false, payload, blob: null, base });
    return isFailure(replies) ? replies : preferred(replies[0] as Reply, returnPreference(request) ?? 'representation');
  });
}

function interactionFrom(request: Request, payload: Buffer) {
  const { method, headers } = request;
  const body = method === 'DELETE' ? undefined : method === 'PATCH' ? parseJson(payload) : parseJsonObject(payload);
  if (isFailure(body)) return body;
  const ifNoneExist = headers['if-none-exist'] === undefined ? undefined : String(headers['if-none-exist']);
  return interactionOf({ method, url: request.url, ifMatch: headers['if-match'], ifNoneExist, body, fullUrl: '' });
}

async function withBody(call: Call, maxBytes: number, handle: (bytes: Buffer) => Promise<Reply | Failure>): Promise<Reply | Failure> {
  const body = await readBody(call.request, { maxBytes, timeoutMs: call.deps.settings.bodyTimeoutMs, hold: call.hold });
  if (isFailure(body)) return body;
  try {
    return await handle(body.bytes);
  } finally {
    body.release();
  }
}

/** A Binary goes out as it is, unless the client asks for the resource. */
async function rawBinary(deps: FhirDeps, view: ViewBinary, request: Request, response: Response, next: NextFunction): Promise<void> {
  if (/fhir\+json/.test(request.headers.accept ?? '')) return next();
  const failed = await downloadBinary(deps, view, response.locals.caller as Caller, String(request.params.id), request, response);
  if (failed) refused(deps, request, response, failed);
}

async function authenticate(deps: FhirDeps, request: Request, response: Response, next: NextFunction): Promise<void> {
  const token = bearerToken(request.headers.authorization);
  const caller = token === null ? null : await deps.authenticate(token);
  if (caller) {
    response.locals.caller = caller;
    return next();
  }
  deps.metrics.count('waystation_fhir_unauthenticated_total');
  sendFailure(request, response, refuse(401, 'login', 'a valid bearer token is needed'));
}

function commonHeaders(_request: Request, response: Response, next: NextFunction): void {
  // What is answered here belongs to a patient: nobody on the way keeps it.
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('X-Content-Type-Options', 'nosniff');
  next();
}

function refused(deps: FhirDeps, request: Request, response: Response, failed: Failure): void {
  const client = (response.locals.caller as Caller | undefined)?.client ?? '';
  deps.log.info('fhir.refused', { client, method: request.method, code: failed.code, room: failed.room });
  sendFailure(request, response, failed);
}

/** An exception: its place goes to the log, its words do not (a database quotes what it was given). */
function broken(deps: FhirDeps, error: unknown, request: Request, response: Response): void {
  if ((error as { status?: number }).status === 400) {
    sendFailure(request, response, refuse(400, 'invalid', 'this URL cannot be read'));
    return;
  }
  deps.log.error('fhir.failed', { method: request.method, ...placeOf(error as NodeJS.ErrnoException) });
  deps.metrics.count('waystation_fhir_errors_total');
  sendFailure(request, response, failure('fhir', isOutage(error) ? 'unreachable' : 'internal', 'see the log'));
}

/** The database is away, or was too busy with others five times over: the client may try again. */
function isOutage(error: unknown): boolean {
  return OUTAGES.test(String((error as { code?: unknown } | null)?.code ?? ''));
}

/** System errors of a connection; SQLSTATE classes 08, 53, 57P (PostgreSQL Appendix A) and what a transaction was tried again for. */
const OUTAGES = /^(?:ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|08|53|57P|40001|40P01|23505)/;

function placeOf({ name, code, stack }: NodeJS.ErrnoException): LogFields {
  const frames = (stack ?? '').split('\n').filter((line) => line.startsWith('    at '));
  return { error: name ?? 'unknown', code: code ?? '', place: frames.slice(0, 3).join(' ').trim() };
}

function queryOf(request: Request): string {
  const at = request.url.indexOf('?');
  return at < 0 ? '' : request.url.slice(at + 1);
}

function budget(limit: number): Hold {
  let held = 0;
  return (bytes) => {
    held += bytes;
    return held <= limit;
  };
}

function notJson(): Failure {
  return refuse(
    415,
    'not-supported',
    'the body must be application/fhir+json (XML is not spoken here), a patch application/json-patch+json',
  );
}

const FHIR_MEDIA_TYPE = 'application/fhir+json';
const JSON_TYPES: ReadonlySet<string> = new Set([FHIR_MEDIA_TYPE, 'application/json']);
const PATCH_TYPES: ReadonlySet<string> = new Set(['application/json-patch+json']);

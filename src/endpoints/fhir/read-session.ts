/**
 * Everything that is asked by GET (R4 §3.1.0: read, vread, history, search), for a request of its own and for an entry of a batch.
 * In: who asks, the path below the base and its parameters. Out: a Reply, or a refusal. Every read leaves a line in the audit trail.
 */
import type { Bundle } from '@medplum/fhirtypes';
import { isFailure } from '../../model/failure.ts';
import type { Caller } from '../../model/peer.ts';
import { type FhirFailure, refuse } from '../../protocols/fhir/operation-outcome.ts';
import { searchParametersOf } from '../../protocols/fhir/search-parameters.ts';
import { MAX_COUNT } from '../../protocols/fhir/search-result.ts';
import { shownToReader } from '../../protocols/fhir/shown-attachments.ts';
import { readHistory, readResources, readVersion, type StoredResource } from '../../store/resource-store.ts';
import { auditTarget } from './audit-target.ts';
import type { FhirDeps } from './deps.ts';
import { type Reply, replyOf, responseEntry, shown, tagOf } from './reply.ts';
import { searchType } from './search-session.ts';
import { sees } from './visibility.ts';

export type ReadRequest = {
  readonly caller: Caller;
  /** Path segments below the base: `Task`, `Task/id`, `Task/id/_history`, `Task/id/_history/2`. */
  readonly path: readonly string[];
  readonly parameters: readonly (readonly [string, string])[];
  readonly lenient: boolean;
  readonly base: string;
};

/** Answers a GET and records it. */
export async function read(deps: FhirDeps, request: ReadRequest): Promise<Reply | FhirFailure> {
  const [type = '', id, history, version, ...more] = request.path;
  const action = version !== undefined ? 'vread' : history !== undefined ? 'history' : id !== undefined ? 'read' : 'search';
  if (!searchParametersOf(type)) return refuse(404, 'not-supported', `this server holds no ${type.slice(0, 60)}`);
  if (more.length > 0 || (history !== undefined && history !== '_history'))
    return refuse(404, 'not-found', 'there is nothing at this path');
  if (type === 'Binary' && action !== 'read') return refuse(405, 'not-supported', 'a Binary has one version, and is read by its id');
  const reply = await answer(deps, request, action, type, id ?? '', version ?? '');
  await deps.audit.record({
    at: deps.clock.now(),
    client: request.caller.client,
    action,
    target: auditTarget(request.path, request.parameters),
    result: isFailure(reply) ? String(reply.status) : resultOf(reply),
  });
  return isFailure(reply) || request.caller.role !== 'reader' ? reply : shownReply(reply);
}

/** What a reader is shown of others' photos. */
function shownReply(reply: Reply): Reply {
  const { body } = reply;
  if (body?.resourceType !== 'Bundle') return body ? { ...reply, body: shownToReader(body) } : reply;
  const entry = body.entry?.map((one) => (one.resource ? { ...one, resource: shownToReader(one.resource) } : one));
  return { ...reply, body: { ...body, ...(entry ? { entry } : {}) } };
}

type ReadAction = 'read' | 'vread' | 'history' | 'search';

function answer(
  deps: FhirDeps,
  request: ReadRequest,
  action: ReadAction,
  type: string,
  id: string,
  version: string,
): Promise<Reply | FhirFailure> {
  if (action === 'search') return searchType(deps.database, { ...request, type });
  if (action === 'history') return historyOf(deps, request, type, id);
  return action === 'vread' ? versionOf(deps, request, type, id, version) : currentOf(deps, request, type, id);
}

async function currentOf(deps: FhirDeps, { caller }: ReadRequest, type: string, id: string): Promise<Reply | FhirFailure> {
  const stored = (await readResources(deps.database, [`${type}/${id}`])).get(`${type}/${id}`);
  return seen(caller, stored ?? null, type);
}

async function versionOf(deps: FhirDeps, { caller }: ReadRequest, type: string, id: string, version: string): Promise<Reply | FhirFailure> {
  const known = UUID.test(id) && /^[1-9]\d{0,8}$/.test(version);
  return seen(caller, known ? await readVersion(deps.database, type, id, Number(version)) : null, type);
}

/** Newest first; `_count` a page, the `next` link goes on below the last version shown, down to the first. */
async function historyOf(deps: FhirDeps, request: ReadRequest, type: string, id: string): Promise<Reply | FhirFailure> {
  const parameters = new Map(request.parameters);
  const count = Math.max(1, Math.min(wholeNumber(parameters.get('_count')) ?? MAX_COUNT, MAX_COUNT));
  const before = wholeNumber(parameters.get('_before')) ?? 2_147_483_647;
  const rows = UUID.test(id) ? await readHistory(deps.database, type, id, count, before) : [];
  const page = rows.filter((stored) => sees(request.caller, stored));
  const last = page.at(-1);
  if (!last) return absent(type);
  const url = `${request.base}/${type}/${id}/_history?_count=${count}`;
  const next = last.version > 1 ? [{ relation: 'next', url: `${url}&_before=${last.version}` }] : [];
  const body: Bundle = {
    resourceType: 'Bundle',
    type: 'history',
    link: [{ relation: 'self', url }, ...next],
    entry: page.map((stored) => historyEntry(stored, request.base)),
  };
  return { status: 200, body, version: null };
}

function historyEntry(stored: StoredResource, base: string) {
  const { response } = responseEntry({ status: stored.version === 1 ? 201 : 200, body: null, version: tagOf(stored) });
  const reference = `${stored.type}/${stored.id}`;
  const fullUrl = `${base}/${reference}`;
  if (stored.deleted)
    return { fullUrl, request: { method: 'DELETE' as const, url: reference }, response: { ...response, status: '204 No Content' } };
  const request = stored.version === 1 ? { method: 'POST' as const, url: stored.type } : { method: 'PUT' as const, url: reference };
  return { fullUrl, resource: shown(stored), request, response };
}

function seen(caller: Caller, stored: StoredResource | null, type: string): Reply | FhirFailure {
  if (!stored || !sees(caller, stored)) return absent(type);
  return stored.deleted ? refuse(410, 'deleted', `this ${type} was deleted`) : replyOf(stored);
}

/** The same words for what is not there and for what the caller may not see. */
function absent(type: string): FhirFailure {
  return refuse(404, 'not-found', `there is no such ${type}`);
}

function resultOf(reply: Reply): string {
  const entries = reply.body?.resourceType === 'Bundle' ? ` ${reply.body.entry?.length ?? 0}` : '';
  return `${reply.status}${entries}`;
}

function wholeNumber(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : null;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

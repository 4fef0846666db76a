/**
 * What one request or one Bundle entry asks for (R4 §3.1.0, RESTful API). In: method, URL, conditional headers and body, which a
 * Bundle entry carries in `request` under the same names. Out: an Interaction, or a refusal. Nothing is looked up here.
 */
import type { Operation } from '@medplum/core';
import type { Resource } from '@medplum/fhirtypes';
import { isFailure } from '../../model/failure.ts';
import { parseJson } from './json-text.ts';
import { type FhirFailure, refuse } from './operation-outcome.ts';
import { isOperation, MAX_OPERATIONS } from './patch-rules.ts';
import { decodeBase64 } from './schema-rules.ts';
import { searchParametersOf } from './search-parameters.ts';

export type Create = {
  readonly kind: 'create';
  readonly type: string;
  readonly resource: Resource;
  /** Search criteria of `If-None-Exist`, '' without. */
  readonly ifNoneExist: string;
  /** The name other entries call it by, '' outside of a Bundle. */
  readonly fullUrl: string;
};
export type Update = {
  readonly kind: 'update';
  readonly type: string;
  /** '' when `criteria` say which one. */
  readonly id: string;
  readonly criteria: string;
  readonly resource: Resource;
  readonly ifMatch: number | null;
  readonly fullUrl: string;
};
export type Patch = {
  readonly kind: 'patch';
  readonly type: string;
  readonly id: string;
  readonly operations: readonly Operation[];
  readonly ifMatch: number | null;
  readonly fullUrl: string;
};
export type Delete = { readonly kind: 'delete'; readonly type: string; readonly id: string; readonly ifMatch: number | null };
export type Get = { readonly kind: 'get'; readonly url: string };

export type Write = Create | Update | Patch | Delete;
export type Interaction = Write | Get;

export type Asked = {
  readonly method: string;
  /** Relative to the base: `Task/1`, `Task?owner=x`. */
  readonly url: string;
  readonly ifMatch: string | undefined;
  readonly ifNoneExist: string | undefined;
  /** A resource, the operations of a patch, or undefined. */
  readonly body: unknown;
  readonly fullUrl: string;
};

/** Criteria and URLs of a Bundle come in its body, where no limit of HTTP keeps them short. */
const MAX_URL_LENGTH = 32_000;

/** Reads what is asked. */
export function interactionOf(asked: Asked): Interaction | FhirFailure {
  if (Math.max(asked.url.length, asked.ifNoneExist?.length ?? 0) > MAX_URL_LENGTH)
    return refuse(400, 'too-costly', `a URL or If-None-Exist has at most ${MAX_URL_LENGTH} characters`);
  const [path = '', criteria = ''] = splitOnce(asked.url.replace(/^\/+/, ''), '?');
  const [type = '', id = '', ...more] = path.split('/');
  if (asked.method === 'GET') return { kind: 'get', url: asked.url };
  if (!searchParametersOf(type))
    return refuse(404, 'not-supported', `this server holds no ${type.slice(0, 60) || 'resource without a type'}`);
  const ifMatch = readIfMatch(asked.ifMatch);
  if (isFailure(ifMatch)) return ifMatch;
  if (more.length > 0) return refuse(405, 'not-supported', `${asked.method} is not possible there`);
  if (asked.method === 'POST' && id === '') return createOf(type, asked);
  if (asked.method === 'PUT') return updateOf(type, id, criteria, ifMatch, asked);
  if (asked.method === 'PATCH' && id !== '') return patchOf(type, id, ifMatch, asked);
  if (asked.method === 'DELETE' && id !== '') return { kind: 'delete', type, id, ifMatch };
  return refuse(405, 'not-supported', `${asked.method.slice(0, 10)} is not possible there`);
}

/** `W/"3"` (R4 §3.1.0.5). A version that cannot be read is refused: taken for none, it would overwrite what it meant to protect. */
function readIfMatch(header: string | undefined): number | null | FhirFailure {
  if (header === undefined || header === '') return null;
  const version = /^(?:W\/)?"(\d{1,9})"$/.exec(header)?.[1];
  return version === undefined ? refuse(400, 'invalid', 'If-Match names one version: W/"3"') : Number(version);
}

function createOf(type: string, asked: Asked): Create | FhirFailure {
  const resource = resourceOf(type, asked.body);
  if (isFailure(resource)) return resource;
  return { kind: 'create', type, resource, ifNoneExist: asked.ifNoneExist ?? '', fullUrl: asked.fullUrl };
}

function updateOf(type: string, id: string, criteria: string, ifMatch: number | null, asked: Asked): Update | FhirFailure {
  const resource = resourceOf(type, asked.body);
  if (isFailure(resource)) return resource;
  if ((id === '') === (criteria === '')) return refuse(405, 'not-supported', 'PUT needs an id or criteria');
  if (id !== '' && resource.id !== id) return refuse(400, 'invalid', 'the id in the URL is not that of the resource', `${type}.id`);
  return { kind: 'update', type, id, criteria, resource, ifMatch, fullUrl: asked.fullUrl };
}

function patchOf(type: string, id: string, ifMatch: number | null, asked: Asked): Patch | FhirFailure {
  const operations = operationsOf(asked.body);
  return isFailure(operations) ? operations : { kind: 'patch', type, id, operations, ifMatch, fullUrl: asked.fullUrl };
}

function resourceOf(type: string, body: unknown): Resource | FhirFailure {
  if (typeof body !== 'object' || body === null) return refuse(400, 'required', 'there is no resource');
  const { resourceType } = body as { resourceType?: unknown };
  return resourceType === type ? (body as Resource) : refuse(400, 'invalid', `the resource is not a ${type}`, 'Resource.resourceType');
}

/** JSON Patch (RFC 6902) as an array, or inside a Bundle as a Binary. */
function operationsOf(body: unknown): Operation[] | FhirFailure {
  const binary = body as { resourceType?: unknown; contentType?: unknown; data?: unknown } | null;
  if (binary?.resourceType === 'Binary' && binary.contentType === 'application/json-patch+json') {
    const bytes = typeof binary.data === 'string' ? decodeBase64(binary.data) : null;
    return bytes ? operationsOf(parseJson(bytes)) : refuse(400, 'invalid', 'the patch has no data');
  }
  if (isFailure(body)) return body as FhirFailure;
  if (!Array.isArray(body) || body.length > MAX_OPERATIONS || !body.every(isOperation)) {
    return refuse(400, 'not-supported', `a patch is a JSON Patch of add, remove, replace and test, at most ${MAX_OPERATIONS} of them`);
  }
  return body;
}

function splitOnce(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

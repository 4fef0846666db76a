/**
 * What we push to other servers: transactions of conditional creates and updates (R4 §3.1.0.11, §3.1.0.8.1, §3.1.0.4.3), so that a retry never doubles.
 * Entries are called by names made from our own ids: the answer tells where each of them is there.
 */
import type { Bundle, BundleEntry, Resource } from '@medplum/fhirtypes';
import { urnOf } from '../../model/identity.ts';
import { RESOURCE_SYSTEM } from './canonical.ts';

/** One push: its bundles are sent in order, each after the one before was answered. */
export type Push = readonly Bundle[];

/** Medplum's router refuses a transaction with conditional entries above this size; other servers take as much. */
export const MAX_PUSH_ENTRIES = 8;

/** `urn:uuid:` by which a resource of ours (`Type/id`) is called in a push. */
export function pushName(reference: string): string {
  return urnOf({ type: reference.slice(0, reference.indexOf('/')), system: RESOURCE_SYSTEM, value: reference });
}

/** An entry that creates `resource` unless the server finds one by `criteria` (`identifier` or `_tag`: `[system, value]`). */
export function createOnce(name: string, resource: Resource, parameter: 'identifier' | '_tag', system: string, value: string): BundleEntry {
  const ifNoneExist = `${parameter}=${encodeURIComponent(`${system}|${value}`)}`;
  return { fullUrl: name, resource, request: { method: 'POST', url: resource.resourceType, ifNoneExist } };
}

/** An entry that overwrites what the server finds by its tag, or creates it. */
export function updateByTag(name: string, resource: Resource, system: string, code: string): BundleEntry {
  return {
    fullUrl: name,
    resource,
    request: { method: 'PUT', url: `${resource.resourceType}?_tag=${encodeURIComponent(`${system}|${code}`)}` },
  };
}

/** The criteria by which an entry is found there; '' for none. */
export function criteriaOf({ request }: BundleEntry): string {
  return request?.ifNoneExist ?? request?.url.split('?')[1] ?? '';
}

export function transaction(controlId: string, entry: BundleEntry[]): Bundle {
  return {
    resourceType: 'Bundle',
    type: 'transaction',
    identifier: { system: 'urn:ietf:rfc:3986', value: `urn:uuid:${controlId}` },
    entry,
  };
}

/** Where each named entry is there: `urn:uuid:` to `Type/id`, from the answers so far. */
export function answeredPlaces(push: Push, answers: readonly Bundle[]): Map<string, string> {
  const places = new Map<string, string>();
  for (const [at, answer] of answers.entries()) {
    for (const [index, { fullUrl }] of (push[at]?.entry ?? []).entries()) {
      const place = placeOf(answer.entry?.[index]);
      if (fullUrl && place !== '') places.set(fullUrl, place);
    }
  }
  return places;
}

/** `Type/id` of one entry of a transaction-response: its resource, else its location, which may be absolute and versioned. */
export function placeOf(entry: BundleEntry | undefined): string {
  if (entry?.resource?.id) return `${entry.resource.resourceType}/${entry.resource.id}`;
  return LOCATION.exec(entry?.response?.location ?? '')?.[1] ?? '';
}

const LOCATION = /(?:^|\/)([A-Z][A-Za-z]+\/[A-Za-z0-9.-]{1,64})(?:\/_history\/[A-Za-z0-9.-]{1,64})?$/;

/**
 * What an interaction comes to, before it is put on the wire: the same for a request of its own and for an entry of a batch.
 * Out: status, body and version; and the `response` of a Bundle entry made of them (R4 §3.1.0.11.3).
 */
import { STATUS_CODES } from 'node:http';
import type { BundleEntry, OperationOutcome, Resource } from '@medplum/fhirtypes';
import type { StoredBinary } from '../../model/binary.ts';
import type { Failure } from '../../model/failure.ts';
import { answerFailure, informed } from '../../protocols/fhir/operation-outcome.ts';
import type { StoredResource } from '../../store/resource-store.ts';

export type Reply = {
  readonly status: number;
  readonly body: Resource | null;
  /** The version the reply is about; null for Bundles and outcomes. */
  readonly version: VersionTag | null;
};

export type VersionTag = { readonly reference: string; readonly version: number; readonly updated: Date };

/** `Prefer: return=…` (R4 §3.1.0.1.9). */
export type Preference = 'representation' | 'minimal' | 'OperationOutcome';

/** What is told of a version. */
export type Version = Pick<StoredResource, 'type' | 'id' | 'version' | 'updated' | 'resource'>;

/** A stored version as it is shown. */
export function replyOf(stored: Version, status = 200): Reply {
  return { status, body: shown(stored), version: tagOf(stored) };
}

export function replyOfFailure(failed: Failure): Reply {
  const { status, outcome } = answerFailure(failed);
  return { status, body: outcome, version: null };
}

/** What a client sees: of a Binary its description, the bytes are asked for by themselves. */
export function shown(stored: Pick<Version, 'type' | 'resource'>): Resource {
  if (stored.type !== 'Binary') return stored.resource;
  const { digest: _digest, size: _size, ...binary } = stored.resource as StoredBinary;
  return binary;
}

/** The reply to a write, with the body that the client prefers. */
export function preferred(reply: Reply, preference: Preference): Reply {
  if (preference === 'representation' || reply.status >= 400 || !reply.version) return reply;
  const { reference, version } = reply.version;
  return { ...reply, body: preference === 'minimal' ? null : informed(`${reference} is at version ${version}`) };
}

/** The reply as an entry of a batch-response or transaction-response. */
export function responseEntry(reply: Reply): BundleEntry {
  const { status, body, version } = reply;
  const outcome = body?.resourceType === 'OperationOutcome' ? (body as OperationOutcome) : undefined;
  return {
    ...(body && !outcome ? { resource: body } : {}),
    response: {
      status: `${status} ${STATUS_CODES[status] ?? ''}`.trim(),
      ...(version ? { location: locationOf(version), etag: etagOf(version), lastModified: version.updated.toISOString() } : {}),
      ...(outcome ? { outcome } : {}),
    },
  };
}

/** `Type/id/_history/version`. */
export function locationOf({ reference, version }: VersionTag): string {
  return `${reference}/_history/${version}`;
}

/** Weak: two servers may write the same version in other bytes. */
export function etagOf({ version }: VersionTag): string {
  return `W/"${version}"`;
}

export function tagOf(stored: Pick<Version, 'type' | 'id' | 'version' | 'updated'>): VersionTag {
  return { reference: `${stored.type}/${stored.id}`, version: stored.version, updated: stored.updated };
}

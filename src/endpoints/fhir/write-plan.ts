/**
 * What a write will change, worked out from what was asked and from the rows as they are locked. Pure: nothing is read or saved here.
 * In: the writes of one request, the ids they were given, the stored rows. Out: one planned change each, or the first refusal.
 */
import { applyPatch, type Operation } from '@medplum/core';
import type { Resource } from '@medplum/fhirtypes';
import { isFailure } from '../../model/failure.ts';
import type { Caller } from '../../model/peer.ts';
import type { Patch, Update, Write } from '../../protocols/fhir/interaction.ts';
import { MAX_VALUES, sizeOf } from '../../protocols/fhir/json-text.ts';
import { type FhirFailure, refuse, refuseAll } from '../../protocols/fhir/operation-outcome.ts';
import { isApplicable } from '../../protocols/fhir/patch-rules.ts';
import { brokenReferences, literalReferences, renameReferences } from '../../protocols/fhir/references.ts';
import type { Validate } from '../../protocols/fhir/resource-validator.ts';
import type { StoredResource } from '../../store/resource-store.ts';
import { mayWriteOf } from './permissions.ts';
import { sees } from './visibility.ts';

export type Identified = Resource & { id: string };

/** A write that knows which resource it is about. */
export type Resolved = {
  readonly write: Write;
  /** `Type/id`: of the row it changes, or the one it will have. */
  readonly reference: string;
  /** The row that made a conditional create unnecessary. */
  readonly kept: StoredResource | null;
};

export type Planned = Resolved & {
  readonly before: StoredResource | null;
  /** Null for a delete, and for a delete of nothing. */
  readonly after: Identified | null;
  readonly version: number;
};

export type PlanContext = {
  readonly caller: Caller;
  readonly rows: ReadonlyMap<string, StoredResource>;
  /** fullUrl → `Type/id` of this request's entries. */
  readonly names: ReadonlyMap<string, string>;
  /** `Type/id` of everything this request writes. */
  readonly written: ReadonlySet<string>;
  readonly validate: Validate;
  readonly base: string;
};

/** Plans one write. */
export function planWrite(resolved: Resolved, context: PlanContext): Planned | FhirFailure {
  const { write, reference, kept } = resolved;
  if (kept) return { ...resolved, before: kept, after: kept.resource as Identified, version: kept.version };
  const row = context.rows.get(reference);
  const before = row && sees(context.caller, row) ? row : null;
  if (write.kind === 'create' || (write.kind === 'update' && write.id === '' && !before)) {
    return planned(resolved, null, write.resource, context);
  }
  if (write.kind === 'delete') return planDelete(resolved, before, context.caller, write.ifMatch);
  return planUpdate(resolved, before, write, context);
}

function planDelete(resolved: Resolved, before: StoredResource | null, caller: Caller, ifMatch: number | null): Planned | FhirFailure {
  // R4 §3.1.0.7: what is not there, or is gone, is deleted.
  if (!before || before.deleted) return { ...resolved, before: null, after: null, version: 0 };
  const refused = mayWriteOf(caller, 'delete', before.type, before.author) ?? inUse(before, caller) ?? otherVersion(before, ifMatch);
  return refused ?? { ...resolved, before, after: null, version: before.version + 1 };
}

/** A consultation keeps what it was made of: it is cancelled by its order or its Task, not taken apart. */
function inUse(before: StoredResource, caller: Caller): FhirFailure | null {
  if (before.caseId === null || caller.role === 'operator') return null;
  return refuse(409, 'conflict', `this ${before.type} belongs to a consultation`);
}

function planUpdate(resolved: Resolved, before: StoredResource | null, write: Update | Patch, context: PlanContext): Planned | FhirFailure {
  if (!before) return noSuch(write);
  if (before.deleted) return refuse(410, 'deleted', `this ${write.type} was deleted`);
  const refused = mayWriteOf(context.caller, 'update', before.type, before.author) ?? otherVersion(before, write.ifMatch);
  if (refused) return refused;
  const after = write.kind === 'update' ? write.resource : patched(before.resource, write, context.validate);
  return isFailure(after) ? after : planned(resolved, before, after, context);
}

/** Ids are given by the server, so a PUT never creates; the same answer for what is hidden. */
function noSuch(write: Update | Patch): FhirFailure {
  if (write.kind === 'patch') return refuse(404, 'not-found', `there is no such ${write.type}`);
  return refuse(405, 'not-supported', `there is no such ${write.type}, and this server gives the ids: create it with POST`);
}

function otherVersion(before: StoredResource, ifMatch: number | null): FhirFailure | null {
  if (ifMatch === null || ifMatch === before.version) return null;
  return refuse(412, 'conflict', `version ${ifMatch} was expected, the current one is ${before.version}`);
}

/** What a patch may make of a resource: as much as a body may bring when nothing else is configured. */
const MAX_PATCHED_BYTES = 16 * 1024 * 1024;

/** RFC 6902 on a copy; the result must be a valid resource again. */
function patched(resource: Resource, { operations }: Patch, validate: Validate): Resource | FhirFailure {
  const copy = structuredClone(resource);
  for (const operation of operations) {
    if (!isApplied(copy, operation)) return refuse(422, 'processing', 'the patch cannot be applied to the current version');
  }
  if (copy.resourceType !== resource.resourceType || copy.id !== resource.id)
    return refuse(422, 'invalid', 'a patch changes neither type nor id');
  const bytes = Buffer.from(JSON.stringify(copy));
  if (bytes.length > MAX_PATCHED_BYTES || sizeOf(bytes).values > MAX_VALUES)
    return refuse(422, 'too-costly', 'the patch makes the resource too large');
  const faults = validate(copy);
  return faults.length > 0 ? refuseAll(422, faults) : copy;
}

function isApplied(resource: Resource, operation: Operation): boolean {
  if (!isApplicable(resource, operation)) return false;
  try {
    return applyPatch(resource, [operation]).every((error) => error === null);
  } catch {
    return false;
  }
}

function planned(resolved: Resolved, before: StoredResource | null, content: Resource, context: PlanContext): Planned | FhirFailure {
  const id = resolved.reference.slice(resolved.reference.indexOf('/') + 1);
  const after = { ...renameReferences(content, context.names), id } as Identified;
  const broken = brokenReferences(after, context.base)[0];
  if (broken) return refuse(422, 'invalid', `${broken.why}: "${broken.text.slice(0, 100)}"`);
  const known = new Set(before ? literalReferences(before.resource) : []);
  const hidden = literalReferences(after).find((reference) => !known.has(reference) && !isThere(reference, context));
  if (hidden) return refuse(422, 'not-found', `there is no ${hidden.slice(0, 100)} to refer to`);
  return { ...resolved, before, after, version: (before?.version ?? 0) + 1 };
}

/** Something the caller sees, or writes in this very request. */
function isThere(reference: string, { rows, written, caller }: PlanContext): boolean {
  const row = rows.get(reference);
  return row ? !row.deleted && sees(caller, row) : written.has(reference);
}

/**
 * What can be said of a write before the database is asked: may this role do it, is the resource valid; and the bytes of a Binary go to
 * the blob store, so that they are durable before the row that names them. In: the writes. Out: the same, ready; or the first refusal.
 */
import type { Binary, Resource } from '@medplum/fhirtypes';
import type { StoredBinary } from '../../model/binary.ts';
import { type Failure, isFailure } from '../../model/failure.ts';
import type { Caller } from '../../model/peer.ts';
import type { Write } from '../../protocols/fhir/interaction.ts';
import { entryFailure, type FhirFailure, refuse, refuseAll } from '../../protocols/fhir/operation-outcome.ts';
import { decodeBase64 } from '../../protocols/fhir/schema-rules.ts';
import { blobFailure } from '../../store/blob-failure.ts';
import type { StoredBlob } from '../../store/blob-store.ts';
import type { FhirDeps } from './deps.ts';
import { mayWrite } from './permissions.ts';

/** Checks all, then stores bytes: a refused request leaves no blobs. */
export async function prepareWrites(
  deps: FhirDeps,
  request: { readonly caller: Caller; readonly writes: readonly Write[]; readonly isTransaction: boolean; readonly blob: string | null },
): Promise<Write[] | Failure> {
  for (const [index, write] of request.writes.entries()) {
    const refused =
      mayWrite(request.caller.role, write.kind === 'patch' ? 'update' : write.kind, write.type) ?? checkResource(deps, write, request.blob);
    if (refused) return request.isTransaction ? entryFailure(refused, index) : refused;
    // A large Bundle must not keep everybody else waiting until all of it is checked.
    await new Promise((resolve) => setImmediate(resolve));
  }
  const prepared: Write[] = [];
  for (const write of request.writes) {
    const ready = await withoutData(deps, write);
    if (isFailure(ready)) return ready;
    prepared.push(ready);
  }
  return prepared;
}

function checkResource(deps: FhirDeps, write: Write, blob: string | null): FhirFailure | null {
  if (!('resource' in write) || blob !== null) return null;
  const faults = deps.validate(write.resource);
  if (faults.length > 0) return refuseAll(422, faults);
  return write.type === 'Binary' && (write.resource as Binary).data === undefined
    ? refuse(422, 'required', 'a Binary needs its data', 'Binary.data')
    : null;
}

async function withoutData(deps: FhirDeps, write: Write): Promise<Write | Failure> {
  if (write.kind !== 'create' || write.resource.resourceType !== 'Binary' || write.resource.data === undefined) return write;
  const bytes = decodeBase64(write.resource.data) as Buffer;
  try {
    return { ...write, resource: binaryRow(write.resource, await deps.blobs.put(bytes)) };
  } catch (error) {
    return blobFailure(error);
  }
}

/** A Binary as its row keeps it. */
export function binaryRow({ data: _data, ...binary }: Binary, blob: StoredBlob): Resource {
  const row: StoredBinary = { ...binary, digest: blob.digest, size: blob.bytes };
  return row;
}

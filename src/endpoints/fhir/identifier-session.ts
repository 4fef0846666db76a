/**
 * Business identifiers of what an operator created, made known to the corridor: an HL7 v2 message or a DICOM header that names one of
 * them later means this resource. An identifier that is taken already stays where it is.
 * Other clients claim none: whoever wrote another hospital's patient or order number first would own, and see, what that hospital sends
 * under it later.
 */
import type { Identifier, Resource } from '@medplum/fhirtypes';
import type { Identity } from '../../model/identity.ts';
import type { Caller } from '../../model/peer.ts';
import type { Transaction } from '../../store/database.ts';
import { claimIdentifiers } from '../../store/identifier-store.ts';
import type { Planned } from './write-plan.ts';

export async function registerIdentifiers(tx: Transaction, caller: Caller, changes: readonly Planned[]): Promise<void> {
  if (caller.role !== 'operator') return;
  const claims = changes.flatMap(({ after, before }) => {
    const identities = after && !before ? identitiesOf(after) : [];
    return after && identities.length > 0 ? [{ identities, fresh: after.id }] : [];
  });
  if (claims.length > 0) await claimIdentifiers(tx, claims);
}

/** Without a system an identifier says nothing outside of its own record. */
function identitiesOf(resource: Resource): Identity[] {
  const { identifier } = resource as { identifier?: Identifier | Identifier[] };
  const all = identifier === undefined ? [] : [identifier].flat();
  return all.flatMap(({ system, value }) => (system && value ? [{ type: resource.resourceType, system, value }] : []));
}

/** Who sees what. In: a stored resource and a caller. What somebody does not see is for him as if it were not there. */
import type { Caller } from '../../model/peer.ts';
import type { StoredResource } from '../../store/resource-store.ts';

export function sees(caller: Caller, stored: StoredResource): boolean {
  return caller.role === 'operator' || stored.readers.includes(caller.group);
}

/** The group a query is narrowed to; null for an operator, who sees all. */
export function groupOf(caller: Caller): string | null {
  return caller.role === 'operator' ? null : caller.group;
}

/** Types that belong to many cases: they never take a new resource into a case, and are not taken into one. */
export function isShared(type: string): boolean {
  return SHARED.has(type);
}

const SHARED: ReadonlySet<string> = new Set(['Patient', 'Practitioner', 'PractitionerRole', 'Organization', 'Endpoint']);

/**
 * Whether something newer has been said of a resource than a message says. Of persons and stays by when it was said (EVN-2, else MSH-7),
 * whoever said it; of anything else, and where the times do not tell, by arrival: an entry that is worked off once more never overwrites
 * what came after it.
 */
import type { Occurred } from '../model/mapped.ts';
import { type Batch, saidOf, seqOf } from '../store/batch.ts';

export function isOutdated(batch: Batch, reference: string, seq: number, occurred: Occurred | null): boolean {
  const said = IN_ORDER_OF_TIME.has(reference.slice(0, reference.indexOf('/'))) ? saidOf(batch, reference) : null;
  if (said && occurred && occurred.to < said) return true;
  if (said && occurred && occurred.from > said) return false;
  return (seqOf(batch, reference) ?? 0) > seq;
}

/** Types of which the time of the event tells what is newer. */
export const IN_ORDER_OF_TIME: ReadonlySet<string> = new Set(['Patient', 'Account', 'Encounter']);

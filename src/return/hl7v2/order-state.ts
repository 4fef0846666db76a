/** How an order stands, as HL7 Table 0038 says it (ORC-5): by the phase of its case, the Task while a reader holds it, and its placer's word. */
import type { CaseState } from '../../model/case.ts';

export type OrderStateCode = 'SC' | 'IP' | 'HD' | 'CM' | 'CA' | 'ER';

/** `task`: Task.status, '' where there is none. */
export function orderStateOf({ phase, order }: Pick<CaseState, 'phase' | 'order'>, task: string): OrderStateCode {
  if (phase === 'cancelled') return ENDS[order?.status ?? ''] ?? 'CA';
  if (phase === 'claimed' || (phase === 'requested' && HELD.has(task))) return task === 'on-hold' ? 'HD' : 'IP';
  if (phase === 'reported' || phase === 'closed') return 'CM';
  return order?.status === 'on-hold' ? 'HD' : 'SC';
}

const HELD: ReadonlySet<string> = new Set(['received', 'accepted', 'in-progress', 'on-hold']);
const ENDS: Readonly<Record<string, OrderStateCode>> = { 'entered-in-error': 'ER', completed: 'CM' };

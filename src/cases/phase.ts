/**
 * The life of a case as a table: phase × event → phase. What the table does not name does not happen, and the event is only noted.
 * Task.status follows the phase (FHIR R4 Task state machine, §12.1.3); while a case is claimed the reader sets it.
 */
import type { CasePhase } from '../model/case.ts';

export type PhaseEvent =
  | 'whole'
  | 'released'
  | 'claimed'
  | 'reported'
  | 'returned'
  | 'withdrawn'
  | 'cancelled'
  | 'held'
  | 'changed'
  | 'reopened'
  | 'aborted';

export function nextPhase(phase: CasePhase, event: PhaseEvent): CasePhase | null {
  return PHASES[phase][event] ?? null;
}

/** Task.status of a phase; null: as the reader left it. */
export function taskStatusOf(phase: CasePhase): 'draft' | 'requested' | 'completed' | 'cancelled' | null {
  return TASK_STATUS[phase];
}

/** Whether a reader holds a case whose Task has this status. */
export function isHeld(status: string | undefined): boolean {
  return HOLDING.has(status ?? '');
}

const HOLDING: ReadonlySet<string> = new Set(['received', 'accepted', 'in-progress', 'on-hold']);

const PHASES: Readonly<Record<CasePhase, Partial<Record<PhaseEvent, CasePhase>>>> = {
  assembling: { whole: 'requested', released: 'requested', cancelled: 'cancelled' },
  // A pushed case is claimed on the specialist's own server: its report is the first we hear.
  requested: {
    claimed: 'claimed',
    reported: 'reported',
    cancelled: 'cancelled',
    held: 'assembling',
    changed: 'assembling',
    aborted: 'cancelled',
  },
  // A cancel after the claim asks the reader, who is at work: only what he agrees to ends the case.
  claimed: { claimed: 'claimed', reported: 'reported', aborted: 'cancelled' },
  // What its signer takes back is to be read again.
  reported: { reported: 'reported', returned: 'closed', withdrawn: 'requested' },
  // A correction, or a newer version of a report that was found on a pushed case's server.
  closed: { reported: 'reported', withdrawn: 'requested' },
  // The placer orders anew under the same number.
  cancelled: { reopened: 'assembling' },
};

const TASK_STATUS = {
  assembling: 'draft',
  requested: 'requested',
  claimed: null,
  reported: 'completed',
  closed: 'completed',
  cancelled: 'cancelled',
} as const;

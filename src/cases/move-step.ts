/** A case moves from phase to phase, and its timeline says so: in the batch, by the table of phases. */
import type { CaseState } from '../model/case.ts';
import type { Work } from '../model/work.ts';
import { addEvent, type Batch, caseIn, putCase } from '../store/batch.ts';
import { nextPhase, type PhaseEvent } from './phase.ts';

/** Moves a case by the table; what the table does not name does not happen. */
export function move(batch: Batch, id: string, event: PhaseEvent, work: Work | null, detail: string): void {
  const state = caseIn(batch, id) as CaseState;
  const phase = nextPhase(state.phase, event);
  if (phase === null) return;
  putCase(batch, { ...state, phase, wake: phase === 'assembling' ? state.wake : null });
  addEvent(batch, id, { seq: work?.entry.seq ?? null, kind: phase, actor: work?.entry.peer ?? 'gateway', detail });
}

export function note(batch: Batch, caseId: string, work: Work, kind: string, detail: string): void {
  addEvent(batch, caseId, { seq: work.entry.seq, kind, actor: work.entry.peer, detail });
}

/**
 * Is the package whole? In: a case, its specialty, what kinds its members are, what was said of its study, the time.
 * Out: what is missing, and when to look again. When a study counts as complete is said in closing.ts.
 */
import type { CaseState } from '../model/case.ts';
import type { ClosingCount } from '../model/closing.ts';
import type { Specialty } from '../model/config.ts';
import { closingOf } from './closing.ts';

export type Wholeness = {
  readonly missing: readonly string[];
  readonly wake: number | null;
  /** What closed the study; '' where there is none, or while it is open. */
  readonly by: string;
  /** Only parts of a study are missing, and its specialty waits for them no longer. */
  readonly late: boolean;
};

export function wholeness(state: CaseState, specialty: Specialty, nowMs: number, told: readonly ClosingCount[] = []): Wholeness {
  const missing = [
    state.serviceRequest === '' ? 'order' : '',
    shortfall('instances', total(state), specialty.whole.instances),
    shortfall('media', countOf(state, 'Media'), specialty.whole.media),
    shortfall('forms', countOf(state, 'QuestionnaireResponse'), specialty.whole.forms),
  ].filter((text) => text !== '');
  if (specialty.whole.instances === 0) return { missing, wake: null, by: '', late: false };
  const study = closingOf(state, specialty, told, nowMs);
  return {
    missing: study.missing === '' ? missing : [...missing, study.missing],
    wake: study.wake,
    by: study.by,
    late: study.late && missing.length === 0,
  };
}

/** Whether the specialty lets an order of this priority go without waiting. */
export function releasedAtOnce(state: CaseState, specialty: Specialty): boolean {
  return state.serviceRequest !== '' && specialty.releaseAtOnce.includes(state.priority);
}

/** The specialty whose hints the case has, in the order they are configured; else the peer's, else the gateway's default. */
export function specialtyOf(state: CaseState, specialties: readonly Specialty[], fallback: string): Specialty {
  const matching = specialties.find((specialty) => specialty.match.some((hint) => state.hints.includes(hint)));
  const specialty = matching ?? specialties.find((candidate) => candidate.name === fallback);
  if (!specialty) throw new Error(`cases: specialty ${fallback} is not configured`);
  return specialty;
}

function shortfall(what: string, have: number, need: number): string {
  return have >= need ? '' : `${what}: ${have} of at least ${need}`;
}

function total(state: CaseState): number {
  return state.studies.reduce((sum, study) => sum + study.instances, 0);
}

function countOf(state: CaseState, type: string): number {
  return state.members.filter((member) => member.startsWith(`${type}/`)).length;
}

/**
 * Is the package whole? In: a case, its specialty, what kinds its members are, the time. Out: what is missing, and when to look again.
 * A study has no end of its own in C-STORE (PS3.4 §B); it counts as complete when nothing came for the specialty's quiet time.
 */
import type { CaseState } from '../model/case.ts';
import type { Specialty } from '../model/config.ts';

export type Wholeness = { readonly missing: readonly string[]; readonly wake: number | null };

export function wholeness(state: CaseState, specialty: Specialty, nowMs: number): Wholeness {
  const missing = [
    state.serviceRequest === '' ? 'order' : '',
    shortfall('instances', total(state), specialty.whole.instances),
    shortfall('media', countOf(state, 'Media'), specialty.whole.media),
    shortfall('forms', countOf(state, 'QuestionnaireResponse'), specialty.whole.forms),
  ].filter((text) => text !== '');
  const quietAt = specialty.whole.instances > 0 ? lastReceived(state) + specialty.whole.quietMs : 0;
  if (total(state) > 0 && quietAt > nowMs) return { missing: [...missing, 'study: instances are still arriving'], wake: quietAt };
  return { missing, wake: null };
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

function lastReceived(state: CaseState): number {
  return Math.max(0, ...state.studies.map((study) => study.lastReceived));
}

function countOf(state: CaseState, type: string): number {
  return state.members.filter((member) => member.startsWith(`${type}/`)).length;
}

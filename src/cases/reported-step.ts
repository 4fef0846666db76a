/**
 * A report answers a case, or its signer takes it back (DiagnosticReport.status entered-in-error): then the case has no report, is offered
 * again, and the reports that stood say so themselves. What came with their signatures stays whole: their first version, in the history, and
 * the bytes that were signed, in their Provenance.
 */
import type { DiagnosticReport } from '@medplum/fhirtypes';
import { type CaseState, standingReports } from '../model/case.ts';
import type { Act, Work } from '../model/work.ts';
import { type Batch, caseIn, grant, putCase, putResource, resourceIn } from '../store/batch.ts';
import { askersOf, groupsOf } from './match-step.ts';
import { move, note } from './move-step.ts';
import { voidAbort } from './order-step.ts';
import { nextPhase } from './phase.ts';

type ReportAct = Act & { readonly kind: 'report' | 'withdrawal' };

/** References that must be loaded before a withdrawal is applied. */
export function reportsTakenBack(batch: Batch): string[] {
  const acts = batch.works.flatMap((work) => (work.failure ? [] : work.acts.filter((act) => act.kind === 'withdrawal')));
  // What stands may have come in this very batch.
  const inBatch = batch.works.flatMap(({ acts: all }) => all.flatMap((act) => (act.kind === 'report' ? [act.report] : [])));
  const stored = acts.flatMap(({ caseId }) => standingReports(caseIn(batch, caseId)).map(({ reference }) => reference));
  return acts.length === 0 ? [] : [...stored, ...inBatch];
}

export function applyReport(batch: Batch, work: Work, state: CaseState, act: ReportAct): void {
  if (isKnown(batch, work, state, act)) return;
  if (!nextPhase(state.phase, 'reported')) {
    note(batch, state.id, work, 'report-kept', `${act.report} came while the case is ${state.phase}: a person decides`);
    return;
  }
  const earlier = standingReports(state);
  const corrects = earlier.at(-1);
  putCase(batch, { ...state, report: { ...given(batch, work, state, act), earlier, ...(corrects ? { corrects } : {}) }, returns: [] });
  move(batch, state.id, 'reported', work, `${act.report}, signature verified`);
  voidAbort(batch, state.id);
  grant(batch, [act.report, act.provenance], state.id, [...groupsOf(state), ...askersOf(state)]);
}

export function applyWithdrawal(batch: Batch, work: Work, state: CaseState, act: ReportAct): void {
  if (isKnown(batch, work, state, act)) return;
  const earlier = standingReports(state);
  const corrects = earlier.at(-1);
  if (!corrects || !nextPhase(state.phase, 'withdrawn')) {
    note(batch, state.id, work, 'withdrawal-kept', `${act.report} came while the case is ${state.phase}: a person decides`);
    return;
  }
  const report = { ...given(batch, work, state, act), earlier, corrects, withdrawn: true as const };
  putCase(batch, { ...state, report, returns: [], claim: null });
  for (const { reference } of earlier) markWithdrawn(batch, reference, work);
  note(batch, state.id, work, 'report-withdrawn', `${act.report} takes back ${corrects.reference}, signature verified`);
  move(batch, state.id, 'withdrawn', work, `offered again to ${state.route?.destination ?? ''}: its report was withdrawn`);
  grant(batch, [act.report, act.provenance], state.id, [...groupsOf(state), ...askersOf(state)]);
}

/**
 * An entry that is worked off once more, it or one after it having been counted, brings nothing home twice and takes nothing back that came
 * later. What is said of one case is in one lane, in the order of its numbers.
 */
function isKnown(batch: Batch, work: Work, state: CaseState, act: ReportAct): boolean {
  const known = state.report !== null && state.report.seq >= work.entry.seq;
  if (known) note(batch, state.id, work, 'report-known', act.report);
  return known;
}

function given(batch: Batch, work: Work, { report }: CaseState, act: ReportAct) {
  const version = String((report ? Number(report.version) : 0) + 1);
  const appended = (resourceIn(batch, act.report) as DiagnosticReport | null)?.status === 'appended';
  const said = { reference: act.report, provenance: act.provenance, version, ...(appended ? { appended: true as const } : {}) };
  return { ...said, at: batch.now.toISOString(), seq: work.entry.seq };
}

function markWithdrawn(batch: Batch, reference: string, work: Work): void {
  const report = resourceIn(batch, reference) as (DiagnosticReport & { id: string }) | null;
  if (report) putResource(batch, { ...report, status: 'entered-in-error' }, work.entry.seq);
}

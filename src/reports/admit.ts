/**
 * May this report be written? In: one change of a FHIR write, the facts the door has loaded, the signers we know. Out: null, or why not.
 * A report is a DiagnosticReport based on the ServiceRequest of a case. It comes from the group that has claimed the case, in one transaction
 * with its signed Provenance, and is never changed afterwards: what must be said otherwise comes as a report of its own, amended, corrected
 * or appended, with the whole text. Reports on other things (an origin's prior findings) are not
 * ours to judge, nor are other resources.
 * A report that says entered-in-error takes back the one that stands: only who signed that one, and what it is an addendum to, may sign it,
 * and the case waits for a report again.
 */
import type { DiagnosticReport, Identifier, Provenance, Resource } from '@medplum/fhirtypes';
import type { AdmitFacts, Change } from '../model/admit.ts';
import { MAX_REPORT_FILE_BYTES } from '../model/binary.ts';
import { type CaseState, hasReport, shownReports, standingReports } from '../model/case.ts';
import type { Signer } from '../model/config.ts';
import { type Failure, failure, isFailure } from '../model/failure.ts';
import { verifyReport, WITHDRAWAL } from './verify.ts';

export function admitReport(change: Change, facts: AdmitFacts, signers: readonly Signer[]): Failure | null {
  const resource = change.after ?? change.before;
  if (resource?.resourceType === 'DiagnosticReport') return admitDiagnosticReport(change, facts, signers);
  return resource?.resourceType === 'Provenance' ? admitProvenance(change, facts) : null;
}

function admitDiagnosticReport({ before, after }: Change, facts: AdmitFacts, signers: readonly Signer[]): Failure | null {
  if (before !== null && casesOf(before as DiagnosticReport, facts).length > 0) {
    return failure('reports', 'conflict', 'a report that was taken is never changed or deleted');
  }
  if (after === null) return null;
  const report = after as DiagnosticReport;
  const [state, ...others] = casesOf(report, facts);
  if (state === undefined) return withoutCase(facts);
  if (before !== null)
    return failure('reports', 'invalid', 'a report comes in the same transaction as its signed Provenance: create it anew');
  if (others.length > 0) return failure('reports', 'invalid', 'a report is based on the ServiceRequest of one case');
  return notYourTurn(report, state, facts) ?? admitSigned(report, state, facts, signers);
}

function admitSigned(report: DiagnosticReport, state: CaseState, facts: AdmitFacts, signers: readonly Signer[]): Failure | null {
  const unfit = unsignedText(report) ?? tooLarge(report, facts);
  if (unfit !== null) return unfit;
  const reports = createdReports(facts).filter((one) => casesOf(one, facts).some(({ id }) => id === state.id));
  if (reports.length > 1) return failure('reports', 'invalid', 'a transaction brings one report of a case');
  const provenances = facts.changes.map(({ after }) => after).filter((one) => targetsOf(one).includes(referenceOf(report)));
  if (provenances.length > 1) return failure('reports', 'invalid', 'a report comes with one Provenance');
  const verified = verifyReport({
    report,
    provenance: (provenances[0] as Provenance | undefined) ?? null,
    signers,
    expected: { serviceRequest: state.serviceRequest, patient: state.patient, formerPatients: state.formerPatients ?? [] },
    withdraws: report.status === WITHDRAWAL ? signersOf(state, facts) : [],
    blobOf: facts.blobOf,
  });
  return isFailure(verified) ? verified : null;
}

/** Narrative is not signed, because servers write it: what nobody signed is not shown to anybody. */
function unsignedText({ text }: DiagnosticReport): Failure | null {
  return text === undefined ? null : failure('reports', 'invalid', 'a report comes without text: the signature does not cover it');
}

/** What could not be sent home is not taken. */
function tooLarge({ presentedForm = [] }: DiagnosticReport, { sizeOf }: AdmitFacts): Failure | null {
  const bytes = presentedForm.reduce(
    (sum, { url, data }) => sum + (url ? (sizeOf(url) ?? 0) : 0) + Buffer.byteLength(data ?? '', 'base64'),
    0,
  );
  if (bytes <= MAX_REPORT_FILE_BYTES) return null;
  return failure('reports', 'too-large', `the files of a report may have ${MAX_REPORT_FILE_BYTES} bytes together`);
}

/** A signed Provenance stays as it came with its report. */
function admitProvenance({ before, after }: Change, facts: AdmitFacts): Failure | null {
  const reports = [...targetsOf(before), ...targetsOf(after)].filter((reference) => reference.startsWith('DiagnosticReport/'));
  if (reports.length === 0) return null;
  if (before !== null) return failure('reports', 'conflict', 'the Provenance of a report is never changed or deleted');
  const created = createdReports(facts).map(referenceOf);
  if (reports.every((reference) => created.includes(reference))) return null;
  return failure('reports', 'invalid', 'the Provenance of a report comes in the same transaction as the report');
}

/** A reader only answers; who sends orders may bring reports of his own as context. */
function withoutCase({ caller }: AdmitFacts): Failure | null {
  return caller.role === 'origin' ? null : failure('reports', 'invalid', 'basedOn is not the ServiceRequest of a case');
}

function notYourTurn({ status }: DiagnosticReport, state: CaseState, { caller, read, reportOn }: AdmitFacts): Failure | null {
  if (caller.role !== 'reader' || state.route?.kind !== 'pull' || state.route.group !== caller.group) {
    return failure('reports', 'forbidden', 'this case is not read by your group');
  }
  const given = reportOn(state.serviceRequest);
  if (status === WITHDRAWAL) return state.phase === 'cancelled' ? CANCELLED : nothingToWithdraw(state, given);
  // The last word on the order, where the case has not followed it yet.
  if (given === null ? hasReport(state) : given.status !== WITHDRAWAL) {
    if (CORRECTIONS.has(status ?? '') && state.phase !== 'cancelled') return null;
    return failure('reports', 'conflict', 'this case has its report: another one is amended, corrected or appended');
  }
  const task = read(state.task);
  const held = task?.resourceType === 'Task' && HOLDING.has(task.status ?? '');
  return held && state.phase !== 'cancelled' ? null : failure('reports', 'conflict', 'claim the Task of this case first');
}

/** The case follows its reports a moment later, in the corridor: it must know the one that is taken back. */
function nothingToWithdraw(state: CaseState, given: DiagnosticReport | null): Failure | null {
  if (hasReport(state) && given?.status !== WITHDRAWAL) {
    if (given === null || state.report?.reference === referenceOf(given)) return null;
    return failure('reports', 'conflict', 'the last report of this case is not worked off yet: withdraw it in a moment');
  }
  return failure('reports', 'conflict', 'this case has no report that could be withdrawn');
}

/** Who signed what would be taken back: the report that stands and, where it is an addendum, what it was added to. Empty where one is not known. */
function signersOf(state: CaseState, { read }: AdmitFacts): Identifier[] {
  const proofs = shownReports(standingReports(state)).map(({ provenance = '' }) => read(provenance));
  const signers = proofs.flatMap((proof) => (proof?.resourceType === 'Provenance' ? (proof.signature?.[0]?.who?.identifier ?? []) : []));
  return signers.length === proofs.length ? signers : [];
}

function casesOf({ basedOn }: DiagnosticReport, facts: AdmitFacts): CaseState[] {
  return (basedOn ?? []).flatMap(({ reference }) => facts.caseOf(reference ?? '') ?? []);
}

function createdReports({ changes }: AdmitFacts): DiagnosticReport[] {
  return changes.flatMap(({ before, after }) => (before === null && after?.resourceType === 'DiagnosticReport' ? [after] : []));
}

function targetsOf(resource: Resource | null): string[] {
  return resource?.resourceType === 'Provenance' ? (resource.target ?? []).map(({ reference }) => reference ?? '') : [];
}

function referenceOf({ resourceType, id }: Resource): string {
  return `${resourceType}/${id}`;
}

/** DiagnosticReport.status of what takes the place of an earlier report. */
const CORRECTIONS: ReadonlySet<string> = new Set(['amended', 'corrected', 'appended']);

const CANCELLED = failure('reports', 'conflict', 'the order of this case is cancelled');

/** Task.status values under which a reader holds the case. */
const HOLDING: ReadonlySet<string> = new Set(['received', 'accepted', 'in-progress', 'on-hold']);

/**
 * What is sent where a report stood that its signer has taken back: the gateway's sentence, then the signer's own words. In: the report that
 * takes it back (DiagnosticReport.status entered-in-error). Out: it as a report to be sent. What was found is not said once more: who reads
 * on must not take it for the answer.
 */
import type { DiagnosticReport } from '@medplum/fhirtypes';

export function withdrawalNotice(report: DiagnosticReport): DiagnosticReport {
  const reason = report.conclusion?.trim() ?? '';
  return { ...report, conclusion: reason === '' ? NOTICE : `${NOTICE}\n${reason}` };
}

export const NOTICE = 'REPORT WITHDRAWN: it was issued in error and is not to be used.';

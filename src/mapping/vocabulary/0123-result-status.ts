/**
 * HL7 Table 0123, result status (OBR-25), to DiagnosticReport.status, which is required (guide: ResultStatus[Non-Queries]).
 * The guide maps O, I, S, P, C, R, F and X; the rest is decided here:
 *
 * - A partial (Microsoft): some, but not all, results are available. It is no addendum: FHIR's appended has no code in the table, a
 *   report that was added to comes as C with the whole text.
 * - O, I, S registered (guide and Microsoft; LinuxForHealth unknown): there is a report to come and none yet. N likewise: the procedure
 *   is done, results are pending.
 * - R partial (guide): stored, and not yet verified.
 * - M preliminary: corrected, and still not final. `corrected` would say that a final report was changed.
 * - Y, Z unknown (Microsoft): answers to a query that found no order, no patient. They are no report, and none is called wrong by them.
 *
 * `exact` false: the code says more than the status, so it is kept beside it. A status that is empty or not in the table is unknown, never
 * final.
 */
import type { DiagnosticReport } from '@medplum/fhirtypes';
import type { CodeTable } from './code-table.ts';

export type ReportStatus = { readonly status: NonNullable<DiagnosticReport['status']>; readonly exact: boolean };

export const RESULT_STATUS: CodeTable<ReportStatus> = {
  name: 'HL7 Table 0123',
  system: 'http://terminology.hl7.org/CodeSystem/v2-0123',
  codes: new Map<string, ReportStatus>([
    ['A', { status: 'partial', exact: false }],
    ['C', { status: 'corrected', exact: true }],
    ['F', { status: 'final', exact: true }],
    ['I', { status: 'registered', exact: false }],
    ['M', { status: 'preliminary', exact: false }],
    ['N', { status: 'registered', exact: false }],
    ['O', { status: 'registered', exact: false }],
    ['P', { status: 'preliminary', exact: true }],
    ['R', { status: 'partial', exact: false }],
    ['S', { status: 'registered', exact: false }],
    ['X', { status: 'cancelled', exact: true }],
    ['Y', { status: 'unknown', exact: false }],
    ['Z', { status: 'unknown', exact: false }],
  ]),
  otherwise: { status: 'unknown', exact: false },
};

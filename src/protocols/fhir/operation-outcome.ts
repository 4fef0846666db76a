/**
 * What a FHIR client is told when something is refused: HTTP status and OperationOutcome (R4 §3.1.0.1.5, http status codes;
 * issue codes of http://hl7.org/fhir/issue-type). In: a Failure of any room, or one worded here. Out: status and resource.
 * A fault of the client's request is explained to him; a fault of ours is named in general words and told in the log.
 */
import type { OperationOutcome, OperationOutcomeIssue } from '@medplum/fhirtypes';
import { type Failure, type FailureCode, failure } from '../../model/failure.ts';

export type IssueCode = OperationOutcomeIssue['code'];

/** One fault. `said` names elements and rules, never the values of a patient; `path` is the element's FHIRPath or ''. */
export type Fault = { readonly code: IssueCode; readonly said: string; readonly path: string };

/** A Failure that already knows its HTTP status, because the code alone does not tell it. */
export type FhirFailure = Failure & { readonly status: number; readonly faults: readonly Fault[] };

export type Answer = { readonly status: number; readonly outcome: OperationOutcome };

/** Words a Failure for the client. */
export function answerFailure(fault: Failure): Answer {
  if (isFhirFailure(fault)) return { status: fault.status, outcome: outcomeOf(fault.faults) };
  const row = ANSWERS[fault.code];
  const said = row.tell ? fault.detail : row.text;
  return { status: row.status, outcome: outcomeOf([{ code: row.issue, said, path: '' }]) };
}

/** A refusal with its own status. */
export function refuse(status: number, code: IssueCode, said: string, path = ''): FhirFailure {
  return refuseAll(status, [{ code, said, path }]);
}

/** A refusal that lists several faults. */
export function refuseAll(status: number, faults: readonly Fault[]): FhirFailure {
  const detail = faults.map((fault) => (fault.path ? `${fault.path}: ${fault.said}` : fault.said)).join('; ');
  return { ...failure('fhir', CODES[status] ?? 'invalid', detail), status, faults };
}

/** The same refusal, of an entry of a transaction. */
export function entryFailure<F extends Failure>(refused: F, index: number): F {
  const at = `Bundle.entry[${index}]`;
  if (!isFhirFailure(refused)) return { ...refused, detail: `${at}: ${refused.detail}` };
  const moved = refused.faults.map((fault) => ({
    ...fault,
    path: fault.path === '' ? at : `${at}.resource${fault.path.replace(/^[A-Za-z]+/, '')}`,
  }));
  return { ...refused, ...refuseAll(refused.status, moved) };
}

/** The outcome of something that went well. */
export function informed(said: string): OperationOutcome {
  return { resourceType: 'OperationOutcome', issue: [{ severity: 'information', code: 'informational', diagnostics: said }] };
}

function isFhirFailure(fault: Failure): fault is FhirFailure {
  return 'faults' in fault;
}

function outcomeOf(faults: readonly Fault[]): OperationOutcome {
  return {
    resourceType: 'OperationOutcome',
    issue: faults.map((fault) => ({
      severity: 'error' as const,
      code: fault.code,
      diagnostics: fault.said,
      ...(fault.path === '' ? {} : { expression: [fault.path] }),
    })),
  };
}

/** Failure code by HTTP status, for refusals worded here. */
const CODES: Readonly<Record<number, FailureCode>> = {
  401: 'forbidden',
  403: 'forbidden',
  404: 'not-found',
  405: 'unsupported-type',
  406: 'unsupported-type',
  408: 'timeout',
  409: 'conflict',
  410: 'not-found',
  412: 'conflict',
  413: 'too-large',
  415: 'unsupported-type',
  500: 'internal',
  503: 'out-of-resources',
};

/** `tell`: the detail is about the client's own request. Otherwise the text is said and the detail stays in the log. */
type Row = { readonly status: number; readonly issue: IssueCode; readonly tell: boolean; readonly text: string };

const ANSWERS: Readonly<Record<FailureCode, Row>> = {
  malformed: { status: 400, issue: 'structure', tell: true, text: '' },
  'segment-sequence': { status: 400, issue: 'structure', tell: true, text: '' },
  'required-field': { status: 422, issue: 'required', tell: true, text: '' },
  'unsupported-type': { status: 422, issue: 'not-supported', tell: true, text: '' },
  'unsupported-event': { status: 422, issue: 'not-supported', tell: true, text: '' },
  'unsupported-processing-id': { status: 422, issue: 'not-supported', tell: true, text: '' },
  'unsupported-version': { status: 422, issue: 'not-supported', tell: true, text: '' },
  'duplicate-control-id': { status: 409, issue: 'duplicate', tell: true, text: '' },
  'too-large': { status: 413, issue: 'too-long', tell: true, text: '' },
  'not-found': { status: 404, issue: 'not-found', tell: true, text: '' },
  forbidden: { status: 403, issue: 'forbidden', tell: true, text: '' },
  conflict: { status: 409, issue: 'conflict', tell: true, text: '' },
  invalid: { status: 422, issue: 'business-rule', tell: true, text: '' },
  signature: { status: 422, issue: 'security', tell: true, text: '' },
  'out-of-resources': { status: 503, issue: 'no-store', tell: false, text: 'The server has no room to store this now.' },
  unreachable: { status: 503, issue: 'transient', tell: false, text: 'Something this server needs cannot be reached now.' },
  timeout: { status: 503, issue: 'timeout', tell: false, text: 'Something this server needs did not answer in time.' },
  rejected: { status: 422, issue: 'processing', tell: true, text: '' },
  internal: { status: 500, issue: 'exception', tell: false, text: 'The server could not do this. The reason is in its log.' },
};

/**
 * What an unhappy end of an HTTP exchange with a FHIR server means for a delivery. In: what was thrown. Out: a Failure with its class.
 * All our pushes are conditional, so that "perhaps accepted" may be tried again. Promises: nothing that the server said in its own words is
 * repeated, because servers quote patients; only statuses, issue codes and element paths.
 */
import type { OperationOutcome } from '@medplum/fhirtypes';
import { type Failure, type FailureClass, type FailureCode, failure } from '../../model/failure.ts';

/** Failure of an answer with this status. */
export function statusFailure(status: number, data: unknown): Failure {
  const issues = issuesOf(data);
  return failure('delivery', codeOf(status), `HTTP ${status}${issues === '' ? '' : `: ${issues}`}`, classOf(status));
}

/** Failure of a request that met no usable answer. `error` is what fhir-kit-client or fetch threw. */
export function thrownFailure(error: unknown): Failure {
  const { response, name, cause } = error as { response?: { status: number; data: unknown }; name?: string; cause?: { code?: unknown } };
  if (response !== undefined) return response.status < 300 ? unreadable(response.status) : statusFailure(response.status, response.data);
  if (name === 'TimeoutError' || name === 'AbortError') return failure('delivery', 'timeout', 'no answer in time', 'ambiguous');
  const code = typeof cause?.code === 'string' ? cause.code : '';
  if (NEVER_SENT.has(code)) return failure('delivery', 'unreachable', `no connection: ${code}`, 'transient');
  if (/redirect/.test(String((cause as Error | undefined)?.message)))
    return failure('delivery', 'rejected', 'the server redirects elsewhere');
  return failure('delivery', 'unreachable', `the connection broke${code === '' ? '' : `: ${code}`}`, 'ambiguous');
}

/** A 2xx whose body is no FHIR: a proxy or a sign-in page in between, or an answer cut short. */
export function unreadable(status: number): Failure {
  return failure('delivery', 'malformed', `HTTP ${status} without a FHIR answer`, 'ambiguous');
}

function classOf(status: number): FailureClass {
  if (TRY_LATER.has(status)) return 'transient';
  return status >= 500 ? 'ambiguous' : 'permanent';
}

function codeOf(status: number): FailureCode {
  if (status === 401 || status === 403) return 'forbidden';
  if (status === 409 || status === 412) return 'conflict';
  return status === 408 || status === 504 ? 'timeout' : 'rejected';
}

function issuesOf(data: unknown): string {
  const { resourceType, issue } = (data ?? {}) as Partial<OperationOutcome>;
  if (resourceType !== 'OperationOutcome' || !Array.isArray(issue)) return '';
  return issue.slice(0, 5).map(issueText).filter(Boolean).join(', ');
}

function issueText(issue: { code?: unknown; expression?: unknown } | null): string {
  const path = Array.isArray(issue?.expression) ? issue.expression[0] : undefined;
  return [issue?.code, path].filter((text) => typeof text === 'string' && WORD.test(text)).join(' ');
}

/** An issue code or an element path, nothing that could hold a name. */
const WORD = /^[A-Za-z]+(?:-[a-z]+)*(?:\.[A-Za-z]+(?:\[\d+\])?)*$/;

/** Surely not processed: timed out before it was read, conflict with another writer, too early, locked, too many, overloaded. */
const TRY_LATER: ReadonlySet<number> = new Set([408, 409, 423, 425, 429, 503]);

/** Codes of Node and undici for connections that were never made. */
const NEVER_SENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

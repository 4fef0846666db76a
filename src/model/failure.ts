/**
 * Failures are values between rooms; only doors throw.
 * `class` decides whether delivery tries again, `code` decides what the peer is told (one file a protocol turns it into an answer),
 * `detail` is for the log and the journal and must carry ids, never patient data.
 */
export type FailureClass =
  /** Surely not accepted by the other side: try again. */
  | 'transient'
  /** Perhaps accepted: try again only where the destination is idempotent, else a person decides. */
  | 'ambiguous'
  /** Never try again. */
  | 'permanent';

export type FailureCode =
  | 'malformed' // cannot be parsed
  | 'segment-sequence' // HL7 Table 0357 code 100
  | 'required-field' // 101
  | 'unsupported-type' // 200
  | 'unsupported-event' // 201
  | 'unsupported-processing-id' // 202
  | 'unsupported-version' // 203
  | 'duplicate-control-id' // 205
  | 'too-large'
  | 'not-found'
  | 'forbidden'
  | 'conflict' // a version or a state that is no longer so
  | 'invalid' // breaks a rule of the standard or of this gateway
  | 'signature' // missing, altered, or by an unknown key
  | 'out-of-resources' // disk or memory
  | 'unreachable'
  | 'timeout'
  | 'rejected' // the other side said no
  | 'internal';

export type Failure = {
  readonly failure: true;
  readonly code: FailureCode;
  readonly class: FailureClass;
  /** The folder that said so. */
  readonly room: string;
  readonly detail: string;
};

export function failure(room: string, code: FailureCode, detail: string, failureClass: FailureClass = 'permanent'): Failure {
  return { failure: true, code, class: failureClass, room, detail };
}

export function isFailure(value: unknown): value is Failure {
  return typeof value === 'object' && value !== null && (value as { failure?: unknown }).failure === true;
}

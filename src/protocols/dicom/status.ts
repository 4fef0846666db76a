/**
 * What a Failure is called in DICOM: the one place where status, rejection and abort codes are made.
 * Generic towards the peer; the detail is for the log.
 */
import type { Failure, FailureCode } from '../../model/failure.ts';
import type { AssociateRj } from './pdu.ts';

export const SUCCESS = 0x0000;
/** PS3.7 Annex C. */
export const DUPLICATE_SOP_INSTANCE = 0x0111;
export const NO_SUCH_INSTANCE = 0x0112;
export const RESOURCE_LIMITATION = 0x0213;
/** Done, though some attribute that was asked for is not kept here (PS3.4 Table F.8.2-2). */
export const OPTIONAL_ATTRIBUTES_UNSUPPORTED = 0x0001;
/** C-FIND, C-GET and C-MOVE (PS3.4 Tables C.4-1 to C.4-3). */
export const PENDING = 0xff00;
/** Matches, though some key was not looked at. */
export const PENDING_UNSUPPORTED_KEYS = 0xff01;
export const CANCELLED = 0xfe00;
export const TOO_MANY_MATCHES = 0xa701;
export const NO_SUB_OPERATIONS = 0xa702;
export const MOVE_DESTINATION_UNKNOWN = 0xa801;
export const SUB_OPERATIONS_INCOMPLETE = 0xb000;
export const UNABLE_TO_PROCESS = 0xc001;

/** The status of a C-STORE response (PS3.4 Table B.2-1, PS3.7 §9.1.1.1.9 and Annex C) or of any other DIMSE response. */
export function statusOf(problem: Failure): number {
  return STATUS[problem.code] ?? PROCESSING_FAILURE;
}

/** The status of an N-ACTION response (PS3.7 §10.1.4.1.10). */
export function actionStatusOf(problem: Failure): number {
  return ACTION_STATUS[problem.code] ?? PROCESSING_FAILURE;
}

/** The status of an N-CREATE or N-SET response (PS3.7 §10.1.5.1.9, §10.1.3.1.9), where the service names none of its own. */
export function noticeStatusOf(problem: Failure): number {
  return NOTICE_STATUS[problem.code] ?? PROCESSING_FAILURE;
}

/** How an association is refused (PS3.8 Table 9-21). */
export function rejectionOf(problem: Failure): AssociateRj {
  const [result, source, reason] = REJECTION[problem.code] ?? NO_REASON;
  return { type: 'A-ASSOCIATE-RJ', result, source, reason };
}

/** Reason of an A-ABORT by the service-provider (PS3.8 Table 9-26). */
export function abortReasonOf(problem: Failure): number {
  return ABORT_REASON[problem.code] ?? 0;
}

/** The four hexadecimal digits by which a status is known. */
export function statusName(status: number): string {
  return status.toString(16).toUpperCase().padStart(4, '0');
}

/** PS3.7 Annex C: the operation was understood, and yet not done. */
const PROCESSING_FAILURE = 0x0110;

const STATUS: Partial<Record<FailureCode, number>> = {
  malformed: 0xc000, // Error: Cannot understand
  invalid: 0xa900, // Error: Data Set does not match SOP Class
  'required-field': 0xa900,
  'out-of-resources': 0xa700, // Refused: Out of Resources
  'too-large': 0xa700,
  unreachable: 0xa700, // the database is away: the sender shall try again
  timeout: 0xa700,
  'unsupported-type': 0x0122, // Refused: SOP Class not supported
  'not-found': 0x0117, // Invalid object instance
  forbidden: 0x0124, // Refused: Not authorized
  'unsupported-event': 0x0211, // Unrecognized operation
  'segment-sequence': 0x0212, // Mistyped argument
};

const ACTION_STATUS: Partial<Record<FailureCode, number>> = {
  malformed: 0x0115, // Invalid argument value
  invalid: 0x0115,
  'not-found': 0x0112, // No such SOP Instance
  'unsupported-event': 0x0123, // No such action
  'too-large': 0x0213, // Resource limitation
  'out-of-resources': 0x0213,
  unreachable: 0x0213,
  timeout: 0x0213,
};

const NOTICE_STATUS: Partial<Record<FailureCode, number>> = {
  'required-field': 0x0120, // Missing Attribute
  'not-found': 0x0117, // Invalid object instance
  forbidden: 0x0124, // Refused: Not authorized
  'unsupported-type': 0x0119, // Class-instance conflict
  'too-large': 0x0213, // Resource limitation
  unreachable: 0x0213,
};

/** Result, source, reason. */
const NO_REASON = [1, 1, 1] as const;
const REJECTION: Partial<Record<FailureCode, readonly [number, number, number]>> = {
  forbidden: [1, 1, 3], // permanent, service-user: calling AE title not recognized
  'not-found': [1, 1, 7], // permanent, service-user: called AE title not recognized
  'unsupported-type': [1, 1, 2], // permanent, service-user: application context name not supported
  'unsupported-version': [1, 2, 2], // permanent, service-provider (ACSE): protocol version not supported
  'out-of-resources': [2, 3, 2], // transient, service-provider (presentation): local limit exceeded
};

const ABORT_REASON: Partial<Record<FailureCode, number>> = {
  'unsupported-type': 1, // unrecognized PDU
  conflict: 2, // unexpected PDU
  malformed: 6, // invalid PDU parameter value
  'too-large': 6,
};

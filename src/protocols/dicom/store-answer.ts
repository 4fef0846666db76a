/**
 * What a STOW-RS request is answered: its status and the response dataset (PS3.18 §10.5.3, Annex I). In: how each object fared.
 * Out: DICOM JSON. Some stored and some not is 202, none is 409; where none was only for want of room or of the database, 503: again later.
 */
import { type Failure, isFailure } from '../../model/failure.ts';
import type { DicomJson } from './header.ts';
import { statusOf } from './status.ts';
import { isUid } from './uid.ts';

export type StoreOutcome = {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  /** Address of what was stored, or why it was not. */
  readonly result: string | Failure;
};

export type StoreAnswer = { readonly status: 200 | 202 | 409 | 503; readonly dataset: DicomJson };

/** `studyUrl`: of the study the request names, '' where it names none. */
export function storeAnswer(outcomes: readonly StoreOutcome[], studyUrl: string): StoreAnswer {
  const stored = outcomes.filter(({ result }) => !isFailure(result));
  const failed = outcomes.filter(({ result }) => isFailure(result));
  const named = failed.filter(isNamed);
  const unnamed = failed.filter((outcome) => !isNamed(outcome));
  const dataset: Record<string, DicomJson[string]> = {
    '00081190': studyUrl === '' ? { vr: 'UR' } : { vr: 'UR', Value: [studyUrl] }, // RetrieveURL
    '00081199': sequence(stored.map((outcome) => ({ ...reference(outcome), '00081190': { vr: 'UR', Value: [outcome.result as string] } }))), // ReferencedSOPSequence
  };
  if (named.length > 0) dataset['00081198'] = sequence(named.map((outcome) => ({ ...reference(outcome), ...reason(outcome) }))); // FailedSOPSequence
  if (unnamed.length > 0) dataset['0008119A'] = sequence(unnamed.map(reason)); // OtherFailuresSequence
  return { status: statusFor(stored, failed), dataset };
}

function statusFor(stored: readonly StoreOutcome[], failed: readonly StoreOutcome[]): StoreAnswer['status'] {
  if (failed.length === 0) return 200;
  if (stored.length > 0) return 202;
  return failed.every(({ result }) => (result as Failure).class === 'transient') ? 503 : 409;
}

function isNamed({ sopClassUid, sopInstanceUid }: StoreOutcome): boolean {
  return isUid(sopClassUid) && isUid(sopInstanceUid);
}

function sequence(items: readonly DicomJson[]): DicomJson[string] {
  return items.length === 0 ? { vr: 'SQ' } : { vr: 'SQ', Value: items };
}

function reference({ sopClassUid, sopInstanceUid }: StoreOutcome): DicomJson {
  return { '00081150': { vr: 'UI', Value: [sopClassUid] }, '00081155': { vr: 'UI', Value: [sopInstanceUid] } }; // ReferencedSOPClassUID, -InstanceUID
}

/** FailureReason (0008,1197): the status that the same object would have got by C-STORE (PS3.18 Table I.2-2). */
function reason({ result }: StoreOutcome): DicomJson {
  const problem = result as Failure;
  return { '00081197': { vr: 'US', Value: [problem.code === 'unsupported-version' ? TRANSFER_SYNTAX_NOT_SUPPORTED : statusOf(problem)] } };
}

const TRANSFER_SYNTAX_NOT_SUPPORTED = 0xc122;

/**
 * What others say of how far a study is (Modality Performed Procedure Step, Instance Availability Notification, a request for storage
 * commitment, Number of Study Related Instances): in C-STORE itself nothing says that a study is complete (PS3.4 Annex B).
 */
import type { CaseKey, PatientKey } from './case.ts';

export type ClosingKind = 'mpps' | 'ian' | 'commitment';
/** `mistaken`: it was performed for the wrong worklist entry. */
export type ClosingState = 'performing' | 'performed' | 'discontinued' | 'mistaken';

/** One of them, as mapping words it. */
export type ClosingSignal = {
  readonly kind: ClosingKind;
  readonly peer: string;
  /** SOP Instance UID of the step or the notification, Transaction UID of the request. */
  readonly uid: string;
  readonly state: ClosingState;
  /** What its cases are found by. */
  readonly keys: readonly CaseKey[];
  /** Empty where it does not say whom it is about. */
  readonly patient: readonly PatientKey[];
  /** SOP Instance UIDs of what it says has been made. */
  readonly instances: readonly string[];
  readonly seq: number;
  readonly at: Date;
};

/** One of them beside what has come. */
export type ClosingCount = Pick<ClosingSignal, 'kind' | 'state' | 'keys' | 'patient' | 'at'> & {
  readonly named: number;
  /** Of those it names, how many are not here, and the first of them. */
  readonly absent: number;
  readonly absentUids: readonly string[];
};

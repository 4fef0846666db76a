/** One journal entry on its way through the corridor: what the rooms so far have made of it. Steps fill it in; nothing turns back. */
import type { CasePart, PatientKey } from './case.ts';
import type { Entry } from './entry.ts';
import type { Failure } from './failure.ts';
import type { Gap } from './mapped.ts';

/** What a message says of a case that is already there. */
export type Act =
  | { readonly kind: 'task'; readonly task: string; readonly status: string; readonly by: string }
  | { readonly kind: 'abort'; readonly caseId: string; readonly task: string; readonly status: string; readonly by: string }
  | { readonly kind: 'report'; readonly caseId: string; readonly report: string; readonly provenance: string; readonly by: string }
  /** The signer takes back the report of the case; `report` says so. */
  | { readonly kind: 'withdrawal'; readonly caseId: string; readonly report: string; readonly provenance: string; readonly by: string }
  | {
      readonly kind: 'receipt';
      readonly delivery: string;
      readonly caseId: string;
      readonly destination: string;
      readonly deliveryKind: string;
    }
  | { readonly kind: 'release'; readonly caseId: string; readonly by: string; readonly why: string }
  | MoveAct;

/** What refers to one record refers to another from now on: `Type/id`. */
export type MoveAct = {
  readonly kind: 'move';
  readonly from: string;
  readonly to: string;
  /** In the words of the timeline. */
  readonly why: string;
  readonly scope: MoveScope;
  /** Numbers by which the patient of a case is known from now on, and by which he is no longer. */
  readonly keys: readonly PatientKey[];
  readonly lost: readonly PatientKey[];
  /** Row of `patient_merge` that notes what goes along, or null. */
  readonly merge: number | null;
};

/** What of all that refers to the record. */
export type MoveScope =
  /** Everything: the two are one. */
  | { readonly kind: 'merged' }
  /** Nothing: the record stays what it is, but its numbers are also, or no longer, those of another. */
  | { readonly kind: 'linked' }
  | { readonly kind: 'unlinked' }
  /** What is noted as having gone along with a merge that is undone. */
  | { readonly kind: 'noted'; readonly resources: readonly string[]; readonly cases: readonly string[] }
  /** What belongs to this stay or account, or the cases that name one of these numbers: they never were of `from`. */
  | { readonly kind: 'stay'; readonly stay: string }
  | { readonly kind: 'numbers'; readonly numbers: readonly PatientKey[] };

export type Work = {
  readonly entry: Entry;
  /** Name of the Peer: what comes by HTTP is journaled under the name of its client. */
  peer: string;
  failure: Failure | null;
  /** References are resolved: `Type/id`. */
  parts: CasePart[];
  acts: Act[];
  gaps: readonly Gap[];
  /** Why it waits for a person and nothing of it is written, or ''. */
  held: string;
  /** Resources `Type/id` of this message that belong to many cases (Patient, Practitioner …). */
  shared: string[];
  /** `Type/id` of what was written because of it. */
  readonly produced: Set<string>;
  readonly cases: Set<string>;
  /** Said in the outcome. */
  detail: string;
};

export function workOf(entry: Entry): Work {
  return {
    entry,
    peer: entry.peer,
    failure: null,
    parts: [],
    acts: [],
    gaps: [],
    held: '',
    shared: [],
    produced: new Set(),
    cases: new Set(),
    detail: '',
  };
}

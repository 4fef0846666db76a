/** One journal entry on its way through the corridor: what the rooms so far have made of it. Steps fill it in; nothing turns back. */
import type { CasePart } from './case.ts';
import type { Entry } from './entry.ts';
import type { Failure } from './failure.ts';
import type { Gap } from './mapped.ts';

/** What a message says of a case that is already there. */
export type Act =
  | { readonly kind: 'task'; readonly task: string; readonly status: string; readonly by: string }
  | { readonly kind: 'abort'; readonly caseId: string; readonly task: string; readonly status: string; readonly by: string }
  | { readonly kind: 'report'; readonly caseId: string; readonly report: string; readonly provenance: string; readonly by: string }
  | {
      readonly kind: 'receipt';
      readonly delivery: string;
      readonly caseId: string;
      readonly destination: string;
      readonly deliveryKind: string;
    }
  | { readonly kind: 'release'; readonly caseId: string; readonly by: string; readonly why: string };

export type Work = {
  readonly entry: Entry;
  /** Name of the Peer: what comes by HTTP is journaled under the name of its client. */
  peer: string;
  failure: Failure | null;
  /** References are resolved: `Type/id`. */
  parts: CasePart[];
  acts: Act[];
  gaps: readonly Gap[];
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
    shared: [],
    produced: new Set(),
    cases: new Set(),
    detail: '',
  };
}

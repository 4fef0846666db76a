/**
 * What must be answered at once on a FHIR write: is this signature good, may this Task change so.
 * A pure question, built in main.ts from `cases` and `reports`; the FHIR door asks it inside the write transaction,
 * after the resources are locked and the facts are loaded, once per change.
 */
import type { DiagnosticReport, Resource } from '@medplum/fhirtypes';
import type { CaseState } from './case.ts';
import type { Failure } from './failure.ts';
import type { Caller } from './peer.ts';

/** `before` null: create. `after` null: delete. Resources carry their final `id` and references are literal (`Type/id`). */
export type Change = { readonly before: Resource | null; readonly after: Resource | null };

export type AdmitFacts = {
  readonly caller: Caller;
  readonly now: Date;
  /** All changes of this write (a transaction's entries), in the order they will be saved. */
  readonly changes: readonly Change[];
  /** The case that a resource `Type/id` belongs to, whatever the caller may see; null when it belongs to none. */
  caseOf(reference: string): CaseState | null;
  /**
   * The Task, ServiceRequest and Patient of a case in question and the Provenances of its reports, as they stand inside this transaction
   * (locked); null for anything else.
   * A case follows a claim a moment later, in the corridor: whether a reader holds it is asked of the Task.
   */
  read(reference: string): Resource | null;
  /** The last report on this order (`ServiceRequest/id`) that the caller's group gave before this write; null for none. */
  reportOn(order: string): DiagnosticReport | null;
  /** Hex SHA-256 of the bytes of `Binary/id` (stored or in this write), or null. */
  blobOf(reference: string): string | null;
  /** Bytes of `Binary/id` (stored or in this write), or null. */
  sizeOf(reference: string): number | null;
  /** True when the request named the version it changes (If-Match or ifMatch). */
  readonly versionNamed: boolean;
};

export type Admit = (change: Change, facts: AdmitFacts) => Failure | null;

/** Storage commitment (PS3.4 Annex J): what a sender asks us to keep, so that it may delete its own. */

import type { CallTls } from './tls.ts';

/** Referenced SOP Class UID (0008,1150) and Referenced SOP Instance UID (0008,1155). */
export type SopReference = { readonly sopClassUid: string; readonly sopInstanceUid: string };
export type CommitmentRequest = { readonly transactionUid: string; readonly references: readonly SopReference[] };
/** `reason`: Failure Reason (0008,1197). */
export type FailedReference = SopReference & { readonly reason: number };
/** The whole set of a request, each object in one of the two. */
export type CommitmentAnswer = {
  readonly transactionUid: string;
  readonly committed: readonly SopReference[];
  readonly failed: readonly FailedReference[];
};

/** PS3.3 §C.14.1.1, Failure Reason. */
export const NOT_SAFE = { processingFailure: 0x0110, noSuchObject: 0x0112, classConflict: 0x0119 } as const;

/** A request that waits for its answer to be taken. */
export type Commitment = {
  readonly id: number;
  readonly peer: string;
  readonly request: CommitmentRequest;
  /** Null until the objects have been looked at. */
  readonly answer: CommitmentAnswer | null;
  readonly received: Date;
  /** How often the answer was tried to be given. */
  readonly attempts: number;
};

/** Where a peer listens for answers when its association is gone; it is called by the AE title by which it calls. */
export type CommitmentAddress = {
  readonly host: string;
  readonly port: number;
  /** How it is called; absent: without TLS. */
  readonly tls?: CallTls;
  /** Nothing is granted before the archive of this destination has committed it; after the limit it is refused. Absent: what is kept here. */
  readonly archive?: { readonly name: string; readonly limitMs: number };
};

/** A request of ours to an archive. */
export type AskedCommitment = {
  readonly id: number;
  readonly destination: string;
  readonly transactionUid: string;
  readonly state: string;
  readonly attempts: number;
  readonly created: Date;
  readonly lastFailure: string;
};

/** Of the objects of a case that an archive was asked to commit. */
export type CaseCommitment = { readonly destination: string; readonly asked: number; readonly committed: number };

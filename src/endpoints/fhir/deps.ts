/** What the FHIR door is given by main.ts. */
import type { Journal } from '../../journal/journal.ts';
import type { Admit } from '../../model/admit.ts';
import type { Clock } from '../../model/clock.ts';
import type { Log } from '../../model/log.ts';
import type { Metrics } from '../../model/metrics.ts';
import type { Caller } from '../../model/peer.ts';
import type { Validate } from '../../protocols/fhir/resource-validator.ts';
import type { AuditTrail } from '../../store/audit-store.ts';
import type { BlobStore } from '../../store/blob-store.ts';
import type { Database } from '../../store/database.ts';

export type FhirDeps = {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly journal: Journal;
  readonly audit: AuditTrail;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Who holds this bearer token; null for nobody. */
  readonly authenticate: (token: string) => Promise<Caller | null>;
  readonly admit: Admit;
  /** From `loadValidator()`. */
  readonly validate: Validate;
  readonly settings: FhirSettings;
};

export type FhirSettings = {
  /** `https://host`, as clients reach us; '' for the address a request came in on. */
  readonly publicUrl: string;
  /** Whether pages of other origins may read it. */
  readonly cors: boolean;
  /** Of a JSON body. */
  readonly maxBodyBytes: number;
  /** Of a Binary sent as it is. */
  readonly maxBinaryBytes: number;
  /** A JSON body must be complete after this time; a Binary may not pause longer. */
  readonly bodyTimeoutMs: number;
};

/** Holds for a hospital's photos and films; a disk that runs full before is answered too. */
export const DEFAULT_MAX_BINARY_BYTES = 4 * 1024 ** 3;
export const DEFAULT_BODY_TIMEOUT_MS = 30_000;

/** What main.ts hands to the operations door. */
import type { Journal } from '../../journal/journal.ts';
import type { Clock } from '../../model/clock.ts';
import type { Log } from '../../model/log.ts';
import type { AuditTrail } from '../../store/audit-store.ts';
import type { Database } from '../../store/database.ts';

/** Check → what is wrong, '' when nothing is. */
export type Readiness = Readonly<Record<'database' | 'corridor' | 'disk', string>>;

export type OperationsDeps = {
  readonly database: Database;
  readonly journal: Journal;
  readonly audit: AuditTrail;
  readonly clock: Clock;
  readonly log: Log;
  /** Hash (security/token.ts) of the token in gateway.json. */
  readonly operatorTokenHash: Buffer;
  /** Groups that cases are offered to, by configuration. */
  readonly readingGroups: readonly string[];
  /** Names of those that are sent to. */
  readonly destinations: readonly string[];
  readonly readiness: () => Promise<Readiness>;
  readonly version: string;
  readonly started: Date;
  /** Asked at each request: doors are bound after the routes are made. */
  readonly addresses: () => readonly string[];
};

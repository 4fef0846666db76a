/**
 * An archive says which objects it has committed (PS3.4 §J.3.3), on whichever association. In: the report, and at which of our destinations
 * the archive stands. Out: whether it answers a request of ours. Promises: the journal, the objects and the timelines of their cases have
 * it in one commit, before the archive hears that it was taken; the same report again changes nothing.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../model/clock.ts';
import type { CommitmentAnswer } from '../model/commitment.ts';
import { type Failure, failure } from '../model/failure.ts';
import { lockAsked, noteAnswer } from '../store/asked-commitment-store.ts';
import { addCaseEvents } from '../store/case-store.ts';
import type { Database } from '../store/database.ts';
import type { Journal } from './journal.ts';

export type ReportDeps = { readonly database: Database; readonly journal: Pick<Journal, 'appendIn'>; readonly clock: Clock };

/** What was not committed is asked for again: an archive may be at work on it still. */
const AGAIN_MS = 10 * 60_000;

export async function takeReport(deps: ReportDeps, report: CommitmentAnswer, destinations: readonly string[]): Promise<Failure | null> {
  try {
    return await deps.database.transaction(async (tx) => {
      const asked = await lockAsked(tx, report.transactionUid, destinations);
      if (!asked) return failure('dimse', 'invalid', 'a report on no request of ours');
      const now = deps.clock.now();
      const payload = Buffer.from(JSON.stringify(report));
      const seq = await deps.journal.appendIn(tx, {
        ...{ kind: 'receipt', peer: asked.destination, type: 'commitment', controlId: report.transactionUid, payload, blob: null },
        ...{ digest: createHash('sha256').update(payload).digest(), lane: `destination ${asked.destination}`, disposition: 'ignored' },
        ...{ answer: Buffer.alloc(0), effects: [], received: now },
        detail: `${report.committed.length} objects committed, ${report.failed.length} not`,
      });
      const { committed, open } = await noteAnswer(tx, asked.id, report, now, new Date(now.getTime() + AGAIN_MS));
      const event = (kind: string, detail: string) => ({ at: now, seq, kind, actor: asked.destination, detail });
      await addCaseEvents(tx, [
        ...committed.map(({ caseId, objects }) => ({
          caseId,
          event: event('committed', `${asked.destination} has committed ${objects} objects`),
        })),
        ...(report.failed.length === 0 ? [] : open).map(({ caseId, objects }) => ({
          caseId,
          event: event('not-committed', `${asked.destination} has not committed ${objects} objects${reasonsOf(report)}`),
        })),
      ]);
      return null;
    });
  } catch (error) {
    return failure('dimse', 'unreachable', `journal: ${error instanceof Error ? error.message : 'failed'}`, 'transient');
  }
}

/** Failure Reason (0008,1197) in the four digits by which it is known. */
function reasonsOf({ failed }: CommitmentAnswer): string {
  const reasons = [...new Set(failed.map(({ reason }) => reason.toString(16).toUpperCase().padStart(4, '0')))];
  return ` (${reasons.sort().slice(0, 5).join(', ')})`;
}

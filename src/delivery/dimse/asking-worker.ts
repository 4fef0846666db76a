/**
 * Asks archives to commit what was sent to them, asks again what was not answered or not committed, and leaves to a person what an archive
 * has not committed within its limit. In: deliveries of objects to destinations with `commitment`. Out: which of them are committed.
 * Promises: nothing is forgotten by a kill; a request whose answer was lost is made anew, under another Transaction UID.
 */
import { type ReportDeps, takeReport } from '../../journal/commitment-report-session.ts';
import type { AskedCommitment } from '../../model/commitment.ts';
import type { Destination, DimseDestination, RetryPolicy } from '../../model/config.ts';
import type { Log } from '../../model/log.ts';
import type { Metrics } from '../../model/metrics.ts';
import { newUid } from '../../protocols/dicom/uid.ts';
import {
  claimAsked,
  gatherObjects,
  giveUpAsked,
  openReferences,
  putOffAsked,
  renewTransaction,
  reviveAsked,
} from '../../store/asked-commitment-store.ts';
import { addCaseEvents } from '../../store/case-store.ts';
import { type DueWorker, startDueWorker } from '../due-worker.ts';
import { delayMs } from '../retry.ts';
import { askCommitment } from './commitment-client.ts';

const AT_ONCE = 4;
const LEASE_MS = 10 * 60_000;
/** When a request that could not be made is made again. */
const RETRY: RetryPolicy = { firstDelayMs: 5_000, maxDelayMs: 30 * 60_000, maxAttempts: 1_000, onFailure: 'setAside' };
/** When one that was accepted and not answered is made again. */
const ANSWER: RetryPolicy = { ...RETRY, firstDelayMs: 30 * 60_000, maxDelayMs: 6 * 60 * 60_000 };

export type AskingDeps = ReportDeps & {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly destinations: readonly Destination[];
};

export type AskingWorker = DueWorker & { renew(destinations: readonly Destination[]): void };

export function startAskingWorker(deps: AskingDeps): AskingWorker {
  let archives = archivesOf(deps.destinations);
  const worker = startDueWorker({
    begin: () => revive(deps, archives),
    work: async (ending) => {
      await gather(deps, archives);
      return (await askDue({ ...deps, ending }, archives)) > 0;
    },
    failed: (reason) => deps.log.warn('commitment.asking-failed', { reason }),
  });
  return {
    renew: (destinations) => {
      archives = archivesOf(destinations);
    },
    stop: worker.stop,
  };
}

export type Archives = ReadonlyMap<string, DimseDestination>;

export function archivesOf(destinations: readonly Destination[]): Archives {
  return new Map(destinations.flatMap((one) => (one.kind === 'dimse' && one.commitment ? [[one.name, one] as const] : [])));
}

/** At start: a person who gives an archive more time makes the limit longer. */
async function revive({ database, clock }: AskingDeps, archives: Archives): Promise<void> {
  const now = clock.now();
  for (const { name, commitment } of archives.values())
    await reviveAsked(database, name, new Date(now.getTime() - (commitment?.limitMs ?? 0)), now);
}

async function gather({ database, clock }: AskingDeps, archives: Archives): Promise<void> {
  for (const name of archives.keys())
    while (await database.transaction((tx) => gatherObjects(tx, name, newUid(clock.uuid()), clock.now())));
}

type Asking = AskingDeps & { readonly ending: AbortSignal };

async function askDue(deps: Asking, archives: Archives): Promise<number> {
  const now = deps.clock.now();
  const due = await claimAsked(deps.database, now, new Date(now.getTime() + LEASE_MS), AT_ONCE);
  await Promise.all(due.map((asked) => askOne(asked, archives.get(asked.destination), deps)));
  return due.length;
}

async function askOne(asked: AskedCommitment, archive: DimseDestination | undefined, deps: Asking): Promise<void> {
  const { database, clock, log, metrics } = deps;
  const { id, destination, created } = asked;
  const attempts = asked.attempts + 1;
  const limit = archive?.commitment?.limitMs ?? 0;
  if (clock.now().getTime() - created.getTime() >= limit) return giveUp(asked, deps);
  const references = await openReferences(database, id);
  const again = asked.state === 'asked';
  const transactionUid = again ? newUid(clock.uuid()) : asked.transactionUid;
  if (again) await renewTransaction(database, id, transactionUid);
  const take = (report: Parameters<typeof takeReport>[1]) => takeReport(deps, report, [destination]);
  const refused = await askCommitment(archive as DimseDestination, { transactionUid, references }, take, deps.ending);
  const policy = refused ? RETRY : ANSWER;
  const due = new Date(Math.min(clock.now().getTime() + delayMs(attempts, policy, Math.random()), created.getTime() + limit));
  await putOffAsked(database, asked, { state: refused && !again ? 'waiting' : 'asked', due, why: refused?.detail ?? 'not answered' });
  metrics.count('waystation_commitment_requests_total', { destination, outcome: refused ? 'not-made' : 'made' });
  log.info('commitment.asked', {
    destination,
    transaction: transactionUid,
    objects: references.length,
    attempts,
    why: refused?.detail ?? '',
  });
}

/** The limit is over, or the archive is no longer configured. */
async function giveUp({ id, destination, transactionUid, lastFailure }: AskedCommitment, deps: AskingDeps): Promise<void> {
  const { database, clock, log } = deps;
  await database.transaction(async (tx) => {
    const at = clock.now();
    const open = await giveUpAsked(tx, id, at);
    const detail = (objects: number) => `${destination} has not committed ${objects} objects in time (${lastFailure}): a person decides`;
    const eventOf = (objects: number) => ({ at, seq: null, kind: 'commitment-dead', actor: destination, detail: detail(objects) });
    await addCaseEvents(
      tx,
      open.map(({ caseId, objects }) => ({ caseId, event: eventOf(objects) })),
    );
  });
  log.error('commitment.dead', { destination, transaction: transactionUid, why: lastFailure });
}

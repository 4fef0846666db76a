/**
 * Asks PACS for the priors of cases, one case after the other, beside everything else. In: the table of those that wait. Out: their objects
 * are in the journal as objects that arrived; the timeline of the case says what came and what did not.
 * Promises: what was ordered is asked for, also after a kill, and asked twice it is stored once; a PACS that cannot be reached, or does not
 * give all, is asked again, and some day no longer.
 */
import type { CasePhase, CaseState } from '../../model/case.ts';
import type { Clock } from '../../model/clock.ts';
import type { Destination, DimseDestination, RetryPolicy } from '../../model/config.ts';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import type { Log } from '../../model/log.ts';
import type { Metrics } from '../../model/metrics.ts';
import type { PriorOrder } from '../../model/prior.ts';
import { readCases } from '../../store/case-store.ts';
import type { Database } from '../../store/database.ts';
import { materialObjects } from '../../store/instance-store.ts';
import { claimPriors, type DuePriors, freePriors, nameStudies, putOffPriors, settlePriors } from '../../store/prior-store.ts';
import { type DueWorker, startDueWorker } from '../due-worker.ts';
import { delayMs } from '../retry.ts';
import { fetchPriors, type PriorDeps, type PriorResult } from './prior-session.ts';

/** Twenty large studies over a slow line take less. */
const LEASE_MS = 60 * 60_000;
/** The last of these comes after about four hours: later nobody waits for a prior. */
const RETRY: RetryPolicy = { firstDelayMs: 1_000, maxDelayMs: 10 * 60_000, maxAttempts: 30, onFailure: 'setAside' };
/** More objects of a study are not counted. */
const MAX_COUNTED = 5_001;

export type PriorWorkerDeps = {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly destinations: readonly Destination[];
  readonly ownAeTitle: string;
  /** Takes an object as a door takes it, as asked for from a destination. */
  readonly begin: (destination: string, ...object: Parameters<PriorDeps['begin']>) => ReturnType<PriorDeps['begin']>;
};

export type PriorWorker = DueWorker & { renew(destinations: readonly Destination[]): void };

export function startPriorWorker(deps: PriorWorkerDeps): PriorWorker {
  let { destinations } = deps;
  const worker = startDueWorker({
    begin: () => freePriors(deps.database, deps.clock.now()),
    work: (signal) => askDue({ ...deps, destinations, signal }),
    failed: (reason) => deps.log.warn('priors.failed', { reason }),
  });
  return {
    renew: (renewed) => {
      destinations = renewed;
    },
    stop: worker.stop,
  };
}

type Asking = PriorWorkerDeps & { readonly signal: AbortSignal };

async function askDue(deps: Asking): Promise<boolean> {
  const now = deps.clock.now();
  const due = await claimPriors(deps.database, now, new Date(now.getTime() + LEASE_MS));
  if (due) await askOne(deps, due);
  return due !== null;
}

async function askOne(deps: Asking, due: DuePriors): Promise<void> {
  const { database, clock, log, metrics } = deps;
  const { order, attempts } = due;
  const state = (await readCases(database, [order.caseId])).get(order.caseId)?.state;
  if (!state || OVER.has(state.phase))
    return settlePriors(database, order, clock.now(), { detail: 'not asked: the case is over', failure: '' });
  const result = await ask(deps, order, state);
  const fault = isFailure(result) ? result.detail : result.faults.join('; ');
  const about = { case: order.caseId, from: order.from, attempts };
  metrics.count('waystation_priors_total', { outcome: fault === '' ? 'fetched' : 'incomplete' });
  if (fault === '') log.info('priors.fetched', about);
  else log.warn('priors.incomplete', { ...about, why: fault });
  const isLast = fault === '' || (isFailure(result) && result.class === 'permanent') || attempts >= RETRY.maxAttempts;
  if (isLast) return settlePriors(database, order, clock.now(), { detail: told(order, result, fault), failure: fault });
  await putOffPriors(database, order, new Date(clock.now().getTime() + delayMs(attempts, RETRY, Math.random())), fault);
}

function ask(deps: Asking, order: PriorOrder, { studies, keys }: CaseState): Promise<PriorResult | Failure> {
  const { database, clock, ownAeTitle } = deps;
  const pacs = deps.destinations.find((one): one is DimseDestination => one.kind === 'dimse' && one.name === order.from);
  if (!pacs) return Promise.resolve(failure('delivery', 'not-found', 'the PACS is no longer configured'));
  const own = {
    uids: [...studies.map(({ uid }) => uid), ...keys.filter(({ kind }) => kind === 'study').map(({ value }) => value)],
    accessions: keys.filter(({ kind }) => kind === 'accession').map(({ value }) => value),
  };
  return fetchPriors(order, pacs, own, {
    ownAeTitle,
    signal: deps.signal,
    begin: (...object) => deps.begin(order.from, ...object),
    here: async (studyUid) => (await materialObjects(database, [studyUid], MAX_COUNTED)).length,
    take: (studyUids) => nameStudies(database, order, studyUids, clock.now()),
  });
}

function told({ from }: PriorOrder, result: PriorResult | Failure, fault: string): string {
  if (isFailure(result)) return `${from} gave no priors: ${fault}`;
  const missing = [...result.left, ...result.faults].map((text) => `; ${text}`).join('');
  const refused = result.refused === 0 ? '' : `; ${result.refused} objects were refused: they are not the patient's`;
  return `${result.whole} of ${result.taken} studies came from ${from}${refused}${missing}`;
}

const OVER: ReadonlySet<CasePhase> = new Set(['reported', 'closed', 'cancelled']);

/**
 * Gives the answers to requests for storage commitment whose association is gone: on a new one to the peer's configured address, with the
 * roles turned round (PS3.4 §J.3.3, PS3.7 §D.3.3.4). In: the table of those that wait. Out: each is settled once the peer has taken it.
 * Promises: what was accepted is answered, also after a kill; a peer that cannot be reached is tried again later, and later.
 */
import type { Clock } from '../../model/clock.ts';
import type { Commitment, CommitmentAddress, CommitmentAnswer } from '../../model/commitment.ts';
import type { RetryPolicy } from '../../model/config.ts';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import type { Log } from '../../model/log.ts';
import type { Metrics } from '../../model/metrics.ts';
import { STORAGE_COMMITMENT_PUSH } from '../../protocols/dicom/sop-class.ts';
import { SUCCESS, statusName } from '../../protocols/dicom/status.ts';
import { EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN } from '../../protocols/dicom/transfer-syntax.ts';
import type { BlobStore } from '../../store/blob-store.ts';
import {
  answerCommitment,
  claimCommitments,
  freeCommitments,
  LEASE_MS,
  postponeCommitment,
  putOffCommitment,
  settleCommitment,
} from '../../store/commitment-store.ts';
import type { Database } from '../../store/database.ts';
import { type DueWorker, startDueWorker } from '../due-worker.ts';
import { delayMs } from '../retry.ts';
import { associate } from './dimse-client.ts';

const AT_ONCE = 4;
const TIMEOUT_MS = 20_000;
/** How often it is looked whether the archive behind us has committed what is asked for. */
const ARCHIVE_POLL_MS = 10_000;
/** The last of these comes after about five days. */
const RETRY: RetryPolicy = { firstDelayMs: 5_000, maxDelayMs: 30 * 60_000, maxAttempts: 250, onFailure: 'setAside' };

export type CommitmentWorkerDeps = {
  readonly database: Database;
  readonly blobs: Pick<BlobStore, 'verify'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly aeTitle: string;
  /** Where a peer is called, and by which AE title; null for one that is no longer configured. */
  readonly addressOf: (peer: string) => (CommitmentAddress & { readonly aeTitle: string }) | null;
};

export function startCommitmentWorker(deps: CommitmentWorkerDeps): DueWorker {
  return startDueWorker({
    begin: () => freeCommitments(deps.database, deps.clock.now()),
    work: async () => (await answerDue(deps)) > 0,
    failed: (reason) => deps.log.warn('commitment.failed', { reason }),
  });
}

async function answerDue(deps: CommitmentWorkerDeps): Promise<number> {
  const now = deps.clock.now();
  const due = await claimCommitments(deps.database, now, new Date(now.getTime() + LEASE_MS), AT_ONCE);
  await Promise.all(due.map((commitment) => answerOne(commitment, deps)));
  return due.length;
}

async function answerOne(commitment: Commitment, deps: CommitmentWorkerDeps): Promise<void> {
  const { database, clock, log, metrics } = deps;
  const { id, peer, request } = commitment;
  const address = deps.addressOf(peer);
  const answer = await answerCommitment(database, deps.blobs, commitment, {
    ...(address?.archive ? { archive: address.archive } : {}),
    clock,
  });
  if (answer === null) return postponeCommitment(database, id, new Date(clock.now().getTime() + ARCHIVE_POLL_MS));
  const status = await send(answer, address, deps.aeTitle);
  const about = { peer, transaction: request.transactionUid, committed: answer.committed.length, failed: answer.failed.length };
  if (status === SUCCESS) {
    await settleCommitment(database, id, 'done', clock.now());
    metrics.count('waystation_dimse_commitments_total', { outcome: 'reported' });
    return log.info('commitment.reported', about);
  }
  const why = isFailure(status) ? status.detail : `answered ${statusName(status)}`;
  const attempts = commitment.attempts + 1;
  log.warn('commitment.not-taken', { ...about, attempts, why });
  if (attempts >= RETRY.maxAttempts) return settleCommitment(database, id, 'dead', clock.now(), why);
  await putOffCommitment(database, id, new Date(clock.now().getTime() + delayMs(attempts, RETRY, Math.random())), why);
}

async function send(
  answer: CommitmentAnswer,
  address: ReturnType<CommitmentWorkerDeps['addressOf']>,
  calling: string,
): Promise<number | Failure> {
  if (address === null) return failure('delivery', 'not-found', 'the peer is no longer configured');
  const { host, port, tls = null, aeTitle: called } = address;
  const syntaxes = [EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN];
  const wanted = [{ abstractSyntax: STORAGE_COMMITMENT_PUSH, transferSyntaxes: syntaxes, asProvider: true }];
  const association = await associate({ host, port, calling, called, tls, timeoutMs: TIMEOUT_MS }, wanted);
  if (isFailure(association)) return association;
  const status = await association.report(answer);
  await association.release();
  return status;
}

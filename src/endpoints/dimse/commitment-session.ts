/**
 * One N-ACTION at the DIMSE door that asks for storage commitment (PS3.4 §J.3.2), and the answer to it while the peer is still there.
 * Promises: success to the request only after it is in the journal and among the commitments that wait, so that its answer is given
 * whatever happens; when the peer leaves before, delivery/dimse/commitment-worker.ts gives it on an association of its own.
 */
import { createHash } from 'node:crypto';
import type { Journal } from '../../journal/journal.ts';
import type { Clock } from '../../model/clock.ts';
import type { Commitment, CommitmentAnswer, CommitmentRequest } from '../../model/commitment.ts';
import type { NewEntry } from '../../model/entry.ts';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import type { Log } from '../../model/log.ts';
import type { Metrics } from '../../model/metrics.ts';
import type { Peer } from '../../model/peer.ts';
import { COMMAND, type Command } from '../../protocols/dicom/command.ts';
import type { AcceptedContext } from '../../protocols/dicom/negotiation.ts';
import { STORAGE_COMMITMENT_INSTANCE, STORAGE_COMMITMENT_PUSH } from '../../protocols/dicom/sop-class.ts';
import { actionStatusOf, SUCCESS, statusName } from '../../protocols/dicom/status.ts';
import {
  eventTypeOf,
  REQUEST_COMMITMENT,
  type RequestReader,
  requestReader,
  writeEvent,
} from '../../protocols/dicom/storage-commitment.ts';
import { EXPLICIT_LITTLE_ENDIAN, type TransferSyntax, transferSyntax } from '../../protocols/dicom/transfer-syntax.ts';
import type { BlobStore } from '../../store/blob-store.ts';
import {
  answerCommitment,
  insertCommitment,
  LEASE_MS,
  postponeCommitment,
  putOffCommitment,
  settleCommitment,
} from '../../store/commitment-store.ts';
import type { Database } from '../../store/database.ts';
import type { Operation, Request } from './operation.ts';

export type CommitmentDeps = {
  readonly database: Database;
  readonly journal: Pick<Journal, 'appendIn'>;
  readonly blobs: Pick<BlobStore, 'verify'>;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly clock: Clock;
};

export class CommitmentSession implements Operation {
  readonly #request: Request;
  readonly #peer: Peer;
  readonly #deps: CommitmentDeps;
  readonly #reader: RequestReader;
  #problem: Failure | null;
  #accepted: Commitment | null = null;

  constructor(request: Request, deps: CommitmentDeps) {
    const { command, context, peer } = request;
    this.#request = request;
    this.#peer = peer;
    this.#deps = deps;
    this.#reader = requestReader(transferSyntax(context.transferSyntax) as TransferSyntax);
    this.#problem = faultOf(command, context);
  }

  async write(fragment: Buffer): Promise<void> {
    this.#problem ??= this.#reader.push(fragment);
  }

  /** The status of the N-ACTION. */
  async end(): Promise<number> {
    const request = this.#problem ?? this.#reader.end();
    const kept = isFailure(request) ? request : await this.#keep(request);
    const status = isFailure(kept) ? actionStatusOf(kept) : SUCCESS;
    this.#deps.metrics.count('waystation_dimse_commitment_requests_total', { status: statusName(status) });
    if (isFailure(kept))
      this.#deps.log.warn('dimse.commitment-refused', { peer: this.#peer.name, status: statusName(status), detail: kept.detail });
    else this.#accepted = kept;
    return status;
  }

  async abandon(): Promise<void> {
    this.#problem ??= failure('dimse', 'malformed', 'the association ended before the dataset', 'transient');
  }

  /** Looks at the objects and tells the peer, if it is still there. Never rejects. */
  async after(): Promise<void> {
    const { database, blobs, clock, log, metrics } = this.#deps;
    const accepted = this.#accepted;
    if (accepted === null) return;
    try {
      const archive = this.#peer.commitment?.archive;
      const answer = await answerCommitment(database, blobs, accepted, { ...(archive ? { archive } : {}), clock });
      // The worker looks again until the archive has spoken, and answers on an association of its own.
      if (answer === null) return await postponeCommitment(database, accepted.id, clock.now());
      const status = await this.#report(answer);
      const about = {
        peer: accepted.peer,
        transaction: accepted.request.transactionUid,
        committed: answer.committed.length,
        failed: answer.failed.length,
      };
      if (status === SUCCESS) {
        await settleCommitment(database, accepted.id, 'done', clock.now());
        metrics.count('waystation_dimse_commitments_total', { outcome: 'reported' });
        log.info('dimse.committed', about);
      } else
        await putOffCommitment(database, accepted.id, clock.now(), isFailure(status) ? status.detail : `answered ${statusName(status)}`);
    } catch {
      // The database is away: the lease runs out, or the next start frees it.
      log.warn('dimse.commitment-left', { peer: accepted.peer, transaction: accepted.request.transactionUid });
    }
  }

  /** N-EVENT-REPORT (PS3.7 §10.1.1) on this association: the status of its response, or why there is none. */
  #report(answer: CommitmentAnswer): Promise<number | Failure> {
    const { context, dialogue } = this.#request;
    const event = { field: COMMAND.nEventReportRq, eventTypeId: eventTypeOf(answer) };
    const command = { ...event, sopClassUid: STORAGE_COMMITMENT_PUSH, sopInstanceUid: STORAGE_COMMITMENT_INSTANCE };
    return dialogue.ask(context.id, command, writeEvent(answer, context.transferSyntax === EXPLICIT_LITTLE_ENDIAN));
  }

  async #keep(request: CommitmentRequest): Promise<Commitment | Failure> {
    const { database, journal, clock } = this.#deps;
    const received = clock.now();
    const { name } = this.#peer;
    try {
      return await database.transaction(async (tx) => {
        const seq = await journal.appendIn(tx, entryOf(request, name, received));
        const id = await insertCommitment(tx, { peer: name, request, seq, received, due: new Date(received.getTime() + LEASE_MS) });
        if (id === null) throw new OtherRequest();
        return { id, peer: name, request, answer: null, attempts: 0, received };
      });
    } catch (error) {
      if (error instanceof OtherRequest) return failure('dimse', 'conflict', 'the Transaction UID stands for another request');
      return failure('dimse', 'unreachable', `journal: ${error instanceof Error ? error.message : 'failed'}`, 'transient');
    }
  }
}

/** Undoes the transaction. */
class OtherRequest extends Error {}

/** Who asks for a set has sent it: that walks on to the cases it is of, and opens none. */
function entryOf(request: CommitmentRequest, peer: string, received: Date): NewEntry {
  const payload = Buffer.from(JSON.stringify(request));
  const nothing = Buffer.alloc(0);
  return {
    ...{ kind: 'dicom', peer, type: STORAGE_COMMITMENT_PUSH, controlId: request.transactionUid, lane: peer, payload, blob: null },
    ...{ digest: createHash('sha256').update(payload).digest(), disposition: 'accepted', answer: nothing, effects: [] },
    ...{ detail: `storage commitment of ${request.references.length} objects`, received },
  };
}

/** PS3.4 Table J.3-1: the well-known instance, the one action there is. */
function faultOf(command: Command, context: AcceptedContext): Failure | null {
  if (context.abstractSyntax !== STORAGE_COMMITMENT_PUSH) return failure('dimse', 'unsupported-event', 'no action of this SOP class');
  if (command.sopInstanceUid !== STORAGE_COMMITMENT_INSTANCE) return failure('dimse', 'not-found', 'not the well-known SOP instance');
  return command.actionTypeId === REQUEST_COMMITMENT ? null : failure('dimse', 'unsupported-event', `action ${command.actionTypeId}`);
}

/**
 * Asks an archive to commit objects (N-ACTION, PS3.4 §J.3.2), and takes its answer where it comes on the same association; one that comes
 * later comes to our door. In: the request, who takes the report, and what ends the wait for it. Out: null when the archive has accepted
 * to answer, or why not.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { CommitmentAnswer, CommitmentRequest } from '../../model/commitment.ts';
import type { DimseDestination } from '../../model/config.ts';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import { COMMAND } from '../../protocols/dicom/command.ts';
import { STORAGE_COMMITMENT_INSTANCE, STORAGE_COMMITMENT_PUSH } from '../../protocols/dicom/sop-class.ts';
import { actionStatusOf, SUCCESS, statusName } from '../../protocols/dicom/status.ts';
import { REQUEST_COMMITMENT, reportReader, writeRequest } from '../../protocols/dicom/storage-commitment.ts';
import {
  EXPLICIT_LITTLE_ENDIAN,
  IMPLICIT_LITTLE_ENDIAN,
  type TransferSyntax,
  transferSyntax,
} from '../../protocols/dicom/transfer-syntax.ts';
import { associate, type Hear } from './dimse-client.ts';

export type TakeReport = (report: CommitmentAnswer) => Promise<Failure | null>;

/** An archive that answers at once does so within this time; longer no association is kept for it. */
const HOLD_MS = 10_000;

export async function askCommitment(
  { host, port, aeTitle, callingAeTitle, tls, timeoutMs }: DimseDestination,
  request: CommitmentRequest,
  take: TakeReport,
  ending: AbortSignal,
): Promise<Failure | null> {
  const heard = Promise.withResolvers<void>();
  const target = { host, port, calling: callingAeTitle, called: aeTitle, tls, timeoutMs };
  const wanted = { abstractSyntax: STORAGE_COMMITMENT_PUSH, transferSyntaxes: [EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN] };
  const association = await associate(target, [wanted], hearReport(take, heard.resolve));
  if (isFailure(association)) return association;
  const about = { sopClassUid: STORAGE_COMMITMENT_PUSH, sopInstanceUid: STORAGE_COMMITMENT_INSTANCE, actionTypeId: REQUEST_COMMITMENT };
  const status = await association.ask({ field: COMMAND.nActionRq, ...about }, (syntax) =>
    writeRequest(request, syntax === EXPLICIT_LITTLE_ENDIAN),
  );
  if (status === SUCCESS && !association.ended) {
    const patience = pause(HOLD_MS, undefined, { signal: ending, ref: false }).catch(() => {});
    await Promise.race([heard.promise, association.over, patience]);
  }
  if (!association.ended) await association.release();
  if (isFailure(status)) return status;
  return status === SUCCESS ? null : failure('delivery', 'rejected', `${statusName(status)} to the request for commitment`, 'transient');
}

function hearReport(take: TakeReport, heard: () => void): Hear {
  return ({ field, sopClassUid }, syntax) => {
    if (field !== COMMAND.nEventReportRq || sopClassUid !== STORAGE_COMMITMENT_PUSH) return null;
    const reader = reportReader(transferSyntax(syntax) as TransferSyntax);
    let problem: Failure | null = null;
    return {
      write: (fragment) => {
        problem ??= reader.push(fragment);
      },
      end: async () => {
        const report = problem ?? reader.end();
        const refused = isFailure(report) ? report : await take(report);
        heard();
        return refused ? actionStatusOf(refused) : SUCCESS;
      },
    };
  };
}

/**
 * One N-EVENT-REPORT at the DIMSE door: an archive that we asked for storage commitment answers on an association of its own, as provider
 * (PS3.4 §J.3.3, PS3.7 §10.1.1). Promises: success only after the answer is kept.
 */
import { type ReportDeps, takeReport } from '../../journal/commitment-report-session.ts';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import type { Log } from '../../model/log.ts';
import { actionStatusOf, SUCCESS, statusName } from '../../protocols/dicom/status.ts';
import { reportReader } from '../../protocols/dicom/storage-commitment.ts';
import { type TransferSyntax, transferSyntax } from '../../protocols/dicom/transfer-syntax.ts';
import type { Operation, Request } from './operation.ts';

export function commitmentReportSession({ command, context, peer }: Request, deps: ReportDeps & { readonly log: Log }): Operation {
  const reader = reportReader(transferSyntax(context.transferSyntax) as TransferSyntax);
  let problem: Failure | null = command.hasDataset ? null : failure('dimse', 'invalid', 'no dataset');
  return {
    write: async (fragment) => {
      problem ??= reader.push(fragment);
    },
    end: async () => {
      const report = problem ?? reader.end();
      const refused = isFailure(report) ? report : await takeReport(deps, report, peer.archives ?? []);
      const status = refused ? actionStatusOf(refused) : SUCCESS;
      if (refused) deps.log.warn('dimse.report-refused', { peer: peer.name, status: statusName(status), detail: refused.detail });
      return status;
    },
    abandon: async () => {
      problem ??= failure('dimse', 'malformed', 'the association ended before the dataset', 'transient');
    },
  };
}

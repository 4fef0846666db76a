/** A destination of kind dimse that is a server of ours. */
import type { DimseDestination } from '../../src/model/config.ts';
import type { DicomServer } from './dicom-peers.ts';

export function destinationOf(name: string, { target }: Pick<DicomServer, 'target'>): DimseDestination {
  const { host, port, aeTitle } = target;
  const retry = { firstDelayMs: 1, maxDelayMs: 1, maxAttempts: 1, onFailure: 'setAside' } as const;
  return {
    ...{ kind: 'dimse', transcode: 'never', name, group: '', tls: null, host, port, aeTitle, callingAeTitle: 'WAYSTATION' },
    ...{ timeoutMs: 60_000, idleMs: 1_000, associations: 1, retry, results: ['pdf'], srClass: 'basic', rejection: 'none' },
  };
}

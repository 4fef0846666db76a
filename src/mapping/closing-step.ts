/** What is said of how far studies are, with the database: signals are kept beside what has come, and join the cases that are here. */
import type { PeerDirectory } from '../model/peer.ts';
import type { Work } from '../model/work.ts';
import { STORAGE_COMMITMENT_PUSH } from '../protocols/dicom/sop-class.ts';
import type { Batch } from '../store/batch.ts';
import { saveSignals } from '../store/closing-store.ts';
import { studiesSentBy } from '../store/instance-store.ts';
import { closingSignal, committedInstances, isNotice, progressPart } from './datasets/closing-signal.ts';

export async function readNotices(batch: Batch, peers: PeerDirectory): Promise<void> {
  const works = batch.works.filter(({ entry, failure }) => isNotice(entry) && !failure);
  for (const work of works) {
    const signal = closingSignal(work.entry, peers.named(work.entry.peer), await studiesOf(batch, work));
    await saveSignals(batch.tx, [signal]);
    // What names no study that is here joins nothing.
    if (signal.keys.length > 0) work.parts = [progressPart(signal)];
  }
}

async function studiesOf(batch: Batch, { entry }: Work): Promise<string[]> {
  if (entry.type !== STORAGE_COMMITMENT_PUSH) return [];
  return studiesSentBy(batch.tx, entry.peer, committedInstances(JSON.parse(entry.payload.toString('utf8'))));
}

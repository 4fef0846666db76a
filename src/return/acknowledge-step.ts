/**
 * Application acknowledgments of enhanced mode (HL7 v2.5.1 §2.9.3.2): AA when a message has been worked off, AE or AR when it failed, as a
 * message of its own to where its sender takes answers, by what MSH-16 asks for.
 * One that is held has not been worked off: its acknowledgment comes with its replay; one that was worked off before has had it.
 * In: what the batch has made of its entries. Out: deliveries, in the transaction that settles the entries. An order whose reply goes out
 * now has its answer in that: one message has one.
 */
import type { Config, MllpDestination } from '../model/config.ts';
import type { Entry } from '../model/entry.ts';
import type { Failure } from '../model/failure.ts';
import type { PeerDirectory } from '../model/peer.ts';
import type { Work } from '../model/work.ts';
import { ackCodeOf, buildAck, shortControlId } from '../protocols/hl7v2/ack.ts';
import { isApplicationAnswered, modeOf } from '../protocols/hl7v2/acknowledgment-mode.ts';
import { type Header, isRefusal, readHeader } from '../protocols/hl7v2/header.ts';
import type { Batch } from '../store/batch.ts';
import { doneBefore } from '../store/journal-store.ts';

export type AcknowledgeHouse = { readonly config: Pick<Config, 'destinations'>; readonly peers: PeerDirectory };

export async function acknowledgeEntries(batch: Batch, house: AcknowledgeHouse): Promise<void> {
  const asking = batch.works.flatMap((work) => askedFor(work, house) ?? []);
  const done = await doneBefore(
    batch.tx,
    asking.map(({ work }) => work.entry.seq),
  );
  for (const { work, header } of asking) if (!done.has(work.entry.seq)) acknowledge(batch, house, work, header);
}

/** Null where its sender asks for no acknowledgment of what became of it. */
function askedFor(work: Work, { peers }: AcknowledgeHouse): { readonly work: Work; readonly header: Header } | null {
  const { entry, held, failure: failed } = work;
  if (entry.kind !== 'hl7v2' || held !== '') return null;
  const header = readHeader(entry.payload);
  const isPlain = peers.named(entry.peer).acknowledgment === 'plain';
  return isRefusal(header) || !isApplicationAnswered(modeOf(header, isPlain), failed === null) ? null : { work, header };
}

function acknowledge(batch: Batch, { config, peers }: AcknowledgeHouse, work: Work, header: Header): void {
  const { entry, failure: failed } = work;
  const peer = peers.named(entry.peer);
  const destination = config.destinations.find((one): one is MllpDestination => one.kind === 'mllp' && peer.returns.includes(one.name));
  if (destination?.orderReplies && batch.replies.some(({ seq }) => seq === entry.seq)) return;
  if (destination) order(batch, destination.name, { entry, header, failed });
  else work.detail = [work.detail, NOWHERE].filter((text) => text !== '').join('; ');
}

const NOWHERE = 'MSH-16 asks for an application acknowledgment, but no MLLP destination takes answers for this sender';

type Answered = { readonly entry: Entry; readonly header: Header; readonly failed: Failure | null };

function order(batch: Batch, destination: string, { entry, header, failed }: Answered): void {
  const id = batch.clock.uuid();
  const controlId = shortControlId(id);
  const code = failed === null ? 'AA' : ackCodeOf(failed.code);
  const refused = failed === null ? null : { failure: failed, location: null };
  const content = buildAck(header, refused, { now: batch.now, controlId }, { code, initiates: true });
  batch.deliveries.push({ id, destination, kind: 'acknowledgment', caseId: '', seq: entry.seq, controlId, content, lane: destination });
}

/**
 * Replies in the connection that brought the order: for senders that know no other (peer setting `reply`). Whoever still waits at the door
 * when his message is settled gets the reply as its answer, in the transaction that settles it; an order that failed is answered AE or AR; what
 * says nothing yet (a hold, a cancel that a reader decides) leaves the AA that stands in the journal.
 * In: what the batch has made of its entries. Out: the entries whose replies are given so; all others are sent as messages of their own.
 */
import type { Patient, Task } from '@medplum/fhirtypes';
import type { CaseState } from '../model/case.ts';
import type { CharsetName } from '../model/charset.ts';
import { type Config, replyDestinations } from '../model/config.ts';
import type { Entry } from '../model/entry.ts';
import { type Failure, isFailure } from '../model/failure.ts';
import type { OrderReply } from '../model/order.ts';
import type { Peer, PeerDirectory } from '../model/peer.ts';
import type { Work } from '../model/work.ts';
import { buildAck, parseAck, shortControlId } from '../protocols/hl7v2/ack.ts';
import { charsetNamed, trailBytesOf } from '../protocols/hl7v2/charset.ts';
import { encodeMessage } from '../protocols/hl7v2/encode.ts';
import { isRefusal, readHeader } from '../protocols/hl7v2/header.ts';
import { parseMessage } from '../protocols/hl7v2/message.ts';
import { saveAnswer, takeAwaited } from '../store/awaited-reply-store.ts';
import { addEvent, type Batch, caseIn, loadResources, resourceIn } from '../store/batch.ts';
import { composeOrderReply, type OrderAnswer, type OrderReplyInput } from './hl7v2/order-reply.ts';
import { type OrderStateCode, orderStateOf } from './hl7v2/order-state.ts';

export type AnswerHouse = { readonly config: Pick<Config, 'destinations'>; readonly peers: PeerDirectory };

export async function answerAwaited(batch: Batch, house: AnswerHouse): Promise<ReadonlySet<number>> {
  const works = batch.works.filter(({ entry }) => entry.kind === 'hl7v2' && house.peers.named(entry.peer).replyWaitMs !== undefined);
  const awaited = await takeAwaited(
    batch.tx,
    works.map(({ entry }) => entry.seq),
  );
  const answered = new Set<number>();
  for (const work of works) {
    const answer = awaited.has(work.entry.seq) ? await answerTo(batch, house, work) : await answerAfterRefusal(batch, house, work);
    if (answer === null) continue;
    await saveAnswer(batch.tx, work.entry.seq, answer.bytes);
    if (answer.holdsReplies) answered.add(work.entry.seq);
  }
  return answered;
}

type Answer = { readonly bytes: Buffer; readonly holdsReplies: boolean };

/** Null: what stands in the journal. */
async function answerTo(batch: Batch, house: AnswerHouse, { entry, failure, held }: Work): Promise<Answer | null> {
  if (failure) return acknowledgment(batch, entry, failure);
  const replies = held === '' ? batch.replies.filter(({ seq }) => seq === entry.seq) : [];
  if (replies.length === 0) return null;
  const said = await orderAnswers(batch, house, entry, replies);
  const composed = composeOrderReply({ ...said, ...addressedBack(batch, entry, house.peers.named(entry.peer)) });
  const encoded = isFailure(composed) ? composed : encodeMessage(composed, charsetOf(entry, house.peers.named(entry.peer)));
  const { caseId, seq } = replies[0] as OrderReply;
  if (caseId !== '') addEvent(batch, caseId, { seq, actor: 'gateway', ...told(encoded) });
  return isFailure(encoded) ? null : { bytes: encoded.bytes, holdsReplies: true };
}

function told(encoded: object | Failure) {
  if (isFailure(encoded)) return { kind: 'return-failed', detail: `order-reply in the connection: ${encoded.detail}` };
  return { kind: 'sending', detail: 'order-reply in the connection that brought the order' };
}

/** One that was answered AE or AR and has been replayed: whoever sends it again hears that it is done. */
async function answerAfterRefusal(batch: Batch, house: AnswerHouse, work: Work): Promise<Answer | null> {
  const { entry, failure, held } = work;
  const said = parseAck(entry.answer);
  if (failure || held !== '' || isFailure(said) || said.code === 'AA') return null;
  const { returns } = house.peers.named(entry.peer);
  const isSent = replyDestinations(house.config, returns).length > 0;
  return (isSent ? null : await answerTo(batch, house, work)) ?? acknowledgment(batch, entry, null);
}

function acknowledgment(batch: Batch, entry: Entry, failed: Failure | null): Answer | null {
  const header = readHeader(entry.payload);
  if (isRefusal(header)) return null;
  const stamp = { now: batch.now, controlId: shortControlId(batch.clock.uuid()) };
  return { bytes: buildAck(header, failed && { failure: failed, location: null }, stamp), holdsReplies: false };
}

/** What is said to the orders of a message, whoever is told. */
export async function orderAnswers(
  batch: Batch,
  { peers }: Pick<AnswerHouse, 'peers'>,
  entry: Entry,
  replies: readonly OrderReply[],
): Promise<Pick<OrderReplyInput, 'message' | 'messageCharset' | 'answers' | 'patient' | 'patientAuthority'>> {
  const peer = peers.named(entry.peer);
  const state = caseIn(batch, (replies[0] as OrderReply).caseId);
  await loadResources(batch, state ? [state.patient] : []);
  return {
    message: entry.payload,
    messageCharset: peer.charset,
    answers: replies.map((one) => answerOf(batch, one)),
    patient: state && (resourceIn(batch, state.patient) as Patient | null),
    patientAuthority: peer.patientAuthority,
  };
}

function answerOf(batch: Batch, { caseId, position, control, filler }: OrderReply): OrderAnswer {
  const state = caseIn(batch, caseId);
  return { position, control, filler, state: state ? stateOf(batch, state) : '' };
}

/** ORC-5 of a case. */
export function stateOf(batch: Batch, state: CaseState): OrderStateCode {
  return orderStateOf(state, (resourceIn(batch, state.task) as Task | null)?.status ?? '');
}

/** Sender and receiver of the order change places; version and processing id are its own. */
function addressedBack(batch: Batch, { payload }: Entry, { charset }: Peer) {
  const message = parseMessage(payload, charset);
  const msh = isFailure(message) ? undefined : message.segments[0];
  const field = (number: number) => ({ repetitions: msh?.tree(number) ?? [] });
  return {
    destination: { receivingApplication: field(3), receivingFacility: field(4), version: msh?.get(12) || DEFAULT_VERSION },
    sender: { application: field(5), facility: field(6) },
    processingId: msh?.get(11) || 'P',
    controlId: shortControlId(batch.clock.uuid()),
    now: batch.now,
  };
}

const DEFAULT_VERSION = '2.5.1';

/** Its own set: what is quoted of it fits there. */
function charsetOf({ payload }: Entry, peer: Peer): CharsetName {
  const header = readHeader(payload);
  const declared = isRefusal(header) ? '' : (header.fields[18] ?? '');
  const named = declared.split(isRefusal(header) ? '~' : header.delimiters.repetition).map((name) => charsetNamed(name.trim()));
  const switched = named.find((name) => name !== null && trailBytesOf(name) === 'iso-2022');
  return switched ?? named[0] ?? (peer.charset || 'UNICODE UTF-8');
}

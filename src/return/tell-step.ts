/**
 * What is told of orders beside their results, with the database: the replies that `cases` has decided (one message for all orders of a
 * message that are answered by now), and how an order gets on, whenever its state has changed since it was told.
 * Only destinations that want these are told: senders that await nothing but an acknowledgment would take a reply for a message too many.
 */
import type { Patient } from '@medplum/fhirtypes';
import type { CaseState } from '../model/case.ts';
import { type Config, type MllpDestination, replyDestinations } from '../model/config.ts';
import { type Failure, isFailure } from '../model/failure.ts';
import type { OrderReply } from '../model/order.ts';
import type { PeerDirectory } from '../model/peer.ts';
import { shortControlId } from '../protocols/hl7v2/ack.ts';
import { encodeMessage } from '../protocols/hl7v2/encode.ts';
import { parseMessage } from '../protocols/hl7v2/message.ts';
import { addEvent, type Batch, caseIn, changedCases, loadResources, putCase, resourceIn } from '../store/batch.ts';
import { readEntry } from '../store/journal-store.ts';
import { answerAwaited, orderAnswers, stateOf } from './answer-step.ts';
import { composeOrderReply } from './hl7v2/order-reply.ts';
import type { OrderStateCode } from './hl7v2/order-state.ts';
import { composeOrderStatus } from './hl7v2/order-status.ts';

export type TellHouse = { readonly config: Pick<Config, 'destinations'>; readonly peers: PeerDirectory };

export async function tellOrders(batch: Batch, house: TellHouse): Promise<void> {
  const answered = await answerAwaited(batch, house);
  for (const [seq, replies] of Map.groupBy(batch.replies, (one) => one.seq))
    if (!answered.has(seq)) await replyTo(batch, house, seq, replies);
  const progress = changedCases(batch).flatMap((state) => progressOf(batch, house, state));
  for (const [seq, orders] of Map.groupBy(progress, (one) => one.seq)) await tellProgress(batch, house, seq, orders);
}

async function replyTo(batch: Batch, house: TellHouse, seq: number, replies: readonly OrderReply[]): Promise<void> {
  const entry = batch.works.find((work) => work.entry.seq === seq)?.entry ?? (await readEntry(batch.tx, seq));
  const destinations = entry ? replyDestinations(house.config, house.peers.named(entry.peer).returns) : [];
  if (!entry || destinations.length === 0) return;
  const said = await orderAnswers(batch, house, entry, replies);
  const { caseId } = replies[0] as OrderReply;
  for (const destination of destinations)
    send(batch, destination, { kind: 'order-reply', caseId, seq }, ({ controlId }: Named) =>
      composeOrderReply({ ...said, ...addressed(batch, destination, controlId) }),
    );
}

/** `seq`: the message that ordered. */
type Progress = {
  readonly seq: number;
  readonly state: CaseState;
  readonly now: OrderStateCode;
  readonly destinations: readonly MllpDestination[];
};

/** The state of an order that is offered needs no telling: it is what its sender expects. */
function progressOf(batch: Batch, house: TellHouse, state: CaseState): Progress[] {
  if (state.origin?.kind !== 'hl7v2' || state.serviceRequest === '') return [];
  const destinations = returnsOf(house, state.origin.peer).filter(({ orderStatus }) => orderStatus !== 'none');
  const now = stateOf(batch, state);
  return destinations.length === 0 || now === (state.told ?? 'SC') ? [] : [{ seq: state.origin.seq, state, now, destinations }];
}

/** A message may have brought a thousand orders: it is read once for all of them. */
async function tellProgress(batch: Batch, house: TellHouse, seq: number, orders: readonly Progress[]): Promise<void> {
  const entry = await readEntry(batch.tx, seq);
  if (!entry) return;
  const { charset, patientAuthority } = house.peers.named(entry.peer);
  const order = parseMessage(entry.payload, charset);
  await loadResources(
    batch,
    orders.map(({ state }) => state.patient),
  );
  for (const { state, now, destinations } of orders) {
    const patient = resourceIn(batch, state.patient) as Patient | null;
    const said = { keys: state.keys, state: now, patient, patientAuthority };
    for (const destination of destinations) {
      const message = destination.orderStatus === 'osu' ? 'osu' : 'orm';
      send(batch, destination, { kind: 'order-status', caseId: state.id, seq }, ({ controlId }: Named) =>
        isFailure(order) ? order : composeOrderStatus({ ...said, order, message, ...addressed(batch, destination, controlId) }),
      );
    }
    putCase(batch, { ...(caseIn(batch, state.id) as CaseState), told: now });
  }
}

type Named = { readonly controlId: string };
type Cause = { readonly kind: 'order-reply' | 'order-status'; readonly caseId: string; readonly seq: number };

/** Orders the delivery; what cannot be worded is told where somebody looks. */
function send(batch: Batch, destination: MllpDestination, { kind, caseId, seq }: Cause, compose: (named: Named) => Buffer | Failure): void {
  const id = batch.clock.uuid();
  const controlId = shortControlId(id);
  const composed = compose({ controlId });
  const encoded = isFailure(composed) ? composed : encodeMessage(composed, destination.charset);
  const { name } = destination;
  if (!isFailure(encoded))
    batch.deliveries.push({ id, destination: name, kind, caseId, seq, controlId, content: encoded.bytes, lane: name });
  const failed = isFailure(encoded);
  const detail = failed ? `${kind} to ${name}: ${encoded.detail}` : `${kind} ${controlId} to ${name}`;
  const work = batch.works.find(({ entry }) => entry.seq === seq);
  if (caseId !== '') addEvent(batch, caseId, { seq, kind: failed ? 'return-failed' : 'sending', actor: 'gateway', detail });
  else if (failed && work) work.detail = [work.detail, detail].filter((text) => text !== '').join('; ');
}

function returnsOf({ config, peers }: TellHouse, peer: string): MllpDestination[] {
  const names = peers.named(peer).returns;
  return config.destinations.filter((one): one is MllpDestination => one.kind === 'mllp' && names.includes(one.name));
}

function addressed({ now }: Batch, destination: MllpDestination, controlId: string) {
  return { destination, sender: { application: 'WAYSTATION', facility: '' }, controlId, now };
}

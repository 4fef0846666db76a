/**
 * One message from its bytes to its committed answer: append, as the peer's policy asks, and answer.
 * Promises: AA only after the journal has committed; never rejects: a journal that is down is AR 207 (HL7 v2.5.1 §2.9.2.2 c: fails for
 * reasons unrelated to the content, send it again later). What is sent again is taken once: where the commit was done and only the word
 * of it was lost, it is found as a resend and gets the answer that it has in the journal.
 */
import type { Journal } from '../../journal/journal.ts';
import type { Clock } from '../../model/clock.ts';
import type { Appended } from '../../model/entry.ts';
import type { Log } from '../../model/log.ts';
import type { Peer } from '../../model/peer.ts';
import { type AckCode, shortControlId } from '../../protocols/hl7v2/ack.ts';
import { type Batch, buildBatchAck } from '../../protocols/hl7v2/batch.ts';
import { type Inbound, refuseReused, refuseUnwritten } from './inbound-entry.ts';

export type Answer = {
  /** Empty where the sender asks for none. */
  readonly bytes: Buffer;
  readonly code: AckCode;
  /** MLLP release of the sender; 0: that of the listener. */
  readonly release: Peer['release'];
  /** It is in the journal. */
  readonly committed: boolean;
};

export type ReceiveDeps = { readonly journal: Pick<Journal, 'append' | 'appendUnused'>; readonly log: Log; readonly clock: Clock };

/** Takes a message into the journal. Messages given one after another are appended in that order, unless they must be unused. */
export async function receive(message: Inbound, deps: ReceiveDeps): Promise<Answer> {
  try {
    if (message.mustBeUnused) return await receiveUnused(message, deps);
    return committed(message, await deps.journal.append(message.entry), deps.log);
  } catch (error) {
    deps.log.error('mllp.not-journaled', { peer: message.entry.peer, type: message.entry.type, error: String(error) });
    return { ...refuseUnwritten(message, 'out-of-resources', deps.clock), committed: false };
  }
}

/** `messages[batch][message]`; null for an acknowledgment, which is not answered. */
export type InboundBatch = { readonly batch: Batch; readonly messages: readonly (readonly (Inbound | null)[])[] };

export type BatchAnswer = { readonly bytes: Buffer; readonly answers: readonly Answer[] };

/**
 * Takes every message of a batch, each by itself: one that is refused holds back no other, and a batch that is sent again gets the stored
 * answers of those that were taken. The answer is there when all are committed.
 */
export async function receiveBatch({ batch, messages }: InboundBatch, deps: ReceiveDeps): Promise<BatchAnswer> {
  const alone = messages.flat().some((message) => message?.mustBeUnused);
  const known = messages.map((group) => group.filter((message) => message !== null));
  const taken = alone ? await oneByOne(known, deps) : await allAtOnce(known, deps);
  const answers = taken.flat();
  const silent = answers.every(({ bytes }) => bytes.length === 0);
  const stamp = { now: deps.clock.now(), controlId: shortControlId(deps.clock.uuid()) };
  const given = taken.map((group) => group.map(({ bytes }) => bytes));
  return { bytes: silent ? Buffer.alloc(0) : buildBatchAck(batch, given, stamp), answers };
}

/** All are given to the journal before anything that comes after them on the connection. */
function allAtOnce(messages: readonly (readonly Inbound[])[], deps: ReceiveDeps): Promise<Answer[][]> {
  return Promise.all(messages.map((group) => Promise.all(group.map((message) => receive(message, deps)))));
}

async function oneByOne(messages: readonly (readonly Inbound[])[], deps: ReceiveDeps): Promise<Answer[][]> {
  const taken: Answer[][] = [];
  for (const group of messages) {
    const answers: Answer[] = [];
    for (const message of group) answers.push(await receive(message, deps));
    taken.push(answers);
  }
  return taken;
}

async function receiveUnused(message: Inbound, { journal, clock, log }: ReceiveDeps): Promise<Answer> {
  const refused = refuseReused(message, clock);
  const appended = await journal.appendUnused(message.entry, refused.entry);
  return committed(appended.reused ? refused : message, appended, log);
}

/** A resend gets the answer that its first sending got. */
function committed({ entry, answer: code, release }: Inbound, { seq, duplicate, answer: bytes }: Appended, log: Log): Answer {
  const { peer, type, disposition, detail } = entry;
  if (duplicate) log.info('mllp.resent', { seq, peer, type });
  else if (disposition === 'refused') log.warn('mllp.refused', { seq, peer, type, answer: code, detail });
  return { bytes, code, release, committed: true };
}

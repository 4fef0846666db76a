/**
 * One message from its bytes to its committed answer: append, as the peer's policy asks, wait for its reply where the peer does, and answer.
 * Promises: AA only after the journal has committed; never rejects: a journal that is down is AR 207 (HL7 v2.5.1 §2.9.2.2 c: fails for
 * reasons unrelated to the content, send it again later). What is sent again is taken once: where the commit was done and only the word
 * of it was lost, it is found as a resend and gets the answer that it has in the journal.
 */
import type { Journal } from '../../journal/journal.ts';
import type { Clock } from '../../model/clock.ts';
import type { Appended } from '../../model/entry.ts';
import { isFailure } from '../../model/failure.ts';
import type { Log } from '../../model/log.ts';
import type { Peer } from '../../model/peer.ts';
import { type AckCode, parseAck, shortControlId } from '../../protocols/hl7v2/ack.ts';
import { type Batch, buildBatchAck } from '../../protocols/hl7v2/batch.ts';
import { type Inbound, refuseReused, refuseUnwritten } from './inbound-entry.ts';
import type { ReplyWaiter } from './reply-session.ts';

export type Answer = {
  /** Empty where the sender asks for none. */
  readonly bytes: Buffer;
  readonly code: AckCode;
  /** MLLP release of the sender; 0: that of the listener. */
  readonly release: Peer['release'];
  /** It is in the journal. */
  readonly committed: boolean;
};

export type ReceiveDeps = {
  readonly journal: Pick<Journal, 'append' | 'appendUnused'>;
  readonly replies: Pick<ReplyWaiter, 'answered'>;
  readonly log: Log;
  readonly clock: Clock;
};

/** Takes a message into the journal. Messages given one after another are appended in that order, unless they must be unused. */
export async function receive(message: Inbound, deps: ReceiveDeps): Promise<Answer> {
  return replied(await take(message, deps), deps);
}

/** `seq`: its entry, where its sender waits for what becomes of it; 0 otherwise. */
type Taken = { readonly message: Inbound; readonly answer: Answer; readonly seq: number };

async function take(message: Inbound, deps: ReceiveDeps): Promise<Taken> {
  try {
    if (message.mustBeUnused) return await takeUnused(message, deps);
    return committed(message, await deps.journal.append(message.entry), deps.log);
  } catch (error) {
    deps.log.error('mllp.not-journaled', { peer: message.entry.peer, type: message.entry.type, error: String(error) });
    return { message, answer: { ...refuseUnwritten(message, 'out-of-resources', deps.clock), committed: false }, seq: 0 };
  }
}

/** Whoever cannot be told what became of his order is told to send it again: then he waits once more, or gets the answer that stands. */
async function replied({ message, answer, seq }: Taken, { replies, log, clock }: ReceiveDeps): Promise<Answer> {
  if (seq === 0) return answer;
  try {
    const bytes = await replies.answered(seq, message.waitMs);
    const said = parseAck(bytes);
    return { ...answer, bytes, code: isFailure(said) ? answer.code : said.code };
  } catch (error) {
    log.error('mllp.not-awaited', { seq, peer: message.entry.peer, error: String(error) });
    return { ...answer, ...refuseUnwritten(message, 'out-of-resources', clock) };
  }
}

/** `messages[batch][message]`; null for an acknowledgment, which is not answered. */
export type InboundBatch = { readonly batch: Batch; readonly messages: readonly (readonly (Inbound | null)[])[] };

export type BatchAnswer = { readonly bytes: Buffer; readonly answers: readonly Answer[] };

/**
 * Takes every message of a batch, each by itself: one that is refused holds back no other, and a batch that is sent again gets the stored
 * answers of those that were taken. The answer is there when all are committed; whose peer waits for replies waits for all at once.
 */
export async function receiveBatch({ batch, messages }: InboundBatch, deps: ReceiveDeps): Promise<BatchAnswer> {
  const alone = messages.flat().some((message) => message?.mustBeUnused);
  const known = messages.map((group) => group.filter((message) => message !== null));
  const all = alone ? await oneByOne(known, deps) : await allAtOnce(known, deps);
  const taken = await Promise.all(all.map((group) => Promise.all(group.map((one) => replied(one, deps)))));
  const answers = taken.flat();
  const silent = answers.every(({ bytes }) => bytes.length === 0);
  const stamp = { now: deps.clock.now(), controlId: shortControlId(deps.clock.uuid()) };
  const given = taken.map((group) => group.map(({ bytes }) => bytes));
  return { bytes: silent ? Buffer.alloc(0) : buildBatchAck(batch, given, stamp), answers };
}

/** All are given to the journal before anything that comes after them on the connection. */
function allAtOnce(messages: readonly (readonly Inbound[])[], deps: ReceiveDeps): Promise<Taken[][]> {
  return Promise.all(messages.map((group) => Promise.all(group.map((message) => take(message, deps)))));
}

async function oneByOne(messages: readonly (readonly Inbound[])[], deps: ReceiveDeps): Promise<Taken[][]> {
  const all: Taken[][] = [];
  for (const group of messages) {
    const taken: Taken[] = [];
    for (const message of group) taken.push(await take(message, deps));
    all.push(taken);
  }
  return all;
}

async function takeUnused(message: Inbound, { journal, clock, log }: ReceiveDeps): Promise<Taken> {
  const refused = refuseReused(message, clock);
  const appended = await journal.appendUnused(message.entry, refused.entry);
  return committed(appended.reused ? refused : message, appended, log);
}

/** A resend gets the answer that its first sending got. */
function committed(message: Inbound, { seq, duplicate, answer: bytes }: Appended, log: Log): Taken {
  const { answer: code, release, waitMs } = message;
  const { peer, type, disposition, detail } = message.entry;
  if (duplicate) log.info('mllp.resent', { seq, peer, type });
  else if (disposition === 'refused') log.warn('mllp.refused', { seq, peer, type, answer: code, detail });
  return { message, answer: { bytes, code, release, committed: true }, seq: waitMs > 0 ? seq : 0 };
}

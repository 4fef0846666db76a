/**
 * One message from its bytes to its committed answer: look up where the peer's policy asks, append, answer.
 * Promises: AA only after the journal has committed; never rejects: a journal that is down is AR 207 (HL7 v2.5.1 §2.9.2.2 c: fails for
 * reasons unrelated to the content, send it again later), and nothing of the message is kept.
 */
import type { Journal } from '../../journal/journal.ts';
import type { Clock } from '../../model/clock.ts';
import type { Appended } from '../../model/entry.ts';
import type { Log } from '../../model/log.ts';
import { type AckCode, ackCodeOf } from '../../protocols/hl7v2/ack.ts';
import { type Inbound, refuseReused, refuseUnwritten } from './inbound-entry.ts';

export type Answer = { readonly bytes: Buffer; readonly code: AckCode };

export type ReceiveDeps = { readonly journal: Pick<Journal, 'append' | 'reused'>; readonly log: Log; readonly clock: Clock };

/** Takes a message into the journal. Messages given one after another are appended in that order, unless they must be looked up. */
export async function receive(message: Inbound, deps: ReceiveDeps): Promise<Answer> {
  try {
    const looked = message.mustBeUnused ? await lookUp(message, deps) : message;
    return committed(looked, await deps.journal.append(looked.entry), deps.log);
  } catch (error) {
    deps.log.error('mllp.not-journaled', { peer: message.entry.peer, type: message.entry.type, error: String(error) });
    return answerUnwritten(message.entry.payload, 'out-of-resources', deps.clock);
  }
}

/** An answer to what is not in the journal; `head` holds at least its MSH. */
export function answerUnwritten(head: Buffer, code: 'too-large' | 'out-of-resources', clock: Clock): Answer {
  return { bytes: refuseUnwritten(head, code, clock), code: ackCodeOf(code) };
}

async function lookUp(message: Inbound, { journal, clock }: ReceiveDeps): Promise<Inbound> {
  const { peer, controlId, digest } = message.entry;
  return (await journal.reused(peer, controlId, digest)) ? refuseReused(message, clock) : message;
}

/** A resend gets the answer that its first sending got. */
function committed({ entry, answer: code }: Inbound, { seq, duplicate, answer: bytes }: Appended, log: Log): Answer {
  const { peer, type, disposition, detail } = entry;
  if (duplicate) log.info('mllp.resent', { seq, peer, type });
  else if (disposition === 'refused') log.warn('mllp.refused', { seq, peer, type, answer: code, detail });
  return { bytes, code };
}

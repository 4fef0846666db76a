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
import { type AckCode, ackCodeOf } from '../../protocols/hl7v2/ack.ts';
import { type Inbound, refuseReused, refuseUnwritten } from './inbound-entry.ts';

export type Answer = { readonly bytes: Buffer; readonly code: AckCode };

export type ReceiveDeps = { readonly journal: Pick<Journal, 'append' | 'appendUnused'>; readonly log: Log; readonly clock: Clock };

/** Takes a message into the journal. Messages given one after another are appended in that order, unless they must be unused. */
export async function receive(message: Inbound, deps: ReceiveDeps): Promise<Answer> {
  try {
    if (message.mustBeUnused) return await receiveUnused(message, deps);
    return committed(message, await deps.journal.append(message.entry), deps.log);
  } catch (error) {
    deps.log.error('mllp.not-journaled', { peer: message.entry.peer, type: message.entry.type, error: String(error) });
    return answerUnwritten(message.entry.payload, 'out-of-resources', deps.clock);
  }
}

/** An answer to what is not in the journal; `head` holds at least its MSH. */
export function answerUnwritten(head: Buffer, code: 'too-large' | 'out-of-resources', clock: Clock): Answer {
  return { bytes: refuseUnwritten(head, code, clock), code: ackCodeOf(code) };
}

async function receiveUnused(message: Inbound, { journal, clock, log }: ReceiveDeps): Promise<Answer> {
  const refused = refuseReused(message, clock);
  const appended = await journal.appendUnused(message.entry, refused.entry);
  return committed(appended.reused ? refused : message, appended, log);
}

/** A resend gets the answer that its first sending got. */
function committed({ entry, answer: code }: Inbound, { seq, duplicate, answer: bytes }: Appended, log: Log): Answer {
  const { peer, type, disposition, detail } = entry;
  if (duplicate) log.info('mllp.resent', { seq, peer, type });
  else if (disposition === 'refused') log.warn('mllp.refused', { seq, peer, type, answer: code, detail });
  return { bytes, code };
}

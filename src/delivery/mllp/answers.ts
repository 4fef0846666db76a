/**
 * What an HL7 v2 acknowledgment comes to for the message it answers: a receipt, or a Failure whose class says whether it is sent again.
 * An Acknowledgment and its bytes come in. HL7 v2.5.1 §2.9.2.2, §2.9.3.1, Tables 0008 and 0357.
 *
 * Deviation: §2.9.3.1 gives CR only for what never changes (MSH-9, MSH-11, MSH-12). Receivers send it as they send AR, so ERR decides.
 */
import type { SendResult } from '../../model/delivery.ts';
import { failure } from '../../model/failure.ts';
import type { AckCode, Acknowledgment } from '../../protocols/hl7v2/ack.ts';

export function resultOf(ack: Acknowledgment, bytes: Buffer): SendResult {
  const { code, controlId, errors } = ack;
  const outcome = OUTCOMES[code];
  if (outcome === 'taken') return { bytes: Buffer.from(bytes), controlId, detail: code };
  const said = [code, ...errors.map(plain)].join(' ');
  const never = outcome === 'person' || errors.some((error) => NEVER.has(error) || (outcome === 'storage' && isOfContent(error)));
  return failure('delivery', 'rejected', said, never ? 'permanent' : 'transient');
}

/** Codes and ids of the other side, as far as they may stand in a log. */
export function plain(text: string): string {
  return /^[\w.:-]{1,64}$/.test(text) ? text : '?';
}

/** 1xx: the content must be mended. */
function isOfContent(error: string): boolean {
  return /^1\d\d$/.test(error);
}

/**
 * HL7 Table 0008. `later`: for reasons that may pass (§2.9.2.2 c), unless ERR says one that does not; `person`: the content must be mended;
 * `storage`: it could not be committed, and nothing of its content was judged unless ERR says so.
 */
const OUTCOMES: Readonly<Record<AckCode, 'taken' | 'later' | 'person' | 'storage'>> = {
  AA: 'taken',
  AE: 'person',
  AR: 'later',
  // Only where the message asks for no application acknowledgment: else what comes after it counts.
  CA: 'taken',
  CE: 'storage',
  CR: 'later',
};

/** HL7 Table 0357: type, event, processing id and version that the receiver does not take. */
const NEVER: ReadonlySet<string> = new Set(['200', '201', '202', '203']);

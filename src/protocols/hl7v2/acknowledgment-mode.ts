/**
 * Which acknowledgments a sender asks for (HL7 v2.5.1 §2.9.2 original mode, §2.9.3 enhanced mode, MSH-15 and MSH-16).
 * A header comes in; what is answered at once, by which code, and whether an application acknowledgment follows, goes out.
 *
 * Original mode where neither field has a value of HL7 Table 0155: one AA, AE or AR. Enhanced mode where one has: the accept acknowledgment (CA, CE, CR)
 * says that the message is in safe storage or why not; the application acknowledgment (AA, AE, AR) is a message of its own, later.
 */
import type { FailureCode } from '../../model/failure.ts';
import { type AckCode, ackCodeOf, conditionOf } from './ack.ts';
import type { Header } from './header.ts';

/** HL7 Table 0155. */
export type AckCondition = 'AL' | 'NE' | 'ER' | 'SU';

export type AcknowledgmentMode =
  | { readonly kind: 'original' }
  | { readonly kind: 'enhanced'; readonly accept: AckCondition; readonly application: AckCondition };

/** `plain`: this sender fills the fields by habit and waits for AA all the same. */
export function modeOf(header: Header | null, plain: boolean): AcknowledgmentMode {
  if (header === null || plain || !(isCondition(header.acceptAck) || isCondition(header.applicationAck))) return { kind: 'original' };
  return { kind: 'enhanced', accept: conditionIn(header.acceptAck), application: conditionIn(header.applicationAck) };
}

/** MSA-1 of what is answered at once; `refused` null for a message that was taken. */
export function acceptCode({ kind }: AcknowledgmentMode, refused: FailureCode | null): AckCode {
  if (kind === 'original') return refused === null ? 'AA' : ackCodeOf(refused);
  if (refused === null) return 'CA';
  return REJECTED.has(conditionOf(refused)) ? 'CR' : 'CE';
}

/** Whether anything is answered at once. */
export function isAnswered(mode: AcknowledgmentMode, accepted: boolean): boolean {
  return mode.kind === 'original' || isAskedFor(mode.accept, accepted);
}

/** Whether an application acknowledgment follows when the message has been worked off. */
export function isApplicationAnswered(mode: AcknowledgmentMode, succeeded: boolean): boolean {
  return mode.kind === 'enhanced' && isAskedFor(mode.application, succeeded);
}

function isAskedFor(condition: AckCondition, positive: boolean): boolean {
  return ASKED_FOR[condition][positive ? 'success' : 'error'];
}

/** Where only one of the two is valued, the other one means NE (§2.9.3.1). What is not of the table asks for nothing less than AL. */
function conditionIn(text: string): AckCondition {
  if (text === '') return 'NE';
  return isCondition(text) ? text : 'AL';
}

function isCondition(text: string): text is AckCondition {
  return Object.hasOwn(ASKED_FOR, text);
}

/** HL7 Table 0155. */
const ASKED_FOR: Readonly<Record<AckCondition, { readonly success: boolean; readonly error: boolean }>> = {
  AL: { success: true, error: true },
  NE: { success: false, error: false },
  ER: { success: false, error: true },
  SU: { success: true, error: false },
};

/** §2.9.3.1 a: CR where MSH-9, MSH-11 or MSH-12 are not acceptable, CE for any other reason. */
const REJECTED: ReadonlySet<string> = new Set(['200', '201', '202', '203']);

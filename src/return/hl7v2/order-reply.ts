/**
 * The reply to the orders of a message (HL7 v2.5.1 §4.4.2 ORR, §4.4.5 ORG, §4.4.7 ORL, §4.4.13 ORI; §11.5.1 RRI): a message of its own, sent
 * later, or in the same connection where its sender waits for it. In: the message, and what is said to each of its orders. Out: the reply, with
 * MSA-2 the control id of that message and the numbers as they came; ORC-1 says what became of the order.
 * An order that still waits for its answer (a cancel after the claim) is not in it: its reply comes when the reader has decided.
 */
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import { FILLER_AUTHORITY } from '../../model/order.ts';
import type { Peer } from '../../model/peer.ts';
import { buildMessage, type FieldValue, type SegmentValue, segment } from '../../protocols/hl7v2/escape.ts';
import { type Hl7Message, parseMessage } from '../../protocols/hl7v2/message.ts';
import { type ReplyKind, replyKindOf } from '../../protocols/hl7v2/order-replies.ts';
import { dateTimeField } from './hl7v2-fields.ts';
import {
  type Addressed,
  type AskedFor,
  copied,
  groupAt,
  identification,
  messageHeader,
  numberFields,
  type OrderGroup,
} from './order-quote.ts';
import type { OrderStateCode } from './order-state.ts';

export type OrderAnswer = {
  /** Place of the order in the message. */
  readonly position: number;
  /** ORC-1. */
  readonly control: string;
  /** ORC-5; '' where the order is not known here. */
  readonly state: OrderStateCode | '';
  /** ORC-3, where it was asked for; '' otherwise. */
  readonly filler: string;
};

export type OrderReplyInput = Addressed &
  AskedFor & {
    readonly message: Buffer;
    /** Set of the message where its MSH-18 is empty. */
    readonly messageCharset: Peer['charset'];
    readonly answers: readonly OrderAnswer[];
  };

export function composeOrderReply(input: OrderReplyInput): Buffer | Failure {
  const message = parseMessage(input.message, input.messageCharset);
  if (isFailure(message)) return message;
  const [asked, trigger] = [message.segments[0]?.get(9) ?? '', message.segments[0]?.get(9, 2) ?? ''];
  const kind = replyKindOf(asked, trigger);
  if (!kind) return failure('return', 'unsupported-type', 'there is no reply to messages of this type');
  const groups = input.answers.flatMap((answer) => {
    const group = groupAt(message, answer.position);
    return group ? [{ answer, group }] : [];
  });
  if (groups.length === 0) return failure('return', 'not-found', 'the order is not found in the message that brought it');
  const head = [messageHeader(input, kind.type, kind.structure), segment('MSA', { 1: 'AA', 2: message.controlId })];
  if (asked !== 'REF') {
    const orders = groups.flatMap(({ answer, group }) => orderOf(answer, group, kind, input));
    return buildMessage([...head, ...identification(message, input), ...orders]);
  }
  return buildMessage([...head, ...referral(message, groups[0]?.answer as OrderAnswer), ...identification(message, input)]);
}

function orderOf(answer: OrderAnswer, group: OrderGroup, { details }: ReplyKind, { now }: Addressed): SegmentValue[] {
  const { orc, obr, imaging } = group;
  const known = numberFields(group);
  const numbers: Record<number, FieldValue> = answer.filler === '' ? known : { ...known, 3: [answer.filler, FILLER_AUTHORITY] };
  const state = STATES[answer.control] ?? answer.state;
  const common = { 1: answer.control, ...numbers, ...(orc ? copied(orc, [4]) : {}), 5: state, 9: dateTimeField(now.toISOString()) };
  const detail = obr ? [segment('OBR', { ...numbers, ...copied(obr, [1, 4, 18]) })] : [];
  return [
    segment('ORC', common),
    ...(details === 'none' ? [] : detail),
    ...(details === 'imaging' ? imaging.map((one) => segment('IPC', copied(one, [1, 2, 3, 4, 5, 6, 7, 8, 9]))) : []),
  ];
}

/** RRI has no ORC: RF1 says whether the referral is accepted (HL7 Table 0283), PRD who takes part. */
function referral(message: Hl7Message, { control }: OrderAnswer): SegmentValue[] {
  const [rf1] = message.all('RF1');
  const status = ['UA', 'UC', 'UD', 'UX', 'UM', 'UH', 'UR', 'DE'].includes(control) ? 'R' : 'A';
  return [
    ...(rf1 ? [segment('RF1', { ...copied(rf1, [2, 3, 4, 5, 6, 10, 11]), 1: [status, '', 'HL70283'] })] : []),
    ...message.all('PRD').map((one) => segment('PRD', copied(one, [1, 2, 3, 4, 5, 7, 8, 9]))),
  ];
}

/** Replies that say themselves how the order ended (HL7 Table 0038). */
const STATES: Readonly<Record<string, string>> = { DR: 'DC', RQ: 'RP' };

/**
 * How an order gets on, told unasked: OSU^O51 (since v2.5.1), or for older receivers ORM^O01 with ORC-1 SC. In: the message that ordered, and how
 * the order stands. Out: the message; ORC-5 is the state, the numbers are those of the order.
 * Deviation: OSU^O51 is sent without MSA, which v2.8 requires: nobody has asked for it (IHE 360X sends it so, too).
 */
import type { CaseKey } from '../../model/case.ts';
import { type Failure, isFailure } from '../../model/failure.ts';
import { buildMessage, type SegmentValue, segment } from '../../protocols/hl7v2/escape.ts';
import type { Hl7Message } from '../../protocols/hl7v2/message.ts';
import { dateTimeField } from './hl7v2-fields.ts';
import {
  type Addressed,
  type AskedFor,
  askedGroup,
  copied,
  type DetailedGroup,
  identification,
  messageHeader,
  numberFields,
  visitOf,
} from './order-quote.ts';
import type { OrderStateCode } from './order-state.ts';

export type OrderStatusInput = Addressed &
  AskedFor & {
    readonly order: Hl7Message;
    readonly keys: readonly CaseKey[];
    readonly state: OrderStateCode;
    readonly message: 'osu' | 'orm';
  };

export function composeOrderStatus(input: OrderStatusInput): Buffer | Failure {
  const { order } = input;
  const group = askedGroup(order, input.keys);
  if (isFailure(group)) return group;
  const person = identification(order, input);
  if (input.message === 'osu') return buildMessage([messageHeader(input, ['OSU', 'O51'], 'OSU_O51'), ...person, statusOrder(group, input)]);
  return buildMessage([
    messageHeader(input, ['ORM', 'O01'], 'ORM_O01'),
    ...person,
    ...visitOf(order),
    statusOrder(group, input),
    segment('OBR', { ...numberFields(group), ...copied(group.obr, [1, 4, 16, 18, 19, 20, 24]) }),
  ]);
}

function statusOrder(group: DetailedGroup, { state, now }: OrderStatusInput): SegmentValue {
  const said = group.orc ? copied(group.orc, [4, 12]) : {};
  return segment('ORC', { 1: 'SC', ...numberFields(group), ...said, 5: state, 9: dateTimeField(now.toISOString()) });
}

/**
 * Which mapping a message goes through. A new message type is a file in messages/ and one line here.
 * In: a journal entry of kind hl7v2 and its peer. Out: what it becomes, or why not. A message that the door accepted is never refused here:
 * what has no place becomes a gap.
 */
import { type Failure, failure, isFailure } from '../model/failure.ts';
import type { Mapped } from '../model/mapped.ts';
import type { Peer } from '../model/peer.ts';
import { parseMessage } from '../protocols/hl7v2/message.ts';
import type { MessageEntry, MessageMapper } from './map-context.ts';
import { mapOmgO19 } from './messages/omg-o19.ts';
import { mapOmiO23 } from './messages/omi-o23.ts';
import { mapOmlO21 } from './messages/oml-o21.ts';
import { mapOrmO01 } from './messages/orm-o01.ts';

const MAPPERS: ReadonlyMap<string, MessageMapper> = new Map([
  ['OMG^O19', mapOmgO19],
  ['OMI^O23', mapOmiO23],
  ['OML^O21', mapOmlO21],
  ['ORM^O01', mapOrmO01],
]);

/** Maps one message. */
export function mapHl7v2(entry: MessageEntry, { peer }: { readonly peer: Peer }): Mapped | Failure {
  const message = parseMessage(entry.payload, peer.charset);
  if (isFailure(message)) return message;
  const type = `${message.segments[0]?.get(9)}^${message.segments[0]?.get(9, 2)}`;
  const mapper = MAPPERS.get(type);
  return mapper ? mapper(message, { entry, peer }) : failure('mapping', 'unsupported-type', 'no mapping for this message type');
}

/**
 * Which mapping a message goes through. A new message type is a file in messages/ and one line here.
 * In: a journal entry of kind hl7v2 and its peer. Out: what it becomes, or why not. A message that the door accepted is never refused here:
 * what has no place becomes a gap.
 */
import { type Failure, failure, isFailure } from '../model/failure.ts';
import type { Mapped } from '../model/mapped.ts';
import type { Peer } from '../model/peer.ts';
import { DOCUMENT_EVENTS } from '../protocols/hl7v2/accept-result.ts';
import { ADT_EVENTS } from '../protocols/hl7v2/adt-events.ts';
import type { MessageEntry, MessageMapper } from './map-context.ts';
import { mapAdt } from './messages/adt.ts';
import { mapMdm } from './messages/mdm.ts';
import { mapOmgO19 } from './messages/omg-o19.ts';
import { mapOmiO23 } from './messages/omi-o23.ts';
import { mapOmlO21 } from './messages/oml-o21.ts';
import { mapOrmO01 } from './messages/orm-o01.ts';
import { mapOruR01 } from './messages/oru-r01.ts';
import { mapOruR30 } from './messages/oru-r30.ts';
import { mapRefI12 } from './messages/ref-i12.ts';
import { messageOf } from './overrides/overridden.ts';
import { occurredAt } from './segments/evn-occurred.ts';

const MAPPERS: ReadonlyMap<string, MessageMapper> = new Map([
  ['OMG^O19', mapOmgO19],
  ['OMI^O23', mapOmiO23],
  ['OML^O21', mapOmlO21],
  ['ORM^O01', mapOrmO01],
  ['ORU^R01', mapOruR01],
  ['ORU^R30', mapOruR30],
  ...DOCUMENT_EVENTS.map((event) => [`MDM^${event}`, mapMdm] as const),
  ['REF^I12', mapRefI12],
  ['REF^I13', mapRefI12],
  ['REF^I14', mapRefI12],
  ['REF^I15', mapRefI12],
  ...[...ADT_EVENTS.keys()].map((event) => [`ADT^${event}`, mapAdt] as const),
]);

/** Maps one message. */
export function mapHl7v2(entry: MessageEntry, { peer }: { readonly peer: Peer }): Mapped | Failure {
  const message = messageOf(entry.payload, peer);
  if (isFailure(message)) return message;
  const type = `${message.segments[0]?.get(9)}^${message.segments[0]?.get(9, 2)}`;
  const mapper = MAPPERS.get(type);
  if (!mapper) return failure('mapping', 'unsupported-type', 'no mapping for this message type');
  const mapped = mapper(message, { entry, peer });
  return isFailure(mapped) ? mapped : { ...mapped, occurred: occurredAt(message, peer.zone, entry.received) };
}

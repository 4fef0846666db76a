/**
 * What all order messages share: one patient, his visit, and the orders about him.
 * In: the message, its entry and its peer. Out: resources, one case part an order, gaps.
 */
import { type Failure, failure } from '../../model/failure.ts';
import type { Mapped } from '../../model/mapped.ts';
import type { Hl7Message, Segment } from '../../protocols/hl7v2/message.ts';
import { firstValue } from '../datatypes/components.ts';
import { bounded } from '../datatypes/systems.ts';
import { offsetOf } from '../datatypes/ts-datetime.ts';
import { Draft } from '../draft.ts';
import type { MapContext } from '../map-context.ts';
import { orderNumbers } from '../segments/orc-servicerequest.ts';
import { pidPatient } from '../segments/pid-patient.ts';
import { headSpread } from './head-spread.ts';
import { mapOrder, type Order, orderIdentities } from './order.ts';
import { type OrderGroup, orderGroups } from './order-groups.ts';
import { patientMembers, patientRecords, visitOf } from './patient-context.ts';

/** A Failure where there is no PID (the door refuses such messages), or where the head is too large for so many orders. */
export function mapOrders(message: Hl7Message, { entry, peer }: MapContext): Mapped | Failure {
  const msh = message.segments[0] as Segment;
  const draft = new Draft(peer, offsetOf(firstValue(msh, 7)) || peer.zone);
  const { head, groups } = orderGroups(message);
  const pid = head.first('PID');
  if (!pid) return failure('mapping', 'segment-sequence', 'an order without PID');
  const spread = headSpread(head.segments, groups.length);
  if (spread) return spread;
  const name = `${bounded(entry.peer)}|${entry.digest.toString('hex')}`;
  // What holds for a clinical use (GSC) is said of the orders.
  const said = head.segments.filter((segment) => segment.name !== 'GSC');
  const patient = pidPatient(pid, draft, name, patientMembers(said, draft));
  const orders = groups.filter((group) => isOurs(group, draft)).map((group, index) => readOrder(group, `${name}|${index + 1}`, draft));
  const first = orders[0]?.identities[0];
  const encounter = first && visitOf(head.segments, patient, first, draft)?.reference;
  patientRecords(head.segments, patient, draft);
  const shared = {
    msh,
    sft: head.all('SFT'),
    notes: head.notes,
    gsc: head.all('GSC'),
    orders: orders.length,
    own: head.segments.filter(({ name }) => name.startsWith('Z')),
    patient,
    encounter,
    entry,
  };
  const parts = orders.map((order, index) => mapOrder(order, { n: index + 1, ...shared }, draft));
  draft.listUnread(message.segments);
  return { resources: draft.resources, parts, gaps: [...message.gaps, ...draft.gaps], ...draft.kept };
}

/** Orders of pharmacy, diet and supply in a mixed ORM are listed and left. */
function isOurs({ otherDetail }: OrderGroup, draft: Draft): boolean {
  if (otherDetail !== '') draft.gap(otherDetail, 'order of another kind (pharmacy, diet, supply): the message keeps it');
  return otherDetail === '';
}

function readOrder(group: OrderGroup, fallback: string, draft: Draft): Order {
  const numbers = orderNumbers(group.orc, group.obr, draft);
  return { group, numbers, identities: orderIdentities(numbers, fallback) };
}

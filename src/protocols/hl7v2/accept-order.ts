/**
 * Whether an order message can be carried out: ORM^O01, OML^O21, OMG^O19, OMI^O23 (HL7 v2.5.1 §4.4; §4.5.1 ORC, §4.5.3 OBR).
 * In: bytes, header, peer. Out: a Verdict. Every order says what happens (ORC-1), which order it is (ORC-2 or -3, else OBR-2 or -3) and,
 * where it opens one, what is asked (OBR-4).
 *
 * ORM^O01 also carries pharmacy (RXO), diet (ODS, ODT) and supply (RQD, RQ1) orders. Since v2.4 these have message types of their own
 * (OMP^O09, OMD^O03, OMS^O05, OMN^O07), so an ORM of such orders only is another type by an older name: it follows the peer's policy
 * for other messages (ignored, or refused with 200), and a feed that carries all orders does not stop at the first prescription.
 * Prior results (OML, OMG) are not judged: what they lack is a gap of the mapping.
 */
import type { Peer } from '../../model/peer.ts';
import { firstPart, type Header, isFit, part, type Refusal, readFields, readSegments, refusal, type SegmentPlace } from './header.ts';
import { orderRanges } from './order-structure.ts';
import { isValued, missing, readPatient, refused, tooLong, type Verdict } from './verdict.ts';

/** Types whose orders may bring prior results. */
export const WITH_PRIOR_RESULTS: ReadonlySet<string> = new Set(['OML', 'OMG']);

type Order = { readonly orc: SegmentPlace; readonly sequence: number; readonly details: readonly SegmentPlace[] };

export function judgeOrders(bytes: Buffer, header: Header, peer: Peer): Verdict {
  const segments = readSegments(bytes, header);
  const orders = readOrders(bytes, header, segments);
  const misplaced = findMisplaced(header, segments);
  if (misplaced) return refused(misplaced);
  if (orders.length === 0) return refused(refusal('segment-sequence', `${header.code} without ORC`, 'ORC', 0));
  if (orders.length > MAX_ORDERS) return refused(refusal('too-large', `more than ${MAX_ORDERS} orders`, 'ORC', 0, MAX_ORDERS + 1));
  if (orders.every(isOfAnotherKind)) return otherKind(peer);
  const patient = readPatient(bytes, header, segments);
  if (typeof patient !== 'string') return refused(patient);
  const unfit = bytes.includes(0) ? refusal('invalid', 'holds NUL bytes', 'MSH', 0) : firstUnfit(bytes, header, orders);
  return unfit ? refused(unfit) : { disposition: 'accepted', patient };
}

/** One message, one patient (prior results may repeat him), and the patient before the orders; no order detail without its ORC. */
function findMisplaced({ code }: Header, segments: readonly SegmentPlace[]): Refusal | null {
  let patients = 0;
  let orders = 0;
  for (const { name } of segments) {
    if (name === 'MSH') return refusal('segment-sequence', 'a second MSH', 'MSH', 0, 2);
    if (name === 'ORC') orders++;
    if (name === 'PID' && (++patients > 1 || orders > 0) && !(patients > 1 && orders > 0 && WITH_PRIOR_RESULTS.has(code)))
      return refusal('segment-sequence', 'PID out of place', 'PID', 0, patients);
    if (DETAILS.has(name) && orders === 0) return refusal('segment-sequence', 'order detail without ORC', 'ORC', 0);
  }
  return null;
}

function readOrders(bytes: Buffer, header: Header, segments: readonly SegmentPlace[]): Order[] {
  const controlAt = (index: number) => controlOf(bytes, header, segments[index] as SegmentPlace);
  const ranges = orderRanges(
    segments.map(({ name }) => name),
    WITH_PRIOR_RESULTS.has(header.code) ? controlAt : null,
  );
  return ranges.map(({ start, prior }, index) => ({
    orc: segments[start] as SegmentPlace,
    sequence: index + 1,
    details: segments.slice(start, prior).filter(({ name }) => DETAILS.has(name)),
  }));
}

function controlOf(bytes: Buffer, header: Header, orc: SegmentPlace): string {
  return firstPart(readFields(bytes, orc, header, 1)[1], header);
}

/** An order without any detail may be one of ours that is cancelled. */
function isOfAnotherKind({ details }: Order): boolean {
  return details.length > 0 && details.every((detail) => detail.name !== 'OBR');
}

function otherKind(peer: Peer): Verdict {
  if (peer.otherMessages === 'ignored') return { disposition: 'ignored', detail: 'pharmacy, diet or supply orders only' };
  return refused(refusal('unsupported-type', 'pharmacy, diet or supply orders only', 'MSH', 9));
}

function firstUnfit(bytes: Buffer, header: Header, orders: readonly Order[]): Refusal | null {
  for (const order of orders.filter((one) => !isOfAnotherKind(one))) {
    const unfit = judgeGroup(bytes, header, order);
    if (unfit) return unfit;
  }
  return null;
}

function judgeGroup(bytes: Buffer, header: Header, { orc, sequence, details }: Order): Refusal | null {
  const obr = details.find((detail) => detail.name === 'OBR');
  if (obr && details.length > 1) return refusal('segment-sequence', 'a second order detail under one ORC', 'ORC', 0, sequence);
  const orcFields = readFields(bytes, orc, header, 3);
  const obrFields = obr ? readFields(bytes, obr, header, 4) : [];
  const numbers = [orcFields[2], orcFields[3], obrFields[2], obrFields[3]].map((field) => firstPart(field, header));
  const control = controlOf(bytes, header, orc);
  if (!isValued(control)) return missing('ORC', 1, sequence);
  if (!numbers.some(isValued)) return missing('ORC', 2, sequence);
  if (!numbers.every(isFit)) return tooLong('ORC', 2, sequence);
  if (!OPENING_CONTROLS.has(control)) return null;
  if (!obr) return refusal('segment-sequence', 'a new order without OBR', 'OBR', 0, sequence);
  return part(obrFields[4] ?? '', header.delimiters.repetition, 1)
    .split(header.delimiters.component)
    .some(isValued)
    ? null
    : missing('OBR', 4, sequence);
}

/** A message is worked off whole, in one transaction that holds the cases of all its orders. */
const MAX_ORDERS = 1_000;

/** The choice of order details in ORM_O01, HL7 v2.5.1 §4.4.1. */
const DETAILS: ReadonlySet<string> = new Set(['OBR', 'RQD', 'RQ1', 'RXO', 'ODS', 'ODT']);

/** HL7 Table 0119: codes that bring an order into being or anew, so that it must say what is asked. */
const OPENING_CONTROLS: ReadonlySet<string> = new Set(['NW', 'SN', 'RO', 'CH', 'PA', 'XO']);

/**
 * What the door decides before the commit: is this message ours to map, to ignore, or to refuse, and why.
 * The header, the bytes and the peer's policy come in; a Verdict goes out. After AA nobody sends again, so whatever would make mapping
 * fail must be refused here. HL7 v2.5.1 §2.9.2 (MSH-9, MSH-11, MSH-12), §4.4.1 (ORM^O01), §4.5.1 and §4.5.3 (ORC, OBR).
 * Promises: works on raw bytes in one pass over the segments; never quotes the message.
 *
 * - What is ignored is not judged further than MSH-9 and MSH-10: it stays in the journal and nothing is done with it.
 * - MSH-11 T and D are accepted: mapping marks what they bring as not for production.
 * - ORM^O01 also carries pharmacy (RXO), diet (ODS, ODT) and supply (RQD, RQ1) orders. Since v2.4 these have message types of their own
 *   (OMP^O09, OMD^O03, OMS^O05, OMN^O07), so an ORM of such orders only is another type by an older name: it follows the peer's policy
 *   for other messages (ignored, or refused with 200), and a feed that carries all orders does not stop at the first prescription.
 */
import type { Peer } from '../../model/peer.ts';
import { type Header, isFit, part, type Refusal, readFields, readSegments, refusal, type SegmentPlace } from './header.ts';
import { isOverfull } from './message.ts';

export type Verdict =
  /** `patient`: PID-3.1 as it stands, of the first identifier that has one. */
  | { readonly disposition: 'accepted'; readonly patient: string }
  | { readonly disposition: 'ignored'; readonly detail: string }
  | { readonly disposition: 'refused'; readonly refusal: Refusal };

/** Decides on one message of `peer`. */
export function judge(bytes: Buffer, header: Header, peer: Peer): Verdict {
  const unnamed = requireHeader(header);
  const policy = policyOf(peer, header);
  if (policy === 'ignored') return unnamed ? refused(unnamed) : { disposition: 'ignored', detail: 'ignored by the policy of this peer' };
  if (policy === 'refused') return refused(unsupportedType(header));
  const unfit = unnamed ?? unsupportedMode(header);
  return unfit ? refused(unfit) : judgeOrder(bytes, header, peer);
}

/** `ORM^O01`. */
export function messageType(header: Header): string {
  return header.trigger === '' ? header.code : `${header.code}^${header.trigger}`;
}

/** Whether mapping can make something of a message type: no policy can promise more. */
export function isMappable(type: string): boolean {
  return MAPPABLE.has(type);
}

function policyOf(peer: Peer, header: Header): 'mapped' | 'ignored' | 'refused' {
  const type = messageType(header);
  const policy = peer.messages[type] ?? peer.messages[`${header.code}^*`] ?? (isMappable(type) ? 'mapped' : peer.otherMessages);
  return policy === 'mapped' && !isMappable(type) ? 'refused' : policy;
}

function refused(why: Refusal): Verdict {
  return { disposition: 'refused', refusal: why };
}

function requireHeader(header: Header): Refusal | null {
  if (header.code === '') return missing('MSH', 9);
  return header.controlId === '' ? missing('MSH', 10) : null;
}

/** 201 where another event of the type is mapped, 200 where none is. */
function unsupportedType(header: Header): Refusal {
  if (header.code === '') return missing('MSH', 9);
  const known = [...MAPPABLE].some((type) => type.startsWith(`${header.code}^`)) && !isMappable(messageType(header));
  return refusal(known ? 'unsupported-event' : 'unsupported-type', 'message type is not taken from this peer', 'MSH', 9);
}

function unsupportedMode(header: Header): Refusal | null {
  if (!PROCESSING_IDS.has(header.processingId)) return refusal('unsupported-processing-id', 'processing id is not P, T or D', 'MSH', 11);
  return VERSIONS.has(header.version) ? null : refusal('unsupported-version', 'version is not 2.1 to 2.9', 'MSH', 12);
}

/** The order groups of an ORM^O01: `{ ORC [<OBR|RQD|RQ1|RXO|ODS|ODT> …] }`. */
type Order = { readonly orc: SegmentPlace; readonly sequence: number; readonly details: readonly SegmentPlace[] };

function judgeOrder(bytes: Buffer, header: Header, peer: Peer): Verdict {
  if (isOverfull(bytes, header.delimiters)) return refused(refusal('too-large', 'has more parts than a message may have', 'MSH', 0));
  const segments = readSegments(bytes, header);
  const orders = readOrders(segments);
  const misplaced = findMisplaced(segments);
  if (misplaced) return refused(misplaced);
  if (orders.length === 0) return refused(refusal('segment-sequence', 'ORM without ORC', 'ORC', 0));
  if (orders.every(isOfAnotherKind)) return otherKind(peer);
  const patient = readPatient(bytes, header, segments);
  if (typeof patient !== 'string') return refused(patient);
  const unfit = bytes.includes(0) ? refusal('invalid', 'holds NUL bytes', 'MSH', 0) : firstUnfit(bytes, header, orders);
  return unfit ? refused(unfit) : { disposition: 'accepted', patient };
}

/** One message, one patient, and the patient before the orders; no order detail without its ORC. */
function findMisplaced(segments: readonly SegmentPlace[]): Refusal | null {
  let patients = 0;
  let orders = 0;
  for (const { name } of segments) {
    if (name === 'MSH') return refusal('segment-sequence', 'a second MSH', 'MSH', 0, 2);
    if (name === 'ORC') orders++;
    if (name === 'PID' && (++patients > 1 || orders > 0)) return refusal('segment-sequence', 'PID out of place', 'PID', 0, patients);
    if (DETAILS.has(name) && orders === 0) return refusal('segment-sequence', 'order detail without ORC', 'ORC', 0);
  }
  return null;
}

function readOrders(segments: readonly SegmentPlace[]): Order[] {
  const orders: { orc: SegmentPlace; sequence: number; details: SegmentPlace[] }[] = [];
  for (const place of segments) {
    if (place.name === 'ORC') orders.push({ orc: place, sequence: orders.length + 1, details: [] });
    else if (DETAILS.has(place.name)) orders.at(-1)?.details.push(place);
  }
  return orders;
}

/** An order without any detail may be one of ours that is cancelled. */
function isOfAnotherKind({ details }: Order): boolean {
  return details.length > 0 && details.every((detail) => detail.name !== 'OBR');
}

function otherKind(peer: Peer): Verdict {
  if (peer.otherMessages === 'ignored') return { disposition: 'ignored', detail: 'pharmacy, diet or supply orders only' };
  return refused(refusal('unsupported-type', 'pharmacy, diet or supply orders only', 'MSH', 9));
}

/** PID-3.1 of the first identifier that has one. */
function readPatient(bytes: Buffer, header: Header, segments: readonly SegmentPlace[]): string | Refusal {
  const pid = segments.find((place) => place.name === 'PID');
  if (!pid) return refusal('segment-sequence', 'ORM without PID', 'PID', 0);
  const { component, repetition } = header.delimiters;
  const identifiers = (readFields(bytes, pid, header, 3)[3] ?? '').split(repetition).map((one) => part(one, component, 1));
  if (!identifiers.every(isFit)) return tooLong('PID', 3);
  return identifiers.find(isValued) ?? missing('PID', 3);
}

function firstUnfit(bytes: Buffer, header: Header, orders: readonly Order[]): Refusal | null {
  for (const order of orders.filter((one) => !isOfAnotherKind(one))) {
    const unfit = judgeGroup(bytes, header, order);
    if (unfit) return unfit;
  }
  return null;
}

/** One order: what is to be done (ORC-1), which order (ORC-2 or -3, else OBR-2 or -3) and, where it opens one, what is asked (OBR-4). */
function judgeGroup(bytes: Buffer, header: Header, { orc, sequence, details }: Order): Refusal | null {
  const obr = details.find((detail) => detail.name === 'OBR');
  if (obr && details.length > 1) return refusal('segment-sequence', 'a second order detail under one ORC', 'ORC', 0, sequence);
  const orcFields = readFields(bytes, orc, header, 3);
  const obrFields = obr ? readFields(bytes, obr, header, 4) : [];
  const numbers = [orcFields[2], orcFields[3], obrFields[2], obrFields[3]].map((text) => part(text ?? '', header.delimiters.component, 1));
  const control = part(orcFields[1] ?? '', header.delimiters.component, 1);
  if (!isValued(control)) return missing('ORC', 1, sequence);
  if (!numbers.some(isValued)) return missing('ORC', 2, sequence);
  if (!numbers.every(isFit)) return tooLong('ORC', 2, sequence);
  if (!OPENING_CONTROLS.has(control)) return null;
  if (!obr) return refusal('segment-sequence', 'a new order without OBR', 'OBR', 0, sequence);
  return obrFields[4]?.split(header.delimiters.component).some(isValued) ? null : missing('OBR', 4, sequence);
}

/** `""` deletes a value. */
function isValued(text: string): boolean {
  return text.trim() !== '' && text !== '""';
}

function missing(segment: string, field: number, sequence = 1): Refusal {
  return refusal('required-field', `${segment}-${field} is empty`, segment, field, sequence);
}

/** What cannot be an identifier, for it would not go into an index. */
function tooLong(segment: string, field: number, sequence = 1): Refusal {
  return refusal('too-large', `${segment}-${field} is too long or holds control characters`, segment, field, sequence);
}

/** Message types that `mapping` knows. */
const MAPPABLE: ReadonlySet<string> = new Set(['ORM^O01']);

/** The choice of order details in ORM_O01, HL7 v2.5.1 §4.4.1. */
const DETAILS: ReadonlySet<string> = new Set(['OBR', 'RQD', 'RQ1', 'RXO', 'ODS', 'ODT']);

/** HL7 Table 0119: codes that bring an order into being or anew, so that it must say what is asked. */
const OPENING_CONTROLS: ReadonlySet<string> = new Set(['NW', 'SN', 'RO', 'CH', 'PA', 'XO']);

/** HL7 Table 0103. */
const PROCESSING_IDS: ReadonlySet<string> = new Set(['P', 'T', 'D']);

/** HL7 Table 0104. */
const VERSIONS: ReadonlySet<string> = new Set([
  '2.1',
  '2.2',
  '2.3',
  '2.3.1',
  '2.3.2',
  '2.4',
  '2.5',
  '2.5.1',
  '2.5.2',
  '2.6',
  '2.7',
  '2.7.1',
  '2.7.2',
  '2.8',
  '2.8.1',
  '2.8.2',
  '2.9',
  '2.9.1',
]);

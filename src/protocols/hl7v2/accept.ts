/**
 * What the door decides before the commit: is this message ours to map, to ignore, or to refuse, and why.
 * The header, the bytes and the peer's policy come in; a Verdict goes out. After AA nobody sends again, so whatever would make mapping
 * fail must be refused here. HL7 v2.5.1 §2.9.2 (MSH-9, MSH-11, MSH-12); accept-<kind>.ts judge what follows the header.
 * Promises: works on raw bytes in one pass over the segments; never quotes the message.
 *
 * - What is ignored is not judged further than MSH-9 and MSH-10: it stays in the journal and nothing is done with it.
 * - MSH-11 T and D are accepted: mapping marks what they bring as not for production.
 */
import type { Peer } from '../../model/peer.ts';
import { judgeAdt } from './accept-adt.ts';
import { judgeOrders } from './accept-order.ts';
import { judgeReferral } from './accept-referral.ts';
import { DOCUMENT_EVENTS, judgeDocument, judgeResults } from './accept-result.ts';
import { ADT_EVENTS } from './adt-events.ts';
import { type Header, type Refusal, refusal } from './header.ts';
import { isOverfull } from './message.ts';
import { missing, refused, type Verdict } from './verdict.ts';

/** Decides on one message of `peer`. */
export function judge(bytes: Buffer, header: Header, peer: Peer): Verdict {
  const unnamed = requireHeader(header);
  const policy = policyOf(peer, messageType(header));
  if (policy === 'ignored') return unnamed ? refused(unnamed) : { disposition: 'ignored', detail: 'ignored by the policy of this peer' };
  const judgeBody = JUDGES.get(messageType(header));
  if (policy === 'refused' || judgeBody === undefined) return refused(unsupportedType(peer, header));
  const unfit = unnamed ?? unsupportedMode(header);
  if (unfit) return refused(unfit);
  if (isOverfull(bytes, header.delimiters)) return refused(refusal('too-large', 'has more parts than a message may have', 'MSH', 0));
  return judgeBody(bytes, header, peer);
}

/** `ORM^O01`. */
export function messageType(header: Header): string {
  return header.trigger === '' ? header.code : `${header.code}^${header.trigger}`;
}

/** Whether mapping can make something of a message type: no policy can promise more. */
export function isMappable(type: string): boolean {
  return JUDGES.has(type);
}

/**
 * Persons and stays are taken from those who were configured to tell of them. Events of a feed that is mapped as a whole and that say
 * nothing here are ignored: a hospital's queue stops at the first message that is refused.
 */
function policyOf(peer: Peer, type: string): 'mapped' | 'ignored' | 'refused' {
  const isAdt = type.startsWith('ADT^');
  const named = peer.messages[type];
  const ofAll = peer.messages[`${type.split('^', 1)[0]}^*`];
  const policy = named ?? ofAll ?? (isMappable(type) && !isAdt ? 'mapped' : peer.otherMessages);
  if (policy !== 'mapped' || isMappable(type)) return policy;
  return named === undefined && isAdt ? 'ignored' : 'refused';
}

function requireHeader(header: Header): Refusal | null {
  if (header.code === '') return missing('MSH', 9);
  return header.controlId === '' ? missing('MSH', 10) : null;
}

/** 201 where another event of the type is mapped, 200 where none is. */
function unsupportedType(peer: Peer, header: Header): Refusal {
  if (header.code === '') return missing('MSH', 9);
  const others = [...JUDGES.keys()].filter((type) => type.startsWith(`${header.code}^`));
  const known = !isMappable(messageType(header)) && others.some((type) => policyOf(peer, type) === 'mapped');
  return refusal(known ? 'unsupported-event' : 'unsupported-type', 'message type is not taken from this peer', 'MSH', 9);
}

function unsupportedMode(header: Header): Refusal | null {
  if (!PROCESSING_IDS.has(header.processingId)) return refusal('unsupported-processing-id', 'processing id is not P, T or D', 'MSH', 11);
  return VERSIONS.has(header.version) ? null : refusal('unsupported-version', 'version is not 2.1 to 2.9', 'MSH', 12);
}

/** Message types that `mapping` knows, and who judges what follows their header. */
const JUDGES: ReadonlyMap<string, (bytes: Buffer, header: Header, peer: Peer) => Verdict> = new Map([
  ['OMG^O19', judgeOrders],
  ['OMI^O23', judgeOrders],
  ['OML^O21', judgeOrders],
  ['ORM^O01', judgeOrders],
  ['ORU^R01', judgeResults],
  ['ORU^R30', judgeResults],
  ...DOCUMENT_EVENTS.map((event) => [`MDM^${event}`, judgeDocument] as const),
  ['REF^I12', judgeReferral],
  ['REF^I13', judgeReferral],
  ['REF^I14', judgeReferral],
  ['REF^I15', judgeReferral],
  ...[...ADT_EVENTS.keys()].map((event) => [`ADT^${event}`, judgeAdt] as const),
]);

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

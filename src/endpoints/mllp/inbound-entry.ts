/**
 * From the bytes of one frame to the journal entry with its answer in it. Bytes and who called come in, an Inbound goes out.
 * Promises: pure but for the clock; the answer is made before the commit and given after it, so that a resend gets the same bytes;
 * everything kept in index columns is short and free of control characters; no patient data in `detail`.
 */
import { hash } from 'node:crypto';
import type { Clock } from '../../model/clock.ts';
import type { NewEntry } from '../../model/entry.ts';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import type { MllpCaller, Peer, PeerDirectory } from '../../model/peer.ts';
import { judge, messageType } from '../../protocols/hl7v2/accept.ts';
import { type AckCode, buildAck, shortControlId } from '../../protocols/hl7v2/ack.ts';
import { type AcknowledgmentMode, acceptCode, isAnswered, modeOf } from '../../protocols/hl7v2/acknowledgment-mode.ts';
import { trailBytesOf } from '../../protocols/hl7v2/charset.ts';
import { type Header, isRefusal, type Refusal, readHeader } from '../../protocols/hl7v2/header.ts';
import { replyKindOf } from '../../protocols/hl7v2/order-replies.ts';
import type { Verdict } from '../../protocols/hl7v2/verdict.ts';

export type Inbound = {
  readonly entry: NewEntry;
  readonly header: Header | null;
  readonly mode: AcknowledgmentMode;
  /** MSA-1 of the answer, whether or not the sender asks for one. */
  readonly answer: AckCode;
  /** MLLP release of the sender; 0: that of the listener. */
  readonly release: Peer['release'];
  /** How long its sender may be kept waiting for what becomes of it; 0: it is answered when it is in the journal. */
  readonly waitMs: number;
  /** Taken only when its peer never used this control id with other bytes. */
  readonly mustBeUnused: boolean;
};

export type InboundFacts = { readonly peers: PeerDirectory; readonly clock: Clock; readonly caller: MllpCaller };

/** Reads one message. Null: an acknowledgment, which is never answered (it would be answered in turn, for ever). */
export function readInbound(bytes: Buffer, facts: InboundFacts): Inbound | null {
  const header = readHeader(bytes);
  if (isRefusal(header)) return inbound(bytes, null, null, { disposition: 'refused', refusal: header }, facts);
  if (header.code === 'ACK') return null;
  const peer = facts.peers.mllp(facts.caller, header.sendingApplication, header.sendingFacility);
  if (isFailure(peer)) return inbound(bytes, header, null, { disposition: 'refused', refusal: strange(peer) }, facts);
  return inbound(bytes, header, peer, judge(bytes, inSetOf(header, peer), peer), facts);
}

/** A message that names no character set is in that of its sender. */
function inSetOf(header: Header, peer: Peer): Header {
  if (peer.charset === '' || (header.fields[18] ?? '') !== '') return header;
  return { ...header, trail: trailBytesOf(peer.charset) };
}

/** The same message refused after all, for its control id was used with other bytes. */
export function refuseReused(message: Inbound, clock: Clock): Inbound {
  const why = failure('endpoints', 'duplicate-control-id', 'MSH-10 was used before with other bytes');
  const refusal: Refusal = { failure: why, location: { segment: 'MSH', sequence: 1, field: 10 } };
  const answer = answerTo(message.header, refusal, message.mode, clock);
  return {
    ...message,
    answer: acceptCode(message.mode, why.code),
    waitMs: 0,
    entry: { ...message.entry, disposition: 'refused', answer, detail: detailOf(refusal) },
  };
}

/** An answer outside the journal: what was not or cannot be written there. */
export type Unwritten = { readonly bytes: Buffer; readonly code: AckCode; readonly release: Peer['release'] };

/** The answer to a message that could not be written. */
export function refuseUnwritten({ header, mode, release }: Inbound, code: Failure['code'], clock: Clock): Unwritten {
  const refusal = { failure: failure('endpoints', code, ''), location: null };
  return { bytes: answerTo(header, refusal, mode, clock), code: acceptCode(mode, code), release };
}

/** The answer to a message of which only the head was kept. */
export function refuseHead(head: Buffer, code: Failure['code'], { peers, clock, caller }: InboundFacts): Unwritten {
  const read = readHeader(head);
  const header = isRefusal(read) ? null : read;
  const peer = header ? peers.mllp(caller, header.sendingApplication, header.sendingFacility) : null;
  const known = peer === null || isFailure(peer) ? null : peer;
  const mode = modeOf(header, known?.acknowledgment === 'plain');
  const refusal = { failure: failure('endpoints', code, ''), location: null };
  return { bytes: answerTo(header, refusal, mode, clock), code: acceptCode(mode, code), release: known?.release ?? 0 };
}

function inbound(bytes: Buffer, header: Header | null, peer: Peer | null, verdict: Verdict, facts: InboundFacts): Inbound {
  const { disposition } = verdict;
  const refusal = verdict.disposition === 'refused' ? verdict.refusal : null;
  const name = peer?.name ?? `mllp:${facts.caller.address}`;
  const type = header ? messageType(header) : '';
  const mode = modeOf(header, peer?.acknowledgment === 'plain');
  const waitMs = header && disposition === 'accepted' ? waitFor(header, peer, mode) : 0;
  const entry: NewEntry = {
    kind: 'hl7v2',
    peer: name,
    type,
    controlId: header?.controlId ?? '',
    digest: hash('sha256', bytes, 'buffer'),
    lane: verdict.disposition === 'accepted' ? laneOf(name, verdict) : name,
    payload: bytes,
    blob: null,
    disposition,
    answer: answerTo(header, refusal, mode, facts.clock),
    effects: [],
    detail: refusal ? detailOf(refusal) : verdict.disposition === 'ignored' ? verdict.detail : '',
    received: facts.clock.now(),
    ...(waitMs > 0 ? { isAwaited: true } : {}),
  };
  const mustBeUnused = disposition === 'accepted' && peer?.reusedControlId === 'refuse';
  const answer = acceptCode(mode, refusal?.failure.code ?? null);
  return { entry, header, mode, answer, release: peer?.release ?? 0, waitMs, mustBeUnused };
}

/** Enhanced mode has its answers at their own times (HL7 v2.5.1 §2.9.3); who fills MSH-15 by habit is in original mode. */
function waitFor({ code, trigger }: Header, peer: Peer | null, { kind }: AcknowledgmentMode): number {
  return kind === 'original' && replyKindOf(code, trigger) ? (peer?.replyWaitMs ?? 0) : 0;
}

/** Peer and patient; a merge is in the lanes of both, so that nothing of either passes it. */
function laneOf(peer: string, { patient, others = [] }: Verdict & { readonly disposition: 'accepted' }): string {
  return [...new Set([patient, ...others])].map((one) => `${peer}|${one}`).join('\t');
}

/** Nothing where the sender asks for nothing. */
function answerTo(header: Header | null, refusal: Refusal | null, mode: AcknowledgmentMode, clock: Clock): Buffer {
  if (!isAnswered(mode, refusal === null)) return NO_ANSWER;
  const code = acceptCode(mode, refusal?.failure.code ?? null);
  return buildAck(header, refusal, { now: clock.now(), controlId: shortControlId(clock.uuid()) }, { code });
}

const NO_ANSWER = Buffer.alloc(0);

function strange(why: Failure): Refusal {
  return { failure: why, location: { segment: 'MSH', sequence: 1, field: 3 } };
}

/** `required-field PID^1^3: PID-3 is empty`. */
function detailOf({ failure: why, location }: Refusal): string {
  const place = location ? ` ${location.segment}^${location.sequence}${location.field > 0 ? `^${location.field}` : ''}` : '';
  return `${why.code}${place}: ${why.detail}`;
}

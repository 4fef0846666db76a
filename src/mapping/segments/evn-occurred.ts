/**
 * When a message says that it happened: EVN-2 (recorded), else MSH-7 (HL7 v2.5.1 §3.4.1.2, §2.15.9.7): the time by which older events are
 * told from newer ones. In: the message, its sender's zone, when it was received. Out: the instants it may mean, null where it says none.
 *
 * Not EVN-6 (occurred): a correction entered today of what happened yesterday is newer than what was entered in between. A time that is
 * later than the receipt is a wrong clock, and counts as the receipt: otherwise one message of the year 2062 would be the last of its patient.
 */
import type { Occurred } from '../../model/mapped.ts';
import type { Hl7Message } from '../../protocols/hl7v2/message.ts';
import { firstValue } from '../datatypes/components.ts';
import { dateTimeOf, offsetOf } from '../datatypes/ts-datetime.ts';

export function occurredAt(message: Hl7Message, peerZone: string, received: Date): Occurred | null {
  const sent = firstValue(message.segments[0], 7);
  const zone = offsetOf(sent) || peerZone;
  const said = spanOf(firstValue(message.first('EVN'), 2), zone) ?? spanOf(sent, zone);
  return said && { from: earlier(said.from, received), to: earlier(said.to, received) };
}

/** Null for no time, and for one of less than a day: it would be older and newer than too much. */
function spanOf(text: string, zone: string): Occurred | null {
  const value = dateTimeOf(text, zone);
  if (value === null || value.length < DATE.length) return null;
  const whole = value.length > DATE.length ? value : `${value}T00:00:00${zone}`;
  const from = new Date(whole);
  return Number.isNaN(from.getTime()) ? null : { from, to: new Date(from.getTime() + precisionMs(text) - 1) };
}

/** What the digits leave open (HL7 v2.5.1 §2.A.22: `YYYYMMDDHHMMSS.S[S[S[S]]]`). */
function precisionMs(text: string): number {
  const digits = /^\d*/.exec(text)?.[0].length ?? 0;
  if (text[digits] === '.') return 1;
  return PRECISIONS.find(([least]) => digits >= least)?.[1] ?? DAY_MS;
}

function earlier(a: Date, b: Date): Date {
  return a < b ? a : b;
}

const DATE = 'YYYY-MM-DD';
const DAY_MS = 86_400_000;
/** Digits at least, and the time that one value stands for. */
const PRECISIONS: readonly (readonly [digits: number, ms: number])[] = [
  [14, 1_000],
  [12, 60_000],
  [10, 3_600_000],
];

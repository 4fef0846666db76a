/**
 * TS and DTM to dateTime, date and instant (HL7 v2.5.1 §2.A.22; guide: DTM[DateTime]); also DICOM's DA and TM (PS3.5 §6.2).
 * In: the text and the offset for times that have none (the message's, else the peer's). Out: FHIR's form with the precision that was given,
 * null where the text is no time. FHIR cannot say an hour without minutes: they are filled with zeros (R4 §2.24.0.1, dateTime).
 */
import type { SaidAt } from '../../model/order.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import type { Draft } from '../draft.ts';
import { filled, firstValue } from './components.ts';
import { type Datatype, each, pathOf, type Source } from './datatype.ts';

export const DTM_DATETIME: Datatype<string> = each((at, source) => readTime(at(1), source, (text) => dateTimeOf(text, source.draft.zone)));

/** A moment: FHIR's instant has a time of day and an offset, always. */
export const DTM_INSTANT: Datatype<string> = each((at, source) => {
  const value = readTime(at(1), source, (text) => dateTimeOf(text, source.draft.zone));
  if (value === undefined || value.includes('T')) return value;
  source.draft.gap(pathOf(source), 'says no time of day, which FHIR needs here', at(1));
  return undefined;
});

/** The date of a time. */
export const DTM_DATE: Datatype<string> = each((at, source) => readTime(at(1), source, dateOf));

/** Only where there is a time of day. */
export const DTM_TIMED: Datatype<string> = each((at, { draft }) => {
  const value = at(1).length > 8 ? dateTimeOf(at(1), draft.zone) : null;
  return value?.includes('T') ? value : undefined;
});

function readTime(text: string, source: Source, read: (text: string) => string | null): string | undefined {
  if (text === '') return undefined;
  const value = read(text);
  if (value === null) source.draft.gap(pathOf(source), 'is no date or time', text);
  return value ?? undefined;
}

export function dateTimeOf(text: string, zone: string): string | null {
  const match = TS.exec(text);
  if (!match) return null;
  const [, year = '', month, day, hour, minute = '00', second = '00', fraction, offset] = match;
  const date = dateFrom(year, month, day);
  if (date === null || hour === undefined) return date;
  const place = offset === undefined ? zone : `${offset.slice(0, 3)}:${offset.slice(3)}`;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59 || !OFFSET.test(place)) return null;
  return `${date}T${hour}:${minute}:${second}${fraction ? `.${fraction}` : ''}${place}`;
}

/**
 * The moments that a time may mean, in epoch ms: `20260302` any of its day. Null for no time, or one of less than a day. What is later
 * than it was received comes from a wrong clock, and counts as received: else nothing could ever follow it.
 */
export function saidAt(text: string, zone: string, received: Date): SaidAt | null {
  const value = dateTimeOf(text, zone);
  if (value === null || value.length < 'YYYY-MM-DD'.length) return null;
  const from = Date.parse(value.includes('T') ? value : `${value}T00:00:00${zone}`);
  const digits = /^\d*/.exec(text)?.[0].length ?? 0;
  const to = from + (PRECISIONS.find(([least]) => digits >= least)?.[1] as number) - 1;
  return { from: Math.min(from, received.getTime()), to: Math.min(to, received.getTime()) };
}

/** Digits of a time, and the milliseconds that they leave open. */
const PRECISIONS: readonly (readonly [digits: number, ms: number])[] = [
  [14, 1_000],
  [12, 60_000],
  [10, 3_600_000],
  [0, 86_400_000],
];

/** A period of two HL7 times; undefined where neither is one, or where it would end before it starts (FHIR per-1). */
export function periodOf(start: string, end: string, zone: string): { start?: string; end?: string } | undefined {
  const from = dateTimeOf(start, zone) ?? undefined;
  const to = dateTimeOf(end, zone) ?? undefined;
  if (from && to && Date.parse(from) > Date.parse(to)) return undefined;
  return filled({ start: from, end: to });
}

/** The date of a time. */
export function dateOf(text: string): string | null {
  return dateTimeOf(text, '+00:00')?.slice(0, 10) ?? null;
}

/** `HH[MM[SS[.S…]]]` to FHIR time; offsets have no place there. */
export function timeOf(text: string): string | null {
  const whole = dateTimeOf(`20000101${text}`, '+00:00');
  return whole === null || text === '' ? null : whole.slice(11).replace(/[+-]\d\d:\d\d$/, '');
}

/** The offset a time carries, `+01:00`, or ''. HL7 v2.5.1 §2.15.9.7: that of MSH-7 holds for the whole message. */
export function offsetOf(text: string): string {
  const offset = /[+-]\d{4}$/.exec(text)?.[0] ?? '';
  const zone = `${offset.slice(0, 3)}:${offset.slice(3)}`;
  return offset !== '' && dateTimeOf(text, '+00:00') !== null && OFFSET.test(zone) ? zone : '';
}

/** A field as dateTime; what is no time is listed and left out. */
export function dateTimeField(segment: Segment | undefined, field: number, draft: Draft): string | undefined {
  const text = firstValue(segment, field);
  if (text === '' || !segment) return undefined;
  const value = dateTimeOf(text, draft.zone);
  if (value === null) draft.gap(`${segment.name}-${field}`, 'is no date or time');
  return value ?? undefined;
}

/** Year, month and day as far as given; null where the calendar has no such day. */
function dateFrom(year: string, month: string | undefined, day: string | undefined): string | null {
  if (Number(year) === 0) return null;
  if (month === undefined) return year;
  const last = Number(month) >= 1 && Number(month) <= 12 ? new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate() : 0;
  if (last === 0 || (day !== undefined && (Number(day) < 1 || Number(day) > last))) return null;
  return day === undefined ? `${year}-${month}` : `${year}-${month}-${day}`;
}

/** `YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ]`; DICOM's TM has up to six digits of a second. */
const TS = /^(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.(\d{1,6}))?)?)?)?)?)?([+-]\d{4})?$/;
/** R4 dateTime: offsets from -14:00 to +14:00. */
const OFFSET = /^[+-](?:0\d|1[0-3]):[0-5]\d$|^[+-]14:00$/;

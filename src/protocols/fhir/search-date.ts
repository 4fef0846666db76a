/**
 * A FHIR date is a range as wide as its precision: `2026-05` is all of May (R4 §3.1.1.4.7, search by date).
 * In: date, dateTime, instant or Period. Out: the first millisecond of it and the first one after it, epoch ms.
 * A time without a zone is taken as UTC, which is the zone of this server.
 */

export type DateRange = { readonly from: number; readonly to: number };

/** The range of a date literal, or null when it is none. */
export function dateRange(text: string): DateRange | null {
  const parts = DATE.exec(text);
  if (!parts) return null;
  const [, year, month, day, hour, minute, second, fraction, zone] = parts;
  const at = (y: number, mo: number, d: number, h: number, mi: number, s: number, ms: number) => {
    const moment = new Date(0);
    moment.setUTCFullYear(y, mo, d);
    return moment.setUTCHours(h, mi, s, ms) - zoneMs(zone);
  };
  const [y, mo, d] = [Number(year), Number(month ?? 1) - 1, Number(day ?? 1)];
  if (mo < 0 || mo > 11 || d < 1 || new Date(Date.UTC(y, mo + 1, 0)).getUTCDate() < d) return null;
  if (month === undefined) return { from: at(y, 0, 1, 0, 0, 0, 0), to: at(y + 1, 0, 1, 0, 0, 0, 0) };
  if (day === undefined) return { from: at(y, mo, 1, 0, 0, 0, 0), to: at(y, mo + 1, 1, 0, 0, 0, 0) };
  if (hour === undefined) return { from: at(y, mo, d, 0, 0, 0, 0), to: at(y, mo, d + 1, 0, 0, 0, 0) };
  const [h, mi] = [Number(hour), Number(minute)];
  if (h > 23 || mi > 59 || Number(second ?? 0) > 60) return null;
  if (second === undefined) return { from: at(y, mo, d, h, mi, 0, 0), to: at(y, mo, d, h, mi + 1, 0, 0) };
  if (fraction === undefined) return { from: at(y, mo, d, h, mi, Number(second), 0), to: at(y, mo, d, h, mi, Number(second) + 1, 0) };
  const ms = Math.floor(Number(`0.${fraction}`) * 1000);
  return { from: at(y, mo, d, h, mi, Number(second), ms), to: at(y, mo, d, h, mi, Number(second), ms + 1) };
}

/** The range of an element: a literal, or a Period whose open ends reach as far as dates go. */
export function elementRange(value: unknown): DateRange | null {
  if (typeof value === 'string') return dateRange(value);
  if (typeof value !== 'object' || value === null) return null;
  const { start, end } = value as { start?: string; end?: string };
  const from = start === undefined ? null : dateRange(start);
  const to = end === undefined ? null : dateRange(end);
  if (!from && !to) return null;
  return { from: from?.from ?? OPEN_START_MS, to: to?.to ?? OPEN_END_MS };
}

function zoneMs(zone: string | undefined): number {
  if (zone === undefined || zone === 'Z') return 0;
  const [hours, minutes] = zone.slice(1).split(':');
  return (zone.startsWith('-') ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}

/** 0001-01-01 and 9999-12-31: further than any date that means something, near enough for a timestamptz. */
const OPEN_START_MS = -62_135_596_800_000;
const OPEN_END_MS = 253_402_214_400_000;

const DATE = /^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|[+-]\d{2}:\d{2})?)?)?)?$/;

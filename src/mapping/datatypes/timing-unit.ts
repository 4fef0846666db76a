/**
 * Units of time in a CQ or RPT (UCUM, ANS+ and words) to FHIR's, and reckoning with them.
 * In: a number and its unit. Out: FHIR's unit (R4 UnitsOfTime), minutes, or a time so much later; undefined for what cannot be told.
 */
import type { Duration, TimingRepeat } from '@medplum/fhirtypes';
import { type Components, within } from './components.ts';
import { type Datatype, each, pathOf, type Source } from './datatype.ts';
import { dateTimeOf } from './ts-datetime.ts';

export type UnitOfTime = NonNullable<TimingRepeat['durationUnit']>;
export type Span = { readonly value: number; readonly unit: UnitOfTime };

/** CQ as a span of time; what is none is listed. */
export function spanOf(at: Components, source: Source): Span | undefined {
  const text = at(1);
  if (text === '') return undefined;
  const value = /^\+?\d{1,9}(?:\.\d{1,6})?$/.test(text) ? Number(text) : null;
  const unit = unitOfTime(within(at, 2));
  if (value === null || unit === undefined) source.draft.gap(pathOf(source), 'is no number of a unit of time', text);
  return value === null || unit === undefined ? undefined : { value, unit };
}

/** The code of a CWE, else its text. */
export function unitOfTime(at: Components): UnitOfTime | undefined {
  return UNITS.get(at(1).toLowerCase()) ?? UNITS.get(at(2).toLowerCase());
}

/** CQ[Quantity] as boundsDuration (TQ1-6). */
export const CQ_DURATION: Datatype<Duration> = each((at, source) => {
  const span = spanOf(at, source);
  return span && { value: span.value, unit: at(2, 2) || at(2, 1), system: 'http://unitsofmeasure.org', code: span.unit };
});

/** CQ[Decimal] and CQ[Code] of a duration (TQ1-13). */
export const CQ_DECIMAL: Datatype<number> = each((at, source) => spanOf(at, source)?.value);
export const CQ_UNIT: Datatype<UnitOfTime> = each((at, source) => spanOf(at, source)?.unit);

/** CQ[UnsignedInt]: whole minutes (TQ1-5). */
export const CQ_MINUTES: Datatype<number> = each((at, source) => {
  const span = spanOf(at, source);
  return span && minutesOf(span);
});

/** What is `sign` times the span away from the time in another field of the segment. */
export function cqShifted(from: number, sign: 1 | -1): Datatype<string> {
  return each((at, source) => {
    const span = spanOf(at, source);
    const start = dateTimeOf(source.segment.peek(from), source.draft.zone);
    return span && start !== null ? shifted(start, span, sign) : undefined;
  });
}

export function minutesOf({ value, unit }: Span): number {
  return Math.round(value * MINUTES[unit]);
}

/** By the calendar of the time's own offset; a date stays a date where the span is of whole days. */
export function shifted(time: string, { value, unit }: Span, sign: 1 | -1): string | undefined {
  const [, clock = '', offset = ''] = /^(\d{4}-\d\d-\d\d(?:T[\d:.]+)?)([+-]\d\d:\d\d)?$/.exec(time) ?? [];
  const isDate = !clock.includes('T');
  if (clock === '' || (isDate && ['s', 'min', 'h'].includes(unit))) return undefined;
  const moment = new Date(isDate ? clock : `${clock}Z`);
  if (unit === 'mo' || unit === 'a') moment.setUTCMonth(moment.getUTCMonth() + sign * value * (unit === 'a' ? 12 : 1));
  else moment.setTime(moment.getTime() + sign * value * MINUTES[unit] * 60_000);
  if (Number.isNaN(moment.getTime()) || moment.getUTCFullYear() < 1 || moment.getUTCFullYear() > 9999) return undefined;
  return isDate ? moment.toISOString().slice(0, 10) : `${moment.toISOString().replace(/(?:\.000)?Z$/, '')}${offset}`;
}

const MINUTES: Readonly<Record<UnitOfTime, number>> = { s: 1 / 60, min: 1, h: 60, d: 1440, wk: 10_080, mo: 43_800, a: 525_600 };

const UNITS: ReadonlyMap<string, UnitOfTime> = new Map([
  ['s', 's'],
  ['sec', 's'],
  ['second', 's'],
  ['seconds', 's'],
  ['min', 'min'],
  ['minute', 'min'],
  ['minutes', 'min'],
  ['h', 'h'],
  ['hr', 'h'],
  ['hour', 'h'],
  ['hours', 'h'],
  ['d', 'd'],
  ['day', 'd'],
  ['days', 'd'],
  ['wk', 'wk'],
  ['week', 'wk'],
  ['weeks', 'wk'],
  ['mo', 'mo'],
  ['month', 'mo'],
  ['months', 'mo'],
  ['a', 'a'],
  ['ann', 'a'],
  ['yr', 'a'],
  ['year', 'a'],
  ['years', 'a'],
]);

/**
 * RPT, repeat pattern, and RI, repeat interval, to Timing (HL7 v2.5.1 §2.A.66, §2.A.64; guide: RPT[Timing], RI[Timing]).
 * In: a repetition. Out: the code and what repeats; what R4 does not allow there (an offset without an event, a period without a unit) is
 * listed. RPT-3 to RPT-4 are days of the week, all of them from the first to the last; other alignments have no place.
 */
import type { Timing, TimingRepeat } from '@medplum/fhirtypes';
import { intervalOf, repeatPattern } from '../vocabulary/0335-repeat-pattern.ts';
import { EVENT_RELATED_PERIOD } from '../vocabulary/0528-event-related-period.ts';
import { type Components, filled, within } from './components.ts';
import { type Datatype, each, pathOf, type Source } from './datatype.ts';
import { minutesOf, unitOfTime } from './timing-unit.ts';
import { timeOf } from './ts-datetime.ts';

export const RPT_TIMING: Datatype<Timing> = each((at, source) =>
  filled<Timing>({
    code: codeOf(at),
    repeat: filled<TimingRepeat>({ ...intervalOf(at(1)), ...daysOf(at, source), ...periodOf(at, source), ...eventOf(at, source) }),
  }),
);

/** RI: the pattern, and explicit times of the day parted by commas. */
export function riTiming(at: Components, source: Source): Timing | undefined {
  const times = at(2)
    .split(',')
    .flatMap((text) => readTimeOfDay(text.trim(), source) ?? []);
  return filled<Timing>({ code: codeOf(at), repeat: filled<TimingRepeat>({ ...intervalOf(at(1)), timeOfDay: times }) });
}

/** TM to time (TQ1-4). */
export const TM_TIME: Datatype<string> = each((at, source) => readTimeOfDay(at(1), source));

function readTimeOfDay(text: string, source: Source): string | undefined {
  if (text === '') return undefined;
  const time = timeOf(text);
  if (time === null) source.draft.gap(pathOf(source), 'is no time of day', text);
  return time ?? undefined;
}

function codeOf(at: Components): Timing['code'] {
  const [code, text] = [at(1, 1).replace(/\s+/g, ' '), at(1, 2)];
  return code === '' ? undefined : filled({ coding: [repeatPattern(code)], text });
}

/** RPT-2 DW: 1 is Monday. */
function daysOf(at: Components, source: Source): Pick<TimingRepeat, 'dayOfWeek'> {
  const alignment = at(2);
  if (alignment === '') return {};
  const [first, last] = [at(3), at(4) || at(3)].map(Number) as [number, number];
  const days = DAYS.slice(first - 1, last);
  if (alignment === 'DW' && first >= 1 && days.length > 0) return { dayOfWeek: days };
  source.draft.gap(`${pathOf(source)}.2`, 'only days of the week, from 1 to 7, have a place', alignment);
  return {};
}

function periodOf(at: Components, source: Source): Pick<TimingRepeat, 'frequency' | 'period' | 'periodUnit'> {
  const text = at(5);
  if (text === '') return {};
  const periodUnit = unitOfTime(within(at, 6));
  if (/^\d{1,9}(?:\.\d{1,6})?$/.test(text) && periodUnit !== undefined) return { frequency: 1, period: Number(text), periodUnit };
  source.draft.gap(`${pathOf(source)}.5`, 'is no number of a unit of time', text);
  return {};
}

function eventOf(at: Components, source: Source): Pick<TimingRepeat, 'when' | 'offset'> {
  const [code, offset] = [at(8), at(9)];
  const when = EVENT_RELATED_PERIOD.codes.get(code);
  if (code !== '' && when === undefined) source.draft.unmapped(`${pathOf(source)}.8`, EVENT_RELATED_PERIOD.name, code);
  if (offset === '') return when ? { when: [when] } : {};
  const unit = at(10, 1) === '' && at(10, 2) === '' ? 'min' : unitOfTime(within(at, 10));
  if (when && unit && /^\d{1,6}$/.test(offset)) return { when: [when], offset: minutesOf({ value: Number(offset), unit }) };
  source.draft.gap(`${pathOf(source)}.9`, 'is no offset from an event', offset);
  return when ? { when: [when] } : {};
}

const DAYS: NonNullable<TimingRepeat['dayOfWeek']> = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

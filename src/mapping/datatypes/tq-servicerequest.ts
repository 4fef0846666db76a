/**
 * TQ, timing and quantity of versions before 2.5 (ORC-7, OBR-27), to parts of a ServiceRequest (HL7 v2.5.1 §2.A.81; guide: TQ[ServiceRequest]).
 * In: a repetition. Out: quantity, occurrence, note, precondition; the priority (TQ-6) is read with those of the other places.
 * TQ-9 to TQ-11 (conjunction, sequence, occurrence duration) have no target in the guide and stay in the message.
 */
import type { Duration, ServiceRequest, TimingRepeat } from '@medplum/fhirtypes';
import { type Components, filled, within } from './components.ts';
import { type Datatype, each, pathOf, type Source } from './datatype.ts';
import { cqQuantity } from './nm-quantity.ts';
import { riTiming } from './rpt-timing.ts';
import type { UnitOfTime } from './timing-unit.ts';
import { dateTimeOf } from './ts-datetime.ts';

export const TQ_SERVICEREQUEST: Datatype<Partial<ServiceRequest>> = each((at, source) => {
  const timing = riTiming(within(at, 2), source) ?? {};
  const repeat = filled<TimingRepeat>({ ...timing.repeat, ...boundsOf(at, source), count: countOf(at, source) });
  return filled<Partial<ServiceRequest>>({
    quantityQuantity: at(1, 1) === '' ? undefined : cqQuantity(within(at, 1), source.draft.peer.name),
    occurrenceTiming: filled({ ...timing, repeat }),
    asNeededCodeableConcept: filled({ text: at(7) }),
    note: at(8) === '' ? [] : [{ text: at(8) }],
  });
});

/** Start and end; a duration only where neither is there, for bounds are one or the other. */
function boundsOf(at: Components, source: Source): Pick<TimingRepeat, 'boundsPeriod' | 'boundsDuration'> {
  const boundsPeriod = filled({ start: timeAt(4, at, source), end: timeAt(5, at, source) });
  if (boundsPeriod) return { boundsPeriod };
  const boundsDuration = durationOf(at, source);
  return boundsDuration ? { boundsDuration } : {};
}

function timeAt(component: 4 | 5, at: Components, source: Source): string | undefined {
  if (at(component) === '') return undefined;
  const time = dateTimeOf(at(component), source.draft.zone);
  if (time === null) source.draft.gap(`${pathOf(source)}.${component}`, 'is no date or time', at(component));
  return time ?? undefined;
}

/** `D3`: three days; INDEF and X<n> (times) are no length of time. */
function durationOf(at: Components, source: Source): Duration | undefined {
  if (at(3) === '') return undefined;
  const [, letter = '', value] = /^([SMHDWL])(\d{1,6})$/.exec(at(3)) ?? [];
  const unit = LETTERS.get(letter);
  if (unit) return { value: Number(value), unit, system: 'http://unitsofmeasure.org', code: unit };
  source.draft.gap(`${pathOf(source)}.3`, 'is no length of time', at(3));
  return undefined;
}

function countOf(at: Components, source: Source): number | undefined {
  if (at(12) === '') return undefined;
  if (/^[1-9]\d{0,8}$/.test(at(12))) return Number(at(12));
  source.draft.gap(`${pathOf(source)}.12`, 'is no positive whole number', at(12));
  return undefined;
}

const LETTERS: ReadonlyMap<string, UnitOfTime> = new Map([
  ['S', 's'],
  ['M', 'min'],
  ['H', 'h'],
  ['D', 'd'],
  ['W', 'wk'],
  ['L', 'mo'],
]);

/**
 * Priority and time of an order, from the four places where four versions of the standard put them:
 * TQ1-9, TQ1-7, TQ1-8 (v2.5 on); the TQ in ORC-7 and in OBR-27 (before); OBR-5 and OBR-6 (before that).
 * HL7 v2.5.1 §4.5.4; guide: TQ1[ServiceRequest], TQ[ServiceRequest], OBR[ServiceRequest].
 * The first place that says something decides; of its repetitions the most urgent. That another place disagrees is listed.
 */
import type { Period } from '@medplum/fhirtypes';
import type { Priority } from '../../model/case.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { eachRepetition, filled } from '../datatypes/components.ts';
import { dateTimeOf, periodOf } from '../datatypes/ts-datetime.ts';
import type { Draft } from '../draft.ts';
import { priorityOf } from '../vocabulary/0485-priority.ts';

/** The segments of one order. */
export type TimingSegments = { readonly orc: Segment; readonly obr: Segment | undefined; readonly tq1: readonly Segment[] };

/** `code`: what the sender wrote, where the priority says less. */
export type SaidPriority = { readonly priority: Priority; readonly code: string };

/** Null where no place says a priority. */
export function timingPriority(segments: TimingSegments, draft: Draft): SaidPriority | null {
  const places = placesOf(segments, { tq1: 9, tq: 6, obr: 5 }).filter(({ values }) => values.length > 0);
  const read = places.map(({ path, values }) => ({ path, ...mostUrgent(values) }));
  const [first, ...others] = read;
  if (!first) return null;
  if (!first.exact) draft.gap(first.path, 'FHIR has no word for this priority');
  if (others.some((other) => other.priority !== first.priority)) draft.gap(first.path, 'another field says another priority');
  return { priority: first.priority, code: first.exact ? '' : first.code };
}

/** When it is to be done: a period where start and end are said, else a time. */
export function timingOccurrence(segments: TimingSegments, draft: Draft): { occurrencePeriod?: Period; occurrenceDateTime?: string } {
  const [start] = placesOf(segments, { tq1: 7, tq: 4, obr: 6 }).filter(({ values }) => values.length > 0);
  const [end] = placesOf(segments, { tq1: 8, tq: 5, obr: 0 }).filter(({ values }) => values.length > 0);
  const from = start ? dateTimeOf(start.values[0] as string, draft.zone) : null;
  if (start && from === null) draft.gap(start.path, 'is no date or time');
  const period = from !== null && end ? periodOf(start?.values[0] as string, end.values[0] as string, draft.zone) : undefined;
  if (period?.end) return { occurrencePeriod: period };
  if (end) draft.gap(end.path, 'is no end of this order: no date or time, or before its start');
  return filled({ occurrenceDateTime: from ?? undefined }) ?? {};
}

type Place = { readonly path: string; readonly values: readonly string[] };

function placesOf({ orc, obr, tq1 }: TimingSegments, component: { tq1: number; tq: number; obr: number }): Place[] {
  const valued = (segment: Segment | undefined, field: number, n: number): string[] =>
    field === 0 ? [] : eachRepetition(segment, field, (at) => at(n) || undefined);
  return [
    { path: `TQ1-${component.tq1}`, values: tq1.flatMap((one) => valued(one, component.tq1, 1)) },
    { path: `ORC-7.${component.tq}`, values: valued(orc, 7, component.tq) },
    { path: `OBR-27.${component.tq}`, values: valued(obr, 27, component.tq) },
    { path: `OBR-${component.obr}`, values: valued(obr, component.obr, 1) },
  ];
}

function mostUrgent(codes: readonly string[]): { priority: Priority; exact: boolean; code: string } {
  const read = codes.map((code) => ({ code, ...priorityOf(code.toUpperCase()) }));
  return read.reduce((most, one) => (URGENCY.indexOf(one.priority) > URGENCY.indexOf(most.priority) ? one : most));
}

const URGENCY: readonly Priority[] = ['routine', 'urgent', 'asap', 'stat'];

/**
 * Priority and time of an order, from the four places where four versions of the standard put them: TQ1 (v2.5 on); the TQ in ORC-7 and in
 * OBR-27 (before); OBR-5 and OBR-6 (before that). Guide: TQ1[ServiceRequest], TQ[ServiceRequest], OBR[ServiceRequest].
 * In: the segments of one order. Out: parts of a ServiceRequest.
 *
 * The first place that says something decides; of repeated priorities the most urgent. What another place says otherwise is listed.
 */
import type { Period, ServiceRequest, Timing } from '@medplum/fhirtypes';
import type { Priority } from '../../model/case.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { eachRepetition, filled } from '../datatypes/components.ts';
import { TQ_SERVICEREQUEST } from '../datatypes/tq-servicerequest.ts';
import { DTM_DATETIME } from '../datatypes/ts-datetime.ts';
import type { Draft } from '../draft.ts';
import { segmentTable } from '../segment-table.ts';
import { priorityOf, type ReadPriority } from '../vocabulary/0485-priority.ts';
import { TQ1_SERVICEREQUEST } from './tq1-servicerequest.ts';

/** The segments of one order. */
export type TimingSegments = { readonly orc: Segment; readonly obr: Segment | undefined; readonly tq1: readonly Segment[] };

/** `code`: what the sender wrote, where the priority says less. */
export type SaidPriority = { readonly priority: Priority; readonly code: string };

/** Null where no place says a priority. */
export function timingPriority(segments: TimingSegments, draft: Draft): SaidPriority | null {
  const [first, ...others] = prioritiesOf(segments);
  if (!first) return null;
  if (!first.known) draft.unmapped(first.path, 'HL7 Table 0485', first.code);
  for (const other of others)
    if (other.priority !== first.priority) draft.gap(other.path, `is not taken: ${first.path} says another priority`, other.code);
  return { priority: first.priority, code: first.exact ? '' : first.code };
}

/** Quantity, occurrence and the notes of whoever set the time. */
export function orderTiming({ orc, obr, tq1: [tq1] }: TimingSegments, draft: Draft): Partial<ServiceRequest> {
  if (obr && obr.raw(27) !== '' && obr.raw(27) === orc.raw(7)) obr.text(27);
  for (const read of [
    () => TQ1_SERVICEREQUEST(tq1, draft),
    () => tqOf(orc, 7, draft),
    () => tqOf(obr, 27, draft),
    () => OBR_TIME(obr, draft),
  ]) {
    const { occurrenceTiming, ...said } = read();
    if (!occurrenceTiming && Object.keys(said).length === 0) continue;
    return { ...said, ...occurrenceOf(occurrenceTiming, tq1 ? 'TQ1-3' : 'ORC-7', draft) };
  }
  return {};
}

/**
 * What R4 says most plainly: a time where only the start is known, a period where only start and end are, else a Timing. Deviation: the
 * guide always makes a Timing, in which nobody can search for the day.
 */
function occurrenceOf(timing: Timing | undefined, path: string, draft: Draft): Partial<ServiceRequest> {
  if (!timing) return {};
  const { repeat = {}, ...code } = timing;
  const boundsPeriod = orderly(repeat.boundsPeriod, path, draft);
  const kept = filled({ ...repeat, boundsPeriod });
  const isPlain = Object.keys(code).length === 0 && kept !== undefined && Object.keys(kept).join() === 'boundsPeriod';
  if (!isPlain) return { occurrenceTiming: filled({ ...code, repeat: withoutClash(kept, path, draft) }) };
  return boundsPeriod?.end ? { occurrencePeriod: boundsPeriod } : { occurrenceDateTime: boundsPeriod?.start };
}

/** FHIR per-1: no period ends before it starts. */
function orderly(period: Period | undefined, path: string, draft: Draft): Period | undefined {
  if (!period?.start || !period.end || Date.parse(period.start) <= Date.parse(period.end)) return period;
  draft.gap(path, 'the end is before the start', period.end);
  return { start: period.start };
}

/** R4 tim-9, tim-10: an offset is from an event, and who names an event names no time of day. */
function withoutClash(repeat: Timing['repeat'], path: string, draft: Draft): Timing['repeat'] {
  if (!repeat) return undefined;
  const { offset, timeOfDay, ...rest } = repeat;
  if (offset !== undefined && !rest.when) draft.gap(path, 'an offset without the event it is from', String(offset));
  if (timeOfDay && rest.when) draft.gap(path, 'a time of day beside an event', timeOfDay.join(' '));
  return filled({ ...rest, ...(rest.when ? { offset } : { timeOfDay }) });
}

function tqOf(segment: Segment | undefined, field: number, draft: Draft): Partial<ServiceRequest> {
  if (!segment || segment.raw(field) === '') return {};
  return TQ_SERVICEREQUEST({ segment, field, component: 0, most: 1, draft })[0] ?? {};
}

const OBR_TIME = segmentTable<ServiceRequest>([['OBR-6', 'occurrenceTiming.repeat.boundsPeriod.start', DTM_DATETIME]]);

type Place = ReadPriority & { readonly path: string; readonly code: string };

function prioritiesOf({ orc, obr, tq1 }: TimingSegments): Place[] {
  const codes = (segment: Segment | undefined, field: number, component: number) =>
    eachRepetition(segment, field, (at) => at(component) || undefined);
  const places: [string, string[]][] = [
    ['TQ1-9', tq1.flatMap((one) => codes(one, 9, 1))],
    ['ORC-7.6', codes(orc, 7, 6)],
    ['OBR-27.6', codes(obr, 27, 6)],
    ['OBR-5', codes(obr, 5, 1)],
  ];
  return places.flatMap(([path, said]) => (said.length > 0 ? [{ path, ...mostUrgent(said) }] : []));
}

function mostUrgent(codes: readonly string[]): ReadPriority & { readonly code: string } {
  const read = codes.map((code) => ({ code, ...priorityOf(code.toUpperCase()) }));
  return read.reduce((most, one) => (URGENCY.indexOf(one.priority) > URGENCY.indexOf(most.priority) ? one : most));
}

const URGENCY: readonly Priority[] = ['routine', 'urgent', 'asap', 'stat'];

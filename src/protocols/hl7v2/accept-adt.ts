/**
 * ADT at the door (HL7 v2.5.1 §3.3): is it whole enough to say something? In: the bytes, the header. Out: a Verdict.
 * Each PID begins a group; what an event needs must stand in each group: a merge without the number that is merged is refused, because
 * after AA nobody sends it again.
 */
import { ADT_EVENTS, type AdtEvent } from './adt-events.ts';
import { type Header, isFit, type Refusal, readSegments, refusal, type SegmentPlace } from './header.ts';
import { identifiersAt, isValued, missing, refused, tooLong, type Verdict } from './verdict.ts';

export function judgeAdt(bytes: Buffer, header: Header): Verdict {
  const segments = readSegments(bytes, header);
  if (segments.some(({ name }) => name === 'MSH')) return refused(refusal('segment-sequence', 'a second MSH', 'MSH', 0, 2));
  if (bytes.includes(0)) return refused(refusal('invalid', 'holds NUL bytes', 'MSH', 0));
  const groups = groupsOf(segments);
  if (groups.length === 0) return refused(refusal('segment-sequence', 'ADT without PID', 'PID', 0));
  if (groups.length > MAX_GROUPS) return refused(refusal('too-large', `ADT with more than ${MAX_GROUPS} PID`, 'PID', 0, MAX_GROUPS + 1));
  const event = ADT_EVENTS.get(header.trigger) as AdtEvent;
  const pairs = event.does === 'link' || event.does === 'unlink';
  if (pairs && groups.length !== 2) return refused(refusal('segment-sequence', 'a link is of two PID', 'PID', 0, groups.length + 1));
  for (const [index, group] of groups.entries()) {
    const unfit = judgeGroup(bytes, header, group, index + 1, ['PID-3', ...event.needs]);
    if (unfit) return refused(unfit);
  }
  const [first] = groups[0] as [SegmentPlace];
  const patient = identifiersAt(bytes, header, first, 3).find(isValued) as string;
  return event.does === 'update'
    ? { disposition: 'accepted', patient }
    : { disposition: 'accepted', patient, others: othersIn(bytes, header, groups) };
}

/** Everybody whom a merge, a move or a link is about: each PID, and the numbers that were his (MRG-1). */
function othersIn(bytes: Buffer, header: Header, groups: readonly (readonly SegmentPlace[])[]): string[] {
  const places = groups.flat().filter(({ name }) => name === 'PID' || name === 'MRG');
  const numbers = places.map((place) => identifiersAt(bytes, header, place, place.name === 'PID' ? 3 : 1).find(isValued));
  return numbers.filter((number) => number !== undefined && isFit(number)).slice(0, MAX_OTHERS) as string[];
}

/** A message that brings more people together keeps the order of so many. */
const MAX_OTHERS = 16;

/** A message is worked off whole, in one transaction that holds the records of all its people. */
const MAX_GROUPS = 100;

/** A PID and what follows it. */
function groupsOf(segments: readonly SegmentPlace[]): SegmentPlace[][] {
  const groups: SegmentPlace[][] = [];
  for (const place of segments) {
    if (place.name === 'PID') groups.push([place]);
    else groups.at(-1)?.push(place);
  }
  return groups;
}

function judgeGroup(
  bytes: Buffer,
  header: Header,
  group: readonly SegmentPlace[],
  sequence: number,
  needs: readonly string[],
): Refusal | null {
  for (const place of needs) {
    const [name = '', number = ''] = place.split('-');
    const segment = group.find((one) => one.name === name);
    if (!segment) return refusal('segment-sequence', `ADT^${header.trigger} without ${name}`, name, 0, sequence);
    const identifiers = identifiersAt(bytes, header, segment, Number(number));
    if (!identifiers.some(isValued)) return missing(name, Number(number), sequence);
    if (!identifiers.every(isFit)) return tooLong(name, Number(number), sequence);
  }
  return null;
}

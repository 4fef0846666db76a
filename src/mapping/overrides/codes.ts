/**
 * A sender's codes to those that are meant. In: the codes of one place or table. Out: what is done to the segments.
 * A code alone takes the place of the sender's (ID, IS, CWE-1). A coding takes that of the first triplet, and the sender's own goes to the
 * first that is free (CWE-4 to 6, 10 to 12), its version to that one's: both stand in the CodeableConcept.
 */
import { TABLE_PLACES, type TargetCoding } from '../../model/override.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { checkedPath, type Edit, eachSegment } from './edit.ts';

type Codes = Readonly<Record<string, string | TargetCoding>>;

export function codeEdits(place: string, codes: Codes): Edit[] {
  const known = new Map(Object.entries(codes));
  return (TABLE_PLACES[place] ?? [place]).map((at) => codeEdit(`codes.${place}`, at, known));
}

function codeEdit(override: string, place: string, codes: ReadonlyMap<string, string | TargetCoding>): Edit {
  const { segment: name, field, repetition, component } = checkedPath(place);
  return eachSegment(override, name, place, (segment) => {
    let changed = segment;
    for (let n = 1; n <= segment.repetitions(field); n++) {
      const meant = repetition === 0 || repetition === n ? codes.get(segment.peek(field, component || 1, n).trim()) : undefined;
      if (meant === undefined) continue;
      const at = { field, repetition: n, component: component || 1, subcomponent: 1 };
      changed = typeof meant === 'string' ? changed.replaced(at, segment.escaped(meant)) : withCoding(changed, field, n, meant);
    }
    return changed;
  });
}

function withCoding(segment: Segment, field: number, repetition: number, { system, code, display = '' }: TargetCoding): Segment {
  const at = (component: number) => ({ field, repetition, component, subcomponent: 0 });
  const put = (to: Segment, components: readonly number[], values: readonly string[]) =>
    components.reduce((one, component, index) => one.replaced(at(component), values[index] ?? ''), to);
  const own = FIRST.map((component) => segment.rawAt(at(component)));
  const free = OTHERS.find(([first = 0]) => segment.rawAt(at(first)) === '');
  const kept = free ? put(segment, free, own) : segment;
  return put(
    kept,
    FIRST,
    [code, display, system, ''].map((value) => segment.escaped(value)),
  );
}

/** Code, text, system, version of the system (HL7 v2.5.1 §2.A.13). */
const FIRST = [1, 2, 3, 7];
const OTHERS = [
  [4, 5, 6, 8],
  [10, 11, 12, 13],
];

/**
 * Small rewrites before mapping. In: one rewrite of the configuration. Out: what it does to the segments.
 * It is done in every segment of the name. Where another place is looked at (`copy`, `move`, `when`), that is one of the same order: from an
 * ORC, or an OBR without one, to the next; else what stands before the first order.
 */
import { type FieldPath, fieldPath } from '../../model/field-path.ts';
import type { Rewrite, RewriteCondition } from '../../model/override.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { checkedPath, type Done, type Edit, pathIn } from './edit.ts';

export function rewriteEdit(rewrite: Rewrite, index: number): Edit {
  const override = `rewrite[${index}]`;
  const place = 'set' in rewrite ? rewrite.set : 'delete' in rewrite ? rewrite.delete : rewrite.to;
  const from = 'copy' in rewrite ? rewrite.copy : 'move' in rewrite ? rewrite.move : '';
  const [target, source] = [checkedPath(place), fieldPath(from)];
  const holds = conditionOf(rewrite.when ?? {});
  return (segments) => {
    const groups = orderOf(segments);
    const done: Done[] = [];
    const taken = new Set<number>();
    const edited = segments.map((segment, at) => {
      const near = (name: string) => nearest(name, at, segments, groups);
      if (segment.name !== target.segment || !holds((name) => segments[near(name)])) return segment;
      const changed =
        source === null ? written(segment, target, 'set' in rewrite ? rewrite.value : '') : brought(segment, near(source.segment));
      if (changed !== segment) done.push({ override, path: pathIn(segment, place) });
      return changed;
    });
    function brought(segment: Segment, at: number): Segment {
      const raw = source === null ? '' : (segments[at]?.rawAt(source) ?? '');
      if (raw === '') return segment;
      taken.add(at);
      return segment.replaced(target, segment.cutFor(target, raw));
    }
    if (done.length === 0) return { segments, done };
    const emptied = (segment: Segment) => segment.replaced(source as FieldPath, '');
    // What is moved within one segment is taken from it as it was changed.
    return { segments: 'move' in rewrite ? edited.map((one, at) => (taken.has(at) ? emptied(one) : one)) : edited, done };
  };
}

function written(segment: Segment, target: FieldPath, value: string): Segment {
  const raw = segment.escaped(value);
  return segment.rawAt(target) === raw ? segment : segment.replaced(target, raw);
}

type Find = (name: string) => Segment | undefined;

/** A field stands for its first component. */
function conditionOf(when: RewriteCondition): (find: Find) => boolean {
  const rules = Object.entries(when).map(([place, value]) => ({ at: checkedPath(place), values: [value].flat() }));
  return (find) =>
    rules.every(({ at, values }) => {
      const said = find(at.segment)?.peek(at.field, at.component || 1, at.repetition || 1, at.subcomponent || 1) ?? '';
      return values.includes(said.trim());
    });
}

/** Which order each segment belongs to; 0 for what stands before the first. */
function orderOf(segments: readonly Segment[]): readonly number[] {
  let order = 0;
  let detailed = true;
  return segments.map(({ name }) => {
    if (name === 'ORC' || (name === 'OBR' && detailed)) order++;
    if (name === 'ORC') detailed = false;
    if (name === 'OBR') detailed = true;
    return order;
  });
}

/** Index of the segment of the name that belongs to the one at `at`; -1 for none. */
function nearest(name: string, at: number, segments: readonly Segment[], orders: readonly number[]): number {
  if (segments[at]?.name === name) return at;
  const inOrder = segments.findIndex((one, index) => one.name === name && orders[index] === orders[at]);
  if (inOrder >= 0) return inOrder;
  return segments.findIndex((one, index) => one.name === name && (orders[at] === 0 || orders[index] === 0));
}

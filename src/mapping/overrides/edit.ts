/** What an override does to the segments of a message: values in, values out; the bytes that are kept are another thing. */
import type { FieldPath } from '../../model/field-path.ts';
import { fieldPath } from '../../model/field-path.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';

/** Which override did something, and where; never with a value. */
export type Done = { readonly override: string; readonly path: string };

export type Edited = { readonly segments: readonly Segment[]; readonly done: readonly Done[] };
export type Edit = (segments: readonly Segment[]) => Edited;

/** Each segment of the name through `change`, which gives it back as it was where nothing is to be done. */
export function eachSegment(override: string, name: string, place: string, change: (segment: Segment) => Segment): Edit {
  return (segments) => {
    const done: Done[] = [];
    const edited = segments.map((segment) => {
      const changed = segment.name === name ? change(segment) : segment;
      if (changed !== segment) done.push({ override, path: pathIn(segment, place) });
      return changed;
    });
    return { segments: done.length > 0 ? edited : segments, done };
  };
}

/** `OBR[2]-18` for `OBR-18` in the second OBR. */
export function pathIn({ name, occurrence }: Segment, place: string): string {
  return occurrence === 1 ? place : `${name}[${occurrence}]${place.slice(name.length)}`;
}

/** Of a path that config has checked. */
export function checkedPath(text: string): FieldPath {
  const path = fieldPath(text);
  if (path === null) throw new Error(`mapping: ${text} is no place in a message`);
  return path;
}

/**
 * A datatype of HL7 v2 on its way to one of FHIR: what the third column of a segment table names, as the guide does (XPN[HumanName]).
 * In: a place in a message. Out: the values it holds, in order; none where the field is empty or does not read as its type.
 *
 * Whatever a datatype reads through `at` counts as carried; what it leaves is listed by the message (Segment.unread). A code or a value
 * that was read and not understood is listed by the datatype itself, with `source.draft`.
 */
import type { Segment } from '../../protocols/hl7v2/message.ts';
import type { Draft } from '../draft.ts';
import { type Components, components, MAX_REPETITIONS, within } from './components.ts';

export type Source = {
  readonly segment: Segment;
  readonly field: number;
  /** 0 for the whole field. */
  readonly component: number;
  /** How many repetitions have a place: 1 or MAX_REPETITIONS. */
  readonly most: number;
  readonly draft: Draft;
};

export type Datatype<T = unknown> = (source: Source) => readonly T[];

/** A datatype that is read repetition by repetition. */
export function each<T>(read: (at: Components, source: Source) => T | undefined): Datatype<T> {
  return (source) => {
    const { segment, field, component } = source;
    const values: T[] = [];
    const count = Math.min(segment.repetitions(field), source.most, MAX_REPETITIONS);
    for (let repetition = 1; repetition <= count; repetition++) {
      const at = components(segment, field, repetition);
      const value = read(component === 0 ? at : within(at, component), source);
      if (value !== undefined) values.push(value);
    }
    return values;
  };
}

/** The same with something around or beside each value: `wrapped(XTN_CONTACTPOINT, (telecom) => ({ use: 'work', ...telecom }))`. */
export function wrapped<T, U>(datatype: Datatype<T>, wrap: (value: T) => U | undefined): Datatype<U> {
  return (source) => datatype(source).flatMap((value) => wrap(value) ?? []);
}

/** A value that does not come from the field, but stands where the field holds something (the guide's column Assignment). */
export function fixed<T>(value: T): Datatype<T> {
  return ({ segment, field, component }) => (segment.peek(field, component || 1) === '' ? [] : [value]);
}

/** Where a source stands, as gaps name it: `PID-8`, `OBX[2]-5.1`. */
export function pathOf({ segment, field, component }: Source): string {
  const name = segment.occurrence === 1 ? segment.name : `${segment.name}[${segment.occurrence}]`;
  return component === 0 ? `${name}-${field}` : `${name}-${field}.${component}`;
}

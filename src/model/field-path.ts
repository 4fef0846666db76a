/** A place in an HL7 v2 message as people write it: `PID-3`, `PID-3[2]`, `PID-3.4`, `PID-3[2].4.2`. */

/** Numbers from 1; 0 for what is not said. */
export type FieldPath = {
  readonly segment: string;
  readonly field: number;
  readonly repetition: number;
  readonly component: number;
  readonly subcomponent: number;
};

/** Null for what is no such place. */
export function fieldPath(text: string): FieldPath | null {
  const found = PATH.exec(text);
  if (found === null) return null;
  const [field = 0, repetition = 0, component = 0, subcomponent = 0] = found.slice(2).map((part) => Number(part ?? 0));
  return { segment: found[1] as string, field, repetition, component, subcomponent };
}

const PATH = /^([A-Z][A-Z0-9]{2})-([1-9]\d{0,2})(?:\[([1-9]\d{0,1})\])?(?:\.([1-9]\d{0,1})(?:\.([1-9]\d{0,1}))?)?$/;

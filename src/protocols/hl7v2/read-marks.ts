/**
 * Which values of a segment were read: by field, repetition, component and subcomponent, all from 1. One bit a component and one a
 * subcomponent; what stands beyond the 31st shares the last bit, for no datatype of HL7 v2 has as many.
 */
export class ReadMarks {
  readonly #fields: (FieldMarks | undefined)[] = [];

  add(field: number, repetition: number, component: number, subcomponent: number): void {
    // The first subcomponent is the component itself where there is no other.
    if (subcomponent === 1) {
      const { components } = this.#marksOf(field);
      components[repetition] = (components[repetition] ?? 0) | bit(component);
    } else this.#addBits(field, `${repetition}.${component}`, bit(subcomponent));
  }

  addWhole(field: number, repetition: number): void {
    this.#marksOf(field).components[repetition] = WHOLE;
  }

  /** For a field that holds the same as one of another segment: what was read there counts as read here. */
  addAs(field: number, other: ReadMarks, otherField: number): void {
    const read = other.#fields[otherField];
    if (!read) return;
    const own = this.#marksOf(field);
    for (const [repetition, bits] of read.components.entries())
      if (bits) own.components[repetition] = (own.components[repetition] ?? 0) | bits;
    for (const [key, bits] of read.subcomponents ?? []) this.#addBits(field, key, bits);
  }

  /** Whether anything of the field was read. */
  has(field: number): boolean {
    return this.#fields[field] !== undefined;
  }

  covers(field: number, repetition: number, component: number, subcomponent: number): boolean {
    const marks = this.#fields[field];
    const read = marks?.components[repetition] ?? 0;
    if (read === WHOLE) return true;
    if (subcomponent === 1) return (read & bit(component)) !== 0;
    return ((marks?.subcomponents?.get(`${repetition}.${component}`) ?? 0) & bit(subcomponent)) !== 0;
  }

  #marksOf(field: number): FieldMarks {
    const known = this.#fields[field];
    if (known) return known;
    const made: FieldMarks = { components: [], subcomponents: null };
    this.#fields[field] = made;
    return made;
  }

  #addBits(field: number, key: string, bits: number): void {
    const marks = this.#marksOf(field);
    marks.subcomponents ??= new Map();
    marks.subcomponents.set(key, (marks.subcomponents.get(key) ?? 0) | bits);
  }
}

type FieldMarks = {
  /** [repetition]: components. */
  readonly components: number[];
  /** `repetition.component`: subcomponents, where another than the first was read. */
  subcomponents: Map<string, number> | null;
};

function bit(number: number): number {
  return 1 << Math.min(number, 31);
}

/** Bit 0 stands for no component: everything. */
const WHOLE = -1;

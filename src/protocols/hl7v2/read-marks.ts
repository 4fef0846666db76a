/**
 * Which values of a segment were read: by field, repetition, component and subcomponent, all from 1. One bit a component and one a
 * subcomponent; what stands beyond the 31st shares the last bit, for no datatype of HL7 v2 has as many.
 */
export class ReadMarks {
  /** [field][repetition]: components. */
  readonly #components: (number[] | undefined)[] = [];
  /** [field][repetition][component]: subcomponents, where another than the first was read. */
  readonly #subcomponents = new Map<string, number>();

  add(field: number, repetition: number, component: number, subcomponent: number): void {
    let repetitions = this.#components[field];
    if (!repetitions) {
      repetitions = [];
      this.#components[field] = repetitions;
    }
    // The first subcomponent is the component itself where there is no other.
    if (subcomponent === 1) repetitions[repetition] = (repetitions[repetition] ?? 0) | bit(component);
    else this.#addSub(`${field}.${repetition}.${component}`, subcomponent);
  }

  addWhole(field: number, repetition: number): void {
    const repetitions = this.#components[field] ?? [];
    this.#components[field] = repetitions;
    repetitions[repetition] = WHOLE;
  }

  /** Whether anything of the field was read. */
  has(field: number): boolean {
    return this.#components[field] !== undefined;
  }

  covers(field: number, repetition: number, component: number, subcomponent: number): boolean {
    const read = this.#components[field]?.[repetition] ?? 0;
    if (read === WHOLE) return true;
    if (subcomponent === 1) return (read & bit(component)) !== 0;
    return ((this.#subcomponents.get(`${field}.${repetition}.${component}`) ?? 0) & bit(subcomponent)) !== 0;
  }

  #addSub(key: string, subcomponent: number): void {
    this.#subcomponents.set(key, (this.#subcomponents.get(key) ?? 0) | bit(subcomponent));
  }
}

function bit(number: number): number {
  return 1 << Math.min(number, 31);
}

/** Bit 0 stands for no component: everything. */
const WHOLE = -1;

/** A table of HL7 codes and what each is in FHIR. */
export type CodeTable<T> = {
  /** `HL7 Table 0001`: what a gap says that a code is not in. */
  readonly name: string;
  /** The code system of the table itself, under which the sender's code is kept. */
  readonly system: string;
  readonly codes: ReadonlyMap<string, T>;
  /** For elements that FHIR requires: what an unknown code becomes, beside the original. Never a good guess: `unknown`. */
  readonly otherwise?: T;
};

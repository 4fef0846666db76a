/** What mapping makes of one message (or of one study): resources, the parts of cases they make up, and what was not carried. */
import type { CasePart } from './case.ts';
import type { MappedResource } from './identity.ts';

/** A value that has no place or no code in FHIR yet: kept, listed, never skipped. */
export type Gap = {
  /** As in `OBR-25`, `OBX[2]-5[3].1` (the third repetition in the second OBX), `(0008,0050)`. */
  readonly path: string;
  /** Never quotes the value. */
  readonly reason: string;
  /** What was not carried: patient data, never for a log. */
  readonly value?: string;
  /** Of a code that was not understood: the table it was looked for in. */
  readonly table?: string;
};

export type Mapped = {
  readonly resources: readonly MappedResource[];
  readonly parts: readonly CasePart[];
  readonly gaps: readonly Gap[];
  /** Bytes of the Binaries among the resources, by the hex SHA-256 they name. */
  readonly files?: ReadonlyMap<string, Buffer>;
};

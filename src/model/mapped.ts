/** What mapping makes of one message (or of one study): resources, the parts of cases they make up, and what was not carried. */
import type { CasePart } from './case.ts';
import type { IdentityChange, MappedResource } from './identity.ts';

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

/** An instant as far as it was told: any of those from `from` to `to` (a time without seconds may be each of its minute). */
export type Occurred = { readonly from: Date; readonly to: Date };

export type Mapped = {
  readonly resources: readonly MappedResource[];
  readonly parts: readonly CasePart[];
  readonly gaps: readonly Gap[];
  /** Bytes of the Binaries among the resources, by the hex SHA-256 they name. */
  readonly files?: ReadonlyMap<string, Buffer>;
  /** When the message says that it happened (EVN-2, else MSH-7); null where it does not say. */
  readonly occurred?: Occurred | null;
  /** False when the sender marked a message without orders as test or training (MSH-11 T or D). */
  readonly production?: boolean;
  /** Merges, moves, links and new numbers, in the order in which they are said. */
  readonly changes?: readonly IdentityChange[];
};

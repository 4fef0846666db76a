/** What mapping makes of one message (or of one study): resources, the parts of cases they make up, and what was not carried. */
import type { CasePart } from './case.ts';
import type { MappedResource } from './identity.ts';

/** A value that has no place or no code in FHIR yet: kept, listed, never skipped. `path` as in `OBR-25`, `PID-8`, `(0008,0050)`. */
export type Gap = { readonly path: string; readonly reason: string };

export type Mapped = {
  readonly resources: readonly MappedResource[];
  readonly parts: readonly CasePart[];
  readonly gaps: readonly Gap[];
};

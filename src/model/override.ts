/** What a peer's configuration says of its messages before and while they are mapped. Paths are as in field-path.ts, and have been checked. */

export type TargetCoding = { readonly system: string; readonly code: string; readonly display?: string | undefined };

/** Where a field of a Z segment goes in the ServiceRequest of its order. */
export type SegmentTarget =
  | { readonly to: 'note' }
  | { readonly to: 'identifier'; readonly system: string }
  | { readonly to: 'extension'; readonly url: string; readonly type: ExtensionType };

export const EXTENSION_TYPES = ['string', 'code', 'boolean', 'integer', 'decimal', 'date', 'dateTime'] as const;
export type ExtensionType = (typeof EXTENSION_TYPES)[number];

/** All must hold: the value of a place is this one, or one of these; '' where it is empty. */
export type RewriteCondition = Readonly<Record<string, string | readonly string[]>>;

export type Rewrite = { readonly when?: RewriteCondition | undefined } & (
  | { readonly set: string; readonly value: string }
  | { readonly copy: string; readonly to: string }
  | { readonly move: string; readonly to: string }
  | { readonly delete: string }
);

export type MappingOverrides = {
  /** Name or OID of an assigning authority to the URI of its system. */
  readonly authorities: Readonly<Record<string, string>>;
  /** By place (`OBR-4`) or table (`0485`): the sender's code to the one that is meant. */
  readonly codes: Readonly<Record<string, Readonly<Record<string, string | TargetCoding>>>>;
  readonly segments: Readonly<Record<string, SegmentTarget>>;
  readonly rewrite: readonly Rewrite[];
};

/** Places of the tables whose codes decide what a resource says (HL7 v2.5.1 to 2.8, attribute tables of the segments). */
export const TABLE_PLACES: Readonly<Record<string, readonly string[]>> = {
  '0001': ['PID-8', 'NK1-15'],
  '0002': ['PID-16'],
  '0004': ['PV1-2'],
  '0006': ['PID-17'],
  '0009': ['PV1-15'],
  '0038': ['ORC-5'],
  '0052': ['DG1-6'],
  '0062': ['EVN-4'],
  '0063': ['NK1-3', 'IN1-17'],
  '0065': ['OBR-11'],
  '0069': ['PV1-10'],
  '0074': ['OBR-24'],
  '0085': ['OBX-11'],
  '0119': ['ORC-1'],
  '0123': ['OBR-25'],
  '0127': ['AL1-2'],
  '0128': ['AL1-4'],
  '0217': ['PV2-25'],
  '0271': ['TXA-17'],
  '0272': ['TXA-18'],
  '0273': ['TXA-19'],
  '0281': ['RF1-3'],
  '0283': ['RF1-1'],
  '0443': ['ROL-3'],
  '0482': ['ORC-29'],
  '0485': ['TQ1-9', 'ORC-7.6', 'OBR-27.6', 'OBR-5'],
  '0498': ['CON-11'],
  '0912': ['PRT-4'],
};

/** What the door decided by before mapping began: delimiters, type, number, version, character set. */
export const FIXED_HEADER: ReadonlySet<number> = new Set([1, 2, 9, 10, 12, 18]);

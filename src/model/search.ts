/** What a resource is found by: computed by protocols/fhir from the resource, kept by the store in index columns. */
export type SearchIndex = {
  /**
   * One string a searchable value: `Task.code=http://…|fulfill`, `Task.code=|fulfill` (no system), `Task.code=fulfill` (any system),
   * `Task.focus=ServiceRequest/…`. The store keeps 53-bit hashes of them.
   */
  readonly tokens: readonly string[];
  /** `status` element, '' where the type has none. */
  readonly status: string;
  /** Task.owner reference, '' otherwise. */
  readonly owner: string;
  /** The type's one principal date (Task.authoredOn, ImagingStudy.started …) as a range in epoch ms, or null. */
  readonly dated: { readonly from: number; readonly to: number } | null;
  /** Names, folded (lower case, no accents): searched by prefix. Null: the type has none; empty: this one has none any more. */
  readonly strings: readonly { readonly param: string; readonly value: string }[] | null;
};

/** A search as the store runs it: everything in it must hold. */
export type SearchQuery = {
  readonly type: string;
  /** `_id`: any of these; null when not asked. */
  readonly ids: readonly string[] | null;
  /** Each: one of these tokens is there, or (`not`) none of them. */
  readonly tokens: readonly { readonly any: readonly string[]; readonly not: boolean }[];
  /** Task.owner with Task.status: the worklist has an index of its own. */
  readonly worklist: { readonly owners: readonly string[]; readonly statuses: readonly string[] } | null;
  /** Each: one of these tests holds. */
  readonly dates: readonly (readonly DateTest[])[];
  /** Each: a string of one of these parameters begins with one of these. */
  readonly strings: readonly { readonly params: readonly string[]; readonly prefixes: readonly string[] }[];
  readonly sort: { readonly by: SortColumn; readonly descending: boolean };
  readonly count: number;
  /** Where the page before ended; null for the first. */
  readonly after: SearchCursor | null;
};

/** `updated` is meta.lastUpdated, `dated` the type's principal date. */
export type SortColumn = 'updated' | 'dated';

/** The prefixes of R4 §3.1.1.4.5 that are known here, against the range of what was asked, epoch ms, `to` exclusive. */
export type DateTest = {
  readonly on: SortColumn;
  readonly test: 'eq' | 'ne' | 'gt' | 'ge' | 'lt' | 'le' | 'sa' | 'eb';
  readonly from: number;
  readonly to: number;
};

/** The last row of a page: its value in the sort column (null: it has none) and its id. */
export type SearchCursor = { readonly at: number | null; readonly id: string };

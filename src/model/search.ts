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
  /** Names, folded (lower case, no accents): searched by prefix. */
  readonly strings: readonly { readonly param: string; readonly value: string }[];
};

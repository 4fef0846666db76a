/**
 * Many byte strings in one parameter. node-postgres writes a Buffer in binary but a Buffer[] as hex text, twice the size;
 * a batch therefore travels as one bytea with lengths, and SQL cuts it with `substring(packed from start for length)`.
 */
export type Packed = { readonly bytes: Buffer; readonly starts: number[]; readonly lengths: number[] };

/** Starts are 1-based, as SQL's substring counts. */
export function pack(parts: readonly Buffer[]): Packed {
  const starts: number[] = [];
  const lengths: number[] = [];
  let next = 1;
  for (const part of parts) {
    starts.push(next);
    lengths.push(part.length);
    next += part.length;
  }
  return { bytes: Buffer.concat(parts), starts, lengths };
}

/** A PostgreSQL array literal of text, for `text[]` columns inside unnest (a nested array would be flattened). */
export function textArray(values: readonly string[]): string {
  return `{${values.map((value) => `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`).join(',')}}`;
}

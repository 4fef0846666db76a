/**
 * Many values in one parameter. node-postgres writes a Buffer in binary but a Buffer[] as hex text, twice the size; a batch of byte
 * strings therefore travels as one bytea with lengths, and SQL cuts it with `substring(packed from start for length)`.
 * Other arrays travel as literals (PostgreSQL §8.15.6) that are written here: node-postgres quotes every number and id of them, which
 * was a tenth of the corridor's time.
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

/** An array literal. Also for a `text[]` column inside unnest, where a nested array would be flattened. */
export function arrayLiteral(values: readonly unknown[]): string {
  let text = '';
  for (const value of values) text += `,${elementText(value)}`;
  return `{${text.slice(1)}}`;
}

function elementText(value: unknown): string {
  if (typeof value === 'string') return PLAIN.test(value) ? value : quoted(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value === null || value === undefined) return 'NULL';
  if (value instanceof Date) return value.toISOString();
  throw new TypeError(`no array holds a ${typeof value}`);
}

function quoted(text: string): string {
  return SPECIAL.test(text) ? `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"` : `"${text}"`;
}

/** What has a backslash before it inside quotes. */
const SPECIAL = /["\\]/;
/** Text that needs no quotes: nothing in it means anything in an array literal, and it is not the word NULL. */
const PLAIN = /^(?!null$)[\w.:/|+-]+$/i;

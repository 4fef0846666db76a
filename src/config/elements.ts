/**
 * What the schema is built of: mappings, lists, names, durations, sizes, and secrets that stand elsewhere. Each says its rule as its fault.
 * In: values as written. Out: zod types.
 */
import { z } from 'zod';
import { durationMs, sizeBytes } from './quantity.ts';

/** Reads what the file only points to. Throws an Error whose message tells why not, without the content. */
export type Pointers = { env(name: string): string; file(path: string): string };

/** A mapping with these keys and no others. The issue of an unknown key carries the known ones: fault.ts words it. */
export function section<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? Object.keys(shape).join(', ') : 'must be a mapping'),
  });
}

export function list<Item extends z.ZodType>(item: Item) {
  return z.array(item, { error: 'must be a list' }).max(1_000, { error: 'must have at most 1000 entries' });
}

/** One or a list of them, as a list: the places in faults stay as written. */
export function oneOrList<Item extends z.ZodType>(item: Item) {
  return z.unknown().transform((written, context): z.output<Item>[] => {
    const parsed = Array.isArray(written) ? list(item).min(1, { error: 'must not be empty' }).safeParse(written) : item.safeParse(written);
    if (parsed.success) return Array.isArray(parsed.data) ? parsed.data : [parsed.data];
    context.issues.push(
      ...parsed.error.issues.map((issue) => ({ ...issue, path: [...issue.path], input: undefined }) as z.core.$ZodRawIssue),
    );
    return z.NEVER;
  });
}

export function text(what: string) {
  return z
    .string({ error: `must be ${what}` })
    .min(1, { error: `must be ${what}` })
    .max(2_000, { error: 'is too long' });
}

export function oneOf<const Values extends readonly [string, ...string[]]>(...values: Values) {
  return z.enum(values, { error: `must be ${values.slice(0, -1).join(', ')} or ${values.at(-1)}` });
}

/** A duration between two others, as milliseconds. */
export function duration(least: string, most: string) {
  return measured(`a duration from ${least} to ${most}, such as 30s`, durationMs, durationMs(least) as number, durationMs(most) as number);
}

export function wholeNumber(least: number, most: number) {
  const error = `must be a whole number from ${least} to ${most}`;
  return z.int({ error }).min(least, { error }).max(most, { error });
}

export function size(least: string, most: string) {
  return measured(`a size from ${least} to ${most}, such as 64MiB`, sizeBytes, sizeBytes(least) as number, sizeBytes(most) as number);
}

function measured(what: string, read: (text: string) => number | null, least: number, most: number) {
  const error = `must be ${what}`;
  return z.string({ error }).transform((written, context) => {
    const value = read(written);
    if (value !== null && value >= least && value <= most) return value;
    context.issues.push({ code: 'custom', message: error, input: written });
    return z.NEVER;
  });
}

export function matching(pattern: RegExp, error: string) {
  return z.string({ error }).regex(pattern, { error });
}

export const name = matching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'must be a name: letters, digits, dot, dash, underscore, at most 64');
export const host = matching(/^[A-Za-z0-9.:_-]{1,253}$/, 'must be a host name or address');
/** `{ env: NAME }` or `{ file: path }`, and what stands there. The written value is never repeated in a message: it may be the secret. */
export function secret(pointers: Pointers) {
  return z.custom<{ env: string } | { file: string }>(pointsSomewhere, { error: SECRET_RULE }).transform((pointer, context) => {
    const value = readOr(context, () => ('env' in pointer ? pointers.env(pointer.env) : pointers.file(pointer.file)))?.trim();
    if (value !== '') return value ?? z.NEVER;
    context.issues.push({ code: 'custom', message: 'is empty there', input: undefined });
    return z.NEVER;
  });
}

function pointsSomewhere(value: unknown): boolean {
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  const [only] = entries;
  return entries.length === 1 && only !== undefined && /^(env|file)$/.test(only[0]) && typeof only[1] === 'string' && only[1] !== '';
}

export function readOr<Value>(context: z.core.$RefinementCtx, read: () => Value): Value | null {
  try {
    return read();
  } catch (error) {
    const message = error instanceof SyntaxError ? 'is not JSON there' : (error as Error).message;
    context.issues.push({ code: 'custom', message, input: undefined });
    return null;
  }
}

const SECRET_RULE = 'must be { env: NAME } or { file: path }; a secret is never written in this file';

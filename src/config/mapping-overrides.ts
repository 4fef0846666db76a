/**
 * How a peer's messages are meant: `mapping:` of a peer, in the file itself or in one it names. In: values as written. Out: overrides of
 * which every path is one, every table known and every target possible, or every fault at once, each at its line in its file.
 */
import { z } from 'zod';
import { type FieldPath, fieldPath } from '../model/field-path.ts';
import { EXTENSION_TYPES, FIXED_HEADER, type MappingOverrides, type Rewrite, TABLE_PLACES } from '../model/override.ts';
import { list, matching, oneOf, type Pointers, readOr, section, text } from './elements.ts';
import { faultsOf } from './fault.ts';
import { parseSource } from './source.ts';

/** `mapping: { version: 1, … }` or `mapping: { file: path }`. */
export function mappingOverrides(pointers: Pointers) {
  return z.unknown().transform((written, context): MappingOverrides => {
    const file = fileOf(written);
    return file === null ? (parsed(OVERRIDES, written, [], context) ?? z.NEVER) : readFile(file, pointers, context);
  });
}

/** By the schema that the value itself calls for; null with its faults at its place. */
function parsed<Schema extends z.ZodType>(schema: Schema, value: unknown, path: readonly string[], context: z.core.$RefinementCtx) {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  for (const issue of result.error.issues) {
    context.issues.push({ ...issue, path: [...path, ...issue.path], input: undefined } as z.core.$ZodRawIssue);
  }
  return null;
}

/** A mapping in which each key decides what it may be mapped to; text: why it is no key. */
function keyed<Schema extends z.ZodType>(error: string, schemaOf: (key: string) => Schema | string) {
  return z.unknown().transform((written, context): Record<string, z.output<Schema>> => {
    const entries = parsed(z.record(z.string(), z.unknown(), { error }), written, [], context) ?? {};
    const read: Record<string, z.output<Schema>> = {};
    for (const [key, value] of Object.entries(entries)) {
      const schema = schemaOf(key);
      if (typeof schema === 'string') context.issues.push({ code: 'custom', message: schema, path: [key], input: undefined });
      else read[key] = parsed(schema, value, [key], context) as z.output<Schema>;
    }
    return read;
  });
}

function fileOf(written: unknown): string | null {
  if (typeof written !== 'object' || written === null || Object.keys(written).join() !== 'file') return null;
  const { file } = written as { file: unknown };
  return typeof file === 'string' && file !== '' ? file : null;
}

/** What is wrong in the file is told with its own lines: see `faultsOf`. */
function readFile(file: string, pointers: Pointers, context: z.core.$RefinementCtx): MappingOverrides {
  const content = readOr(context, () => pointers.file(file));
  if (content === null) return z.NEVER;
  const source = parseSource(file, content);
  const read = source.faults.length > 0 ? null : OVERRIDES.safeParse(source.raw);
  if (read?.success) return read.data;
  const faults = read ? faultsOf(read.error.issues, source) : source.faults;
  context.issues.push({ code: 'custom', message: 'has faults', params: { faults }, input: undefined });
  return z.NEVER;
}

const PLACE_RULE = 'must be a place in a message such as PID-3, OBR-27.6 or PID-3[2].4.1';
const place = z.string({ error: PLACE_RULE }).refine((written) => fieldPath(written) !== null, { error: PLACE_RULE });

/** A place that may be written to. */
const target = place.refine((written) => !isFixed(fieldPath(written)), {
  error: 'is what the message was taken by (MSH-1, 2, 9, 10, 12, 18), and stays',
});

function isFixed(path: FieldPath | null): boolean {
  return path?.segment === 'MSH' && FIXED_HEADER.has(path.field);
}

const URI_RULE = 'must be a URI that begins with http://, https:// or urn:';
/** As an identifier's system is read back from a message: no longer than a key may be. */
const uri = matching(/^(?:https?:\/\/|urn:[A-Za-z0-9][A-Za-z0-9-]+:)[!-~]{1,150}$/, URI_RULE);
const code = text('a code, in quotes where it is all digits');
const coding = section({ system: uri, code, display: text('what the code means').optional() });
const codeOrCoding = z.union([code, coding], { error: 'must be a code (in quotes where it is all digits) or { system, code, display }' });
const onlyCode = z.string({ error: 'must be a code, in quotes where it is all digits: a coding has room in a whole field only' }).min(1);

const authorities = keyed('must map names or OIDs to URIs', (name) => (name === '' ? 'must be the name or the OID of an authority' : uri));

const codes = keyed('must map places or tables to codes', (where) => {
  const path = fieldPath(where);
  if (path === null && !Object.hasOwn(TABLE_PLACES, where)) {
    return `must be a place such as OBR-4, or a table in quotes: ${Object.keys(TABLE_PLACES).join(', ')}`;
  }
  if (isFixed(path) || (path?.subcomponent ?? 0) > 0) return 'is no place of codes';
  const meant = path?.component === 0 ? codeOrCoding : onlyCode;
  return keyed('must map codes of the sender to those that are meant', (sent) => (sent === '' ? 'must be a code' : meant));
});

const segmentTarget = z.discriminatedUnion(
  'to',
  [
    section({ to: z.literal('note') }),
    section({ to: z.literal('identifier'), system: uri }),
    section({ to: z.literal('extension'), url: uri, type: oneOf(...EXTENSION_TYPES) }),
  ],
  { error: (issue) => (issue.code === 'invalid_union' ? 'must be note, identifier or extension' : 'must be a mapping') },
);
const segments = keyed('must map fields of Z segments', (where) =>
  where.startsWith('Z') && fieldPath(where) ? segmentTarget : 'must be a field of a Z segment, such as ZPI-3 or ZPI-3.2',
);

const value = z.string({ error: 'must be text, in quotes where it looks like a number' }).max(2_000, { error: 'is too long' });
const values = z.union([value, list(value)], { error: 'must be a text or a list of texts, in quotes where they look like numbers' });
const when = keyed('must map places to values', (where) => (fieldPath(where) ? values : PLACE_RULE)).optional();

const VERBS = ['set', 'copy', 'move', 'delete'] as const;
const REWRITES = {
  set: section({ set: target, value, when }),
  copy: section({ copy: place, to: target, when }),
  move: section({ move: target, to: target, when }).refine(({ move, to }) => move !== to, {
    error: 'must move to another place',
    path: ['to'],
  }),
  delete: section({ delete: target, when }),
};

/** By its one verb, so that a fault is one of that rewrite and not of four. */
const rewrite = z.unknown().transform((written, context) => {
  const verbs = VERBS.filter((verb) => typeof written === 'object' && written !== null && verb in written);
  const [verb] = verbs;
  if (verb === undefined || verbs.length > 1) {
    context.issues.push({ code: 'custom', message: 'must have one of set, copy, move and delete', input: undefined });
    return z.NEVER;
  }
  return parsed<z.ZodType<Rewrite>>(REWRITES[verb], written, [], context) ?? z.NEVER;
});

const OVERRIDES = section({
  version: z.literal(1, { error: 'must be 1: the version of how overrides are written' }),
  authorities: authorities.prefault({}),
  codes: codes.prefault({}),
  segments: segments.prefault({}),
  rewrite: list(rewrite).prefault([]),
}).transform(({ version: _written, ...overrides }): MappingOverrides => overrides);

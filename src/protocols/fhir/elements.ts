/**
 * `_elements` (R4 §3.1.1.5.9): a resource with only some of its elements. In: a resource and names of top-level elements.
 * Out: those, what is mandatory, and the tag that says the rest was left out.
 */
import type { Resource } from '@medplum/fhirtypes';
import { definitionOf } from './definitions.ts';

/** Leaves out every element that was not asked for. */
export function subsetOf(resource: Resource, elements: readonly string[]): Resource {
  const schema = definitionOf(resource.resourceType);
  const kept = (name: string) => ALWAYS.has(name) || elements.includes(name) || (schema?.elements[name]?.min ?? 0) > 0;
  const subset = Object.fromEntries(Object.entries(resource).filter(([name]) => kept(name.replace(/^_/, '')))) as unknown as Resource;
  return { ...subset, meta: { ...resource.meta, tag: [...(resource.meta?.tag ?? []), SUBSETTED] } };
}

const ALWAYS: ReadonlySet<string> = new Set(['resourceType', 'id', 'meta']);

const SUBSETTED = { system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'SUBSETTED' };

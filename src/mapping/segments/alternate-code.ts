/** The code a sender wrote, kept beside a FHIR code that says less (guide: extension alternate-codes on the element). */
import type { Element, Extension } from '@medplum/fhirtypes';

/** Value of the `_element` member, e.g. `_status`. */
export function alternateCode(system: string, code: string): Element {
  const extension: Extension = { url: ALTERNATE_CODES, valueCodeableConcept: { coding: [{ system, code: code.replace(/\s+/g, ' ') }] } };
  return { extension: [extension] };
}

const ALTERNATE_CODES = 'http://hl7.org/fhir/StructureDefinition/alternate-codes';

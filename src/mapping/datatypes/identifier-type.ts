/** Types of identifiers (HL7 Table 0203), as coded in FHIR. */
import type { CodeableConcept } from '@medplum/fhirtypes';

const IDENTIFIER_TYPE_SYSTEM = 'http://terminology.hl7.org/CodeSystem/v2-0203';

/** Undefined for no code. Codes are taken over as they come: the guide maps the whole table to itself. */
export function identifierType(code: string): CodeableConcept | undefined {
  if (code === '' || /\s/.test(code)) return undefined;
  return { coding: [{ system: IDENTIFIER_TYPE_SYSTEM, code }] };
}

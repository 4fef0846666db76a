/**
 * HL7 Tables 0127, allergen type (AL1-2), and 0128, allergy severity (AL1-4) (guide: AllergenType[…], AllergyType, AllergySeverity[…]).
 * Severity says how bad a reaction was, criticality how bad it may be: AL1-4 is read as both, as far as each has a code for it.
 */
import type { AllergyIntolerance, AllergyIntoleranceReaction } from '@medplum/fhirtypes';
import type { CodeTable } from './code-table.ts';

const ALLERGEN_TYPE_SYSTEM = 'http://terminology.hl7.org/CodeSystem/v2-0127';
const SEVERITY_SYSTEM = 'http://terminology.hl7.org/CodeSystem/v2-0128';

/** MA (miscellaneous allergy) and MC (contraindication) are no category of FHIR. */
export const ALLERGEN_CATEGORY: CodeTable<NonNullable<AllergyIntolerance['category']>[number]> = {
  name: 'HL7 Table 0127',
  system: ALLERGEN_TYPE_SYSTEM,
  codes: new Map([
    ['DA', 'medication'],
    ['FA', 'food'],
    ['EA', 'environment'],
    ['AA', 'biologic'],
    ['PA', 'environment'],
    ['LA', 'environment'],
  ]),
};

export const ALLERGY_TYPE: CodeTable<NonNullable<AllergyIntolerance['type']>> = {
  name: 'HL7 Table 0127',
  system: ALLERGEN_TYPE_SYSTEM,
  codes: new Map(['DA', 'FA', 'MA', 'EA', 'AA', 'PA', 'LA'].map((code) => [code, 'allergy' as const])),
};

export const ALLERGY_CRITICALITY: CodeTable<NonNullable<AllergyIntolerance['criticality']>> = {
  name: 'HL7 Table 0128',
  system: SEVERITY_SYSTEM,
  codes: new Map([
    ['SV', 'high'],
    ['MI', 'low'],
  ]),
};

export const REACTION_SEVERITY: CodeTable<NonNullable<AllergyIntoleranceReaction['severity']>> = {
  name: 'HL7 Table 0128',
  system: SEVERITY_SYSTEM,
  codes: new Map([
    ['SV', 'severe'],
    ['MO', 'moderate'],
    ['MI', 'mild'],
  ]),
};

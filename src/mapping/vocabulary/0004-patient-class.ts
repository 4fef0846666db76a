/**
 * HL7 Table 0004, patient class, to Encounter.class and Encounter.status (guide: PatientClass[EncounterClass], [EncounterStatus]).
 * A discharge time (PV1-45) makes it finished, whatever the class; codes outside the table keep their own system and say nothing of the status.
 */
import type { Coding, Encounter } from '@medplum/fhirtypes';

export const PATIENT_CLASS_SYSTEM = 'http://terminology.hl7.org/CodeSystem/v2-0004';
const ACT_CODE = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';

type PatientClass = { readonly coding: Coding; readonly status: Encounter['status'] };

export const PATIENT_CLASS: ReadonlyMap<string, PatientClass> = new Map<string, PatientClass>([
  ['E', { coding: { system: ACT_CODE, code: 'EMER', display: 'emergency' }, status: 'in-progress' }],
  ['I', { coding: { system: ACT_CODE, code: 'IMP', display: 'inpatient encounter' }, status: 'in-progress' }],
  ['O', { coding: { system: ACT_CODE, code: 'AMB', display: 'ambulatory' }, status: 'in-progress' }],
  ['P', { coding: { system: ACT_CODE, code: 'PRENC', display: 'pre-admission' }, status: 'planned' }],
  ['R', { coding: { system: PATIENT_CLASS_SYSTEM, code: 'R', display: 'Recurring patient' }, status: 'in-progress' }],
  ['B', { coding: { system: PATIENT_CLASS_SYSTEM, code: 'B', display: 'Obstetrics' }, status: 'in-progress' }],
  ['C', { coding: { system: PATIENT_CLASS_SYSTEM, code: 'C', display: 'Commercial Account' }, status: 'in-progress' }],
  ['N', { coding: { system: PATIENT_CLASS_SYSTEM, code: 'N', display: 'Not Applicable' }, status: 'in-progress' }],
  ['U', { coding: { system: PATIENT_CLASS_SYSTEM, code: 'U', display: 'Unknown' }, status: 'unknown' }],
]);

/** Encounter.class is required. */
export const UNKNOWN_CLASS: Coding = { system: 'http://terminology.hl7.org/CodeSystem/v3-NullFlavor', code: 'UNK', display: 'unknown' };

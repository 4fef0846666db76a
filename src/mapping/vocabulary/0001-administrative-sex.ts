/**
 * HL7 Table 0001, administrative sex, to Patient.gender (guide: AdministrativeSex; all agree). DICOM's (0010,0040) uses M, F and O of it.
 * Codes outside the table are `unknown`, kept in an extension and listed: nobody's sex is guessed.
 */
import type { Patient } from '@medplum/fhirtypes';

export const ADMINISTRATIVE_SEX: ReadonlyMap<string, NonNullable<Patient['gender']>> = new Map([
  ['F', 'female'],
  ['M', 'male'],
  ['O', 'other'],
  ['U', 'unknown'],
  ['A', 'other'], // ambiguous
  ['N', 'other'], // not applicable
]);

export const ADMINISTRATIVE_SEX_SYSTEM = 'http://terminology.hl7.org/CodeSystem/v2-0001';

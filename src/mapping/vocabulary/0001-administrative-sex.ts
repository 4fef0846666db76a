/**
 * HL7 Table 0001, administrative sex, to Patient.gender (guide: AdministrativeSex; all agree). DICOM's (0010,0040) uses M, F and O of it.
 * Codes outside the table are `unknown`, kept in an extension and listed: nobody's sex is guessed.
 */
import type { Patient } from '@medplum/fhirtypes';
import type { CodeTable } from './code-table.ts';

const CODES: CodeTable<NonNullable<Patient['gender']>>['codes'] = new Map([
  ['F', 'female'],
  ['M', 'male'],
  ['O', 'other'],
  ['U', 'unknown'],
  ['A', 'other'], // ambiguous
  ['N', 'other'], // not applicable
]);

export const ADMINISTRATIVE_SEX: CodeTable<NonNullable<Patient['gender']>> = {
  name: 'HL7 Table 0001',
  system: 'http://terminology.hl7.org/CodeSystem/v2-0001',
  codes: CODES,
  otherwise: 'unknown',
};

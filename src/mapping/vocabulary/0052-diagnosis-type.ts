/** HL7 Table 0052, diagnosis type (DG1-6), to diagnosis-role where that has it (guide: DiagnosisType). */
import type { Coding } from '@medplum/fhirtypes';
import type { CodeTable } from './code-table.ts';

const DIAGNOSIS_ROLE = 'http://terminology.hl7.org/CodeSystem/diagnosis-role';

export const DIAGNOSIS_TYPE: CodeTable<Coding> = {
  name: 'HL7 Table 0052',
  system: 'http://terminology.hl7.org/CodeSystem/v2-0052',
  codes: new Map([['A', { system: DIAGNOSIS_ROLE, code: 'AD', display: 'Admission Diagnosis' }]]),
};

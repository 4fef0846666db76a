/** HL7 Table 0912, participation (PRT-4), to practitioner-role where that has it (guide: Participation). */
import type { Coding } from '@medplum/fhirtypes';
import type { CodeTable } from './code-table.ts';

const PRACTITIONER_ROLE = 'http://terminology.hl7.org/CodeSystem/practitioner-role';

export const PARTICIPATION: CodeTable<Coding> = {
  name: 'HL7 Table 0912',
  system: 'http://terminology.hl7.org/CodeSystem/v2-0912',
  codes: new Map([['PH', { system: PRACTITIONER_ROLE, code: 'pharmacist', display: 'Pharmacist' }]]),
};

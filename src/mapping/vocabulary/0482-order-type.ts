/** HL7 Table 0482, order type (ORC-29), to ServiceRequest.locationCode (guide: OrderType): where the order is carried out. */
import type { Coding } from '@medplum/fhirtypes';
import type { CodeTable } from './code-table.ts';

const ROLE_CODE = 'http://terminology.hl7.org/CodeSystem/v3-RoleCode';

export const ORDER_TYPE: CodeTable<Coding> = {
  name: 'HL7 Table 0482',
  system: 'http://terminology.hl7.org/CodeSystem/v2-0482',
  codes: new Map<string, Coding>([
    ['I', { system: ROLE_CODE, code: 'HOSP', display: 'Hospital' }], // inpatient order
    ['O', { system: ROLE_CODE, code: 'OF', display: 'Outpatient facility' }], // outpatient order
  ]),
};

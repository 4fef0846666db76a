/** HL7 Table 0069, hospital service (PV1-10), to service-type where that has it (guide: HospitalService). */
import type { Coding } from '@medplum/fhirtypes';
import type { CodeTable } from './code-table.ts';

const SERVICE_TYPE = 'http://terminology.hl7.org/CodeSystem/service-type';
const V2_0069 = 'http://terminology.hl7.org/CodeSystem/v2-0069';

export const HOSPITAL_SERVICE: CodeTable<Coding> = {
  name: 'HL7 Table 0069',
  system: 'http://terminology.hl7.org/CodeSystem/v2-0069',
  codes: new Map([
    ['MED', { system: SERVICE_TYPE, code: '382', display: 'Medical Services' }],
    ['SUR', { system: V2_0069, code: 'SUR', display: 'Surgical Service' }],
    ['URO', { system: SERVICE_TYPE, code: '222', display: 'Urology' }],
    ['PUL', { system: V2_0069, code: 'PUL', display: 'Pulmonary Service' }],
    ['CAR', { system: V2_0069, code: 'CAR', display: 'Cardiac Service' }],
  ]),
};

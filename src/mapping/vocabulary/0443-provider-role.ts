/** HL7 Table 0443, provider role (ROL-3), to v3 ParticipationType and SNOMED CT (guide: ProviderRole). */
import type { Coding } from '@medplum/fhirtypes';
import type { CodeTable } from './code-table.ts';

const V3_PARTICIPATIONTYPE = 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType';
const SCT = 'http://snomed.info/sct';

export const PROVIDER_ROLE: CodeTable<Coding> = {
  name: 'HL7 Table 0443',
  system: 'http://terminology.hl7.org/CodeSystem/v2-0443',
  codes: new Map([
    ['AD', { system: V3_PARTICIPATIONTYPE, code: 'ADM', display: 'admitter' }],
    ['AT', { system: V3_PARTICIPATIONTYPE, code: 'ATND', display: 'attender' }],
    ['CP', { system: V3_PARTICIPATIONTYPE, code: 'CON', display: 'consultant' }],
    ['PP', { system: SCT, code: '446050000', display: 'PCP - Primary care physician' }],
    ['RP', { system: V3_PARTICIPATIONTYPE, code: 'REF', display: 'referrer' }],
    ['PI', { system: SCT, code: '40570005', display: 'Interpreter' }],
  ]),
};

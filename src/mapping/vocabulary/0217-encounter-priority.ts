/** HL7 Table 0217, visit priority (PV2-25), to v3 ActPriority (guide: EncounterPriority). */
import type { Coding } from '@medplum/fhirtypes';
import type { CodeTable } from './code-table.ts';

const V3_ACTPRIORITY = 'http://terminology.hl7.org/CodeSystem/v3-ActPriority';

export const VISIT_PRIORITY: CodeTable<Coding> = {
  name: 'HL7 Table 0217',
  system: 'http://terminology.hl7.org/CodeSystem/v2-0217',
  codes: new Map([
    ['1', { system: V3_ACTPRIORITY, code: 'EM', display: 'emergency' }],
    ['2', { system: V3_ACTPRIORITY, code: 'UR', display: 'urgent' }],
    ['3', { system: V3_ACTPRIORITY, code: 'EL', display: 'elective' }],
  ]),
};

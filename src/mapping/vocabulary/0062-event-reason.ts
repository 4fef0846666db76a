/** HL7 Table 0062, event reason (EVN-4), to v3 ActReason and what it lacks (guide: EventReason). */
import type { Coding } from '@medplum/fhirtypes';
import type { CodeTable } from './code-table.ts';

const V3_ACTREASON = 'http://terminology.hl7.org/CodeSystem/v3-ActReason';
const V2_0062 = 'http://terminology.hl7.org/CodeSystem/v2-0062';

export const EVENT_REASON: CodeTable<Coding> = {
  name: 'HL7 Table 0062',
  system: 'http://terminology.hl7.org/CodeSystem/v2-0062',
  codes: new Map([
    ['01', { system: V3_ACTREASON, code: 'PATRQT', display: 'patient requested' }],
    ['02', { system: V3_ACTREASON, code: 'TREAT', display: 'treatment' }],
    ['03', { system: V3_ACTREASON, code: 'HOPERAT', display: 'healthcare operations' }],
    ['O', { system: V2_0062, code: 'O', display: 'Other' }],
    ['U', { system: V2_0062, code: 'U', display: 'Unknown' }],
  ]),
};

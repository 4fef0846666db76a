/** HL7 Table 0009, ambulatory status (PV1-15), to encounter-special-arrangements where that has it (guide: AmbulatoryStatus). */
import type { Coding } from '@medplum/fhirtypes';
import type { CodeTable } from './code-table.ts';

const ENCOUNTER_SPECIAL_ARRANGEMENTS = 'http://terminology.hl7.org/CodeSystem/encounter-special-arrangements';
const V2_0009 = 'http://terminology.hl7.org/CodeSystem/v2-0009';

export const AMBULATORY_STATUS: CodeTable<Coding> = {
  name: 'HL7 Table 0009',
  system: 'http://terminology.hl7.org/CodeSystem/v2-0009',
  codes: new Map([
    ['A2', { system: ENCOUNTER_SPECIAL_ARRANGEMENTS, code: 'wheel', display: 'Wheelchair' }],
    ['A3', { system: V2_0009, code: 'A3', display: 'Comatose; non-responsive' }],
    ['A4', { system: V2_0009, code: 'A4', display: 'Disoriented' }],
    ['A5', { system: V2_0009, code: 'A5', display: 'Vision impaired' }],
    ['A6', { system: V2_0009, code: 'A6', display: 'Hearing impaired' }],
    ['A7', { system: V2_0009, code: 'A7', display: 'Speech impaired' }],
    ['A8', { system: V2_0009, code: 'A8', display: 'Non-English speaking' }],
    ['A9', { system: V2_0009, code: 'A9', display: 'Functional level unknown' }],
    ['B1', { system: V2_0009, code: 'B1', display: 'Oxygen therapy' }],
    ['B2', { system: V2_0009, code: 'B2', display: 'Special equipment (tubes, IVs, catheters)' }],
    ['B3', { system: V2_0009, code: 'B3', display: 'Amputee' }],
    ['B4', { system: V2_0009, code: 'B4', display: 'Mastectomy' }],
    ['B5', { system: V2_0009, code: 'B5', display: 'Paraplegic' }],
    ['B6', { system: V2_0009, code: 'B6', display: 'Pregnant' }],
  ]),
};

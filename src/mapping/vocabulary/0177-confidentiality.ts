/**
 * HL7 Table 0177, confidentiality (ORC-28), to Meta.security (guide: ConfidentialityCode).
 * Deviation: PSY and HIV are codes of v3 ActCode, not of v3 Confidentiality, where the guide puts them.
 */
import type { Coding } from '@medplum/fhirtypes';
import type { CodeTable } from './code-table.ts';

const V2 = 'http://terminology.hl7.org/CodeSystem/v2-0177';
const CONFIDENTIALITY = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';
const ACT = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';

export const CONFIDENTIALITY_CODE: CodeTable<Coding> = {
  name: 'HL7 Table 0177',
  system: V2,
  codes: new Map<string, Coding>([
    ['V', { system: CONFIDENTIALITY, code: 'V', display: 'very restricted' }],
    ['R', { system: CONFIDENTIALITY, code: 'R', display: 'restricted' }],
    ['U', { system: V2, code: 'U', display: 'Usual control' }],
    ['EMP', { system: ACT, code: 'EMP', display: 'employee information sensitivity' }],
    ['UWM', { system: V2, code: 'UWM', display: 'Unwed mother' }],
    ['VIP', { system: V2, code: 'VIP', display: 'Very important person or celebrity' }],
    ['PSY', { system: ACT, code: 'PSY', display: 'psychiatry disorder information sensitivity' }],
    ['AID', { system: ACT, code: 'HIV', display: 'HIV/AIDS information sensitivity' }],
    ['HIV', { system: ACT, code: 'HIV', display: 'HIV/AIDS information sensitivity' }],
    ['ETH', { system: ACT, code: 'ETHUD', display: 'alcohol use disorder information sensitivity' }],
  ]),
};

/** HL7 Table 0002, marital status, to v3 MaritalStatus and NullFlavor (guide: MaritalStatus). */
import type { Coding } from '@medplum/fhirtypes';
import type { CodeTable } from './code-table.ts';

const STATUS = 'http://terminology.hl7.org/CodeSystem/v3-MaritalStatus';
const NULL_FLAVOR = 'http://terminology.hl7.org/CodeSystem/v3-NullFlavor';

export const MARITAL_STATUS: CodeTable<Coding> = {
  name: 'HL7 Table 0002',
  system: 'http://terminology.hl7.org/CodeSystem/v2-0002',
  codes: new Map([
    ['A', { system: STATUS, code: 'L', display: 'Legally Separated' }],
    ['B', { system: STATUS, code: 'U', display: 'unmarried' }],
    ['C', { system: STATUS, code: 'C', display: 'Common Law' }],
    ['D', { system: STATUS, code: 'D', display: 'Divorced' }],
    ['E', { system: STATUS, code: 'L', display: 'Legally Separated' }],
    ['G', { system: STATUS, code: 'T', display: 'Domestic partner' }],
    ['I', { system: STATUS, code: 'I', display: 'Interlocutory' }],
    ['M', { system: STATUS, code: 'M', display: 'Married' }],
    ['N', { system: STATUS, code: 'A', display: 'Annulled' }],
    ['O', { system: NULL_FLAVOR, code: 'OTH', display: 'other' }],
    ['P', { system: STATUS, code: 'T', display: 'Domestic partner' }],
    ['R', { system: STATUS, code: 'T', display: 'Domestic partner' }],
    ['S', { system: STATUS, code: 'S', display: 'Never Married' }],
    ['T', { system: NULL_FLAVOR, code: 'NAVU', display: 'Not available' }],
    ['U', { system: NULL_FLAVOR, code: 'UNK', display: 'unknown' }],
    ['W', { system: STATUS, code: 'W', display: 'Widowed' }],
  ]),
};

/**
 * What a referral is about and how it stands: HL7 Table 0281, referral type (RF1-3), to the practice that is asked (ServiceRequest.performerType),
 * and 0283, referral status (RF1-1), to ServiceRequest.status. The guide has no RF1.
 * A rejected or expired referral is over: revoked. Both codes are kept as they were sent.
 */
import type { Coding, ServiceRequest } from '@medplum/fhirtypes';
import type { CodeTable } from './code-table.ts';

const SNOMED = 'http://snomed.info/sct';

/** Practice settings of SNOMED CT, as specialties name them. */
export const REFERRAL_TYPE: CodeTable<Coding> = {
  name: 'HL7 Table 0281',
  system: 'http://terminology.hl7.org/CodeSystem/v2-0281',
  codes: new Map<string, Coding>([
    ['LAB', { system: SNOMED, code: '394915009', display: 'General pathology' }],
    ['RAD', { system: SNOMED, code: '394914008', display: 'Radiology' }],
    ['MED', { system: SNOMED, code: '394802001', display: 'General medicine' }],
    ['SKN', { system: SNOMED, code: '394582007', display: 'Dermatology' }],
    ['PSY', { system: SNOMED, code: '394587001', display: 'Psychiatry' }],
  ]),
};

export const REFERRAL_STATUS: CodeTable<NonNullable<ServiceRequest['status']>> = {
  name: 'HL7 Table 0283',
  system: 'http://terminology.hl7.org/CodeSystem/v2-0283',
  codes: new Map([
    ['A', 'active'], // accepted
    ['E', 'revoked'], // expired
    ['P', 'active'], // pending
    ['R', 'revoked'], // rejected
  ]),
};

/**
 * HL7 Table 0498, consent status (CON-11), to Consent.status, which is required (the guide's table is empty).
 * L (limited) is active: its limits stand in the text. B (bypassed) is inactive: nobody consented. A code outside the table is a draft, which
 * permits nothing. All but A, P and R are kept beside.
 */
import type { Consent } from '@medplum/fhirtypes';
import type { CodeTable } from './code-table.ts';

export type ConsentStatus = { readonly status: NonNullable<Consent['status']>; readonly exact: boolean };

export const CONSENT_STATUS: CodeTable<ConsentStatus> = {
  name: 'HL7 Table 0498',
  system: 'http://terminology.hl7.org/CodeSystem/v2-0498',
  codes: new Map<string, ConsentStatus>([
    ['A', { status: 'active', exact: true }],
    ['B', { status: 'inactive', exact: false }],
    ['L', { status: 'active', exact: false }],
    ['P', { status: 'proposed', exact: true }],
    ['R', { status: 'rejected', exact: true }],
    ['X', { status: 'inactive', exact: false }],
  ]),
  otherwise: { status: 'draft', exact: false },
};

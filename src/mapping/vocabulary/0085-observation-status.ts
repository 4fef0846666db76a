/**
 * HL7 Table 0085, observation result status (OBX-11), to Observation.status, which is required.
 * The guide maps A, C, D, F, P, W and X; the rest is decided here, since 8 of 15 codes cannot be left without a status:
 *
 * - I registered (LinuxForHealth; Microsoft unknown): results are pending. R and S preliminary: entered but not verified, or partial.
 * - U final: the usual way in radiology to say that what was preliminary stands. V final: verified, no change.
 * - B amended: final results with something appended. N cancelled: it was not asked, so there is no result.
 * - D entered-in-error (guide and Microsoft; LinuxForHealth cancelled).
 * - O, and an empty OBX-11, unknown: what comes with an order (height, creatinine, answers) is described, not reported.
 *
 * `exact` false: the code says more than the status, so it is kept beside it in the extension alternate-codes (guide: for X).
 */
import type { Observation } from '@medplum/fhirtypes';
import type { CodeTable } from './code-table.ts';

export type ObservationStatus = { readonly status: NonNullable<Observation['status']>; readonly exact: boolean };

export const OBSERVATION_STATUS: CodeTable<ObservationStatus> = {
  name: 'HL7 Table 0085',
  system: 'http://terminology.hl7.org/CodeSystem/v2-0085',
  codes: new Map<string, ObservationStatus>([
    ['A', { status: 'amended', exact: true }],
    ['B', { status: 'amended', exact: false }],
    ['C', { status: 'corrected', exact: true }],
    ['D', { status: 'entered-in-error', exact: false }],
    ['F', { status: 'final', exact: true }],
    ['I', { status: 'registered', exact: false }],
    ['N', { status: 'cancelled', exact: false }],
    ['O', { status: 'unknown', exact: false }],
    ['P', { status: 'preliminary', exact: true }],
    ['R', { status: 'preliminary', exact: false }],
    ['S', { status: 'preliminary', exact: false }],
    ['U', { status: 'final', exact: false }],
    ['V', { status: 'final', exact: false }],
    ['W', { status: 'entered-in-error', exact: false }],
    ['X', { status: 'cancelled', exact: false }],
  ]),
  otherwise: { status: 'unknown', exact: false },
};

/**
 * HL7 Table 0038, order status (ORC-5), to ServiceRequest.status (guide: OrderStatus).
 * A (some, not all, results available) has no row in the guide: the order goes on, so it is active. The code itself is kept beside the
 * status (`_status`): several mean the same in FHIR.
 */
import type { ServiceRequest } from '@medplum/fhirtypes';
import type { CodeTable } from './code-table.ts';

type Status = NonNullable<ServiceRequest['status']>;

export const ORDER_STATUS: ReadonlyMap<string, Status> = new Map([
  ['A', 'active'],
  ['CA', 'revoked'],
  ['CM', 'completed'],
  ['DC', 'revoked'],
  ['ER', 'entered-in-error'],
  ['HD', 'on-hold'],
  ['IP', 'active'],
  ['RP', 'revoked'],
  ['SC', 'active'],
]);

export const ORDER_STATUS_TABLE: CodeTable<Status> = {
  name: 'HL7 Table 0038',
  system: 'http://terminology.hl7.org/CodeSystem/v2-0038',
  codes: ORDER_STATUS,
};

/**
 * HL7 Table 0038, order status (ORC-5), to ServiceRequest.status (guide: OrderStatus).
 * A (some, not all, results available) has no row in the guide: the order goes on, so it is active.
 */
import type { ServiceRequest } from '@medplum/fhirtypes';

export const ORDER_STATUS: ReadonlyMap<string, NonNullable<ServiceRequest['status']>> = new Map([
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

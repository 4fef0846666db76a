/**
 * HL7 Table 0119, order control, to ServiceRequest.status and to what was done (Provenance.activity, v3 DataOperation).
 * The control code is the event, ORC-5 (Table 0038) the state; `statusOf` reads both and never one alone:
 *
 * - A cancel, discontinue, replace or hold wins over an ORC-5 that still says active: placers often send the state as it was before.
 * - Otherwise ORC-5 wins (guide: ORC-1 is only read when ORC-5 is not valued).
 * - An event that says nothing of the state (SC, NA, SR …) without ORC-5 leaves the state as it is: null.
 *
 * Where the published maps disagree:
 * - CA: revoked (Microsoft; the guide says active, seeing only a request to the filler). Here the placer is the order's author, and a
 *   cancelled order that still reads active would be reported on.
 * - HD: on-hold (the guide says active), for the same reason. RP, RQ, RU: revoked, as ORC-5 RP is: the order was replaced by another.
 * - NW: active (guide; Microsoft says unknown, LinuxForHealth does not read it). OC, OD: revoked (guide). XO, CH, PA, SN: active: they
 *   order, or change what is ordered (the guide has no target; Microsoft says active for CH). FU: completed (guide; Microsoft active).
 * - DE, CN, UA …: none; Microsoft's entered-in-error for DE would mark an order wrong because a message was.
 */
import type { ServiceRequest } from '@medplum/fhirtypes';
import { ORDER_STATUS } from './0038-order-status.ts';

export type RequestStatus = NonNullable<ServiceRequest['status']>;

/** Codes of v3 DataOperation. */
type Activity = 'CREATE' | 'UPDATE' | 'CANCEL' | 'HOLD' | 'RESUME';

export type OrderControl = { readonly status: RequestStatus | null; readonly activity: Activity };

export type ReadStatus = { readonly status: RequestStatus | null; readonly conflict: boolean };

/** State of the order after this message; null: as it was. `conflict`: control code and status say different things. */
export function statusOf(control: string, orderStatus: string): ReadStatus {
  const event = ORDER_CONTROL.get(control)?.status ?? null;
  const state = ORDER_STATUS.get(orderStatus) ?? null;
  if (state === null || event === null) return { status: state ?? event, conflict: false };
  const ends = event === 'revoked' || event === 'on-hold';
  return { status: ends && state === 'active' ? event : state, conflict: event !== state };
}

/** Codes with which the order is new, so that ORC-9 is when it was made. */
export const OPENING_CONTROLS: readonly string[] = ['NW', 'SN', 'RO', 'PA', 'CH'];

export const ORDER_CONTROL_SYSTEM = 'http://terminology.hl7.org/CodeSystem/v2-0119';

export const ORDER_CONTROL: ReadonlyMap<string, OrderControl> = new Map<string, OrderControl>([
  ['AF', { status: 'active', activity: 'UPDATE' }], // refill request approval
  ['CA', { status: 'revoked', activity: 'CANCEL' }], // cancel order request
  ['CH', { status: 'active', activity: 'CREATE' }], // child order
  ['CN', { status: null, activity: 'UPDATE' }], // combined result
  ['CP', { status: null, activity: 'UPDATE' }], // cancel process step
  ['CR', { status: 'revoked', activity: 'CANCEL' }], // canceled as requested
  ['DC', { status: 'revoked', activity: 'CANCEL' }], // discontinue order request
  ['DE', { status: null, activity: 'UPDATE' }], // data errors
  ['DF', { status: 'revoked', activity: 'CANCEL' }], // refill request denied
  ['DR', { status: 'revoked', activity: 'CANCEL' }], // discontinued as requested
  ['FU', { status: 'completed', activity: 'UPDATE' }], // refilled, unsolicited
  ['HD', { status: 'on-hold', activity: 'HOLD' }], // hold order request
  ['HR', { status: 'on-hold', activity: 'HOLD' }], // on hold as requested
  ['LI', { status: null, activity: 'UPDATE' }], // link to problem or goal
  ['MC', { status: null, activity: 'UPDATE' }], // charge without an order
  ['NA', { status: null, activity: 'UPDATE' }], // number assigned
  ['NR', { status: null, activity: 'UPDATE' }], // notification received
  ['NW', { status: 'active', activity: 'CREATE' }], // new order
  ['OC', { status: 'revoked', activity: 'CANCEL' }], // order canceled
  ['OD', { status: 'revoked', activity: 'CANCEL' }], // order discontinued
  ['OE', { status: 'active', activity: 'RESUME' }], // order released
  ['OF', { status: null, activity: 'UPDATE' }], // refilled as requested
  ['OH', { status: 'on-hold', activity: 'HOLD' }], // order held
  ['OK', { status: 'active', activity: 'UPDATE' }], // accepted
  ['OP', { status: null, activity: 'UPDATE' }], // notification for outside dispense
  ['OR', { status: 'active', activity: 'RESUME' }], // released as requested
  ['PA', { status: 'active', activity: 'CREATE' }], // parent order
  ['PR', { status: 'active', activity: 'CREATE' }], // previous results with new order
  ['PY', { status: 'active', activity: 'CREATE' }], // replacement for outside dispense
  ['RA', { status: null, activity: 'UPDATE' }], // recommendation accepted
  ['RC', { status: null, activity: 'UPDATE' }], // recommended change
  ['RD', { status: null, activity: 'UPDATE' }], // recommendation declined
  ['RE', { status: null, activity: 'UPDATE' }], // observations to follow
  ['RF', { status: null, activity: 'UPDATE' }], // refill request
  ['RL', { status: 'active', activity: 'RESUME' }], // release previous hold
  ['RO', { status: 'active', activity: 'CREATE' }], // replacement order
  ['RP', { status: 'revoked', activity: 'CANCEL' }], // replace request: this order gives way to the RO that follows
  ['RQ', { status: 'revoked', activity: 'CANCEL' }], // replaced as requested
  ['RR', { status: null, activity: 'UPDATE' }], // request received
  ['RU', { status: 'revoked', activity: 'CANCEL' }], // replaced unsolicited
  ['SC', { status: null, activity: 'UPDATE' }], // status changed
  ['SN', { status: 'active', activity: 'CREATE' }], // new order that asks for a number
  ['SQ', { status: null, activity: 'UPDATE' }], // supplemented as requested
  ['SR', { status: null, activity: 'UPDATE' }], // response to a status request
  ['SS', { status: null, activity: 'UPDATE' }], // status request
  ['SU', { status: null, activity: 'UPDATE' }], // supplement this order
  ['UA', { status: null, activity: 'UPDATE' }], // unable to accept
  ['UC', { status: null, activity: 'UPDATE' }], // unable to cancel
  ['UD', { status: null, activity: 'UPDATE' }], // unable to discontinue
  ['UF', { status: null, activity: 'UPDATE' }], // unable to refill
  ['UH', { status: null, activity: 'UPDATE' }], // unable to put on hold
  ['UM', { status: null, activity: 'UPDATE' }], // unable to replace
  ['UN', { status: null, activity: 'UPDATE' }], // unlink from problem or goal
  ['UR', { status: null, activity: 'UPDATE' }], // unable to release
  ['UX', { status: null, activity: 'UPDATE' }], // unable to change
  ['XO', { status: 'active', activity: 'UPDATE' }], // change order request
  ['XR', { status: 'active', activity: 'UPDATE' }], // changed as requested
  ['XX', { status: 'active', activity: 'UPDATE' }], // changed, unsolicited
]);

/**
 * What becomes of a delivery after an attempt. Pure: the attempt's result and the destination's policy in, the next state out.
 * MLLP receivers know a resend by MSH-10 and FHIR pushes are conditional, so that an ambiguous end is tried again with the same bytes.
 */
import type { RetryPolicy } from '../model/config.ts';
import type { DeliveryState, SendResult } from '../model/delivery.ts';
import { isFailure } from '../model/failure.ts';

export type NextStep = { readonly state: DeliveryState; readonly due: Date; readonly lastFailure: string };

/** `attempts`: how many were made, this one included. `random` in [0, 1) spreads the retries of many lanes. */
export function afterAttempt(result: SendResult, attempts: number, policy: RetryPolicy, now: Date, random: number): NextStep {
  if (!isFailure(result)) return { state: 'delivered', due: now, lastFailure: '' };
  const lastFailure = `${result.code} (${result.class}): ${result.detail}`;
  if (result.class === 'permanent' || attempts >= policy.maxAttempts) {
    return { state: policy.onFailure === 'hold' ? 'held' : 'dead', due: now, lastFailure };
  }
  return { state: 'waiting', due: new Date(now.getTime() + delayMs(attempts, policy, random)), lastFailure };
}

/** Doubles from the first delay to the longest, less up to a quarter. */
export function delayMs(attempts: number, policy: RetryPolicy, random: number): number {
  const full = Math.min(policy.maxDelayMs, policy.firstDelayMs * 2 ** Math.min(attempts - 1, 30));
  return Math.round(full * (1 - random / 4));
}

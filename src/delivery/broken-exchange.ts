/**
 * What becomes of an object over which associations or requests break again and again: perhaps it is the reason. In: each end of an exchange
 * of a lane. Out: the failure as it is, or for good at the tenth time in a row over the same object, so that the rest of the lane goes on.
 * That nobody was reached is no break: a PACS that was away says nothing of an object. Kept in memory: a new start counts anew.
 */
import type { Failure } from '../model/failure.ts';

/** About ten minutes with default delays. */
const MOST_BREAKS = 10;

export type BreakCount = {
  /** One more over this object, which stands at the head of its lane. */
  broken(lane: string, over: string, why: Failure): Failure;
  /** The other side has answered, or the break said nothing of the object. */
  clear(lane: string): void;
};

export function breakCount(): BreakCount {
  const lanes = new Map<string, { readonly over: string; readonly times: number }>();
  return {
    broken: (lane, over, why) => {
      const before = lanes.get(lane);
      const times = before?.over === over ? before.times + 1 : 1;
      lanes.set(lane, { over, times });
      return times < MOST_BREAKS ? why : { ...why, class: 'permanent' };
    },
    clear: (lane) => {
      lanes.delete(lane);
    },
  };
}

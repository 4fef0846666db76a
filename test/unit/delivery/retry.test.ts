import { describe, expect, it } from '@jest/globals';
import { afterAttempt, delayMs } from '../../../src/delivery/retry.ts';
import { failure } from '../../../src/model/failure.ts';

const policy = { firstDelayMs: 1000, maxDelayMs: 60_000, maxAttempts: 4, onFailure: 'setAside' as const };
const now = new Date(1_000_000);
const receipt = { bytes: Buffer.from('AA'), controlId: '1', detail: 'AA' };

describe('what becomes of a delivery', () => {
  it('is delivered by a receipt', () => {
    expect(afterAttempt(receipt, 1, policy, now, 0)).toEqual({ state: 'delivered', due: now, lastFailure: '' });
  });

  it.each(['transient', 'ambiguous'] as const)('waits twice as long after each %s failure', (kind) => {
    const failed = failure('delivery', 'unreachable', 'refused', kind);
    expect([1, 2, 3].map((n) => afterAttempt(failed, n, policy, now, 0).due.getTime() - now.getTime())).toEqual([1000, 2000, 4000]);
    expect(afterAttempt(failed, 4, policy, now, 0).state).toBe('dead');
  });

  it('is set aside at once when it can never be accepted', () => {
    expect(afterAttempt(failure('delivery', 'rejected', 'AE'), 1, policy, now, 0)).toMatchObject({
      state: 'dead',
      lastFailure: 'rejected (permanent): AE',
    });
  });

  it('holds its lane where the destination says so', () => {
    const holding = { ...policy, onFailure: 'hold' as const };
    expect(afterAttempt(failure('delivery', 'rejected', 'AE'), 1, holding, now, 0).state).toBe('held');
    expect(afterAttempt(failure('delivery', 'timeout', 'silence', 'ambiguous'), 4, holding, now, 0).state).toBe('held');
    expect(afterAttempt(failure('delivery', 'timeout', 'silence', 'ambiguous'), 3, holding, now, 0).state).toBe('waiting');
  });

  it('never waits longer than the cap, and spreads by at most a quarter', () => {
    expect(delayMs(99, policy, 0)).toBe(60_000);
    expect(delayMs(99, policy, 0.999)).toBeGreaterThanOrEqual(45_000);
  });
});

/** The same as `npm run soak`, with few and short rounds. */
import { describe, expect, it } from '@jest/globals';
import { runKillRounds } from '../support/kill-rounds.ts';

describe('a gateway that is killed with -9 under load', () => {
  it('has lost nothing that it acknowledged and has nothing twice', async () => {
    const report = await runKillRounds({ rounds: 3, seed: 20_260_302, roundSeconds: 3, rate: 100 });
    expect(report.faults).toEqual([]);
    expect(report.kills).toBe(3);
    expect(report.databaseKills).toBeGreaterThan(0);
    for (const count of [report.orders, report.slices, report.results, report.resent]) expect(count).toBeGreaterThan(0);
  }, 900_000);
});

/**
 * `npm run soak -- [--rounds N] [--seed S] [--seconds S] [--rate R]`: kills a gateway under load, alone or with its database, and holds
 * what was acknowledged against what is there afterwards. The same seed gives the same moments. Exit code 0: nothing was lost.
 */
import { parseArgs } from 'node:util';
import { type KillReport, runKillRounds } from './support/kill-rounds.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    seconds: { type: 'string', default: '6' },
    rate: { type: 'string', default: '150' },
  },
});

const started = Date.now();
const seed = Number(values.seed);
console.log(`soak: ${values.rounds} rounds of at most ${values.seconds} s, ${values.rate} orders a second, seed ${seed}`);
const report = await runKillRounds({
  rounds: Number(values.rounds),
  seed,
  roundSeconds: Number(values.seconds),
  rate: Number(values.rate),
  tell: (line) => console.log(`${String(Math.round((Date.now() - started) / 1000)).padStart(5)} s  ${line}`),
});
console.log(wordsOf(report));
process.exit(report.faults.length === 0 ? 0 : 1);

function wordsOf({ faults, ...counts }: KillReport): string {
  const lines = [
    `kills: ${counts.kills}, ${counts.databaseKills} of them with the database`,
    `acknowledged: ${counts.orders} orders, ${counts.slices} objects; sent again after a lost connection: ${counts.resent}`,
    `results at their receiver: ${counts.results}, ${counts.repeatedResults} of them more than once under the same MSH-10`,
    ...faults.slice(0, 50).map((fault) => `FAULT ${fault}`),
    faults.length === 0 ? 'nothing lost, nothing twice' : `${faults.length} faults; again with --seed ${seed}`,
  ];
  return lines.join('\n');
}

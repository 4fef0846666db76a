/**
 * `npm run fuzz -- [--seconds S] [--mutants N] [--seed S]`: hands mutated objects and conversations to both DICOM doors of a gateway of its own.
 * The same seed gives the same mutants. Exit code 0: nothing was harmed.
 */
import { parseArgs } from 'node:util';
import { fuzzDicomDoors, wordsOf } from './support/dicom-fuzz.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '120' },
    mutants: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});

console.log(`fuzz: at most ${values.seconds} s and ${values.mutants} mutants, seed ${values.seed}`);
const [seed, mutants, seconds] = [values.seed, values.mutants, values.seconds].map(Number) as [number, number, number];
const report = await fuzzDicomDoors({ seed, mutants, seconds, tell: (line) => console.log(line) });
for (const fault of report.faults) console.log(`FAULT ${fault}`);
console.log(wordsOf(report));
process.exit(report.faults.length === 0 ? 0 : 1);

/**
 * `npm test`: types, lint, then every test (or those that match the arguments), and one last line that says it all:
 * `N passed, N failed`, with `, N skipped` where a peer program or a corpus is absent. Exit code 0 only when nothing failed.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

type Tally = { readonly passed: number; readonly failed: number; readonly skipped: number };

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** A run that hangs is a run that failed. */
const LIMIT_MS = 60 * 60_000;

const tallies = [
  await check('types', 'node_modules/typescript/bin/tsc', ['--noEmit']),
  await check('lint', 'node_modules/@biomejs/biome/bin/biome', ['check', '--error-on-warnings']),
  await jest(process.argv.slice(2)),
];
const sum = (key: keyof Tally): number => tallies.reduce((total, tally) => total + tally[key], 0);
const skipped = sum('skipped');
console.log(`${sum('passed')} passed, ${sum('failed')} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = sum('failed') > 0 ? 1 : 0;

/** A tool that counts as one test. */
async function check(name: string, script: string, args: readonly string[]): Promise<Tally> {
  const good = (await node([script, ...args])) === 0;
  console.log(`${good ? 'PASS' : 'FAIL'} ${name}`);
  return { passed: good ? 1 : 0, failed: good ? 0 : 1, skipped: 0 };
}

async function jest(args: readonly string[]): Promise<Tally> {
  const directory = mkdtempSync(join(tmpdir(), 'waystation-results-'));
  const results = join(directory, 'jest.json');
  const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  const code = await node([...flags, 'node_modules/jest/bin/jest.js', '--json', `--outputFile=${results}`, ...args]);
  const tally = readTally(results);
  rmSync(directory, { recursive: true });
  return tally.failed === 0 && code !== 0 ? { ...tally, failed: 1 } : tally;
}

/** A file that could not be run at all counts as one failed test; no results at all are the exit code's affair. */
function readTally(file: string): Tally {
  try {
    const results = JSON.parse(readFileSync(file, 'utf8'));
    return {
      passed: results.numPassedTests,
      failed: results.numFailedTests + results.numRuntimeErrorTestSuites,
      skipped: results.numPendingTests + results.numTodoTests,
    };
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
}

/** Runs this very node, with its output on ours. */
function node(args: readonly string[]): Promise<number | null> {
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: 'inherit', timeout: LIMIT_MS });
  return new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
}

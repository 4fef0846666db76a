/** The demo as a stranger runs it: its exit code is the claim that every step held. */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ROOT } from '../support/gateway-process.ts';

describe('the demo', () => {
  const temporary = mkdtempSync(join(tmpdir(), 'waystation-demo-test-'));
  let run: SpawnSyncReturns<string>;

  beforeAll(() => {
    run = spawnSync(process.execPath, [join(ROOT, 'src/cli/waystation.ts'), 'demo'], {
      cwd: temporary,
      // What is set for a gateway in earnest must not reach the demo.
      env: { PATH: process.env.PATH, DATABASE_URL: 'postgres://127.0.0.1:1/nothing', WAYSTATION_DATA: '/nowhere' },
      encoding: 'utf8',
      timeout: 220_000,
    });
  });
  afterAll(() => rmSync(temporary, { recursive: true, force: true }));

  it('holds every step and says so with exit code 0', () => {
    expect([run.status, run.stderr]).toEqual([0, '']);
    expect(run.stdout).toMatch(/^All \d+ steps held/m);
  });

  it('ends with three closed cases and what came home', () => {
    expect(run.stdout.match(/ closed +gateway +every required receipt is in$/gm)).toHaveLength(3);
    expect(run.stdout.match(/^ {2}MSH\|.*\|ORU\^R01\^ORU_R01\|/gm)).toHaveLength(2);
  });

  it('leaves nothing where it was run', () => {
    expect(readdirSync(temporary)).toEqual([]);
  });
});

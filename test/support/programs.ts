/** Real programs as peers: whether one is on this machine, and running it without holding up the test's own doors. */
import { execFile, spawnSync } from 'node:child_process';

/** True when the program can be started. A test without its peer is a visible skip. */
export function isInstalled(program: string): boolean {
  // Not `instanceof Error`: Node's are none of those that a test's own realm knows.
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined;
}

export type Ran = { readonly code: number; readonly output: string };

/** Runs a program to its end: exit code and all that it said. `environment` is added to our own. */
export function run(program: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Ran> {
  return new Promise((resolve, reject) => {
    execFile(
      program,
      args,
      { timeout: 120_000, maxBuffer: 16 * 1024 * 1024, env: { ...process.env, ...environment } },
      (error, stdout, stderr) => {
        if (error && typeof error.code !== 'number') reject(error);
        else resolve({ code: (error?.code as number | undefined) ?? 0, output: stdout + stderr });
      },
    );
  });
}

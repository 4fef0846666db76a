/** Steps a person can follow: a line each with its time, the one under way in place where the output is a terminal. */
import { CliError, EXIT, say } from '../terminal.ts';

export type Progress = {
  scene(title: string): void;
  /** Runs `work` as one step. A step that fails ends the demo, with its name. */
  step<Result>(title: string, work: () => Promise<Result>): Promise<Result>;
  steps(): number;
  seconds(): number;
};

export function openProgress(): Progress {
  const began = performance.now();
  let held = 0;
  return {
    scene: (title) => say(`\n${title}`),
    step: async (title, work) => {
      const started = performance.now();
      const seconds = (): string => `${((performance.now() - started) / 1000).toFixed(1)} s`.padStart(7);
      if (process.stdout.isTTY) process.stdout.write(`  …          ${title}`);
      const result = await work().catch((error: Error) => {
        say(`${CLEAR}  ✗ ${seconds()}  ${title}`);
        throw new CliError(`"${title}" did not hold: ${error.message}`, '', EXIT.refused);
      });
      if (process.stdout.isTTY) process.stdout.write(CLEAR);
      say(`  ✓ ${seconds()}  ${title}`);
      held++;
      return result;
    },
    steps: () => held,
    seconds: () => (performance.now() - began) / 1000,
  };
}

/** Asks until an answer is there. What never comes is an error that says what was waited for. */
export async function until<Answer>(what: string, ask: () => Promise<Answer | null | undefined>): Promise<Answer> {
  for (const deadline = performance.now() + PATIENCE_MS; performance.now() < deadline; ) {
    const answer = await ask();
    if (answer !== null && answer !== undefined) return answer;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`waited ${PATIENCE_MS / 1000} s for ${what}`);
}

/** What a step claims. */
export function hold(claim: boolean, otherwise: string): asserts claim {
  if (!claim) throw new Error(otherwise);
}

const CLEAR = process.stdout.isTTY ? '\r\u001b[2K' : '';
const PATIENCE_MS = 30_000;
const POLL_MS = 50;

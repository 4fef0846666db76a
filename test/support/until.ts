/** Asks until something is seen; ends with the last answer when it is not, so that the test says what was there instead. */
import { setTimeout as pause } from 'node:timers/promises';

/** Only a broken program reaches it, on however slow a machine: below jest's own limit, so that the test fails with what it saw. */
const PATIENCE_MS = 60_000;
const REST_MS = 50;

export async function until<T>(ask: () => Promise<T>, seen: (value: T) => boolean, patienceMs = PATIENCE_MS): Promise<T> {
  for (const deadline = Date.now() + patienceMs; ; await pause(REST_MS)) {
    const value = await ask();
    if (seen(value) || Date.now() > deadline) return value;
  }
}

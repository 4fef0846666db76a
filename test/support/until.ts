/** Asks until something is seen; ends with the last answer when it is not, so that the test says what was there instead. */
import { setTimeout as pause } from 'node:timers/promises';

export async function until<T>(ask: () => Promise<T>, seen: (value: T) => boolean, patienceMs = 20_000): Promise<T> {
  for (const deadline = Date.now() + patienceMs; ; await pause(50)) {
    const value = await ask();
    if (seen(value) || Date.now() > deadline) return value;
  }
}

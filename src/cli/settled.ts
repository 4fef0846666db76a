/** Waiting for an operation: until the corridor has worked its journal entry off, which it does within moments. */
import type { JournalView } from '../endpoints/operations/contract.ts';
import type { Gateway } from './gateway-client.ts';

/** The entry as it then is; `waiting` when it was not worked off in time. */
export async function settled(gateway: Gateway, seq: number): Promise<JournalView> {
  for (let waitedMs = 0; ; waitedMs += SETTLE_POLL_MS) {
    const entry = await gateway.get<JournalView>(`/journal/${seq}`);
    if (entry.state !== 'waiting' || waitedMs >= SETTLE_TIMEOUT_MS) return entry;
    await new Promise((resolve) => setTimeout(resolve, SETTLE_POLL_MS));
  }
}

const SETTLE_TIMEOUT_MS = 5_000;
const SETTLE_POLL_MS = 100;

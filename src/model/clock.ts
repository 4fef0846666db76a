/** Time and ids are handed in, never fetched: `Clock` is what rooms get. */
import { randomUUID } from 'node:crypto';

export type Clock = { now(): Date; uuid(): string };

/** A UUIDv7 (RFC 9562 §5.7): 48 bits of Unix milliseconds, then random bits, which are those of a version 4. Sorts by time of first sight. */
export function uuidv7(nowMs: number): string {
  const time = nowMs.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice('xxxxxxxx-xxxx-4'.length)}`;
}

export const systemClock: Clock = { now: () => new Date(), uuid: () => uuidv7(Date.now()) };

/** Time and ids are handed in, never fetched: `Clock` is what rooms get. */
import { randomFillSync } from 'node:crypto';

export type Clock = { now(): Date; uuid(): string };

/** A UUIDv7 (RFC 9562 §5.7): 48 bits of Unix milliseconds, then random. Sorts by time of first sight. */
export function uuidv7(nowMs: number): string {
  const bytes = randomFillSync(Buffer.alloc(16));
  bytes.writeUIntBE(nowMs, 0, 6);
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

export const systemClock: Clock = { now: () => new Date(), uuid: () => uuidv7(Date.now()) };

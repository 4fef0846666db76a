/**
 * What counts as a UID (PS3.5 §9.1): components of digits parted by dots, at most 64 characters. Leading zeros are let pass, as everywhere
 * in the field. What comes from a peer and goes into an index column, a path or a header of an answer is held to this before.
 */
import { createHash } from 'node:crypto';

export function isUid(text: string): boolean {
  return text.length <= 64 && /^\d+(\.\d+)+$/.test(text);
}

/**
 * A UID that is made from a name, always the same for the same one (PS3.5 §B.2): 2.25 and a UUID as one number, here of version 8
 * (RFC 9562 §5.8), from the SHA-256 of the name.
 */
export function uidFromName(name: string): string {
  const bytes = createHash('sha256').update(name).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  return `2.25.${BigInt(`0x${bytes.toString('hex')}`)}`;
}

/** A UID from a UUID (PS3.5 §B.2). */
export function newUid(uuid: string): string {
  return `2.25.${BigInt(`0x${uuid.replaceAll('-', '')}`)}`;
}

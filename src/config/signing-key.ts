/** Is this a key that a report's signature can be verified with? In: a JWK (RFC 7517) as written. Out: what is wrong with it, '' when nothing is. */
import { createPublicKey } from 'node:crypto';

export const KEY_RULE = 'must be a public JWK (EC P-256 or P-384, OKP Ed25519, RSA) or { file: path } of one';

/** '' when the key is public, of a kind that signatures here are made with, and can be imported. */
export function faultOfKey(jwk: unknown): string {
  if (typeof jwk !== 'object' || jwk === null || Array.isArray(jwk)) return KEY_RULE;
  const key = jwk as Record<string, unknown>;
  if (PRIVATE_PARTS.some((part) => part in key))
    return 'holds a private key; give only its public part here and keep the private one with the person who signs';
  if (key.kty !== 'RSA' && !CURVES.has(String(key.crv))) return KEY_RULE;
  try {
    const imported = createPublicKey({ key: key as never, format: 'jwk' });
    const bits = imported.asymmetricKeyDetails?.modulusLength ?? MIN_RSA_BITS;
    return bits < MIN_RSA_BITS ? `is an RSA key of ${bits} bits; at least ${MIN_RSA_BITS} are needed` : '';
  } catch {
    return `cannot be imported; it ${KEY_RULE}`;
  }
}

const MIN_RSA_BITS = 2048;
const CURVES = new Set(['P-256', 'P-384', 'Ed25519']);
/** RFC 7518 §6.2.2, §6.3.2 and §6.4, RFC 8037 §2. */
const PRIVATE_PARTS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

/**
 * Bearer tokens (RFC 6750). A token is shown once, when it is made; only its SHA-256 is kept.
 * A plain hash is enough: 256 random bits cannot be guessed, so there is nothing to slow down.
 */
import { createHash, randomBytes } from 'node:crypto';

/** Lets people and secret scanners recognise one in a log or a repository. */
const PREFIX = 'wst_';
const TOKEN_BYTES = 32;

/** A new token: `wst_` and 43 base64url characters. */
export function newToken(): string {
  return PREFIX + randomBytes(TOKEN_BYTES).toString('base64url');
}

/** What is kept of a token and looked up by. */
export function tokenHash(token: string): Buffer {
  return createHash('sha256').update(token, 'utf8').digest();
}

/** The token of an `Authorization` header (RFC 6750 §2.1), or null when it carries none of ours. */
export function bearerToken(authorization: string | undefined): string | null {
  return /^Bearer +(wst_[A-Za-z0-9_-]{43}) *$/i.exec(authorization ?? '')?.[1] ?? null;
}

import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { bearerToken, newToken, tokenHash } from '../../../src/security/token.ts';

describe('bearer token', () => {
  it('is 256 random bits behind a prefix that names its maker', () => {
    const tokens = Array.from({ length: 100 }, newToken);
    expect(new Set(tokens).size).toBe(100);
    for (const token of tokens) {
      expect(token).toMatch(/^wst_[A-Za-z0-9_-]{43}$/);
      expect(Buffer.from(token.slice(4), 'base64url')).toHaveLength(32);
    }
  });

  it('is kept as its SHA-256', () => {
    expect(tokenHash('wst_x')).toEqual(createHash('sha256').update('wst_x').digest());
  });

  it.each(['Bearer ', 'bearer ', 'BEARER   '])('is read behind the scheme "%s"', (scheme) => {
    const token = newToken();
    expect(bearerToken(scheme + token)).toBe(token);
  });

  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Basic d3N0Xw==',
    newToken(),
    `Bearer ${newToken()}x`,
    `Bearer ${newToken()},`,
    `Bearer x${newToken()}`,
  ])('is not found in %p', (header) => {
    expect(bearerToken(header)).toBeNull();
  });
});

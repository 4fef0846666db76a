/**
 * Verifies a detached JWS (RFC 7515, compact serialization with an empty payload, Appendix F). In: the JWS, the payload bytes, the
 * signer's public JWK. Out: the protected header, or why it does not hold.
 * On node:crypto, because a write transaction must be answered at once and jose verifies asynchronously. Promises: one spelling only
 * (spare bits in the last base64url character would let an altered string still verify), no algorithm that the key was not made for,
 * and nothing that is marked critical and not understood here.
 */
import { constants, createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto';
import { type Failure, failure, isFailure } from '../model/failure.ts';

export type ProtectedHeader = Readonly<Record<string, unknown>> & { readonly alg: string };

export function verifyDetached(jws: string, payload: Buffer, jwk: Readonly<Record<string, unknown>>): ProtectedHeader | Failure {
  const parts = jws.split('.');
  const [encodedHeader, empty, encodedSignature] = parts;
  if (parts.length !== 3 || empty !== '') return refused('the signature is no detached JWS (header..signature)');
  const headerBytes = decodeBase64Url(encodedHeader as string);
  const signature = decodeBase64Url(encodedSignature as string);
  if (headerBytes === null || signature === null) return refused('the JWS is not canonical base64url');
  const header = parseHeader(headerBytes);
  if (isFailure(header)) return header;
  const key = keyFor(header, jwk);
  if (isFailure(key)) return key;
  const signed = Buffer.from(`${encodedHeader}.${payload.toString('base64url')}`, 'ascii');
  return ALGORITHMS[header.alg]?.verify(signed, key, signature) ? header : refused('the signature does not fit the signed content');
}

/** Decodes base64url without padding (RFC 4648 §5); null when the text is not the one way to write these bytes. */
function decodeBase64Url(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : null;
}

function parseHeader(bytes: Buffer): ProtectedHeader | Failure {
  const header = parseObject(bytes);
  if (header === null) return refused('the protected header is no JSON object');
  // RFC 7515 §4.1.11: what is critical must be understood, and no extension is understood here, `b64` (RFC 7797) included.
  if ('crit' in header || 'b64' in header) return refused('the protected header demands an extension that is not understood');
  if (typeof header.alg !== 'string' || !Object.hasOwn(ALGORITHMS, header.alg)) return refused('the signature algorithm is not accepted');
  return header as ProtectedHeader;
}

function parseObject(bytes: Buffer): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** The key, when the JWK was made for this algorithm and goes by the header's name for it. */
function keyFor(header: ProtectedHeader, jwk: Readonly<Record<string, unknown>>): KeyObject | Failure {
  const algorithm = ALGORITHMS[header.alg] as Algorithm;
  if (jwk.kty !== algorithm.kty || jwk.crv !== algorithm.crv) return refused('the signature algorithm is not the one of the signer’s key');
  if (jwk.alg !== undefined && jwk.alg !== header.alg) return refused('the signature algorithm is not the one of the signer’s key');
  if (jwk.use !== undefined && jwk.use !== 'sig') return refused('the signer’s key is not meant for signatures');
  if (jwk.kid !== undefined && header.kid !== undefined && jwk.kid !== header.kid)
    return refused('the signature names another key than the signer’s');
  const key = importKey(jwk);
  if (key === null) return refused('the signer’s configured key cannot be used');
  const bits = key.asymmetricKeyDetails?.modulusLength;
  return bits !== undefined && bits < MIN_RSA_BITS ? refused('the signer’s RSA key is too short') : key;
}

function importKey(jwk: Readonly<Record<string, unknown>>): KeyObject | null {
  try {
    return createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' });
  } catch {
    return null;
  }
}

function refused(detail: string): Failure {
  return failure('reports', 'signature', detail);
}

/** RFC 7518 §3.3: a key of 2048 bits or larger must be used. */
const MIN_RSA_BITS = 2048;

type Algorithm = {
  readonly kty: string;
  readonly crv: string | undefined;
  readonly verify: (signed: Buffer, key: KeyObject, signature: Buffer) => boolean;
};

/** RFC 7518 §3.1 and RFC 8037 §3.1, the asymmetric ones taken here. RFC 7518 §3.4: ECDSA signatures are R || S. */
const ALGORITHMS: Readonly<Record<string, Algorithm>> = {
  ES256: {
    kty: 'EC',
    crv: 'P-256',
    verify: (signed, key, signature) => verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, signature),
  },
  ES384: {
    kty: 'EC',
    crv: 'P-384',
    verify: (signed, key, signature) => verify('sha384', signed, { key, dsaEncoding: 'ieee-p1363' }, signature),
  },
  EdDSA: { kty: 'OKP', crv: 'Ed25519', verify: (signed, key, signature) => verify(null, signed, key, signature) },
  RS256: { kty: 'RSA', crv: undefined, verify: (signed, key, signature) => verify('sha256', signed, key, signature) },
  PS256: {
    kty: 'RSA',
    crv: undefined,
    // RFC 7518 §3.5: the salt is as long as the hash.
    verify: (signed, key, signature) =>
      verify('sha256', signed, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }, signature),
  },
};

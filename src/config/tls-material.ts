/**
 * Keys and certificates of doors and calls, as a person writes where they stand: `{ file: … }` or `{ env: … }` of PEM text.
 * In: the section `tls`. Out: the PEM texts, or why they are of no use: a door with a key that is not its certificate's would open and
 * then refuse everybody. What is wrong is told without the key.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { z } from 'zod';
import type { CallTls, DoorTls } from '../model/tls.ts';
import { oneOf, type Pointers, secret, section, text } from './elements.ts';

/** `tls: { key, cert, ca, clients }` of a door. Who names authorities wants certificates of them. */
export function doorTls(pointers: Pointers) {
  return section({
    key: secret(pointers),
    cert: secret(pointers),
    ca: secret(pointers).optional(),
    clients: oneOf('none', 'asked', 'required').optional(),
  }).transform((written, context): DoorTls => {
    const { key, cert, ca = '' } = written;
    const clients = written.clients ?? (ca === '' ? 'none' : 'required');
    refuse(context, faultOfPair(key, cert), faultOfAuthorities(ca));
    if (clients !== 'none' && ca === '') refuse(context, 'must name in ca the authorities whose certificates are taken');
    return { key, cert, ca, clients };
  });
}

/** `tls: { key, cert }` of the HTTP door, whose callers are known by their tokens. */
export function httpTls(pointers: Pointers) {
  return section({ key: secret(pointers), cert: secret(pointers) }).transform(({ key, cert }, context): DoorTls => {
    refuse(context, faultOfPair(key, cert));
    return { key, cert, ca: '', clients: 'none' };
  });
}

/** `tls: { ca, key, cert, serverName }` of a destination; `tls: {}` trusts whom the machine trusts. */
export function callTls(pointers: Pointers) {
  return section({
    ca: secret(pointers).optional(),
    key: secret(pointers).optional(),
    cert: secret(pointers).optional(),
    serverName: text('the name in the certificate of the other side').optional(),
  }).transform((written, context): CallTls => {
    const { ca = '', key = '', cert = '', serverName = '' } = written;
    const half = (key === '') !== (cert === '');
    refuse(context, half ? 'must have key and cert, or neither' : key === '' ? '' : faultOfPair(key, cert), faultOfAuthorities(ca));
    return { ca, key, cert, serverName };
  });
}

function refuse(context: z.core.$RefinementCtx, ...faults: readonly string[]): void {
  for (const message of faults) if (message !== '') context.issues.push({ code: 'custom', message, input: undefined });
}

function faultOfPair(key: string, cert: string): string {
  const [certificate, ...others] = certificatesIn(cert);
  if (!certificate || others.includes(null)) return 'cert holds no certificates in PEM';
  try {
    return certificate.checkPrivateKey(createPrivateKey(key)) ? '' : 'key is not the one of the first certificate in cert';
  } catch {
    return 'key holds no private key in PEM that can be read without a passphrase';
  }
}

function faultOfAuthorities(ca: string): string {
  const certificates = certificatesIn(ca);
  return ca === '' || (certificates.length > 0 && !certificates.includes(null)) ? '' : 'ca holds no certificates in PEM';
}

/** Each block of a PEM text; null for one that is no certificate. */
function certificatesIn(pem: string): (X509Certificate | null)[] {
  return (pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []).map((block) => {
    try {
      return new X509Certificate(block);
    } catch {
      return null;
    }
  });
}

/**
 * What doors and calls say to node:tls, the same for every protocol (IETF BCP 195; IHE ATNA, ITI TF-2 §3.19.6.2.3: TLS 1.2 and newer).
 * In: TLS material of the configuration, or a certificate that was shown. Out: options, and who that is.
 * Promises: a certificate counts only when it was verified; what is told of a broken handshake is its reason, never key material.
 */
import { X509Certificate } from 'node:crypto';
import type { ConnectionOptions, PeerCertificate, TlsOptions } from 'node:tls';
import type { CallTls, DoorTls, ShownCertificate } from '../model/tls.ts';

const MIN_VERSION = 'TLSv1.2';
/** A caller that begins no TLS keeps a place only so long. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

/** Of a door; given again to `setSecureContext`, it renews the certificates of connections to come. */
export function doorTlsOptions({ key, cert, ca, clients }: DoorTls): TlsOptions {
  return {
    key,
    cert,
    ...(ca === '' ? {} : { ca }),
    requestCert: clients !== 'none',
    // Where one is only asked for, who shows none or a wrong one is taken, as nobody in particular.
    rejectUnauthorized: clients === 'required',
    minVersion: MIN_VERSION,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
  };
}

/** Of a call to `host`. */
export function callTlsOptions({ ca, key, cert, serverName }: CallTls, host: string): ConnectionOptions {
  const name = serverName || host;
  return {
    ...(ca === '' ? {} : { ca }),
    ...(key === '' ? {} : { key, cert }),
    // SNI names hosts, never addresses (RFC 6066 §3).
    ...(/^[\d.]+$|:/.test(name) ? {} : { servername: name }),
    minVersion: MIN_VERSION,
    rejectUnauthorized: true,
  };
}

/** Who the other side has proved to be; null for nobody. `certificate` as `getPeerCertificate()` gives it. */
export function shownCertificate(certificate: PeerCertificate | null, authorized: boolean): ShownCertificate | null {
  if (!authorized || !certificate?.fingerprint256) return null;
  const subject = certificate.subject?.CN;
  return {
    subject: (Array.isArray(subject) ? subject[0] : subject) ?? '',
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
  };
}

/** Why a handshake failed, as far as a log may have it: OpenSSL's or Node's name for it. */
export function handshakeFault(error: Error & { code?: string; reason?: string }): string {
  return error.reason ?? error.code ?? 'no TLS';
}

/** Until when the first certificate of a PEM text holds. */
export function validUntil(cert: string): Date {
  return new X509Certificate(cert).validToDate;
}

/**
 * One HTTP request of the command line, redirects not followed. In: URL, method, headers, body, and the certificates that alone are trusted
 * (those of the gateway on this machine, from a file only its user may read), or '' for what the machine trusts. Out: status and text.
 * Throws an Error with OpenSSL's or Node's `code` where nobody answers, or somebody else does.
 */
import { X509Certificate } from 'node:crypto';
import { type IncomingMessage, request as plainRequest } from 'node:http';
import { type RequestOptions, request as tlsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import type { PeerCertificate } from 'node:tls';

export type HttpCall = {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly certificate: string;
  readonly timeoutMs: number;
};

export async function call({ url, method, headers, body, certificate, timeoutMs }: HttpCall): Promise<{ status: number; text: string }> {
  const options = { method, headers, agent: false, signal: AbortSignal.timeout(timeoutMs) };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = url.startsWith('https:')
      ? tlsRequest(url, { ...options, ...pinned(certificate) }, resolve)
      : plainRequest(url, options, resolve);
    request.on('error', reject).end(body);
  });
  return { status: response.statusCode ?? 0, text: await text(response) };
}

/**
 * Nothing but these certificates is trusted, so that the name in them, which is not that of loopback, says no more. Where the authority stands
 * among them, as in a chain, others that it has signed are strangers all the same.
 */
function pinned(certificate: string): RequestOptions {
  if (certificate === '') return {};
  const known = (certificate.match(CERTIFICATE) ?? []).map((pem) => new X509Certificate(pem).fingerprint256);
  const checkServerIdentity = (_host: string, shown: PeerCertificate): Error | undefined =>
    known.includes(shown.fingerprint256) ? undefined : Object.assign(new Error('another certificate'), { code: 'CERT_NOT_PINNED' });
  return { ca: certificate, allowPartialTrustChain: true, checkServerIdentity };
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * One HTTP request of the command line, redirects not followed. In: URL, method, headers, body, and the certificate that alone is trusted
 * (that of the gateway on this machine, from a file only its user may read), or '' for what the machine trusts. Out: status and text.
 * Throws an Error with OpenSSL's or Node's `code` where nobody answers, or somebody else does.
 */
import { type IncomingMessage, request as plainRequest } from 'node:http';
import { type RequestOptions, request as tlsRequest } from 'node:https';
import { text } from 'node:stream/consumers';

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

/** Nothing but this certificate is trusted, so that the name in it, which is not that of loopback, says no more. */
function pinned(certificate: string): RequestOptions {
  return certificate === '' ? {} : { ca: certificate, allowPartialTrustChain: true, checkServerIdentity: () => undefined };
}

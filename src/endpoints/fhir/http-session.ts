/**
 * Requests and replies on the wire: reading a body within its limits, writing a Reply with its headers (R4 §3.1.0.1).
 * Promises bounded memory and time: a body that is too large or too slow is refused while it comes, and what follows is thrown away.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Failure } from '../../model/failure.ts';
import { answerFailure, type FhirFailure, refuse } from '../../protocols/fhir/operation-outcome.ts';
import { etagOf, locationOf, type Preference, type Reply } from './reply.ts';

const FHIR_JSON = 'application/fhir+json; charset=utf-8';

/** How long the rest of a refused body is thrown away before the connection is cut. */
const DISCARD_MS = 5_000;

/** When a client may try again what failed for a reason that passes. */
const RETRY_AFTER_S = 5;

export type BodyLimits = {
  readonly maxBytes: number;
  readonly timeoutMs: number;
  /** Bytes of all bodies being read; false when there is no room for more. Negative gives back. */
  readonly hold: (bytes: number) => boolean;
};

/** Reads a whole body. `release` gives its memory back to the others. */
export async function readBody(
  request: IncomingMessage,
  limits: BodyLimits,
): Promise<{ bytes: Buffer; release: () => void } | FhirFailure> {
  if (Number(request.headers['content-length'] ?? 0) > limits.maxBytes) return tooLarge(limits.maxBytes);
  if ((request.headers['content-encoding'] ?? 'identity') !== 'identity') return refuse(415, 'not-supported', 'bodies are not compressed');
  let held = 0;
  const release = () => {
    limits.hold(-held);
    held = 0;
  };
  const chunks: Buffer[] = [];
  const deadline = AbortSignal.timeout(limits.timeoutMs);
  try {
    for await (const chunk of untilAborted(request, deadline)) {
      held += chunk.length;
      const room = limits.hold(chunk.length);
      if (held <= limits.maxBytes && room) chunks.push(chunk);
      else
        return refused(
          release,
          room ? tooLarge(limits.maxBytes) : refuse(503, 'throttled', 'too much is being received at once: try again'),
        );
    }
  } catch {
    return refused(
      release,
      deadline.aborted ? refuse(408, 'timeout', 'the body did not arrive in time') : refuse(400, 'incomplete', 'the body ended early'),
    );
  }
  return { bytes: Buffer.concat(chunks), release };
}

function refused(release: () => void, failure: FhirFailure): FhirFailure {
  release();
  return failure;
}

function tooLarge(maxBytes: number): FhirFailure {
  return refuse(413, 'too-long', `a body has at most ${maxBytes} bytes`);
}

/** The chunks of a request; leaving the loop does not destroy the socket, which still carries the answer. */
export function untilAborted(request: IncomingMessage, signal: AbortSignal): AsyncIterable<Buffer> {
  return {
    [Symbol.asyncIterator]: () => {
      const chunks = request.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<Buffer>;
      const aborted = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
      aborted.catch(() => {});
      const leave = () => {
        // Not awaited: it waits for a chunk that may never come. Without it nothing else could read what is left.
        void chunks.return?.();
        return Promise.resolve({ done: true as const, value: undefined });
      };
      return { next: () => Promise.race([chunks.next(), aborted]), return: leave };
    },
  };
}

/** Writes a reply. `base` makes Location absolute. */
export function sendReply(response: ServerResponse, reply: Reply, base: string): void {
  const { status, body, version } = reply;
  response.statusCode = status;
  if (version) {
    response.setHeader('ETag', etagOf(version));
    response.setHeader('Last-Modified', version.updated.toUTCString());
    if (status === 201) response.setHeader('Location', `${base}/${locationOf(version)}`);
  }
  if (body) response.setHeader('Content-Type', FHIR_JSON);
  response.end(body ? JSON.stringify(body) : undefined);
}

/** Writes a refusal; whatever still comes of the body is thrown away, for a while. */
export function sendFailure(request: IncomingMessage, response: ServerResponse, failed: Failure): void {
  const { status, outcome } = answerFailure(failed);
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.statusCode = status;
  if (status === 401) response.setHeader('WWW-Authenticate', 'Bearer realm="waystation"');
  if (status === 503) response.setHeader('Retry-After', RETRY_AFTER_S);
  response.setHeader('Content-Type', FHIR_JSON);
  response.end(JSON.stringify(outcome));
  if (request.complete) return;
  request.resume();
  setTimeout(() => request.complete || request.socket.destroy(), DISCARD_MS).unref();
}

/** `Prefer: return=…`; undefined when the client does not say. */
export function returnPreference(request: IncomingMessage): Preference | undefined {
  return /(?:^|[,;\s])return=(representation|minimal|OperationOutcome)/.exec(String(request.headers.prefer ?? ''))?.[1] as
    | Preference
    | undefined;
}

/** `Prefer: handling=lenient`. */
export function isLenient(request: IncomingMessage): boolean {
  return /(?:^|[,;\s])handling=lenient/.test(String(request.headers.prefer ?? ''));
}

/** Whether the client takes JSON; without an Accept header he takes anything. */
export function acceptsJson(request: IncomingMessage): boolean {
  const { accept } = request.headers;
  return accept === undefined || /json|\*\/\*|application\/\*/.test(accept);
}

/** `application/fhir+json` of `application/fhir+json; charset=utf-8`, lower case; '' without. */
export function mediaType(request: IncomingMessage): string {
  return (request.headers['content-type']?.split(';')[0] ?? '').trim().toLowerCase();
}

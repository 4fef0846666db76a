/**
 * Sends stored objects to one PACS by STOW-RS (PS3.18 §10.5): one a request, multipart/related, streamed from its file, over connections
 * that are kept. In: deliveries of kind `dicom-object`. Out: a receipt only where the answer says that this instance is stored, or a Failure.
 * Promises: an instance that is refused has its Failure Reason; a server that refuses us altogether (401, 404, a redirect) holds back its
 * lane, and sets nothing aside; an object over which it fails again and again is set aside, so that the rest goes on; the token goes to this
 * server only; time and the size of answers are bounded. What was perhaps taken is sent again, which changes nothing there.
 */
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { Agent, request } from 'undici';
import type { Destination, DicomwebDestination } from '../../model/config.ts';
import type { Delivery, SendResult } from '../../model/delivery.ts';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import { part10Prefix } from '../../protocols/dicom/part10.ts';
import { storedStatus } from '../../protocols/dicom/store-instances-response.ts';
import { callTlsOptions } from '../../security/tls-options.ts';
import { breakCount } from '../broken-exchange.ts';
import { thrownFailure } from '../fhir/http-failure.ts';
import { OBJECTS_AT_ONCE, type OpenOutgoing, type Outgoing, storeResult } from '../outgoing-session.ts';

/** An answer to one instance has some hundred bytes. */
const MAX_ANSWER_BYTES = 1024 * 1024;

/** `attempts` counts this one. */
type Outbound = Pick<Delivery, 'id' | 'lane' | 'content' | 'caseId' | 'controlId' | 'attempts'>;

export type StowClient = {
  readonly atOnce: number;
  /** Never rejects. */
  send(delivery: Outbound): Promise<SendResult>;
  /** Other keys and certificates, for connections to come. */
  renew(destination: Destination): void;
  close(): Promise<void>;
};

export function startStowClient(destination: DicomwebDestination, deps: { readonly open: OpenOutgoing }): StowClient {
  let agent = agentOf(destination);
  const breaks = breakCount();
  return {
    atOnce: OBJECTS_AT_ONCE,
    send: async (delivery) => {
      const outgoing = await deps.open(delivery);
      if (isFailure(outgoing)) return outgoing;
      const answer = await post(destination, agent, outgoing);
      const result = isFailure(answer) ? answer : resultOf(answer, outgoing.sopInstanceUid, delivery);
      if (isFailure(result) && result.class === 'ambiguous') return breaks.broken(delivery.lane, delivery.controlId, result);
      if (!isFailure(result) || result.class === 'permanent') breaks.clear(delivery.lane);
      return result;
    },
    renew: (renewed) => {
      if (renewed.kind !== 'dicomweb') return;
      const before = agent;
      agent = agentOf(renewed);
      void before.close();
    },
    close: () => agent.close(),
  };
}

function agentOf({ url, tls, timeoutMs, associations }: DicomwebDestination): Agent {
  const secure = tls === null ? {} : callTlsOptions(tls, new URL(url).hostname);
  const timeouts = { headersTimeout: timeoutMs, bodyTimeout: timeoutMs, connect: { timeout: timeoutMs, ...secure } };
  return new Agent({ ...timeouts, connections: associations, maxResponseSize: MAX_ANSWER_BYTES });
}

type Answer = { readonly status: number; readonly body: string };

async function post({ url, token, timeoutMs }: DicomwebDestination, agent: Agent, outgoing: Outgoing): Promise<Answer | Failure> {
  const boundary = randomUUID();
  const before = Buffer.concat([Buffer.from(`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`), part10Prefix(outgoing)]);
  const after = Buffer.from(`\r\n--${boundary}--\r\n`);
  const stall = stallOf(timeoutMs);
  try {
    const { statusCode, body } = await request(`${url}/studies`, {
      dispatcher: agent,
      method: 'POST',
      signal: stall.signal,
      headers: {
        'content-type': `multipart/related; type="application/dicom"; boundary=${boundary}`,
        ...(outgoing.bytes === null ? {} : { 'content-length': String(before.length + outgoing.bytes + after.length) }),
        accept: 'application/dicom+json',
        ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
      },
      body: Readable.from(stall.watch([before], outgoing.dataset, [after]), { objectMode: false }),
    });
    return { status: statusCode, body: await body.text() };
  } catch (error) {
    // undici's own errors carry their code themselves, those of fetch in their cause.
    return thrownFailure({ name: (error as Error).name, cause: error });
  } finally {
    stall.end();
  }
}

/** A server that stops reading in the middle of an object: undici's own timers wait for answers only. */
function stallOf(timeoutMs: number) {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const end = (): void => clearTimeout(timer);
  const watch = async function* (...parts: (AsyncIterable<Buffer> | Iterable<Buffer>)[]): AsyncGenerator<Buffer, void> {
    for (const part of parts) {
      for await (const chunk of part) {
        end();
        timer = setTimeout(() => controller.abort(), timeoutMs);
        yield chunk;
      }
    }
    end();
  };
  return { signal: controller.signal, watch, end };
}

/** PS3.18 Table 10.5.3-1: what 200, 202 and 409 mean for one instance stands in their body. */
function resultOf({ status, body }: Answer, sopInstanceUid: string, delivery: Outbound): SendResult {
  const statusInBody = PER_INSTANCE.has(status) ? statusIn(body, sopInstanceUid) : null;
  if (statusInBody !== null) return storeResult(statusInBody, delivery);
  if (status === 200 && body.trim() === '') return storeResult(0, delivery);
  if (status < 300) return failure('delivery', 'malformed', `HTTP ${status} does not say what became of the instance`, 'ambiguous');
  if (OF_THE_OBJECT.has(status)) return failure('delivery', 'rejected', `HTTP ${status}`);
  return failure(
    'delivery',
    CODES.get(status) ?? 'rejected',
    `HTTP ${status}`,
    status >= 500 && !AWAY.has(status) ? 'ambiguous' : 'transient',
  );
}

function statusIn(body: string, sopInstanceUid: string): number | null {
  try {
    return storedStatus(body, sopInstanceUid);
  } catch {
    return null;
  }
}

const PER_INSTANCE: ReadonlySet<number> = new Set([200, 202, 409]);

/** Bad request, conflict, too large, unsupported media type: no other object is to blame for it. */
const OF_THE_OBJECT: ReadonlySet<number> = new Set([400, 409, 413, 415]);

/** Said by who stands before a server that is away (RFC 9110 §15.6.3 to §15.6.5): no object is to blame for it either. */
const AWAY: ReadonlySet<number> = new Set([502, 503, 504]);

const CODES: ReadonlyMap<number, Failure['code']> = new Map([
  [401, 'forbidden'],
  [403, 'forbidden'],
  [404, 'not-found'],
  [408, 'timeout'],
  [504, 'timeout'],
  [503, 'out-of-resources'],
]);

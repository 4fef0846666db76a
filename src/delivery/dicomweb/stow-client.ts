/**
 * Sends stored objects to one PACS by STOW-RS (PS3.18 §10.5): one a request, multipart/related, streamed from its file, over connections
 * that are kept. In: deliveries of kind `dicom-object`. Out: a receipt only where the answer says that this instance is stored, or a Failure.
 * Promises: an instance that is refused has its Failure Reason; one whose transfer syntax is refused goes once more in another, where the
 * destination allows that; a server that refuses us altogether (401, 404, a redirect) holds back its
 * lane, and sets nothing aside; an object over which it fails again and again is set aside, so that the rest goes on; the token goes to this
 * server only; time and the size of answers are bounded. What was perhaps taken is sent again, which changes nothing there.
 */
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { Agent, request } from 'undici';
import type { Destination, DicomwebDestination } from '../../model/config.ts';
import type { Delivery, SendResult } from '../../model/delivery.ts';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import { failureIn } from '../../protocols/dicom/decompression.ts';
import { part10Prefix } from '../../protocols/dicom/part10.ts';
import { storedStatus } from '../../protocols/dicom/store-instances-response.ts';
import { callTlsOptions } from '../../security/tls-options.ts';
import { breakCount } from '../broken-exchange.ts';
import { thrownFailure } from '../fhir/http-failure.ts';
import { OBJECTS_AT_ONCE, type OpenOutgoing, type Outgoing, storeResult } from '../outgoing-session.ts';
import { conversionsFor, inSyntax } from '../outgoing-syntax.ts';

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
  const conversions = conversionsFor(destination);
  /** Once more, in a syntax that any server takes: its dataset can be read only once, so it is opened anew. */
  const sendIn = async (target: string, delivery: Outbound): Promise<SendResult> => {
    const again = await deps.open(delivery);
    const converted = isFailure(again) ? again : await inSyntax(again, target);
    if (isFailure(converted)) return converted;
    return resultOf(await post(destination, agent, converted), converted.sopInstanceUid, delivery, `in ${target}`);
  };
  return {
    atOnce: OBJECTS_AT_ONCE,
    send: async (delivery) => {
      const outgoing = await deps.open(delivery);
      if (isFailure(outgoing)) return outgoing;
      const first = await post(destination, agent, outgoing);
      const [target] = isSyntaxRefused(first, outgoing.sopInstanceUid) ? conversions(outgoing.transferSyntax) : [];
      const result = target === undefined ? resultOf(first, outgoing.sopInstanceUid, delivery) : await sendIn(target, delivery);
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
    return failureIn(error) ?? thrownFailure({ name: (error as Error).name, cause: error });
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
function resultOf(answer: Answer | Failure, sopInstanceUid: string, delivery: Outbound, how = ''): SendResult {
  if (isFailure(answer)) return answer;
  const { status, body } = answer;
  const statusInBody = PER_INSTANCE.has(status) ? statusIn(body, sopInstanceUid) : null;
  if (statusInBody !== null) return storeResult(statusInBody, delivery, how);
  if (status === 200 && body.trim() === '') return storeResult(0, delivery, how);
  if (status < 300) return failure('delivery', 'malformed', `HTTP ${status} does not say what became of the instance`, 'ambiguous');
  if (OF_THE_OBJECT.has(status)) return failure('delivery', 'rejected', `HTTP ${status}`);
  return failure(
    'delivery',
    CODES.get(status) ?? 'rejected',
    `HTTP ${status}`,
    status >= 500 && !AWAY.has(status) ? 'ambiguous' : 'transient',
  );
}

/** Unsupported Media Type, or the Failure Reason of the instance: Referenced Transfer Syntax not supported (PS3.18 §I.2.2). */
function isSyntaxRefused(answer: Answer | Failure, sopInstanceUid: string): boolean {
  if (isFailure(answer)) return false;
  return answer.status === 415 || (PER_INSTANCE.has(answer.status) && statusIn(answer.body, sopInstanceUid) === SYNTAX_NOT_SUPPORTED);
}

function statusIn(body: string, sopInstanceUid: string): number | null {
  try {
    return storedStatus(body, sopInstanceUid);
  } catch {
    return null;
  }
}

const SYNTAX_NOT_SUPPORTED = 0xc122;

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

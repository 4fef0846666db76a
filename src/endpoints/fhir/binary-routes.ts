/**
 * Binaries as they are (R4 §2.15, §3.1.0.2.5): `POST Binary` with any content type goes straight to the blob store, `GET Binary/id` comes
 * straight from it, also in ranges (RFC 9110 §14), to readers without where photos were taken (binary-view-session.ts). Promises bounded memory at any size. As `application/fhir+json` a Binary is a resource
 * like others: then the ordinary routes take it, and only its data is put in here.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { Binary } from '@medplum/fhirtypes';
import type { StoredBinary } from '../../model/binary.ts';
import { type Failure, isFailure } from '../../model/failure.ts';
import type { Caller } from '../../model/peer.ts';
import { isMediaType } from '../../protocols/fhir/media-type.ts';
import { refuse } from '../../protocols/fhir/operation-outcome.ts';
import { blobFailure } from '../../store/blob-failure.ts';
import type { StoredBlob } from '../../store/blob-store.ts';
import { readResources, type StoredResource } from '../../store/resource-store.ts';
import type { BinaryView, ViewBinary } from './binary-view-session.ts';
import type { FhirDeps } from './deps.ts';
import { untilAborted } from './http-session.ts';
import { binaryRow } from './prepare-session.ts';
import { type Reply, replyOf } from './reply.ts';
import { sees } from './visibility.ts';
import { performWrite } from './write-session.ts';

/** What is read as a resource is held in memory: four thirds of this. */
const MAX_JSON_DATA_BYTES = 32 * 1024 * 1024;

/** Creates a Binary from the body as it comes. */
export async function uploadBinary(deps: FhirDeps, caller: Caller, request: IncomingMessage, base: string): Promise<Reply | Failure> {
  const contentType = request.headers['content-type'] ?? 'application/octet-stream';
  if (!isMediaType(contentType)) return refuse(415, 'not-supported', 'this is no content type');
  const blob = await receiveBlob(deps, request);
  if (isFailure(blob)) return blob;
  const context = request.headers['x-security-context'];
  const binary: Binary = { resourceType: 'Binary', contentType, ...(context ? { securityContext: { reference: String(context) } } : {}) };
  const write = { kind: 'create' as const, type: 'Binary', resource: binaryRow(binary, blob), ifNoneExist: '', fullUrl: '' };
  const replies = await performWrite(deps, {
    caller,
    writes: [write],
    type: 'Binary.create',
    isTransaction: false,
    payload: Buffer.alloc(0),
    blob: blob.digest,
    base,
  });
  return isFailure(replies) ? replies : (replies[0] as Reply);
}

/** The body into the blob store, chunk by chunk. A pause longer than `bodyTimeoutMs` ends it. */
async function receiveBlob({ blobs, settings }: FhirDeps, request: IncomingMessage): Promise<StoredBlob | Failure> {
  if (Number(request.headers['content-length'] ?? 0) > settings.maxBinaryBytes) return tooLarge(settings.maxBinaryBytes);
  const pause = new AbortController();
  const timer = setTimeout(() => pause.abort(), settings.bodyTimeoutMs);
  const writer = await blobs.writer();
  let bytes = 0;
  try {
    for await (const chunk of untilAborted(request, pause.signal)) {
      bytes += chunk.length;
      if (bytes > settings.maxBinaryBytes) return tooLarge(settings.maxBinaryBytes);
      await writer.write(chunk);
      timer.refresh();
    }
    return bytes === 0 ? refuse(400, 'required', 'the body is empty') : await writer.commit();
  } catch (error) {
    if (pause.signal.aborted) return refuse(408, 'timeout', 'the body did not arrive in time');
    return request.destroyed || request.errored ? refuse(400, 'incomplete', 'the body ended early') : blobFailure(error);
  } finally {
    clearTimeout(timer);
    await writer.abort();
  }
}

/** Sends a Binary with its own content type; resolves when all is sent. */
export async function downloadBinary(
  deps: FhirDeps,
  view: ViewBinary,
  caller: Caller,
  id: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Failure | null> {
  const stored = (await readResources(deps.database, [`Binary/${id}`])).get(`Binary/${id}`);
  const visible = stored && sees(caller, stored) ? stored : null;
  const audited = !visible ? '404' : visible.deleted ? '410' : '200';
  await deps.audit.record({ at: deps.clock.now(), client: caller.client, action: 'binary', target: `Binary/${id}`, result: audited });
  if (!visible) return refuse(404, 'not-found', 'there is no such Binary');
  if (visible.deleted) return refuse(410, 'deleted', 'this Binary was deleted');
  const shown = await view(visible, caller);
  if (isFailure(shown)) return shown;
  try {
    return await sendView(deps, { shown, stored: visible, id }, request, response);
  } finally {
    shown.release();
  }
}

type Sending = { readonly shown: BinaryView; readonly stored: StoredResource; readonly id: string };

async function sendView(
  deps: FhirDeps,
  { shown, stored, id }: Sending,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Failure | null> {
  const range = rangeOf(request.headers.range, shown.size);
  response.setHeader('ETag', shown.etag);
  response.setHeader('Last-Modified', stored.updated.toUTCString());
  response.setHeader('Accept-Ranges', 'bytes');
  if (request.headers['if-none-match'] === shown.etag) {
    response.statusCode = 304;
    response.end();
    return null;
  }
  if (range === 'unsatisfiable') {
    response.setHeader('Content-Range', `bytes */${shown.size}`);
    return refuse(416, 'invalid', 'there are no bytes in this range');
  }
  setSafeHeaders(response, stored.resource as StoredBinary, id);
  await sendRange(deps, shown, range, request, response);
  return null;
}

/** A Binary as a resource, with its data. */
export async function binaryWithData(deps: FhirDeps, view: ViewBinary, caller: Caller, reply: Reply): Promise<Reply | Failure> {
  if (reply.body?.resourceType !== 'Binary' || !reply.version) return reply;
  const { reference } = reply.version;
  const stored = (await readResources(deps.database, [reference])).get(reference);
  if (!stored) return reply;
  if ((stored.resource as StoredBinary).size > MAX_JSON_DATA_BYTES)
    return refuse(406, 'too-costly', 'too large for JSON: ask for it with its own content type');
  const shown = await view(stored, caller);
  if (isFailure(shown)) return shown;
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of shown.open({ start: 0, end: shown.size - 1 })) chunks.push(chunk as Buffer);
    const whole = replyOf(stored);
    return { ...whole, body: { ...(whole.body as Binary), data: Buffer.concat(chunks).toString('base64') } };
  } finally {
    shown.release();
  }
}

type Range = { readonly start: number; readonly end: number };

/** One range as RFC 9110 §14.1.2 writes it; several, or another unit, are answered with the whole. */
function rangeOf(header: string | undefined, size: number): Range | null | 'unsatisfiable' {
  const found = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  const [, first = '', last = ''] = found ?? [];
  if (!found || (first === '' && last === '')) return null;
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  return start > end ? 'unsatisfiable' : { start, end };
}

/** Whatever it claims to be, a browser must not run it. */
function setSafeHeaders(response: ServerResponse, binary: StoredBinary, id: string): void {
  response.setHeader('Content-Type', binary.contentType ?? 'application/octet-stream');
  response.setHeader('Content-Disposition', `attachment; filename="Binary-${id}"`);
  response.setHeader('Content-Security-Policy', "default-src 'none'; sandbox");
}

async function sendRange(
  { log }: FhirDeps,
  { size, open }: BinaryView,
  range: Range | null,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { start, end } = range ?? { start: 0, end: size - 1 };
  response.statusCode = range ? 206 : 200;
  response.setHeader('Content-Length', end - start + 1);
  if (range) response.setHeader('Content-Range', `bytes ${start}-${end}/${size}`);
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  try {
    await pipeline(open({ start, end }), response);
  } catch (error) {
    // The status is sent: cutting the connection is all that can still tell the client.
    response.destroy();
    if (!request.destroyed) log.error('fhir.binary', { reason: (error as NodeJS.ErrnoException).code ?? 'unknown' });
  }
}

function tooLarge(maxBytes: number): Failure {
  return refuse(413, 'too-long', `a Binary has at most ${maxBytes} bytes`);
}

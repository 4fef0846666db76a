/**
 * Sends a Reply: status, validators and ranges (RFC 9110 §13 and §14), then the body as fast as the caller takes it.
 * Promises: a caller that reads nothing for a while is let go, and what was open for him is closed.
 */
import { finished } from 'node:stream/promises';
import type { Response } from 'express';
import { type ByteRange, isKnownTo, parseRange, rangeHolds } from '../../protocols/dicom/web-range.ts';
import type { Reply } from './reply.ts';

const STALLED_MS = 120_000;

/** False where some of the body may still be on its way. */
export async function sendReply(response: Response, reply: Reply): Promise<boolean> {
  const range = head(response, reply);
  if (range === 'nothing') {
    response.end();
    return true;
  }
  response.setTimeout(STALLED_MS, () => response.destroy());
  const body = reply.body(range);
  const sent = reply.release ? atOnce(response, body) : piecewise(response, body);
  return sent.then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      // A caller that hangs up has what it wanted.
      if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
      return false;
    },
  );
}

/** What is in memory already goes out as one. */
async function atOnce(response: Response, body: AsyncIterable<Buffer | string>): Promise<void> {
  response.cork();
  for await (const piece of body) response.write(piece);
  response.end();
  await finished(response);
}

/** Each piece has gone out before the next is asked for, which may use its memory again. */
async function piecewise(response: Response, body: AsyncIterable<Buffer | string>): Promise<void> {
  for await (const piece of body) if (piece.length > 0 && !(await written(response, piece))) return finished(response);
  response.end();
  await finished(response);
}

/** False where the caller hung up. */
function written(response: Response, piece: Buffer | string): Promise<boolean> {
  return new Promise((resolve) => {
    const gone = (): void => resolve(false);
    response.once('close', gone);
    response.write(piece, (error) => {
      response.off('close', gone);
      resolve(!error);
    });
  });
}

/** Status and header fields; the part of the body that is wanted, `nothing` where none is. */
function head(response: Response, reply: Reply): ByteRange | undefined | 'nothing' {
  const { headers } = response.req;
  const { etag, length, ranged } = reply;
  response.set({ 'Cache-Control': 'private, no-cache', ...reply.headers }).vary('Accept');
  if (etag) response.set('ETag', etag);
  if (etag && isKnownTo(headers['if-none-match'], etag)) {
    response.status(304);
    return 'nothing';
  }
  const holds = ranged && length !== null && etag !== null && rangeHolds(headers['if-range'] as string | undefined, etag);
  const range = holds ? parseRange(headers.range, length) : null;
  if (ranged) response.set('Accept-Ranges', 'bytes');
  if (range === 'unsatisfiable') {
    response.status(416).set('Content-Range', `bytes */${length}`);
    return 'nothing';
  }
  response.status(range ? 206 : reply.status);
  if (reply.status === 204) return 'nothing';
  response.set('Content-Type', reply.contentType);
  if (range) response.set('Content-Range', `bytes ${range.start}-${range.end}/${length}`);
  if (length !== null) response.set('Content-Length', String(range ? range.end - range.start + 1 : length));
  return response.req.method === 'HEAD' ? 'nothing' : (range ?? undefined);
}

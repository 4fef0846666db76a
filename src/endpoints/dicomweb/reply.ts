/** What a DICOMweb resource answers, before it is sent: a body that is opened when its turn comes, or a refusal (PS3.18 §8.5). */
import { createHash, randomUUID } from 'node:crypto';
import type { StoredObject } from '../../model/instance.ts';
import type { ByteRange } from '../../protocols/dicom/web-range.ts';
import { multipart, type Part } from './multipart.ts';

export type Reply = {
  readonly status: number;
  readonly contentType: string;
  /** Null where it is not known before. */
  readonly length: number | null;
  /** Null for what is made anew at each request. */
  readonly etag: string | null;
  /** Whether parts of the body may be had. */
  readonly ranged: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  body(range?: ByteRange): AsyncIterable<Buffer | string>;
  /** All of the body is in memory, which this gives to the next: called once it has gone out, or is not sent at all. */
  readonly release?: () => void;
};

export type Refusal = { readonly status: number; readonly why: string };

/** Several parts, in one body. Its tag is not that of a part alone, for those are compared without regard to W/ (RFC 9110 §13.1.2). */
export function inParts(status: number, parts: readonly Part[], type: string, etag: string): Reply {
  return { status, etag: `W/${etag.slice(0, -1)}.parts"`, ranged: false, ...multipart(parts, type, randomUUID()) };
}

/** One part as the body. */
export function alone(part: Part, etag: string): Reply {
  const { contentType, length } = part;
  return { status: 200, contentType, length, etag, ranged: length !== null, body: (range) => part.open(range) };
}

/** The tag of what is made of these objects: they never change. `what` tells apart what else is made of them. */
export function etagOf(objects: readonly StoredObject[], what: string): string {
  const hash = createHash('sha256').update(what);
  for (const object of objects) hash.update(object.sopInstanceUid).update(object.digest);
  return `"${hash.digest('base64url')}"`;
}

/** Part of a source of bytes that can only be had from its beginning. */
export async function* sliced(source: AsyncIterable<Buffer>, range: ByteRange | undefined): AsyncGenerator<Buffer> {
  const { start, end } = range ?? { start: 0, end: Number.POSITIVE_INFINITY };
  let position = 0;
  for await (const chunk of source) {
    const part = chunk.subarray(Math.max(0, start - position), Math.max(0, end + 1 - position));
    if (part.length > 0) yield part;
    position += chunk.length;
    if (position > end) return;
  }
}

export const NOT_FOUND: Refusal = { status: 404, why: 'not found' };
export const NOT_ACCEPTABLE: Refusal = {
  status: 406,
  why: 'not available in what is accepted: as it is stored, or decoded where that can be done',
};

/**
 * A multipart/related body (RFC 2387, PS3.18 §8.6.1.2) as a stream of chunks, whose length is known before its first byte where those of its
 * parts are.
 * In: parts, each a type, a length and a source of bytes. Out: headers and body; a source is opened when its turn comes.
 */
import type { ByteRange } from '../../protocols/dicom/web-range.ts';

export type Part = {
  readonly contentType: string;
  /** Null where only reading will tell. */
  readonly length: number | null;
  /** Of the whole part where no range is given. */
  open(range?: ByteRange): AsyncIterable<Buffer>;
};

export type Multipart = { readonly contentType: string; readonly length: number | null; body(): AsyncGenerator<Buffer> };

/** `boundary` must not occur in the parts: pass something random. `type` is that of the parts. */
export function multipart(parts: readonly Part[], type: string, boundary: string): Multipart {
  const heads = parts.map((part) =>
    Buffer.from(
      `--${boundary}\r\nContent-Type: ${part.contentType}\r\n${part.length === null ? '' : `Content-Length: ${part.length}\r\n`}\r\n`,
    ),
  );
  const tail = Buffer.from(`--${boundary}--\r\n`);
  const length = parts.reduce<number | null>((total, part, index) => {
    if (total === null || part.length === null) return null;
    return total + (heads[index] as Buffer).length + part.length + LINE_END.length;
  }, tail.length);
  return {
    contentType: `multipart/related; type="${type}"; boundary=${boundary}`,
    length,
    body: async function* () {
      for (const [index, part] of parts.entries()) {
        yield heads[index] as Buffer;
        yield* part.open();
        yield LINE_END;
      }
      yield tail;
    },
  };
}

const LINE_END = Buffer.from('\r\n');

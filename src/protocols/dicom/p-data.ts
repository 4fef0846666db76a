/** A message or a piece of one as P-DATA-TF PDUs no longer than the peer takes (PS3.8 §9.3.5, §D.1, Annex E). */
import type { PData } from './pdu.ts';

/** Taken for a peer that names no limit: enough to keep a fast link busy. */
const UNLIMITED_PDU_BYTES = 256 * 1024;
/** PDV length, presentation context id, message control header. */
const PDV_HEADER_BYTES = 6;
/** Not even a command fits in less; a peer that says so is taken to mean this. */
const LEAST_PDU_BYTES = 128;

export type Piece = { readonly context: number; readonly command: boolean; readonly bytes: Buffer; readonly last: boolean };

/** How many bytes of a message one PDU carries to a peer with this limit: always an even number (PS3.8 §E.1). */
export function fragmentBytes(maxPduLength: number): number {
  const most = Math.max(maxPduLength === 0 ? UNLIMITED_PDU_BYTES : maxPduLength, LEAST_PDU_BYTES) - PDV_HEADER_BYTES;
  return most - (most % 2);
}

/** The same bytes in pieces that fill whole PDUs, the last one excepted; nothing is copied but where two pieces meet. */
export async function* gathered(chunks: AsyncIterable<Buffer> | Iterable<Buffer>, size: number): AsyncGenerator<Buffer, void> {
  let begun: Buffer[] = [];
  let bytes = 0;
  for await (let chunk of chunks) {
    if (bytes > 0) {
      const missing = chunk.subarray(0, size - bytes);
      begun.push(missing);
      bytes += missing.length;
      chunk = chunk.subarray(missing.length);
      if (bytes < size) continue;
      yield Buffer.concat(begun);
    }
    const whole = chunk.length - (chunk.length % size);
    if (whole > 0) yield chunk.subarray(0, whole);
    begun = [chunk.subarray(whole)];
    bytes = chunk.length - whole;
  }
  if (bytes > 0) yield Buffer.concat(begun);
}

/**
 * A fragment has an even number of bytes (PS3.8 §E.1), and peers abort over one that has not: a deflated dataset is padded (PS3.5 §A.5).
 * Deviation: so is one whose last value breaks the rule of even lengths; its stored bytes all go.
 */
export async function* padded(dataset: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  let odd = false;
  for await (const chunk of dataset) {
    odd = odd !== (chunk.length % 2 === 1);
    yield chunk;
  }
  if (odd) yield Buffer.alloc(1);
}

/** One PDV a PDU; an empty last piece still ends its message. */
export function* pDataOf({ context, command, bytes, last }: Piece, maxPduLength: number): Generator<PData, void> {
  const size = fragmentBytes(maxPduLength);
  let offset = 0;
  do {
    const fragment = bytes.subarray(offset, offset + size);
    offset += fragment.length;
    yield { type: 'P-DATA-TF', values: [{ context, command, last: last && offset === bytes.length, fragment }] };
  } while (offset < bytes.length);
}

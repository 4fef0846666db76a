/** A message or a piece of one as P-DATA-TF PDUs no longer than the peer takes (PS3.8 §9.3.5, §D.1, Annex E). */
import type { PData } from './pdu.ts';

/** Taken for a peer that names no limit: enough to keep a fast link busy. */
const UNLIMITED_PDU_BYTES = 256 * 1024;
/** PDV length, presentation context id, message control header. */
const PDV_HEADER_BYTES = 6;
/** Not even a command fits in less; a peer that says so is taken to mean this. */
const LEAST_PDU_BYTES = 128;

export type Piece = { readonly context: number; readonly command: boolean; readonly bytes: Buffer; readonly last: boolean };

/** How many bytes of a message one PDU carries to a peer with this limit. */
export function fragmentBytes(maxPduLength: number): number {
  return Math.max(maxPduLength === 0 ? UNLIMITED_PDU_BYTES : maxPduLength, LEAST_PDU_BYTES) - PDV_HEADER_BYTES;
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

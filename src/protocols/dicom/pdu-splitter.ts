/**
 * Cuts a byte stream into PDUs (PS3.8 §9.3: type, reserved byte, 4-byte length, body).
 * A length beyond its limit is refused from the header alone, so that no peer makes us hold more than one PDU of the size we advertised.
 * A P-DATA-TF, which carries nearly all bytes there are, is never put together: its fragments are handed on as they arrive, in pieces
 * that are views of the chunks (PS3.8 §9.3.5.1, §E.2).
 */
import { type Failure, failure } from '../../model/failure.ts';
import { type PData, PDU_TYPE } from './pdu.ts';

/** A whole PDU of any other type. */
export type RawPdu = { readonly type: number; readonly body: Buffer };

/** An A-ASSOCIATE-RQ of 128 contexts with fifty transfer syntaxes each has 170 KB. */
const MAX_ASSOCIATE_BYTES = 256 * 1024;
/** A-ASSOCIATE-RJ, A-RELEASE and A-ABORT have 4. */
const MAX_OTHER_BYTES = 4;
const HEADER_BYTES = 6;
/** PDV length, presentation context id, message control header. */
const PDV_HEADER_BYTES = 6;
/** A piece of a fragment is no shorter than this, but for its end: a peer that drips must not cost us a turn for each byte. */
const LEAST_PIECE_BYTES = 16 * 1024;
/** Chunks held side by side: single bytes would each cost a hundred. */
const MAX_HELD_CHUNKS = 256;

export type PduSplitter = {
  /**
   * What these bytes complete; bodies and fragments may be views of `chunk`, whose memory may be used again once all has been taken.
   * After a Failure the rest of the stream is swallowed.
   */
  push(chunk: Buffer): Generator<RawPdu | PData | Failure, void>;
};

/** Where in a P-DATA-TF the stream is: bytes left of the PDU, and of the PDV that has begun. */
type WithinPData = { pdu: number; pdv: number; context: number; control: number };

/** `maxPDataBytes`: the longest P-DATA-TF body taken. */
export function pduSplitter(maxPDataBytes: number): PduSplitter {
  const held = heldChunks();
  let header: { type: number; length: number } | null = null;
  let within: WithinPData | null = null;
  let broken = false;

  /** The next thing the held bytes complete; null when there is none, undefined for a header that was read. */
  const next = (): RawPdu | PData | Failure | null | undefined => {
    if (within) return within.pdv > 0 ? piece(within) : pdvHeader(within);
    if (!header) return pduHeader();
    if (held.bytes < header.length) return null;
    const raw = { type: header.type, body: held.take(header.length) };
    header = null;
    return raw;
  };
  const pduHeader = (): Failure | null | undefined => {
    if (held.bytes < HEADER_BYTES) return null;
    const bytes = held.take(HEADER_BYTES);
    const [type, length] = [bytes[0] as number, bytes.readUInt32BE(2)];
    const fault = faultOf(type, length, maxPDataBytes);
    if (fault) return fault;
    if (type === PDU_TYPE.pData) within = { pdu: length, pdv: 0, context: 0, control: 0 };
    else header = { type, length };
    return undefined;
  };
  const pdvHeader = (at: WithinPData): Failure | PData | null | undefined => {
    if (at.pdu < PDV_HEADER_BYTES) return failure('dicom', 'malformed', 'P-DATA-TF: a PDV length does not fit its PDU');
    if (held.bytes < PDV_HEADER_BYTES) return null;
    const bytes = held.take(PDV_HEADER_BYTES);
    const length = bytes.readUInt32BE(0);
    at.pdu -= PDV_HEADER_BYTES;
    at.pdv = length - 2;
    [at.context, at.control] = [bytes[4] as number, bytes[5] as number];
    if (length < 2 || at.pdv > at.pdu) return failure('dicom', 'malformed', 'P-DATA-TF: a PDV length does not fit its PDU');
    return at.pdv === 0 ? handOn(at, Buffer.alloc(0)) : undefined;
  };
  const piece = (at: WithinPData): PData | null => {
    if (held.bytes < Math.min(at.pdv, LEAST_PIECE_BYTES)) return null;
    return handOn(at, held.takeSome(at.pdv));
  };
  const handOn = (at: WithinPData, fragment: Buffer): PData => {
    at.pdv -= fragment.length;
    at.pdu -= fragment.length;
    if (at.pdu === 0) within = null;
    const { context, control } = at;
    return { type: 'P-DATA-TF', values: [{ context, command: (control & 1) === 1, last: (control & 2) === 2 && at.pdv === 0, fragment }] };
  };

  return {
    push: function* (chunk) {
      if (broken) return;
      held.add(chunk);
      for (let found = next(); found !== null && !broken; found = next()) {
        if (found === undefined) continue;
        broken = 'failure' in found;
        if (broken) held.clear();
        yield found;
      }
      held.keep();
    },
  };
}

function heldChunks() {
  let chunks: Buffer[] = [];
  let bytes = 0;
  const takeSome = (most: number): Buffer => {
    const first = chunks[0] as Buffer;
    const taken = first.subarray(0, most);
    if (taken.length < first.length) chunks[0] = first.subarray(taken.length);
    else chunks.shift();
    bytes -= taken.length;
    return taken;
  };
  return {
    get bytes() {
      return bytes;
    },
    add: (chunk: Buffer): void => {
      if (chunk.length > 0) chunks.push(chunk);
      bytes += chunk.length;
      if (chunks.length > MAX_HELD_CHUNKS) chunks = [Buffer.concat(chunks, bytes)];
    },
    /** Exactly so many, of those that are there. */
    take: (count: number): Buffer => {
      const parts: Buffer[] = [];
      for (let left = count; left > 0; ) {
        const part = takeSome(left);
        parts.push(part);
        left -= part.length;
      }
      return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts, count);
    },
    /** As many as lie in one piece, at most `most`. */
    takeSome,
    /** What is left of the newest chunk is copied: its memory is not ours. */
    keep: (): void => {
      const newest = chunks.pop();
      if (newest) chunks.push(Buffer.from(newest));
    },
    clear: (): void => {
      chunks = [];
      bytes = 0;
    },
  };
}

function faultOf(type: number, length: number, maxPDataBytes: number): Failure | null {
  const limit = limitOf(type, maxPDataBytes);
  if (limit === null) return failure('dicom', 'unsupported-type', `PDU type ${type}`);
  if (type === PDU_TYPE.pData && length === 0) return failure('dicom', 'malformed', 'P-DATA-TF without a PDV');
  return length > limit ? failure('dicom', 'too-large', `PDU type ${type} announces ${length} bytes`) : null;
}

function limitOf(type: number, maxPDataBytes: number): number | null {
  if (type < PDU_TYPE.associateRq || type > PDU_TYPE.abort) return null;
  if (type === PDU_TYPE.pData) return maxPDataBytes;
  return type === PDU_TYPE.associateRq || type === PDU_TYPE.associateAc ? MAX_ASSOCIATE_BYTES : MAX_OTHER_BYTES;
}

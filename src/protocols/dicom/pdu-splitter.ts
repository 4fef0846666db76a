/**
 * Cuts a byte stream into PDUs (PS3.8 §9.3: type, reserved byte, 4-byte length, body).
 * A length beyond its limit is refused from the header alone, so that no peer makes us hold more than one PDU of the size we advertised.
 */
import { type Failure, failure } from '../../model/failure.ts';
import { PDU_TYPE } from './pdu.ts';

export type RawPdu = { readonly type: number; readonly body: Buffer };

/** An A-ASSOCIATE-RQ of 128 contexts with fifty transfer syntaxes each has 170 KB. */
const MAX_ASSOCIATE_BYTES = 256 * 1024;
/** A-ASSOCIATE-RJ, A-RELEASE and A-ABORT have 4. */
const MAX_OTHER_BYTES = 4;
const HEADER_BYTES = 6;
/** Chunks of an unfinished PDU held side by side: single bytes would each cost a hundred. */
const MAX_HELD_CHUNKS = 256;

export type PduSplitter = {
  /** The PDUs completed by these bytes; bodies may be views of `chunk`. After a Failure the rest of the stream is swallowed. */
  push(chunk: Buffer): Generator<RawPdu | Failure, void>;
};

/** `maxPDataBytes`: the longest P-DATA-TF body taken. */
export function pduSplitter(maxPDataBytes: number): PduSplitter {
  let held: Buffer[] = [];
  let heldBytes = 0;
  let wanted = HEADER_BYTES;
  let broken = false;

  return {
    push: function* (chunk) {
      if (broken) return;
      held.push(chunk);
      heldBytes += chunk.length;
      if (held.length > MAX_HELD_CHUNKS) held = [Buffer.concat(held, heldBytes)];
      while (heldBytes >= wanted) {
        const bytes = held.length === 1 ? (held[0] as Buffer) : Buffer.concat(held, heldBytes);
        const type = bytes[0] as number;
        const length = bytes.readUInt32BE(2);
        const fault = faultOf(type, length, maxPDataBytes);
        if (fault) {
          broken = true;
          held = [];
          yield fault;
          return;
        }
        held = [bytes];
        wanted = HEADER_BYTES + length;
        if (heldBytes < wanted) return;
        const body = bytes.subarray(HEADER_BYTES, wanted);
        heldBytes -= wanted;
        held = heldBytes > 0 ? [bytes.subarray(wanted)] : [];
        wanted = HEADER_BYTES;
        yield { type, body };
      }
    },
  };
}

function faultOf(type: number, length: number, maxPDataBytes: number): Failure | null {
  const limit = limitOf(type, maxPDataBytes);
  if (limit === null) return failure('dicom', 'unsupported-type', `PDU type ${type}`);
  return length > limit ? failure('dicom', 'too-large', `PDU type ${type} announces ${length} bytes`) : null;
}

function limitOf(type: number, maxPDataBytes: number): number | null {
  if (type < PDU_TYPE.associateRq || type > PDU_TYPE.abort) return null;
  if (type === PDU_TYPE.pData) return maxPDataBytes;
  return type === PDU_TYPE.associateRq || type === PDU_TYPE.associateAc ? MAX_ASSOCIATE_BYTES : MAX_OTHER_BYTES;
}

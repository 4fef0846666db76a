/**
 * A record of the landing log (landing-log-store.ts): what is to be told of a file, and the file. Pure: bytes in, bytes out.
 * Promises: a record that was not written whole, or is left from an earlier use of its place, is not taken for one.
 */
import { crc32 } from 'node:zlib';

/** Records begin where pages do: a write then never has to read first what else is in its page. */
export const RECORD_ALIGNMENT = 4096;
/** Magic, lap, length of the facts, length of the file, CRC-32 of both, CRC-32 of all of this. */
export const RECORD_HEADER_BYTES = 32;

export type RecordHeader = {
  /** Which use of its segment it is of: each has a higher one than the one before. */
  readonly lap: number;
  readonly factsBytes: number;
  readonly fileBytes: number;
  readonly bodyCrc: number;
};

/** All that is written of a record, its padding included, in pieces as `file` may be. */
export function encodeRecord(lap: number, facts: Buffer, file: readonly Buffer[]): { header: RecordHeader; pieces: Buffer[] } {
  const fileBytes = bytesOf(file);
  const header = { lap, factsBytes: facts.length, fileBytes, bodyCrc: bodyCrcOf([facts, ...file]) };
  const padding = recordBytes(facts.length, fileBytes) - RECORD_HEADER_BYTES - facts.length - fileBytes;
  return { header, pieces: [encodeHeader(header), facts, ...file, PADDING.subarray(0, padding)] };
}

function encodeHeader({ lap, factsBytes, fileBytes, bodyCrc }: RecordHeader): Buffer {
  const bytes = Buffer.alloc(RECORD_HEADER_BYTES);
  MAGIC.copy(bytes);
  bytes.writeBigUInt64LE(BigInt(lap), 8);
  bytes.writeUInt32LE(factsBytes, 16);
  bytes.writeUInt32LE(fileBytes, 20);
  bytes.writeUInt32LE(bodyCrc, 24);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 28)), 28);
  return bytes;
}

/** Null where no record begins. */
export function decodeHeader(bytes: Buffer): RecordHeader | null {
  if (bytes.length < RECORD_HEADER_BYTES || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) return null;
  if (bytes.readUInt32LE(28) !== crc32(bytes.subarray(0, 28))) return null;
  return {
    lap: Number(bytes.readBigUInt64LE(8)),
    factsBytes: bytes.readUInt32LE(16),
    fileBytes: bytes.readUInt32LE(20),
    bodyCrc: bytes.readUInt32LE(24),
  };
}

/** Over the facts and the file. */
export function bodyCrcOf(pieces: readonly Buffer[]): number {
  return pieces.reduce((crc, piece) => crc32(piece, crc), 0);
}

export function bytesOf(pieces: readonly Buffer[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}

/** The room a record takes. */
export function recordBytes(factsBytes: number, fileBytes: number): number {
  return Math.ceil((RECORD_HEADER_BYTES + factsBytes + fileBytes) / RECORD_ALIGNMENT) * RECORD_ALIGNMENT;
}

/** Its last letter is the version of this format. */
const MAGIC = Buffer.from('WSLAND_1');
const PADDING = Buffer.alloc(RECORD_ALIGNMENT);

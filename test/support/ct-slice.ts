/**
 * CT slices of invented patients as datasets in Explicit VR Little Endian (PS3.5 §7.1.2), of any size: the n-th of a study is always
 * the same bytes, and no two slices have the same pixels. Imports nothing from src.
 */
import { createHash } from 'node:crypto';

export type CtSlice = {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly studyUid: string;
  readonly seriesUid: string;
  /** The dataset as it travels in C-STORE: no File Meta Information. */
  readonly dataset: Buffer;
};

export type CtOptions = {
  /** Tells runs apart. */
  readonly run: string;
  readonly study: number;
  readonly accession: string;
  readonly patient: string;
  /** Pixels a side, 16 bits each: 512 make 0.5 MB. */
  readonly side?: number;
  /** More than one makes a large object (0028,0008). */
  readonly frames?: number;
};

export const CT_IMAGE_STORAGE = '1.2.840.10008.5.1.4.1.1.2';
export const EXPLICIT_VR_LITTLE_ENDIAN = '1.2.840.10008.1.2.1';

export function ctSlice(n: number, options: CtOptions): CtSlice {
  const { header, pixelBytes, ...uids } = ctHeader(n, options);
  return { ...uids, dataset: Buffer.concat([header, pixels(uids.sopInstanceUid, pixelBytes)]) };
}

/** The same without ever being whole in memory: for objects of gigabytes. */
export function ctPieces(
  n: number,
  options: CtOptions,
): Omit<CtSlice, 'dataset'> & { readonly bytes: number; pieces(): Generator<Buffer> } {
  const { header, pixelBytes, ...uids } = ctHeader(n, options);
  const block = pixels(uids.sopInstanceUid, Math.min(pixelBytes, PIECE_BYTES));
  return {
    ...uids,
    bytes: header.length + pixelBytes,
    pieces: function* () {
      yield header;
      for (let left = pixelBytes; left > 0; left -= block.length) yield block.subarray(0, left);
    },
  };
}

const PIECE_BYTES = 1024 * 1024;

/** All of the dataset but the pixels, with the header of their element. */
function ctHeader(n: number, options: CtOptions): Omit<CtSlice, 'dataset'> & { readonly header: Buffer; readonly pixelBytes: number } {
  const { run, study, accession, patient, side = 32, frames = 1 } = options;
  const pixelBytes = side * side * frames * 2;
  const uids = {
    sopClassUid: CT_IMAGE_STORAGE,
    sopInstanceUid: uidOf(`${run}/${study}/1/${n}`),
    studyUid: uidOf(`${run}/${study}`),
    seriesUid: uidOf(`${run}/${study}/1`),
  };
  const elements = [
    element(0x0008, 0x0005, 'CS', 'ISO_IR 100'),
    element(0x0008, 0x0016, 'UI', uids.sopClassUid),
    element(0x0008, 0x0018, 'UI', uids.sopInstanceUid),
    element(0x0008, 0x0020, 'DA', '20260302'),
    element(0x0008, 0x0030, 'TM', '101500'),
    element(0x0008, 0x0050, 'SH', accession),
    element(0x0008, 0x0060, 'CS', 'CT'),
    element(0x0008, 0x0070, 'LO', 'Invented Scanners'),
    element(0x0008, 0x0090, 'PN', 'Beispiel^Berta'),
    element(0x0008, 0x1030, 'LO', 'CT head'),
    element(0x0010, 0x0010, 'PN', `Invented^${patient}`),
    element(0x0010, 0x0020, 'LO', patient),
    element(0x0010, 0x0021, 'LO', 'HOSP'),
    element(0x0010, 0x0030, 'DA', '19570612'),
    element(0x0010, 0x0040, 'CS', 'O'),
    element(0x0020, 0x000d, 'UI', uids.studyUid),
    element(0x0020, 0x000e, 'UI', uids.seriesUid),
    element(0x0020, 0x0011, 'IS', '1'),
    element(0x0020, 0x0013, 'IS', String(n + 1)),
    element(0x0028, 0x0002, 'US', unsigned(1)),
    element(0x0028, 0x0004, 'CS', 'MONOCHROME2'),
    ...(frames > 1 ? [element(0x0028, 0x0008, 'IS', String(frames))] : []),
    element(0x0028, 0x0010, 'US', unsigned(side)),
    element(0x0028, 0x0011, 'US', unsigned(side)),
    element(0x0028, 0x0100, 'US', unsigned(16)),
    element(0x0028, 0x0101, 'US', unsigned(12)),
    element(0x0028, 0x0102, 'US', unsigned(11)),
    element(0x0028, 0x0103, 'US', unsigned(0)),
    elementHeader(0x7fe0, 0x0010, 'OW', pixelBytes),
  ];
  return { ...uids, header: Buffer.concat(elements), pixelBytes };
}

/** PS3.5 §B.2: a UID from a UUID; here from a hash of the name, so that the same slice has the same UID. */
function uidOf(name: string): string {
  return `2.25.${BigInt(`0x${createHash('sha256').update(name).digest('hex').slice(0, 32)}`)}`;
}

/** PS3.5 §7.1.2, tables 7.1-1 and 7.1-2. */
function element(group: number, number: number, vr: string, value: string | Buffer): Buffer {
  const bytes = typeof value === 'string' ? padded(Buffer.from(value, 'latin1'), vr) : value;
  return Buffer.concat([elementHeader(group, number, vr, bytes.length), bytes]);
}

function elementHeader(group: number, number: number, vr: string, length: number): Buffer {
  const long = LONG_VRS.has(vr);
  const header = Buffer.alloc(long ? 12 : 8);
  header.writeUInt16LE(group, 0);
  header.writeUInt16LE(number, 2);
  header.write(vr, 4, 'latin1');
  if (long) header.writeUInt32LE(length, 8);
  else header.writeUInt16LE(length, 6);
  return header;
}

/** Even length: UIDs with NUL, text with a space (PS3.5 §6.2). */
function padded(bytes: Buffer, vr: string): Buffer {
  return bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.from([vr === 'UI' ? 0 : 0x20])]);
}

function unsigned(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

/** A ramp of 12-bit values that begins elsewhere in every slice. */
function pixels(seed: string, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  const block = Buffer.alloc(8192);
  const first = createHash('sha256').update(seed).digest().readUInt16LE(0);
  for (let index = 0; index < block.length / 2; index++) block.writeUInt16LE((first + index) & 0x0fff, index * 2);
  for (let at = 0; at < length; at += block.length) block.copy(bytes, at);
  bytes.write(seed, 0, 'latin1');
  return bytes;
}

const LONG_VRS = new Set(['OW']);

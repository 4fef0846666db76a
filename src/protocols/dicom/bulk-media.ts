/**
 * In which transfer syntax pixel data is that came under a media type (PS3.18 Tables 8.7.3-2, 8.7.3-5 and 8.7.3-6).
 * In: the type with its parameters, and the beginning of the bytes. Out: the transfer syntax of the object, null for what cannot be pixel data.
 */
import { EXPLICIT_LITTLE_ENDIAN, type TransferSyntax, transferSyntax } from './transfer-syntax.ts';
import type { MediaRange } from './web-accept.ts';

export function pixelSyntax({ type, parameters }: MediaRange, head: Buffer): TransferSyntax | null {
  const named = parameters.get('transfer-syntax');
  const uid = named ?? (type === 'image/jpeg' ? jpegSyntax(head) : DEFAULTS[type]);
  const syntax = uid === undefined ? null : transferSyntax(uid);
  if (!syntax || syntax.pixels === 'elsewhere' || !isPixelType(type, syntax)) return null;
  // Native samples are little-endian octets, whatever the dataset around them was.
  if (syntax.pixels === 'native') return syntax.bigEndian || syntax.deflated ? null : transferSyntax(EXPLICIT_LITTLE_ENDIAN);
  return syntax;
}

/** Whether all frames are one stream, which no frame can be cut out of. */
export function isFilm({ frameType }: TransferSyntax): boolean {
  return frameType === '';
}

function isPixelType(type: string, { frameType, pixels }: TransferSyntax): boolean {
  const bare = type.replace('/x-', '/');
  if (bare === OCTETS) return true;
  if (pixels === 'native') return false;
  return frameType === '' ? bare.startsWith('video/') : bare === frameType;
}

/** Baseline, extended, or lossless by the first frame header (ISO/IEC 10918-1 Table B.1). The default of the type is lossless. */
function jpegSyntax(head: Buffer): string {
  for (let at = 2; at + 4 <= head.length && head[at] === 0xff; at += 2 + head.readUInt16BE(at + 2)) {
    const marker = head[at + 1] as number;
    const syntax = JPEG_FRAMES[marker];
    if (syntax) return syntax;
    if (marker === START_OF_SCAN) break;
  }
  return JPEG_FRAMES[0xc3] as string;
}

const OCTETS = 'application/octet-stream';
const START_OF_SCAN = 0xda;
const JPEG_FRAMES: Readonly<Record<number, string>> = {
  192: '1.2.840.10008.1.2.4.50', // SOF0
  193: '1.2.840.10008.1.2.4.51', // SOF1
  195: '1.2.840.10008.1.2.4.70', // SOF3
};
/** The transfer syntax of a media type that names none. */
const DEFAULTS: Readonly<Record<string, string>> = {
  [OCTETS]: EXPLICIT_LITTLE_ENDIAN,
  'image/dicom-rle': '1.2.840.10008.1.2.5',
  'image/x-dicom-rle': '1.2.840.10008.1.2.5',
  'image/jls': '1.2.840.10008.1.2.4.80',
  'image/x-jls': '1.2.840.10008.1.2.4.80',
  'image/jp2': '1.2.840.10008.1.2.4.90',
  'image/jpx': '1.2.840.10008.1.2.4.92',
  'image/jphc': '1.2.840.10008.1.2.4.201',
  'image/jxl': '1.2.840.10008.1.2.4.110',
  'video/mpeg2': '1.2.840.10008.1.2.4.100',
  'video/mp4': '1.2.840.10008.1.2.4.102',
};

/**
 * How a code stream was made, as its own headers say: what a decoder needs to be told, or an image that is decoded has to.
 * JPEG-LS by its first scan header (ISO/IEC 14495-1 §C.2.3), JPEG 2000 and HTJ2K by COD (ISO/IEC 15444-1 §A.6.1).
 */

/** JPEG-LS whose components follow each other, each in a scan of its own: so they are decoded. */
export function isByPlane(stream: Buffer): boolean {
  const at = segmentOf(stream, START_OF_SCAN, 0);
  return at !== null && stream[at + 4] === 1 && (stream[(segmentOf(stream, JPEG_LS_FRAME, 0) ?? 0) + 9] ?? 0) > 1;
}

/** JPEG 2000 by the irreversible wavelet: with loss, for certain. By the other one there may be none. */
export function isIrreversible(stream: Buffer): boolean {
  if (stream.length < 2 || stream.readUInt16BE(0) !== START_OF_CODESTREAM) return false;
  const at = segmentOf(stream, CODING_STYLE, START_OF_TILE_PART);
  return at !== null && stream[at + 13] === 0;
}

/** JPEG 2000 whose samples have a sign: it says so by itself, whatever the image around it says (ISO/IEC 15444-1 §A.5.1). */
export function isSigned(stream: Buffer): boolean {
  return ((stream[42] ?? 0) & 0x80) !== 0;
}

/** Where a marker segment begins, before `last`; null where it does not come. */
function segmentOf(stream: Buffer, wanted: number, last: number): number | null {
  for (let at = 2; at + 4 <= stream.length; ) {
    const marker = stream.readUInt16BE(at);
    if (marker === wanted) return at;
    if (marker === last || marker >>> 8 !== 0xff || (marker === START_OF_SCAN && wanted !== START_OF_SCAN)) return null;
    at += marker === 0xffff ? 1 : 2 + stream.readUInt16BE(at + 2);
  }
  return null;
}

const JPEG_LS_FRAME = 0xfff7;
const START_OF_SCAN = 0xffda;
const START_OF_CODESTREAM = 0xff4f;
const CODING_STYLE = 0xff52;
const START_OF_TILE_PART = 0xff90;

/**
 * Exif (CIPA DC-008 §4.6: TIFF structure and tags). In: the TIFF structure of a photo. Out: its orientation; a structure of the same byte
 * order that has only what is listed here as about the camera and the exposure.
 * What is left out is left out by not being listed: the GPS IFD, and every place where makers put positions and place names as well
 * (MakerNote, comments, descriptions). Promises: bounded work on hostile bytes; never throws.
 */

/** IFD entries that are looked at, and bytes of one value. Cameras stay far below. */
const MAX_ENTRIES = 512;
const MAX_VALUE_BYTES = 4096;

type Entry = { readonly tag: number; readonly type: number; readonly count: number; readonly value: Buffer };
export type Tiff = { readonly bytes: Buffer; readonly little: boolean };

/** 1 to 8 (DC-008 §4.6.4, tag 274); 1 where it is not said. */
export function orientationOf(tiff: Buffer): number {
  const opened = openTiff(tiff);
  const entry = opened && entriesAt(opened, wordAt(opened, 4)).find(({ tag, type }) => tag === ORIENTATION && type === SHORT);
  const said = opened && entry ? shortAt(opened.little, entry.value, 0) : 1;
  return said >= 1 && said <= 8 ? said : 1;
}

/** Null where the bytes are no TIFF structure. The result is never longer than `MAX_ENTRIES` small values. */
export function exifWithoutLocation(tiff: Buffer): Buffer | null {
  const opened = openTiff(tiff);
  if (!opened) return null;
  const first = entriesAt(opened, wordAt(opened, 4));
  const pointer = first.find(({ tag, type }) => tag === EXIF_IFD && type === LONG);
  const camera = pointer ? entriesAt(opened, longOf(opened.little, pointer.value, 0)).filter(({ tag }) => KEPT_EXIF.has(tag)) : [];
  return written(opened.little, once(first.filter(({ tag }) => KEPT_TIFF.has(tag))), once(camera));
}

export function openTiff(bytes: Buffer): Tiff | null {
  const order = bytes.toString('latin1', 0, 4);
  if (bytes.length < 8 || (order !== 'II*\0' && order !== 'MM\0*')) return null;
  return { bytes, little: order.startsWith('I') };
}

/** Entries of an image file directory whose values lie within the structure; none where it does not begin in it. */
function entriesAt({ bytes, little }: Tiff, offset: number): Entry[] {
  if (offset < 8 || offset + 2 > bytes.length) return [];
  const count = Math.min(shortAt(little, bytes, offset), MAX_ENTRIES, Math.floor((bytes.length - offset - 2) / 12));
  return Array.from({ length: count }, (_, index) => entryAt({ bytes, little }, offset + 2 + 12 * index)).filter((entry) => entry !== null);
}

function entryAt({ bytes, little }: Tiff, at: number): Entry | null {
  const [tag, type, count] = [shortAt(little, bytes, at), shortAt(little, bytes, at + 2), longOf(little, bytes, at + 4)];
  const length = (TYPE_BYTES[type] ?? 0) * count;
  if (length === 0 || length > MAX_VALUE_BYTES) return null;
  const start = length <= 4 ? at + 8 : longOf(little, bytes, at + 8);
  return start + length > bytes.length ? null : { tag, type, count, value: bytes.subarray(start, start + length) };
}

function once(entries: readonly Entry[]): Entry[] {
  return [...new Map(entries.map((entry) => [entry.tag, entry])).values()].sort((a, b) => a.tag - b.tag);
}

/** Header, IFD 0, its values, Exif IFD, its values. */
function written(little: boolean, first: readonly Entry[], camera: readonly Entry[]): Buffer {
  const header = Buffer.from(little ? 'II*\0' : 'MM\0*', 'latin1');
  const pointed = camera.length === 0 ? [...first] : [...first, pointerEntry(little, 0)];
  const start = 8 + directory(little, pointed, 8).length;
  const whole = camera.length === 0 ? first : [...first, pointerEntry(little, start)];
  return Buffer.concat([
    header,
    long(little, 8),
    directory(little, whole, 8),
    camera.length === 0 ? Buffer.alloc(0) : directory(little, camera, start),
  ]);
}

/** Its tag is above all that are kept of IFD 0. */
function pointerEntry(little: boolean, offset: number): Entry {
  return { tag: EXIF_IFD, type: LONG, count: 1, value: long(little, offset) };
}

function directory(little: boolean, entries: readonly Entry[], offset: number): Buffer {
  const table: Buffer[] = [short(little, entries.length)];
  const values: Buffer[] = [];
  let at = offset + 2 + 12 * entries.length + 4;
  for (const { tag, type, count, value } of entries) {
    table.push(short(little, tag), short(little, type), long(little, count));
    const even = Buffer.concat([value, Buffer.alloc(value.length <= 4 ? 4 - value.length : value.length % 2)]);
    table.push(value.length <= 4 ? even : long(little, at));
    if (value.length <= 4) continue;
    values.push(even);
    at += even.length;
  }
  return Buffer.concat([...table, long(little, 0), ...values]);
}

function wordAt({ bytes, little }: Tiff, at: number): number {
  return longOf(little, bytes, at);
}

export function shortAt(little: boolean, bytes: Buffer, at: number): number {
  return little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
}

export function longOf(little: boolean, bytes: Buffer, at: number): number {
  return little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
}

function short(little: boolean, value: number): Buffer {
  const bytes = Buffer.alloc(2);
  if (little) bytes.writeUInt16LE(value);
  else bytes.writeUInt16BE(value);
  return bytes;
}

function long(little: boolean, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  if (little) bytes.writeUInt32LE(value);
  else bytes.writeUInt32BE(value);
  return bytes;
}

const ORIENTATION = 0x0112;
const EXIF_IFD = 0x8769;
const SHORT = 3;
const LONG = 4;
/** DC-008 §4.6.2: BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED, SLONG, SRATIONAL. */
const TYPE_BYTES: Readonly<Record<number, number>> = { 1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8 };

/** DC-008 Table 4. */
const KEPT_TIFF: ReadonlySet<number> = new Set([
  0x010f, // Make
  0x0110, // Model
  ORIENTATION,
  0x011a, // XResolution
  0x011b, // YResolution
  0x0128, // ResolutionUnit
  0x0131, // Software
  0x0132, // DateTime
  0x0213, // YCbCrPositioning
]);

/** DC-008 Tables 7 and 8. */
const KEPT_EXIF: ReadonlySet<number> = new Set([
  0x829a, // ExposureTime
  0x829d, // FNumber
  0x8822, // ExposureProgram
  0x8827, // PhotographicSensitivity
  0x9000, // ExifVersion
  0x9003, // DateTimeOriginal
  0x9004, // DateTimeDigitized
  0x9010, // OffsetTime
  0x9011, // OffsetTimeOriginal
  0x9012, // OffsetTimeDigitized
  0x9101, // ComponentsConfiguration
  0x9201, // ShutterSpeedValue
  0x9202, // ApertureValue
  0x9203, // BrightnessValue
  0x9204, // ExposureBiasValue
  0x9205, // MaxApertureValue
  0x9206, // SubjectDistance
  0x9207, // MeteringMode
  0x9208, // LightSource
  0x9209, // Flash
  0x920a, // FocalLength
  0xa000, // FlashpixVersion
  0xa001, // ColorSpace
  0xa002, // PixelXDimension
  0xa003, // PixelYDimension
  0xa402, // ExposureMode
  0xa403, // WhiteBalance
  0xa404, // DigitalZoomRatio
  0xa405, // FocalLengthIn35mmFilm
  0xa406, // SceneCaptureType
  0xa433, // LensMake
  0xa434, // LensModel
]);

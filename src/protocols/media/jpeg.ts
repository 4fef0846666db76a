/**
 * JPEG interchange format (ITU-T T.81 Annex B), marker by marker; what is coded is never decoded or changed.
 * In: a file. Out: what its frame header says; the file without what may tell where it was taken. Null where it is no whole JPEG.
 * Of the application segments only those stay that say how the picture is to be shown (JFIF, Exif as exif.ts keeps it, ICC profile, Adobe):
 * positions and place names stand in XMP, IPTC, makers' segments and comments alike, and phones put whole films behind the end of the image.
 */
import { exifWithoutLocation, orientationOf } from './exif.ts';

export type JpegFacts = {
  readonly rows: number;
  readonly columns: number;
  readonly bits: number;
  readonly components: number;
  /** Of T.81 Table B.1: C0 is baseline DCT, C2 progressive. */
  readonly process: number;
  /** Whether three components are red, green and blue; else luminance and chrominance. */
  readonly rgb: boolean;
  /** 1 to 8, as Exif has it. */
  readonly orientation: number;
  /** ICC profile, empty where there is none. */
  readonly profile: Buffer;
};

/** A marker with its parameters; `bytes` has both, and for SOS the entropy-coded data too. */
export type Segment = { readonly marker: number; readonly bytes: Buffer };

/** Segments before anything is shown: a file has about ten. */
const MAX_SEGMENTS = 65_536;

export function readJpeg(file: Buffer): JpegFacts | null {
  const segments = segmentsOf(file);
  const frame = segments?.find(({ marker }) => isFrame(marker));
  if (!segments || !frame || frame.bytes.length < 10) return null;
  const { bytes, marker } = frame;
  const components = bytes[9] as number;
  if (bytes.length < 10 + 3 * components) return null;
  const exif = segments.find(isExif);
  return {
    rows: bytes.readUInt16BE(5),
    columns: bytes.readUInt16BE(7),
    bits: bytes[4] as number,
    components,
    process: marker,
    rgb: components === 3 && isRgb(segments, [bytes[10], bytes[13], bytes[16]]),
    orientation: exif ? orientationOf(exif.bytes.subarray(EXIF_START)) : 1,
    profile: profileOf(segments),
  };
}

export function jpegWithoutLocation(file: Buffer): Buffer | null {
  const segments = segmentsOf(file);
  return segments && Buffer.concat([SOI, ...segments.flatMap(forwarded)]);
}

/** The coded picture alone, without any application segment but Adobe's, which says what the components are: as DICOM wants it. */
export function bareJpeg(file: Buffer): Buffer | null {
  const segments = segmentsOf(file);
  return (
    segments && Buffer.concat([SOI, ...segments.filter((one) => !isApplication(one.marker) || isAdobe(one)).map(({ bytes }) => bytes)])
  );
}

/** From after SOI to EOI; what follows is no part of the picture. Fill bytes before a marker (B.1.1.2) are left out. */
export function segmentsOf(file: Buffer): Segment[] | null {
  if (file.length < 4 || !file.subarray(0, 2).equals(SOI)) return null;
  const segments: Segment[] = [];
  for (let at = 2; segments.length < MAX_SEGMENTS; ) {
    if (file[at] !== 0xff) return null;
    while (file[at] === 0xff) at++;
    const start = at - 1;
    const marker = file[at++] ?? 0;
    if (marker === EOI) return [...segments, { marker, bytes: file.subarray(start, at) }];
    if (isBare(marker)) continue;
    const end = at + 2 > file.length ? 0 : at + file.readUInt16BE(at);
    if (marker === 0 || end < at + 2 || end > file.length) return null;
    at = marker === SOS ? endOfScan(file, end) : end;
    segments.push({ marker, bytes: file.subarray(start, at) });
  }
  return null;
}

/** B.1.1.5: in entropy-coded data FF is followed by 00, or is a restart marker. */
function endOfScan(file: Buffer, start: number): number {
  for (let at = file.indexOf(0xff, start); at >= 0; at = file.indexOf(0xff, at + 1)) {
    const next = file[at + 1];
    if (next !== undefined && next !== 0 && next !== 0xff && !(next >= 0xd0 && next <= 0xd7)) return at;
  }
  return file.length;
}

function forwarded(segment: Segment): Buffer[] {
  if (!isApplication(segment.marker)) return [segment.bytes];
  if (isExif(segment)) return keptExif(segment.bytes.subarray(EXIF_START));
  return SHOWN.some(([marker, name]) => segment.marker === marker && hasName(segment, name)) ? [segment.bytes] : [];
}

function keptExif(tiff: Buffer): Buffer[] {
  const kept = exifWithoutLocation(tiff);
  if (kept === null) return [];
  const length = Buffer.alloc(2);
  length.writeUInt16BE(2 + EXIF_NAME.length + kept.length);
  return [Buffer.concat([Buffer.from([0xff, APP1]), length, Buffer.from(EXIF_NAME, 'latin1'), kept])];
}

/** ICC.1 Annex B.4: a profile in numbered parts. */
function profileOf(segments: readonly Segment[]): Buffer {
  const parts = segments.filter((one) => one.marker === APP2 && hasName(one, ICC_NAME) && one.bytes.length > 18);
  return Buffer.concat([...parts].sort((a, b) => (a.bytes[16] as number) - (b.bytes[16] as number)).map(({ bytes }) => bytes.subarray(18)));
}

/** ITU-T T.872 §6.5.3 (Adobe's transform 0), else by the letters that name the components. */
function isRgb(segments: readonly Segment[], names: readonly (number | undefined)[]): boolean {
  const adobe = segments.find(isAdobe);
  if (adobe && adobe.bytes.length > 15) return adobe.bytes[15] === 0;
  return names.every((name, index) => name === 'RGB'.charCodeAt(index));
}

/** Comments are no better known than application segments. */
function isApplication(marker: number): boolean {
  return (marker >= 0xe0 && marker <= 0xef) || marker === COM;
}

function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
}

/** Markers without parameters: TEM, RSTn. */
function isBare(marker: number): boolean {
  return marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7);
}

function isExif(segment: Segment): boolean {
  return segment.marker === APP1 && hasName(segment, EXIF_NAME);
}

export function isAdobe(segment: Segment): boolean {
  return segment.marker === APP14 && hasName(segment, 'Adobe');
}

function hasName({ bytes }: Segment, name: string): boolean {
  return bytes.toString('latin1', 4, 4 + name.length) === name;
}

const SOI = Buffer.from([0xff, 0xd8]);
const EOI = 0xd9;
const SOS = 0xda;
const COM = 0xfe;
const APP1 = 0xe1;
const APP2 = 0xe2;
const APP14 = 0xee;
const EXIF_NAME = 'Exif\0\0';
const EXIF_START = 4 + EXIF_NAME.length;
const ICC_NAME = 'ICC_PROFILE\0';

/** Application segments that stay beside Exif. */
const SHOWN: readonly (readonly [marker: number, name: string])[] = [
  [0xe0, 'JFIF\0'],
  [APP2, ICC_NAME],
  [APP14, 'Adobe'],
];

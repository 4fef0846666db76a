/**
 * How a dataset is encoded, by Transfer Syntax UID (PS3.5 Annex A, PS3.6 Table A-1).
 * Everything is stored as it comes; what is known here is only what reading the header and cutting out frames needs.
 */
import { isUid } from './uid.ts';

export type TransferSyntax = {
  readonly uid: string;
  readonly explicit: boolean;
  readonly bigEndian: boolean;
  readonly deflated: boolean;
  /** `elsewhere`: the dataset only points to its pixels (JPIP). */
  readonly pixels: 'native' | 'encapsulated' | 'elsewhere';
  /** Media type of one frame (PS3.18 Table 8.7.3-5), or '' where a frame cannot be had by itself (video). */
  readonly frameType: string;
};

export const IMPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2';
export const EXPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2.1';

/** PS3.5 §A.4: every encapsulated syntax, those yet to come too, is Explicit VR Little Endian. */
const ENCAPSULATED_ROOT = '1.2.840.10008.1.2.4.';

/** The transfer syntax of that UID, or null when its encoding cannot be known (private ones, retired MIME and XML, live video streams). */
export function transferSyntax(uid: string): TransferSyntax | null {
  const row = ROWS.get(uid);
  if (row) return { uid, ...row };
  return uid.startsWith(ENCAPSULATED_ROOT) && isUid(uid) ? { uid, ...encapsulated('application/octet-stream') } : null;
}

type Row = Omit<TransferSyntax, 'uid'>;

const NATIVE: Row = { explicit: true, bigEndian: false, deflated: false, pixels: 'native', frameType: 'application/octet-stream' };
const ELSEWHERE: Row = { ...NATIVE, pixels: 'elsewhere', frameType: '' };

function encapsulated(frameType: string): Row {
  return { ...NATIVE, pixels: 'encapsulated', frameType };
}

const JPEG = encapsulated('image/jpeg');
const JPEG_LS = encapsulated('image/jls');
const JPEG_2000 = encapsulated('image/jp2');
const JPEG_2000_PART_2 = encapsulated('image/jpx');
const HTJ2K = encapsulated('image/jphc');
const JPEG_XL = encapsulated('image/jxl');
const VIDEO = encapsulated('');

/** PS3.6 Table A-1, UID type Transfer Syntax. */
const ROWS: ReadonlyMap<string, Row> = new Map([
  ['1.2.840.10008.1.2', { ...NATIVE, explicit: false }], // Implicit VR Little Endian
  ['1.2.840.10008.1.2.1', NATIVE], // Explicit VR Little Endian
  ['1.2.840.10008.1.2.1.98', encapsulated('application/octet-stream')], // Encapsulated Uncompressed Explicit VR Little Endian
  ['1.2.840.10008.1.2.1.99', { ...NATIVE, deflated: true }], // Deflated Explicit VR Little Endian
  ['1.2.840.10008.1.2.2', { ...NATIVE, bigEndian: true }], // Explicit VR Big Endian (Retired)
  ['1.2.840.10008.1.2.4.50', JPEG], // JPEG Baseline (Process 1)
  ['1.2.840.10008.1.2.4.51', JPEG], // JPEG Extended (Process 2 & 4)
  ['1.2.840.10008.1.2.4.52', JPEG], // JPEG Extended (Process 3 & 5) (Retired)
  ['1.2.840.10008.1.2.4.53', JPEG], // JPEG Spectral Selection, Non-Hierarchical (Process 6 & 8) (Retired)
  ['1.2.840.10008.1.2.4.54', JPEG], // JPEG Spectral Selection, Non-Hierarchical (Process 7 & 9) (Retired)
  ['1.2.840.10008.1.2.4.55', JPEG], // JPEG Full Progression, Non-Hierarchical (Process 10 & 12) (Retired)
  ['1.2.840.10008.1.2.4.56', JPEG], // JPEG Full Progression, Non-Hierarchical (Process 11 & 13) (Retired)
  ['1.2.840.10008.1.2.4.57', JPEG], // JPEG Lossless, Non-Hierarchical (Process 14)
  ['1.2.840.10008.1.2.4.58', JPEG], // JPEG Lossless, Non-Hierarchical (Process 15) (Retired)
  ['1.2.840.10008.1.2.4.59', JPEG], // JPEG Extended, Hierarchical (Process 16 & 18) (Retired)
  ['1.2.840.10008.1.2.4.60', JPEG], // JPEG Extended, Hierarchical (Process 17 & 19) (Retired)
  ['1.2.840.10008.1.2.4.61', JPEG], // JPEG Spectral Selection, Hierarchical (Process 20 & 22) (Retired)
  ['1.2.840.10008.1.2.4.62', JPEG], // JPEG Spectral Selection, Hierarchical (Process 21 & 23) (Retired)
  ['1.2.840.10008.1.2.4.63', JPEG], // JPEG Full Progression, Hierarchical (Process 24 & 26) (Retired)
  ['1.2.840.10008.1.2.4.64', JPEG], // JPEG Full Progression, Hierarchical (Process 25 & 27) (Retired)
  ['1.2.840.10008.1.2.4.65', JPEG], // JPEG Lossless, Hierarchical (Process 28) (Retired)
  ['1.2.840.10008.1.2.4.66', JPEG], // JPEG Lossless, Hierarchical (Process 29) (Retired)
  ['1.2.840.10008.1.2.4.70', JPEG], // JPEG Lossless, Non-Hierarchical, First-Order Prediction (Process 14 [Selection Value 1])
  ['1.2.840.10008.1.2.4.80', JPEG_LS], // JPEG-LS Lossless
  ['1.2.840.10008.1.2.4.81', JPEG_LS], // JPEG-LS Lossy (Near-Lossless)
  ['1.2.840.10008.1.2.4.90', JPEG_2000], // JPEG 2000 (Lossless Only)
  ['1.2.840.10008.1.2.4.91', JPEG_2000], // JPEG 2000
  ['1.2.840.10008.1.2.4.92', JPEG_2000_PART_2], // JPEG 2000 Part 2 Multi-component (Lossless Only)
  ['1.2.840.10008.1.2.4.93', JPEG_2000_PART_2], // JPEG 2000 Part 2 Multi-component
  ['1.2.840.10008.1.2.4.94', ELSEWHERE], // JPIP Referenced
  ['1.2.840.10008.1.2.4.95', { ...ELSEWHERE, deflated: true }], // JPIP Referenced Deflate
  ['1.2.840.10008.1.2.4.100', VIDEO], // MPEG2 Main Profile / Main Level
  ['1.2.840.10008.1.2.4.100.1', VIDEO], // Fragmentable MPEG2 Main Profile / Main Level
  ['1.2.840.10008.1.2.4.101', VIDEO], // MPEG2 Main Profile / High Level
  ['1.2.840.10008.1.2.4.101.1', VIDEO], // Fragmentable MPEG2 Main Profile / High Level
  ['1.2.840.10008.1.2.4.102', VIDEO], // MPEG-4 AVC/H.264 High Profile / Level 4.1
  ['1.2.840.10008.1.2.4.102.1', VIDEO], // Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.1
  ['1.2.840.10008.1.2.4.103', VIDEO], // MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1
  ['1.2.840.10008.1.2.4.103.1', VIDEO], // Fragmentable MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1
  ['1.2.840.10008.1.2.4.104', VIDEO], // MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video
  ['1.2.840.10008.1.2.4.104.1', VIDEO], // Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video
  ['1.2.840.10008.1.2.4.105', VIDEO], // MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video
  ['1.2.840.10008.1.2.4.105.1', VIDEO], // Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video
  ['1.2.840.10008.1.2.4.106', VIDEO], // MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2
  ['1.2.840.10008.1.2.4.106.1', VIDEO], // Fragmentable MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2
  ['1.2.840.10008.1.2.4.107', VIDEO], // HEVC/H.265 Main Profile / Level 5.1
  ['1.2.840.10008.1.2.4.108', VIDEO], // HEVC/H.265 Main 10 Profile / Level 5.1
  ['1.2.840.10008.1.2.4.110', JPEG_XL], // JPEG XL Lossless
  ['1.2.840.10008.1.2.4.111', JPEG_XL], // JPEG XL JPEG Recompression
  ['1.2.840.10008.1.2.4.112', JPEG_XL], // JPEG XL
  ['1.2.840.10008.1.2.4.201', HTJ2K], // High-Throughput JPEG 2000 (Lossless Only)
  ['1.2.840.10008.1.2.4.202', HTJ2K], // High-Throughput JPEG 2000 with RPCL Options (Lossless Only)
  ['1.2.840.10008.1.2.4.203', HTJ2K], // High-Throughput JPEG 2000
  ['1.2.840.10008.1.2.4.204', ELSEWHERE], // JPIP HTJ2K Referenced
  ['1.2.840.10008.1.2.4.205', { ...ELSEWHERE, deflated: true }], // JPIP HTJ2K Referenced Deflate
  ['1.2.840.10008.1.2.5', encapsulated('image/dicom-rle')], // RLE Lossless
  // Unverified: PS3.18 Table 8.7.3-5 names no media type for a deflated frame; it goes out as octets with its transfer syntax.
  ['1.2.840.10008.1.2.8.1', encapsulated('application/octet-stream')], // Deflated Image Frame Compression
  ['1.2.840.10008.1.20', { ...NATIVE, explicit: false }], // Papyrus 3 Implicit VR Little Endian (Retired)
]);

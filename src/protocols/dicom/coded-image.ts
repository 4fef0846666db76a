/**
 * An image whose frames are compressed: what it says of itself, whether it can be decoded here, and what it says once it is
 * (PS3.5 §8.2, PS3.3 §C.7.6.3.1). In: elements of the dataset. Out: the image, or why it is none that can be decoded.
 * Samples stay what the code stream has, but for lossy JPEG in colour, which becomes RGB as its decoder makes it.
 */
import { type Failure, failure } from '../../model/failure.ts';
import type { EncodedFrame } from '../../model/pixel-decoder.ts';
import type { RawDataset } from './dataset-reader.ts';
import type { NewElement } from './element-bytes.ts';
import { MAX_FRAGMENTS } from './frames.ts';
import { valuesOf } from './value-json.ts';

type Described = Omit<EncodedFrame, 'bytes'>;
export type CodedImage = Described & {
  readonly frames: number /** Lossy Image Compression is 01. */;
  readonly lossy: boolean;
};

/** Larger frames are not decoded. */
const MAX_DECODED_BYTES = 128 * 1024 * 1024;
/** PS3.5 §7.1.1: a defined length, and an even one. */
const MAX_VALUE_BYTES = 0xfffffffe;

export function isDecodable(transferSyntax: string): boolean {
  return CODINGS.has(transferSyntax);
}

export function codedImage(dataset: RawDataset, transferSyntax: string): CodedImage | Failure {
  const number = (tag: number, absent: number) => Number(firstOf(dataset, tag) ?? absent);
  const image: CodedImage = {
    ...{ transferSyntax, frames: number(NUMBER_OF_FRAMES, 1), rows: number(ROWS, 0), columns: number(COLUMNS, 0) },
    ...{ samples: number(SAMPLES_PER_PIXEL, 1), bitsAllocated: number(BITS_ALLOCATED, 0), bitsStored: number(BITS_STORED, 0) },
    signed: number(PIXEL_REPRESENTATION, 0) === 1,
    photometric: String(firstOf(dataset, PHOTOMETRIC_INTERPRETATION) ?? ''),
    lossy: firstOf(dataset, LOSSY_IMAGE_COMPRESSION) === '01',
  };
  const problem = problemOf(image, CODINGS.get(transferSyntax));
  return problem === null ? image : failure('dicom', 'invalid', `cannot be decompressed: ${problem}`);
}

/** Bytes of one decoded frame. */
export function decodedBytes({ rows, columns, samples, bitsAllocated, photometric, transferSyntax }: Described): number {
  const shared = CODINGS.get(transferSyntax)?.plain === true && photometric === YBR_FULL_422;
  return (rows * columns * (shared ? 2 : samples) * bitsAllocated) / 8;
}

function problemOf(image: CodedImage, coding: Coding | undefined): string | null {
  const { frames, rows, columns, samples, bitsAllocated, bitsStored, photometric } = image;
  if (!coding) return `${image.transferSyntax} is not decoded here`;
  if (![frames, rows, columns].every((count) => Number.isSafeInteger(count) && count > 0)) return 'the image does not say how large it is';
  // Each has a fragment of its own: a number that a few bytes say shall not make us count that far.
  if (frames > MAX_FRAGMENTS) return `${frames} frames`;
  if (!(samples === 1 || samples === 3)) return `${samples} samples a pixel`;
  if (!coding.bits.includes(bitsAllocated) || !(bitsStored >= 1 && bitsStored <= bitsAllocated))
    return `${bitsStored} bits in ${bitsAllocated}`;
  if (photometric === '' || photometric.startsWith('YBR_PARTIAL')) return `photometric interpretation ${photometric}`;
  const bytes = decodedBytes(image);
  if (!Number.isInteger(bytes)) return 'frames that do not begin at a byte';
  return bytes > MAX_DECODED_BYTES || bytes * frames > MAX_VALUE_BYTES ? 'too large' : null;
}

/** What other values the image has once it is decoded, ascending. `ratio` is how many times smaller it was, `irreversible` as its code stream says. */
export function decodedAttributes(image: CodedImage, irreversible: boolean, ratio: number): NewElement[] {
  const { lossy, lossyMethod, plain } = CODINGS.get(image.transferSyntax) as Coding;
  const colour: NewElement[] = [
    { tag: PHOTOMETRIC_INTERPRETATION, vr: 'CS', value: decodedPhotometric(image) },
    ...(image.samples > 1 ? [{ tag: PLANAR_CONFIGURATION, vr: 'US', value: Buffer.alloc(2) }] : []),
  ];
  // PS3.3 §C.7.6.1.1.5: what was once compressed with loss stays marked, and its SOP Instance UID is that of the compressed image.
  const loss: NewElement[] = [
    { tag: LOSSY_IMAGE_COMPRESSION, vr: 'CS', value: '01' },
    { tag: LOSSY_IMAGE_COMPRESSION_RATIO, vr: 'DS', value: ratio.toFixed(2) },
    { tag: LOSSY_IMAGE_COMPRESSION_METHOD, vr: 'CS', value: lossyMethod },
  ];
  const isUntold = !image.lossy && (lossy === 'always' || (lossy === 'perhaps' && irreversible));
  return [...(plain ? [] : colour), ...(isUntold ? loss : [])];
}

/** PS3.5 §8.2.1, §8.2.4: the decoder turns the colour transformations of JPEG 2000 and JPEG XL round; a full sampling is none of 4:2:2. */
function decodedPhotometric({ photometric, samples, transferSyntax }: CodedImage): string {
  if (samples === 1) return photometric;
  if (convertsToRgb({ photometric, samples, transferSyntax }) || OF_CODE_STREAMS.has(photometric)) return 'RGB';
  return photometric === YBR_FULL_422 ? 'YBR_FULL' : photometric;
}

/** Lossy JPEG in luminance and chrominance. */
export function convertsToRgb({
  photometric,
  samples,
  transferSyntax,
}: Pick<EncodedFrame, 'photometric' | 'samples' | 'transferSyntax'>): boolean {
  return samples === 3 && photometric !== 'RGB' && CODINGS.get(transferSyntax)?.lossyMethod === 'ISO_10918_1';
}

function firstOf(dataset: RawDataset, tag: number): unknown {
  const element = dataset.get(tag);
  return element && valuesOf(element, [])?.[0];
}

type Coding = {
  readonly lossy: 'never' | 'perhaps' | 'always';
  /** Defined term of Lossy Image Compression Method (PS3.3 §C.7.6.1.1.5.1). */
  readonly lossyMethod: string;
  /** Bits Allocated. */
  readonly bits: readonly number[];
  /** The frames are native pixels, whatever is around them. */
  readonly plain?: boolean;
};

const SAMPLES_PER_PIXEL = 0x00280002;
const PHOTOMETRIC_INTERPRETATION = 0x00280004;
const PLANAR_CONFIGURATION = 0x00280006;
const NUMBER_OF_FRAMES = 0x00280008;
const ROWS = 0x00280010;
const COLUMNS = 0x00280011;
const BITS_ALLOCATED = 0x00280100;
const BITS_STORED = 0x00280101;
const PIXEL_REPRESENTATION = 0x00280103;
const LOSSY_IMAGE_COMPRESSION = 0x00282110;
const LOSSY_IMAGE_COMPRESSION_RATIO = 0x00282112;
const LOSSY_IMAGE_COMPRESSION_METHOD = 0x00282114;

export const CODED_IMAGE_TAGS: ReadonlySet<number> = new Set([
  ...[SAMPLES_PER_PIXEL, PHOTOMETRIC_INTERPRETATION, NUMBER_OF_FRAMES, ROWS, COLUMNS],
  ...[BITS_ALLOCATED, BITS_STORED, PIXEL_REPRESENTATION, LOSSY_IMAGE_COMPRESSION],
]);

const YBR_FULL_422 = 'YBR_FULL_422';
const OF_CODE_STREAMS: ReadonlySet<string> = new Set(['YBR_ICT', 'YBR_RCT', 'XYB']);

const NEVER = { lossy: 'never', lossyMethod: '' } as const;
const LOSSY_JPEG: Coding = { lossy: 'always', lossyMethod: 'ISO_10918_1', bits: [8, 16] };
const LOSSLESS: Coding = { ...NEVER, bits: [8, 16] };

/** Transfer syntaxes that are decoded here. */
const CODINGS: ReadonlyMap<string, Coding> = new Map([
  ['1.2.840.10008.1.2.1.98', { ...NEVER, bits: [1, 8, 16, 32, 64], plain: true }], // Encapsulated Uncompressed Explicit VR Little Endian
  ['1.2.840.10008.1.2.4.50', LOSSY_JPEG], // JPEG Baseline (Process 1)
  ['1.2.840.10008.1.2.4.51', LOSSY_JPEG], // JPEG Extended (Process 2 & 4)
  ['1.2.840.10008.1.2.4.57', LOSSLESS], // JPEG Lossless, Non-Hierarchical (Process 14)
  ['1.2.840.10008.1.2.4.70', LOSSLESS], // JPEG Lossless, Non-Hierarchical, First-Order Prediction
  ['1.2.840.10008.1.2.4.80', LOSSLESS], // JPEG-LS Lossless
  ['1.2.840.10008.1.2.4.81', { lossy: 'always', lossyMethod: 'ISO_14495_1', bits: [8, 16] }], // JPEG-LS Lossy (Near-Lossless)
  ['1.2.840.10008.1.2.4.90', LOSSLESS], // JPEG 2000 (Lossless Only)
  ['1.2.840.10008.1.2.4.91', { lossy: 'perhaps', lossyMethod: 'ISO_15444_1', bits: [8, 16] }], // JPEG 2000
  ['1.2.840.10008.1.2.4.110', LOSSLESS], // JPEG XL Lossless
  ['1.2.840.10008.1.2.4.201', LOSSLESS], // High-Throughput JPEG 2000 (Lossless Only)
  ['1.2.840.10008.1.2.4.202', LOSSLESS], // High-Throughput JPEG 2000 with RPCL Options (Lossless Only)
  ['1.2.840.10008.1.2.4.203', { lossy: 'perhaps', lossyMethod: 'ISO_15444_15', bits: [8, 16] }], // High-Throughput JPEG 2000
  ['1.2.840.10008.1.2.5', { ...NEVER, bits: [8, 16, 32] }], // RLE Lossless
  ['1.2.840.10008.1.2.8.1', { ...NEVER, bits: [1, 8, 16, 32, 64], plain: true }], // Deflated Image Frame Compression
]);

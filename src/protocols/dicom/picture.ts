/**
 * Pictures and films as pixel data. In: what a file says of itself. Out: the transfer syntax it can stand in as it is coded, the Image
 * Pixel, Multi-frame, Cine and ICC Profile modules (PS3.3 §C.7.6.3, §C.7.6.5, §C.7.6.6, §C.11.15) that go with it, and Pixel Data around its bytes
 * (PS3.5 §A.4). Null where no transfer syntax takes it as it is.
 * Whether a picture was ever compressed with loss is told by how it came, also where it goes out uncompressed (PS3.3 §C.7.6.1.1.5).
 */
import type { JpegFacts } from '../media/jpeg.ts';
import type { MovieFacts } from '../media/movie.ts';
import type { LossyMethod } from '../media/picture-coding.ts';
import { EXPLICIT_LITTLE_ENDIAN } from './transfer-syntax.ts';
import type { DatasetElement } from './write.ts';

export type Picture = { readonly transferSyntax: string; readonly elements: readonly DatasetElement[] };

export type Lossy = { readonly method: LossyMethod; readonly ratio: number };

/** Baseline JPEG that is upright stays as it is (PS3.5 §8.2.1). */
export function jpegPicture(facts: JpegFacts, bytes: number): Picture | null {
  const { process, bits, components, orientation, rows, columns, rgb, profile } = facts;
  if (process !== BASELINE || bits !== 8 || orientation !== 1 || rows === 0 || columns === 0) return null;
  if (components !== 1 && components !== 3) return null;
  // Subsampled or not, and however: there is no other term for it in visible light (PS3.3 §C.8.12.1.1.1).
  const colour = rgb ? 'RGB' : 'YBR_FULL_422';
  const lossy: Lossy = { method: 'ISO_10918_1', ratio: (rows * columns * components) / bytes };
  const elements = [...pixelModule(rows, columns, components, components === 1 ? 'MONOCHROME2' : colour), ...lossElements(lossy)];
  return { transferSyntax: JPEG_BASELINE, elements: [...elements, ...profileElements(profile, components)] };
}

export type DecodedPicture = {
  readonly rows: number;
  readonly columns: number;
  readonly components: 1 | 3;
  readonly lossy: Lossy | null;
  /** Of sRGB, in which it was decoded. */
  readonly profile: Buffer;
};

export function decodedPicture({ rows, columns, components, lossy, profile }: DecodedPicture): Picture {
  const elements = [...pixelModule(rows, columns, components, components === 1 ? 'MONOCHROME2' : 'RGB'), ...lossElements(lossy)];
  const colour: DatasetElement[] = components === 3 ? [[0x00282002, 'CS', 'SRGB']] : [];
  return { transferSyntax: EXPLICIT_LITTLE_ENDIAN, elements: [...elements, ...profileElements(profile, components), ...colour] };
}

/** PS3.5 §8.2.7 and §8.2.10 take an MP4 file as it is, where profile and level are within those of the transfer syntax. */
export function filmPicture(facts: MovieFacts, bytes: number): Picture | null {
  const row = FILMS.find((one) => one.codings.includes(facts.coding) && one.takes(facts));
  if (!row || facts.rows === 0 || facts.columns === 0) return null;
  const { rows, columns, frames, frameTime, turn } = facts;
  const rate = String(Math.max(1, Math.round(1000 / frameTime)));
  const turned: DatasetElement[] = turn === 0 ? [] : [[0x00204000, 'LT', `To be turned by ${turn} degrees clockwise`]];
  return {
    transferSyntax: row.transferSyntax,
    elements: [
      [0x00082144, 'IS', rate],
      [0x00180040, 'IS', rate],
      [0x00181063, 'DS', decimal(frameTime)],
      ...turned,
      ...pixelModule(rows, columns, 3, 'YBR_PARTIAL_420'),
      [0x00280008, 'IS', String(frames)],
      // Frame Time
      [0x00280009, 'AT', [0x0018, 0x1063]],
      ...lossElements({ method: row.method, ratio: (rows * columns * 3 * frames) / bytes }),
    ],
  };
}

/** Why no transfer syntax takes a film, and what to do. */
export function refusedFilm({ coding, profile, level, rows, columns }: MovieFacts): string {
  const said = `no transfer syntax for ${coding} of profile ${profile}, level ${level}`;
  if (rows === 0 || columns === 0 || !(AVC.includes(coding) || HEVC.includes(coding))) return `${said}: send it as H.264 or HEVC`;
  if (AVC.includes(coding))
    return `${said}: send it as H.264 High, 8 bits, to level 4.2 (1080p at 60 frames a second), or as HEVC Main to level 5.1`;
  return `${said}: send it as HEVC Main, 8 bits, to level 5.1 (2160p at 60 frames a second)`;
}

/** Pixel Data (7FE0,0010), native or encapsulated as one fragment; `bytes` is what `chunks` come to. */
export async function* pixelData({ transferSyntax }: Picture, bytes: number, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const native = transferSyntax === EXPLICIT_LITTLE_ENDIAN;
  const padding = Buffer.alloc(bytes % 2);
  const length = word(bytes + padding.length);
  yield Buffer.concat(native ? [PIXEL_DATA, length] : [PIXEL_DATA, word(UNDEFINED), ITEM, word(0), ITEM, length]);
  yield* chunks;
  yield Buffer.concat(native ? [padding] : [padding, SEQUENCE_END]);
}

/** 32 bits, and even. */
export const MAX_PIXEL_BYTES = 0xfffffffe;

function pixelModule(rows: number, columns: number, samples: number, photometric: string): DatasetElement[] {
  return [
    [0x00280002, 'US', samples],
    [0x00280004, 'CS', photometric],
    ...(samples === 1 ? [] : ([[0x00280006, 'US', 0]] as DatasetElement[])),
    [0x00280010, 'US', rows],
    [0x00280011, 'US', columns],
    [0x00280100, 'US', 8],
    [0x00280101, 'US', 8],
    [0x00280102, 'US', 7],
    [0x00280103, 'US', 0],
  ];
}

function lossElements(lossy: Lossy | null): DatasetElement[] {
  if (!lossy) return [[0x00282110, 'CS', '00']];
  return [
    [0x00282110, 'CS', '01'],
    [0x00282112, 'DS', decimal(lossy.ratio)],
    [0x00282114, 'CS', lossy.method],
  ];
}

function profileElements(profile: Buffer, components: number): DatasetElement[] {
  return profile.length === 0 || components !== 3 ? [] : [[0x00282000, 'OB', profile]];
}

/** DS: sixteen characters at most. */
function decimal(value: number): string {
  return String(Number(value.toPrecision(8)));
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

const BASELINE = 0xc0;
const JPEG_BASELINE = '1.2.840.10008.1.2.4.50';
const UNDEFINED = 0xffffffff;
const PIXEL_DATA = Buffer.from([0xe0, 0x7f, 0x10, 0x00, 0x4f, 0x42, 0, 0]);
const ITEM = Buffer.from([0xfe, 0xff, 0x00, 0xe0]);
const SEQUENCE_END = Buffer.from([0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]);

type FilmRow = {
  readonly transferSyntax: string;
  readonly method: Lossy['method'];
  readonly codings: readonly string[];
  readonly takes: (facts: MovieFacts) => boolean;
};

const AVC = ['avc1', 'avc3'];
const HEVC = ['hvc1', 'hev1'];

/** What every decoder of High Profile decodes (ITU-T H.264 §A.2): High, Main, and Baseline without what only Baseline has. */
function isWithinHigh({ profile, constraints }: MovieFacts): boolean {
  return profile === 100 || profile === 77 || (profile === 66 && (constraints & 0x40) !== 0);
}

/** The first that takes a film is the one that most receivers know. Levels as coded: H.264 §A.3 (ten times), H.265 §A.4 (thirty times). */
const FILMS: readonly FilmRow[] = [
  {
    transferSyntax: '1.2.840.10008.1.2.4.102',
    method: 'ISO_14496_10',
    codings: AVC,
    takes: (facts) => isWithinHigh(facts) && facts.level <= 41,
  },
  {
    transferSyntax: '1.2.840.10008.1.2.4.104',
    method: 'ISO_14496_10',
    codings: AVC,
    takes: (facts) => isWithinHigh(facts) && facts.level <= 42,
  },
  {
    transferSyntax: '1.2.840.10008.1.2.4.107',
    method: 'ISO_23008_2',
    codings: HEVC,
    takes: ({ profile, level }) => profile === 1 && level <= 153,
  },
];

/**
 * How an image shall be rendered (PS3.18 §8.3.5), and whether it can be. In: query parameters and what is accepted. Out: a Rendering, or a Failure that
 * says which parameter is wrong; an image that says of itself what its code stream does not, or that is too large, is not rendered.
 */
import { type Failure, failure } from '../../model/failure.ts';
import type { RawDataset } from './dataset-reader.ts';
import { inLittleEndian } from './metadata-json.ts';
import { valuesOf } from './value-json.ts';
import type { MediaRange } from './web-accept.ts';

export type Rendering = {
  readonly format: 'jpeg' | 'png';
  /** Of JPEG, 1 to 100. */
  readonly quality: number;
  /** Null: as the image says, else by its darkest and brightest pixels. */
  readonly window: { readonly center: number; readonly width: number } | null;
  /** Fits into it. Null: as large as it is. */
  readonly viewport: { readonly width: number; readonly height: number } | null;
  /** What of the image is shown, in its pixels; null for all of it. */
  readonly region: { readonly left: number; readonly top: number; readonly width: number; readonly height: number } | null;
};

const MAX_SIDE = 4_096;
const MAX_PIXELS = 32 * 1024 * 1024;
const THUMBNAIL_SIDE = 128;
const DEFAULT_QUALITY = 90;

/** Null: neither JPEG nor PNG is accepted. */
export function parseRendering(query: URLSearchParams, accept: readonly MediaRange[], thumbnail: boolean): Rendering | Failure | null {
  const format = formatIn(accept);
  if (!format) return null;
  const quality = Number(query.get('quality') ?? DEFAULT_QUALITY);
  if (!Number.isInteger(quality) || quality < 1 || quality > 100) return wrong('quality', '1 to 100');
  const window = thumbnail ? null : windowOf(query.get('window'));
  const view = viewOf(query.get('viewport'), thumbnail);
  if (window && 'failure' in window) return window;
  if ('failure' in view) return view;
  return { format, quality, window, ...view };
}

function formatIn(accept: readonly MediaRange[]): Rendering['format'] | null {
  for (const { type } of accept) {
    if (['image/jpeg', 'image/*', '*/*'].includes(type)) return 'jpeg';
    if (type === 'image/png') return 'png';
  }
  return null;
}

/** `center,width,function`; of the functions LINEAR only (PS3.3 §C.11.2.1.2). */
function windowOf(text: string | null): Rendering['window'] | Failure {
  if (text === null) return null;
  const [center, width, shape = 'linear', ...rest] = text.split(',');
  const numbers = { center: numberOf(center), width: numberOf(width) };
  if (!Number.isFinite(numbers.center) || !(numbers.width >= 1) || rest.length > 0) return wrong('window', 'center,width[,linear]');
  return shape.toLowerCase() === 'linear' ? numbers : wrong('window', 'the function is linear');
}

/** `width,height[,left,top,width,height]`: the last four of the image. */
function viewOf(text: string | null, thumbnail: boolean): Pick<Rendering, 'viewport' | 'region'> | Failure {
  if (text === null) return { viewport: thumbnail ? { width: THUMBNAIL_SIDE, height: THUMBNAIL_SIDE } : null, region: null };
  const numbers = text.split(',').map(numberOf);
  const [width = 0, height = 0, left = 0, top = 0, columns = 0, rows = 0] = numbers;
  const isWhole = numbers.every((number) => Number.isInteger(number) && number >= 0);
  if (!isWhole || (numbers.length !== 2 && numbers.length !== 6) || width < 1 || height < 1)
    return wrong('viewport', 'width,height[,left,top,width,height]');
  if (Math.max(width, height) > MAX_SIDE) return wrong('viewport', `at most ${MAX_SIDE} a side`);
  if (numbers.length === 6 && (columns < 1 || rows < 1)) return wrong('viewport', 'nothing of the image is left');
  return { viewport: { width, height }, region: numbers.length === 6 ? { left, top, width: columns, height: rows } : null };
}

function numberOf(text: string | undefined): number {
  return text !== undefined && /^-?\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN;
}

function wrong(name: string, why: string): Failure {
  return failure('dicom', 'invalid', `${name}: ${why}`);
}

/** What a renderer needs to know of an image, by keyword. */
export type ImageElements = Readonly<Record<string, unknown>>;

/** Of the kept elements (`IMAGE_TAGS`); a Failure where they are not those of an image, or of one too large. */
export function imageElements(dataset: RawDataset): ImageElements | Failure {
  const elements: Record<string, unknown> = { NumberOfFrames: 1, SamplesPerPixel: 1 };
  for (const [keyword, tag] of Object.entries(IMAGE_ATTRIBUTES)) {
    const element = dataset.get(tag);
    if (!element || element.value.length === 0) continue;
    const values = valuesOf(element, []);
    if (values === null) elements[keyword] = [bytesOf(inLittleEndian(element.value, element.bigEndian, element.vr))];
    else if (keyword.endsWith('Descriptor')) elements[keyword] = values;
    else elements[keyword] = values[0];
  }
  const [rows, columns] = [Number(elements.Rows ?? 0), Number(elements.Columns ?? 0)];
  const samples = Number(elements.SamplesPerPixel);
  if (rows < 1 || columns < 1 || rows * columns > MAX_PIXELS || ![1, 3, 4].includes(samples))
    return failure('dicom', 'invalid', 'not an image that can be rendered');
  return elements;
}

function bytesOf(value: Buffer): ArrayBuffer {
  return new Uint8Array(value).buffer;
}

const IMAGE_ATTRIBUTES = {
  SamplesPerPixel: 0x00280002,
  PhotometricInterpretation: 0x00280004,
  PlanarConfiguration: 0x00280006,
  Rows: 0x00280010,
  Columns: 0x00280011,
  BitsAllocated: 0x00280100,
  BitsStored: 0x00280101,
  HighBit: 0x00280102,
  PixelRepresentation: 0x00280103,
  SmallestImagePixelValue: 0x00280106,
  LargestImagePixelValue: 0x00280107,
  PixelPaddingValue: 0x00280120,
  WindowCenter: 0x00281050,
  WindowWidth: 0x00281051,
  RescaleIntercept: 0x00281052,
  RescaleSlope: 0x00281053,
  VOILUTFunction: 0x00281056,
  RedPaletteColorLookupTableDescriptor: 0x00281101,
  GreenPaletteColorLookupTableDescriptor: 0x00281102,
  BluePaletteColorLookupTableDescriptor: 0x00281103,
  RedPaletteColorLookupTableData: 0x00281201,
  GreenPaletteColorLookupTableData: 0x00281202,
  BluePaletteColorLookupTableData: 0x00281203,
} as const;

export const IMAGE_TAGS: ReadonlySet<number> = new Set(Object.values(IMAGE_ATTRIBUTES));

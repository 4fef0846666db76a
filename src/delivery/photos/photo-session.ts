/**
 * A DICOM object of a photo or film. In: the order, the file in the blob store. Out: class, transfer syntax and dataset as a stream, to be read
 * once; or why there is none. What is coded as DICOM takes it stays as it is: a film is streamed from its file and never held.
 * Nothing of it tells where it was taken.
 */
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import type { PhotoOrder } from '../../model/photo.ts';
import { composeObject } from '../../protocols/dicom/composed-object.ts';
import { PHOTO_CLASSES, type PhotoClassName, photoSeriesUid } from '../../protocols/dicom/photo-class.ts';
import {
  decodedPicture,
  filmPicture,
  jpegPicture,
  type Lossy,
  MAX_PIXEL_BYTES,
  type Picture,
  pixelData,
  refusedFilm,
} from '../../protocols/dicom/picture.ts';
import { codeElements } from '../../protocols/dicom/sr-content.ts';
import type { DatasetElement } from '../../protocols/dicom/write.ts';
import { filmEdits, readFilm } from '../../protocols/media/film-file.ts';
import { bareJpeg, type JpegFacts, readJpeg } from '../../protocols/media/jpeg.ts';
import { KIND_BYTES, mediaKind } from '../../protocols/media/location.ts';
import { readMovie } from '../../protocols/media/movie.ts';
import { codingOf, type PictureCoding, type StillKind } from '../../protocols/media/picture-coding.ts';
import { shownPart } from '../../protocols/media/shown-file.ts';
import type { BlobStore } from '../../store/blob-store.ts';
import { decodePicture, srgbProfile, turnUpright } from './decode-session.ts';

/** A picture is read whole. */
const MAX_PICTURE_BYTES = 128 * 1024 * 1024;
/** Of a film, at a time. */
const CHUNK_BYTES = 1024 * 1024;

export type PhotoObject = {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntax: string;
  /** Without File Meta Information. */
  readonly dataset: AsyncIterable<Buffer>;
};

type Pixels = { readonly picture: Picture; readonly bytes: number; readonly chunks: AsyncIterable<Buffer> };

export async function openPhoto(order: PhotoOrder, blobs: Pick<BlobStore, 'read' | 'stat'>): Promise<PhotoObject | Failure> {
  const file = await blobs.stat(order.blob);
  if (!file) return failure('delivery', 'not-found', `the file of ${order.media} is not in the blob store`);
  if (file.bytes > MAX_PIXEL_BYTES) return failure('delivery', 'too-large', `the file of ${order.media} is too large for one object`);
  const kind = mediaKind(await bytesOf(blobs, order.blob, 0, KIND_BYTES));
  if (kind === 'other') return failure('delivery', 'invalid', 'it is no JPEG, PNG, HEIC, AVIF, WebP, TIFF or MP4');
  if (kind === 'matroska') return failure('delivery', 'invalid', 'DICOM has no place for WebM and Matroska: send the film as MP4');
  if (kind === 'gif') return failure('delivery', 'invalid', 'a GIF is not taken: send a picture as PNG, one that moves as MP4');
  if (kind === 'movie') return objectOf(order, 'film', await filmPixels(blobs, order.blob, file.bytes));
  if (file.bytes > MAX_PICTURE_BYTES) return failure('delivery', 'too-large', `a picture of ${file.bytes} bytes`);
  return objectOf(order, order.pictureClass, await picturePixels(await bytesOf(blobs, order.blob, 0, file.bytes), kind));
}

/** The elements before Pixel Data, and Pixel Data. */
function objectOf(order: PhotoOrder, name: PhotoClassName, pixels: Pixels | Failure): PhotoObject | Failure {
  if (isFailure(pixels)) return pixels;
  const { sopClassUid, modality, seriesNumber, seriesDescription } = PHOTO_CLASSES[name];
  const said = JSON.parse(order.elements) as DatasetElement[];
  const own = name === 'film' ? filmElements(said) : (JSON.parse(order.pictureElements) as DatasetElement[]);
  const series: DatasetElement[] = [
    [0x00080060, 'CS', modality],
    [0x0008103e, 'LO', seriesDescription],
    [0x00200011, 'IS', seriesNumber],
  ];
  const composed = composeObject({
    sopClassUid,
    sopInstanceUid: order.sopInstanceUid,
    studyUid: order.studyUid,
    seriesUid: photoSeriesUid(order.studyUid, name),
    elements: together([...said, ...series, ...own, ...pixels.picture.elements]),
    // Two values: what is composed has one.
    copied: [[0x00080008, 'CS', 'ORIGINAL\\PRIMARY']],
    charsets: [],
  });
  if (isFailure(composed)) return composed;
  const { transferSyntax } = pixels.picture;
  return { sopClassUid, sopInstanceUid: order.sopInstanceUid, transferSyntax, dataset: dataset(composed.dataset, pixels) };
}

/** Who is filmed moves as a whole, where nobody said which part of him is meant: then no side is meant either (PS3.3 §C.7.3.1, §C.8.12.1). */
function filmElements(said: readonly DatasetElement[]): DatasetElement[] {
  return said.some(([tag]) => tag === ANATOMIC_REGION) ? [[0x00200060, 'CS', '']] : [[ANATOMIC_REGION, 'SQ', [codeElements(WHOLE_BODY)]]];
}

const ANATOMIC_REGION = 0x00082218;
const WHOLE_BODY = { code: '38266002', scheme: 'SCT', meaning: 'Entire body' };

/** Comments of the Media and of the picture are one. */
function together(elements: readonly DatasetElement[]): DatasetElement[] {
  return [...Map.groupBy(elements, ([tag]) => tag).values()].map((same) => {
    const [[tag, vr, value]] = same as [DatasetElement];
    return same.length === 1 ? [tag, vr, value] : [tag, vr, same.map((one) => one[2]).join('; ')];
  });
}

async function* dataset(before: Buffer, { picture, bytes, chunks }: Pixels): AsyncGenerator<Buffer> {
  yield before;
  yield* pixelData(picture, bytes, chunks);
}

async function picturePixels(file: Buffer, kind: StillKind): Promise<Pixels | Failure> {
  if (kind === 'jpeg') return jpegPixels(file);
  const coding = codingOf(file, kind);
  return isFailure(coding) ? coding : decodedPixels(file, coding, file.length);
}

async function jpegPixels(file: Buffer): Promise<Pixels | Failure> {
  const facts = readJpeg(file);
  if (!facts) return failure('delivery', 'invalid', 'the JPEG is not whole');
  const bare = bareJpeg(file);
  const coded = bare && (await codedPixels(bare, facts));
  return coded ?? decodedPixels(file, { lossy: 'ISO_10918_1', decoder: 'other' }, (bare ?? file).length);
}

async function decodedPixels(file: Buffer, { lossy: method, decoder }: PictureCoding, coded: number): Promise<Pixels | Failure> {
  const decoded = await decodePicture(file, decoder);
  if (isFailure(decoded)) return decoded;
  const { samples, ...size } = decoded;
  const lossy: Lossy | null = method && { method, ratio: samples.length / coded };
  return { picture: decodedPicture({ ...size, lossy, profile: await srgbProfile() }), bytes: samples.length, chunks: once(samples) };
}

/** A JPEG as it is coded, turned upright without a loss where it is not; null where DICOM does not take it so. */
async function codedPixels(bare: Buffer, facts: JpegFacts): Promise<Pixels | null> {
  if (!jpegPicture({ ...facts, orientation: 1 }, bare.length)) return null;
  const upright = facts.orientation === 1 ? bare : await turnUpright(bare, facts.orientation);
  const size = upright && readJpeg(upright);
  const picture = size && jpegPicture({ ...size, profile: facts.profile }, upright.length);
  return picture && { picture, bytes: upright.length, chunks: once(upright) };
}

async function filmPixels(blobs: Pick<BlobStore, 'read'>, blob: string, bytes: number): Promise<Pixels | Failure> {
  const film = await readFilm((start, length) => bytesOf(blobs, blob, start, length), bytes);
  if (!film) return failure('delivery', 'invalid', 'it is no whole MP4 file');
  const [facts, edits] = [readMovie(film.moov, film.fragments), filmEdits(film)];
  if (!facts || !edits)
    return failure('delivery', 'invalid', 'the film does not say how its pictures are coded, or its fragments hold what is no film');
  const picture = filmPicture(facts, bytes);
  if (!picture) return failure('delivery', 'invalid', refusedFilm(facts));
  const chunks = blobs.read(blob, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>;
  return { picture, bytes, chunks: shownPart(chunks, 0, edits) };
}

async function bytesOf(blobs: Pick<BlobStore, 'read'>, blob: string, start: number, length: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of blobs.read(blob, { start, end: start + length - 1 })) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

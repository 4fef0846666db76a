/**
 * Rendered images and thumbnails (PS3.18 §10.4.1.1.3 and §10.4.1.1.4): one frame as JPEG or PNG, for looking, not for diagnosis.
 * In: an instance and a frame of it. Out: an image, from the cache where it was asked for before.
 */
import { createHash } from 'node:crypto';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import type { StoredObject } from '../../model/instance.ts';
import type { Log } from '../../model/log.ts';
import { keepElements, type RawElement } from '../../protocols/dicom/dataset-reader.ts';
import type { DatasetSink } from '../../protocols/dicom/dataset-walker.ts';
import { frameProblem } from '../../protocols/dicom/frame-check.ts';
import type { DicomJson } from '../../protocols/dicom/header.ts';
import { IMAGE_TAGS, type ImageElements, imageElements, parseRendering, type Rendering } from '../../protocols/dicom/rendering.ts';
import { type TransferSyntax, transferSyntax } from '../../protocols/dicom/transfer-syntax.ts';
import type { MediaRange } from '../../protocols/dicom/web-accept.ts';
import type { BlobStore } from '../../store/blob-store.ts';
import type { Queryable } from '../../store/database.ts';
import { headerAt } from '../../store/instance-store.ts';
import type { RenderCache } from '../../store/render-cache-store.ts';
import type { Blocks } from '../../store/spare-blocks.ts';
import { walkStored } from './dataset-session.ts';
import { type Frame, findFrames } from './frame-session.ts';
import type { RenderJob } from './render-worker.ts';
import type { Renderer } from './renderer-session.ts';
import { etagOf, NOT_FOUND, type Refusal, type Reply } from './reply.ts';

export type RenderDeps = {
  readonly database: Queryable;
  readonly blobs: BlobStore;
  readonly log: Log;
  readonly renderer: Renderer;
  readonly renderCache: RenderCache;
};

type Deps = RenderDeps & { readonly blocks: Blocks };

export type RenderRequest = {
  readonly frame: string;
  readonly query: URLSearchParams;
  readonly accept: readonly MediaRange[];
  readonly thumbnail: boolean;
};

/** Larger frames are not rendered. */
const MAX_FRAME_BYTES = 128 * 1024 * 1024;

export async function retrieveRendered(object: StoredObject, request: RenderRequest, deps: Deps): Promise<Reply | Refusal> {
  if (!/^[1-9]\d{0,8}$/.test(request.frame)) return { status: 400, why: 'one frame is rendered at a time' };
  const rendering = parseRendering(request.query, request.accept, request.thumbnail);
  if (rendering === null) return { status: 406, why: 'images are rendered as JPEG or PNG' };
  if (isFailure(rendering)) return { status: 400, why: rendering.detail };
  const what = `rendered ${request.frame} ${JSON.stringify(rendering)}`;
  const name = createHash('sha256').update(`${object.blob} ${what}`).digest('hex');
  const image = (await deps.renderCache.get(name)) ?? (await rendered(object, Number(request.frame), rendering, deps));
  if (isFailure(image)) {
    deps.log.info('dicomweb.not-rendered', { sopInstanceUid: object.sopInstanceUid, why: image.detail });
    return refusalOf(image);
  }
  await deps.renderCache.put(name, image);
  return {
    status: 200,
    contentType: `image/${rendering.format}`,
    length: image.length,
    etag: etagOf([object], what),
    ranged: false,
    headers: { Warning: NOT_FOR_DIAGNOSIS },
    body: async function* () {
      yield image;
    },
  };
}

async function rendered(object: StoredObject, number: number, rendering: Rendering, deps: Deps): Promise<Buffer | Failure> {
  const syntax = transferSyntax(object.transferSyntax) as TransferSyntax;
  if (!RENDERED.has(syntax.uid)) return failure('dicomweb', 'invalid', 'not rendered in this transfer syntax');
  return deps.renderer.render(() => readJob(object, number, rendering, syntax, deps));
}

async function readJob(
  object: StoredObject,
  number: number,
  rendering: Rendering,
  syntax: TransferSyntax,
  deps: Deps,
): Promise<RenderJob | Failure> {
  const header = JSON.parse((await headerAt(deps.database, object.sopInstanceUid)).toString()) as DicomJson;
  const frames = await findFrames(deps.blobs, object, header, syntax, [number], deps.blocks);
  if (isFailure(frames)) return frames;
  const [frame] = frames as [Frame];
  if (frame.length > MAX_FRAME_BYTES) return failure('dicomweb', 'invalid', 'the frame is too large');
  const elements = await elementsOf(object, syntax, deps.blobs);
  if (isFailure(elements)) return elements;
  const bytes = await bytesOf(frame);
  const broken = brokenFrame(Buffer.from(bytes.buffer), elements, syntax);
  return broken ?? { elements, transferSyntax: syntax.uid, frame: bytes.buffer, rendering };
}

async function bytesOf(frame: Frame): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(frame.length);
  let at = 0;
  for await (const chunk of frame.open()) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  frame.release?.();
  return bytes;
}

/** Native pixels have nothing that could be cut off unseen. */
function brokenFrame(bytes: Buffer, elements: ImageElements, syntax: TransferSyntax): Failure | null {
  const number = (keyword: string): number => Number(elements[keyword] ?? 0);
  const problem = frameProblem(bytes, {
    ...{ transferSyntax: syntax.uid, rows: number('Rows'), columns: number('Columns') },
    ...{ samples: number('SamplesPerPixel'), bitsAllocated: number('BitsAllocated') },
  });
  return problem === null ? null : failure('dicomweb', 'invalid', problem);
}

/** What comes before the pixels, as far as it is of the image. */
async function elementsOf(object: StoredObject, syntax: TransferSyntax, blobs: BlobStore): Promise<ImageElements | Failure> {
  const kept = new Map<number, RawElement>();
  let isThere = false;
  const keeper = keepElements(kept, IMAGE_TAGS);
  const sink: DatasetSink = {
    ...keeper,
    passed: ({ tag, topLevel }) => {
      isThere ||= topLevel && tag >= FIRST_OF_PIXELS;
    },
  };
  for await (const _ of walkStored(blobs, object, syntax, sink)) if (isThere) break;
  return imageElements(kept);
}

function refusalOf({ code }: Failure): Refusal {
  if (code === 'not-found') return NOT_FOUND;
  if (code === 'out-of-resources') return { status: 503, why: 'too many images wait to be rendered' };
  return { status: 406, why: 'this image cannot be rendered: retrieve its frames' };
}

const FIRST_OF_PIXELS = 0x7fe00008;
/** RFC 7234 §5.5 leaves the text of 299 to the server. */
const NOT_FOR_DIAGNOSIS = '299 waystation "Rendered for looking, not for diagnosis"';

/** Native, RLE, JPEG baseline, extended and lossless, JPEG-LS, JPEG 2000, HTJ2K. */
const RENDERED: ReadonlySet<string> = new Set([
  ...['1.2.840.10008.1.2', '1.2.840.10008.1.2.1', '1.2.840.10008.1.2.1.99', '1.2.840.10008.1.2.2', '1.2.840.10008.1.2.5'],
  ...['50', '51', '57', '70', '80', '81', '90', '91', '201', '202', '203'].map((last) => `1.2.840.10008.1.2.4.${last}`),
]);

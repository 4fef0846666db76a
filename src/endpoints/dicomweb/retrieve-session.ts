/**
 * Objects, frames and bulk data of stored instances (PS3.18 §10.4.1.1), as they were received, or in Explicit VR Little Endian where a caller
 * accepts them only so.
 * In: the instances that a path names, and what is accepted. Out: a reply whose bytes are read when they are sent.
 */
import { type Failure, isFailure } from '../../model/failure.ts';
import type { Instance, StoredObject } from '../../model/instance.ts';
import type { Log } from '../../model/log.ts';
import { bulkLocator } from '../../protocols/dicom/bulk-path.ts';
import type { WalkedElement } from '../../protocols/dicom/dataset-walker.ts';
import type { DicomJson } from '../../protocols/dicom/header.ts';
import { inLittleEndian } from '../../protocols/dicom/metadata-json.ts';
import { EXPLICIT_LITTLE_ENDIAN, type TransferSyntax, transferSyntax } from '../../protocols/dicom/transfer-syntax.ts';
import { chooseBytes, chooseFrames, chooseObjects, type MediaRange } from '../../protocols/dicom/web-accept.ts';
import type { BlobStore } from '../../store/blob-store.ts';
import type { Blocks } from '../../store/spare-blocks.ts';
import { sourceOf, walkStored } from './dataset-session.ts';
import { type DecodedDeps, decodedFrames, explicitObject } from './decoded-session.ts';
import { type Frame, findFrames } from './frame-session.ts';
import type { Part } from './multipart.ts';
import { alone, etagOf, inParts, NOT_ACCEPTABLE, NOT_FOUND, type Refusal, type Reply, sliced } from './reply.ts';

export type RetrieveDeps = DecodedDeps & { readonly blobs: BlobStore; readonly blocks: Blocks; readonly log: Log };

const MAX_FRAMES_ASKED = 1_000;

/** PS3.18 §10.4.1.1.1: the objects themselves, as Part 10 files; `single` when the path names one instance. */
export async function retrieveObjects(
  objects: readonly StoredObject[],
  accept: readonly MediaRange[],
  single: boolean,
  deps: RetrieveDeps,
): Promise<Reply | Refusal> {
  const stored = objects.map((object) => object.transferSyntax);
  const chosen = chooseObjects(accept, stored, single);
  if (!chosen) return NOT_ACCEPTABLE;
  const sent = objects.filter((object) => chosen.sentIn(object.transferSyntax) !== null);
  const asStored = (object: StoredObject): boolean => chosen.sentIn(object.transferSyntax) === object.transferSyntax;
  const [first] = sent;
  const opened = single && first && !asStored(first) ? await explicitObject(first, deps) : null;
  if (isFailure(opened)) return unavailable(first, opened, deps);
  const parts = sent.map((object) => (asStored(object) ? storedPart(object, deps) : explicitPart(object, opened, deps)));
  // PS3.18 Table 8.5-1: 206 when some of the target are left out.
  const status = sent.length === objects.length ? 200 : 206;
  const how = sent.map((object) => (asStored(object) ? 's' : 'e')).join('');
  const etag = etagOf(sent, how.includes('e') ? `objects ${how}` : 'objects');
  return chosen.multipart ? inParts(status, parts, 'application/dicom', etag) : alone(parts[0] as Part, etag);
}

function storedPart({ transferSyntax: syntax, bytes, blob }: StoredObject, { blobs }: RetrieveDeps): Part {
  return { contentType: `application/dicom; transfer-syntax=${syntax}`, length: bytes, open: (range) => blobs.pieces(blob, range) };
}

/** One of several is opened when its turn comes: where it cannot be decoded after all, the answer breaks off. */
function explicitPart(object: StoredObject, opened: AsyncIterable<Buffer> | null, deps: RetrieveDeps): Part {
  const open = async function* (): AsyncGenerator<Buffer, void> {
    const file = opened ?? (await explicitObject(object, deps));
    if (isFailure(file)) throw new Error(`${object.sopInstanceUid}: ${file.detail}`, { cause: file });
    yield* file;
  };
  return { contentType: `application/dicom; transfer-syntax=${EXPLICIT_LITTLE_ENDIAN}`, length: null, open };
}

function unavailable(object: StoredObject | undefined, problem: Failure, { log }: RetrieveDeps): Refusal {
  const { code, detail } = problem;
  log.info('dicomweb.unavailable', { sopInstanceUid: object?.sopInstanceUid ?? '', why: detail });
  if (problem.class === 'transient') return { status: 503, why: 'there is no time for it now' };
  return code === 'not-found' ? NOT_FOUND : NOT_ACCEPTABLE;
}

/** PS3.18 §10.4.1.1.6. */
export async function retrieveFrames(
  object: Instance,
  list: string,
  accept: readonly MediaRange[],
  deps: RetrieveDeps,
): Promise<Reply | Refusal> {
  const wanted = list.split(',');
  if (!wanted.every((text) => /^[1-9]\d{0,8}$/.test(text)) || wanted.length > MAX_FRAMES_ASKED)
    return { status: 400, why: 'a list of frame numbers is asked for' };
  if (new Set(wanted).size < wanted.length) return { status: 400, why: 'a frame is asked for once' };
  return framesOf(object, wanted.map(Number), accept, deps);
}

async function framesOf(
  object: Instance,
  wanted: readonly number[],
  accept: readonly MediaRange[],
  deps: RetrieveDeps,
): Promise<Reply | Refusal> {
  const syntax = transferSyntax(object.transferSyntax) as TransferSyntax;
  const chosen = chooseFrames(accept, syntax, wanted.length === 1);
  if (!chosen) return NOT_ACCEPTABLE;
  const header = JSON.parse(object.header.toString()) as DicomJson;
  const frames = await (chosen.decoded
    ? decodedFrames(object, wanted, deps)
    : findFrames(deps.blobs, object, header, syntax, wanted, deps.blocks));
  if (isFailure(frames)) return unavailable(object, frames, deps);
  const parts = frames.map((frame) => ({ contentType: chosen.contentType, ...frame }));
  const etag = etagOf([object], `frames ${wanted.join()} ${chosen.contentType}`);
  const reply = chosen.multipart ? inParts(200, parts, chosen.contentType.split(';')[0] as string, etag) : alone(parts[0] as Part, etag);
  const { release } = frames[0] as Frame;
  return frames.length === 1 && release ? { ...reply, release } : reply;
}

/** PS3.18 §10.4.1.1.5: a value that metadata left to its URI. Encapsulated pixels go out by frames, a film in one piece. */
export async function retrieveBulkdata(
  object: Instance,
  path: string,
  accept: readonly MediaRange[],
  deps: RetrieveDeps,
): Promise<Reply | Refusal> {
  const syntax = transferSyntax(object.transferSyntax) as TransferSyntax;
  const element = await findElement(object, path, syntax, deps.blobs);
  if (!element) return NOT_FOUND;
  if (!Number.isFinite(element.length)) return encapsulated(object, element, syntax, accept, deps);
  const chosen = chooseBytes(accept);
  if (!chosen) return NOT_ACCEPTABLE;
  const range = { start: element.start, length: element.length };
  const bytes = sourceOf(deps.blobs, object, syntax);
  const part: Part = {
    contentType: `${OCTETS}; transfer-syntax=${EXPLICIT_LITTLE_ENDIAN}`,
    length: element.length,
    open: (asked) => sliced(inOrder(bytes.stream(range), element), asked),
  };
  const etag = etagOf([object], `bulkdata ${path}`);
  return chosen.multipart ? inParts(200, [part], OCTETS, etag) : alone(part, etag);
}

async function encapsulated(
  object: Instance,
  element: WalkedElement,
  syntax: TransferSyntax,
  accept: readonly MediaRange[],
  deps: RetrieveDeps,
): Promise<Reply | Refusal> {
  // Pixels of an icon within a sequence have no frames of their own.
  if (!element.topLevel) return NOT_FOUND;
  if (syntax.frameType === '') return NOT_ACCEPTABLE;
  if (object.frames > MAX_FRAMES_ASKED) return { status: 413, why: `more than ${MAX_FRAMES_ASKED} frames are asked for by their numbers` };
  return framesOf(
    object,
    Array.from({ length: object.frames }, (_, index) => index + 1),
    accept,
    deps,
  );
}

async function findElement(object: StoredObject, path: string, syntax: TransferSyntax, blobs: BlobStore): Promise<WalkedElement | null> {
  const locator = bulkLocator(path);
  if (!locator) return null;
  for await (const _ of walkStored(blobs, object, syntax, locator.sink)) if (locator.found()) break;
  return locator.found();
}

/** Bytes of a big-endian dataset in the order in which they are always sent. */
async function* inOrder(source: AsyncIterable<Buffer>, { bigEndian, vr }: WalkedElement): AsyncGenerator<Buffer> {
  if (!bigEndian) {
    yield* source;
    return;
  }
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of source) {
    const bytes = Buffer.concat([rest, chunk]);
    const whole = bytes.length - (bytes.length % 8);
    yield inLittleEndian(bytes.subarray(0, whole), bigEndian, vr);
    rest = bytes.subarray(whole);
  }
  if (rest.length > 0) yield inLittleEndian(rest, bigEndian, vr);
}

const OCTETS = 'application/octet-stream';

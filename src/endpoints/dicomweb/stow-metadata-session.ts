/**
 * STOW-RS of metadata with bulk data (PS3.18 §10.5.1.3): instances as DICOM JSON, and the values that they leave to a BulkDataURI as parts
 * of their own, named by Content-Location. In: such a request. Out: how each instance fared, or why the request is none.
 * Promises: what comes waits on disk, so that memory grows with metadata and headers of parts alone, which are bounded; each instance becomes a Part 10 file by
 * the same way as at the other doors; the same request again has no second effect.
 */
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import type { Caller, PeerDirectory } from '../../model/peer.ts';
import { isFilm, pixelSyntax } from '../../protocols/dicom/bulk-media.ts';
import type { DicomJson } from '../../protocols/dicom/header.ts';
import { datasetOf } from '../../protocols/dicom/json-dataset.ts';
import { type MultipartReader, multipartReader, type PartHeaders } from '../../protocols/dicom/multipart-reader.ts';
import { pixelLengthProblem } from '../../protocols/dicom/pixel-length.ts';
import { isStorageClass } from '../../protocols/dicom/sop-class.ts';
import type { StoreOutcome } from '../../protocols/dicom/store-answer.ts';
import { EXPLICIT_LITTLE_ENDIAN, type TransferSyntax, transferSyntax } from '../../protocols/dicom/transfer-syntax.ts';
import { isUid } from '../../protocols/dicom/uid.ts';
import { type MediaRange, parseAccept } from '../../protocols/dicom/web-accept.ts';
import { blobFailure } from '../../store/blob-failure.ts';
import type { BlobStore } from '../../store/blob-store.ts';
import type { Scratch } from '../../store/scratch-store.ts';
import { type ObjectDeps, ObjectSession } from '../dicom/object-session.ts';

export type StowMetadataDeps = ObjectDeps & {
  readonly blobs: Pick<BlobStore, 'scratch'>;
  readonly peers: Pick<PeerDirectory, 'http'>;
};

export const DICOM_JSON = 'application/dicom+json';
const MAX_METADATA_BYTES = 32 * 1024 * 1024;
const MAX_INSTANCES = 20_000;
const MAX_PARTS = 200_000;
/** A JPEG says within so much what it is. */
const HEAD_BYTES = 64 * 1024;

/** `studyUid`: only objects of that study are taken; null for any. */
export async function storeFromMetadata(
  body: AsyncIterable<Buffer>,
  content: MediaRange,
  caller: Caller,
  studyUid: string | null,
  deps: StowMetadataDeps,
): Promise<StoreOutcome[] | Failure> {
  const scratch = await deps.blobs.scratch();
  try {
    const parts = await (content.type === DICOM_JSON ? alone(body, scratch, deps) : inParts(body, content, scratch, deps));
    if (isFailure(parts)) return parts;
    const instances = await parsed(parts.filter(isMetadata), scratch);
    if (isFailure(instances)) return instances;
    const bulk = bulkByUri(parts.filter((part) => !isMetadata(part)));
    const outcomes: StoreOutcome[] = [];
    for (const instance of instances) outcomes.push(await storeInstance(instance, bulk, scratch, caller, studyUid, deps));
    return outcomes;
  } finally {
    await scratch.close();
  }
}

/** Where a part is in the scratch file. `location` is '' for metadata. */
type StoredPart = { readonly location: string; readonly type: MediaRange; readonly start: number; length: number };

function isMetadata({ type }: StoredPart): boolean {
  return type.type === DICOM_JSON;
}

async function alone(body: AsyncIterable<Buffer>, scratch: Scratch, deps: StowMetadataDeps): Promise<readonly StoredPart[] | Failure> {
  const part: StoredPart = { location: '', type: { type: DICOM_JSON, parameters: new Map() }, start: 0, length: 0 };
  const keep = keeper(scratch, deps);
  const readAll = async (): Promise<Failure | null> => {
    for await (const chunk of body) {
      const problem = await keep(part, chunk);
      if (problem) return problem;
    }
    return null;
  };
  return (await readAll().catch(fileFailure)) ?? [part];
}

async function inParts(
  body: AsyncIterable<Buffer>,
  { parameters }: MediaRange,
  scratch: Scratch,
  deps: StowMetadataDeps,
): Promise<readonly StoredPart[] | Failure> {
  const reader = multipartReader(parameters.get('boundary') ?? '');
  if (!reader) return failure('dicomweb', 'malformed', 'multipart without a boundary');
  const parts: StoredPart[] = [];
  const problem = await readParts(body, reader, parts, keeper(scratch, deps)).catch(fileFailure);
  if (problem) return problem;
  return reader.isWhole() ? parts : failure('dicomweb', 'malformed', 'the last boundary is missing');
}

async function readParts(
  body: AsyncIterable<Buffer>,
  reader: MultipartReader,
  parts: StoredPart[],
  keep: (part: StoredPart, bytes: Buffer) => Promise<Failure | null>,
): Promise<Failure | null> {
  let [written, headerCharacters] = [0, 0];
  for await (const chunk of body) {
    for (const event of reader.push(chunk)) {
      if (event.kind === 'failure') return event.failure;
      if (event.kind === 'part') {
        const part = partOf(event.headers, written);
        if (isFailure(part)) return part;
        for (const [name, value] of event.headers) headerCharacters += name.length + value.length;
        if (parts.push(part) > MAX_PARTS || headerCharacters > MAX_METADATA_BYTES) return TOO_LARGE;
      }
      const part = parts.at(-1);
      if (event.kind !== 'bytes' || !part) continue;
      const problem = await keep(part, event.bytes);
      if (problem) return problem;
      written += event.bytes.length;
    }
  }
  return null;
}

/** Appends to the last part. Metadata waits on disk too: in how small pieces it comes is for the caller to say. */
function keeper(scratch: Scratch, { blobs, reserveBytes }: StowMetadataDeps): (part: StoredPart, bytes: Buffer) => Promise<Failure | null> {
  let metadataBytes = 0;
  return async (part, bytes) => {
    if (isMetadata(part)) metadataBytes += bytes.length;
    if (metadataBytes > MAX_METADATA_BYTES) return TOO_LARGE;
    if ((await blobs.freeBytes()) < reserveBytes) return NEARLY_FULL;
    await scratch.write(bytes);
    part.length += bytes.length;
    return null;
  };
}

function partOf(headers: PartHeaders, start: number): StoredPart | Failure {
  const [type] = parseAccept(headers.get('content-type') ?? 'application/octet-stream');
  if (!type) return failure('dicomweb', 'malformed', 'a part without a type');
  if (type.type === DICOM_JSON) return { location: '', type, start, length: 0 };
  const location = headers.get('content-location');
  return location ? { location, type, start, length: 0 } : failure('dicomweb', 'malformed', 'a part of bulk data without Content-Location');
}

/** PS3.18 §10.5.1.3: one array; a lone instance is taken for an array of one. */
async function parsed(metadata: readonly StoredPart[], scratch: Scratch): Promise<readonly unknown[] | Failure> {
  const chunks: Buffer[] = [];
  for (const { start, length } of metadata) for await (const bytes of scratch.read(start, length)) chunks.push(bytes);
  try {
    const json: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)));
    const instances = Array.isArray(json) ? json : [json];
    if (instances.length > MAX_INSTANCES) return TOO_LARGE;
    return instances.length > 0 ? instances : failure('dicomweb', 'malformed', 'no instance is in the request');
  } catch {
    return failure('dicomweb', 'malformed', 'the metadata is no JSON in UTF-8');
  }
}

/** Parts under one address in the order of their frames; `…/frames/7` is the seventh of what it begins with. */
function bulkByUri(parts: readonly StoredPart[]): ReadonlyMap<string, readonly StoredPart[]> {
  const byUri = new Map<string, { frame: number; part: StoredPart }[]>();
  for (const [index, part] of parts.entries()) {
    const [, uri = part.location, frame] = /^(.*)\/frames\/([1-9]\d{0,8})$/.exec(part.location) ?? [];
    const found = byUri.get(addressOf(uri)) ?? [];
    found.push({ frame: frame ? Number(frame) : index, part });
    byUri.set(addressOf(uri), found);
  }
  return new Map([...byUri].map(([uri, found]) => [uri, found.sort((a, b) => a.frame - b.frame).map(({ part }) => part)]));
}

/** A reference may be relative to the service, as may the location that answers it. */
function addressOf(uri: string): string {
  return URL.canParse(uri, BASE) ? new URL(uri, BASE).href : uri;
}

async function storeInstance(
  json: unknown,
  bulk: ReadonlyMap<string, readonly StoredPart[]>,
  scratch: Scratch,
  caller: Caller,
  studyUid: string | null,
  deps: StowMetadataDeps,
): Promise<StoreOutcome> {
  const names = { sopClassUid: uidIn(json, '00080016'), sopInstanceUid: uidIn(json, '00080018') };
  const refused = (result: Failure): StoreOutcome => ({ ...names, result });
  if (!isUid(names.sopInstanceUid)) return refused(failure('dicomweb', 'invalid', 'SOP Instance UID is missing or no UID'));
  if (!isStorageClass(names.sopClassUid)) return refused(failure('dicomweb', 'unsupported-type', 'not a storage SOP class'));
  const partsOf = (uri: string) => bulk.get(addressOf(uri)) ?? null;
  const syntax = await syntaxOf(json as DicomJson, partsOf, scratch);
  if (isFailure(syntax)) return refused(syntax);
  const lengths = (uri: string) => partsOf(uri)?.map(({ length }) => length) ?? null;
  const encapsulated = syntax.pixels === 'encapsulated';
  const pieces = (encapsulated ? null : pixelLengthProblem(json as DicomJson, lengths)) ?? datasetOf(json, lengths, encapsulated);
  if (isFailure(pieces)) return refused(pieces);
  const announced = { ...names, transferSyntax: syntax.uid, studyUid };
  const object = new ObjectSession('dicomweb', announced, deps.peers.http(caller.client), deps);
  try {
    for (const piece of pieces) {
      if (Buffer.isBuffer(piece)) await object.write(piece);
      else {
        const { start, length } = (partsOf(piece.uri) as readonly StoredPart[])[piece.part] as StoredPart;
        for await (const bytes of scratch.read(start, length)) await object.write(bytes);
      }
    }
  } catch (error) {
    await object.abandon();
    return refused(blobFailure(error));
  }
  const stored = await object.end();
  const { studyUid: study, seriesUid } = object.place;
  return isFailure(stored)
    ? refused(stored)
    : { ...names, result: `/studies/${study}/series/${seriesUid}/instances/${names.sopInstanceUid}` };
}

/** Of the object that is made: that of its pixel data. */
async function syntaxOf(
  json: DicomJson,
  partsOf: (uri: string) => readonly StoredPart[] | null,
  scratch: Scratch,
): Promise<TransferSyntax | Failure> {
  const uri = (json[PIXEL_DATA] as { readonly BulkDataURI?: unknown } | undefined)?.BulkDataURI;
  const parts = typeof uri === 'string' ? partsOf(uri) : null;
  const [first] = parts ?? [];
  if (!parts || !first) return transferSyntax(EXPLICIT_LITTLE_ENDIAN) as TransferSyntax;
  const head: Buffer[] = [];
  for await (const bytes of scratch.read(first.start, Math.min(first.length, HEAD_BYTES))) head.push(bytes);
  const syntax = pixelSyntax(first.type, Buffer.concat(head));
  if (!syntax) return failure('dicomweb', 'unsupported-version', 'pixel data is of a media type that is none for pixels');
  const frames = Number(json[NUMBER_OF_FRAMES]?.Value?.[0] ?? 1);
  if (syntax.pixels === 'encapsulated' && parts.length !== (isFilm(syntax) ? 1 : frames))
    return failure('dicomweb', 'invalid', 'each frame of compressed pixel data is a part of its own');
  const described = DESCRIBED.every((tag) => json[tag]?.Value?.[0] !== undefined);
  return described ? syntax : failure('dicomweb', 'invalid', 'the metadata does not describe the pixels');
}

function uidIn(json: unknown, tag: string): string {
  const value = (json as DicomJson | null)?.[tag]?.Value?.[0];
  return typeof value === 'string' ? value : '';
}

function fileFailure(error: unknown): Failure {
  if ((error as NodeJS.ErrnoException).syscall !== 'write') throw error;
  return blobFailure(error);
}

const BASE = 'http://localhost/';
const PIXEL_DATA = '7FE00010';
const NUMBER_OF_FRAMES = '00280008';
/** SamplesPerPixel, PhotometricInterpretation, Rows, Columns, BitsAllocated, BitsStored, HighBit, PixelRepresentation (PS3.3 Table C.7-11c). */
const DESCRIBED = ['00280002', '00280004', '00280010', '00280011', '00280100', '00280101', '00280102', '00280103'] as const;
const TOO_LARGE = failure('dicomweb', 'too-large', 'the request holds more than is taken at once');
const NEARLY_FULL = failure('dicomweb', 'out-of-resources', 'the disk is nearly full', 'transient');

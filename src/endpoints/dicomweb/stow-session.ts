/**
 * STOW-RS (PS3.18 §10.5): objects that come as Part 10 files, one alone or many in multipart/related, streamed to disk as they arrive; or as
 * metadata with bulk data (`stow-metadata-session.ts`).
 * In: the request and who sends it. Out: status and response dataset, once everything is durable. Promises: memory does not grow with
 * objects or requests; each object is stored or refused by itself, by the same rules as at the DIMSE door; a request that breaks off leaves what was
 * whole before, and sending it again has no second effect.
 */
import { constants, inflateRawSync } from 'node:zlib';
import type { Request } from 'express';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import type { Metrics } from '../../model/metrics.ts';
import type { Caller } from '../../model/peer.ts';
import { DatasetReader } from '../../protocols/dicom/dataset-reader.ts';
import { ATTRIBUTES } from '../../protocols/dicom/header.ts';
import { multipartReader, type PartHeaders } from '../../protocols/dicom/multipart-reader.ts';
import { nativeModel } from '../../protocols/dicom/native-model.ts';
import { readPart10 } from '../../protocols/dicom/part10.ts';
import { isStorageClass } from '../../protocols/dicom/sop-class.ts';
import { type StoreOutcome, storeAnswer } from '../../protocols/dicom/store-answer.ts';
import { type TransferSyntax, transferSyntax } from '../../protocols/dicom/transfer-syntax.ts';
import { isUid } from '../../protocols/dicom/uid.ts';
import { DICOM_XML, parseAccept } from '../../protocols/dicom/web-accept.ts';
import { ObjectSession } from '../dicom/object-session.ts';
import type { Refusal, Reply } from './reply.ts';
import { DICOM_JSON, type StowMetadataDeps, storeFromMetadata } from './stow-metadata-session.ts';

export type StowDeps = StowMetadataDeps & { readonly metrics: Metrics };

/** File Meta Information, and the elements that say what the object is, are in the first bytes. */
const HEAD_BYTES = 64 * 1024;
const MAX_OBJECTS = 20_000;

/** `studyUid`: only objects of that study are taken; null for any. `answer`: with the address of the service, and how what became of it is told. */
export async function storeInstances(
  request: Request,
  caller: Caller,
  studyUid: string | null,
  answer: { readonly base: string; readonly contentType: string },
  deps: StowDeps,
): Promise<Reply | Refusal> {
  const { base, contentType } = answer;
  const [content] = parseAccept(request.headers['content-type'] ?? 'none/none');
  if (!content || (request.headers['content-encoding'] ?? 'identity') !== 'identity') return UNSUPPORTED;
  const form = content.type === RELATED ? (content.parameters.get('type') ?? DICOM).toLowerCase() : content.type;
  if (form !== DICOM && form !== DICOM_JSON) return UNSUPPORTED;
  const begin = (): PartSession => new PartSession(caller, studyUid, deps);
  const received = await (form === DICOM_JSON
    ? storeFromMetadata(request, content, caller, studyUid, deps)
    : content.type === DICOM
      ? one(request, begin())
      : many(request, content.parameters, begin));
  if (isFailure(received)) return { status: REFUSED[received.code] ?? 400, why: received.detail };
  const outcomes = received.map((outcome) => (isFailure(outcome.result) ? outcome : { ...outcome, result: `${base}${outcome.result}` }));
  for (const { result } of outcomes) deps.metrics.count('waystation_dicomweb_stores_total', { stored: String(!isFailure(result)) });
  const { status, dataset } = storeAnswer(outcomes, studyUid === null ? '' : `${base}/studies/${studyUid}`);
  const bytes = Buffer.from(contentType === DICOM_XML ? nativeModel(dataset) : JSON.stringify(dataset));
  return {
    ...{ status, contentType, length: bytes.length, etag: null, ranged: false },
    body: async function* () {
      yield bytes;
    },
  };
}

/** A request whose body is one object. */
async function one(request: Request, part: PartSession): Promise<StoreOutcome[]> {
  await received(request, part, async (chunk) => part.write(chunk));
  return [await part.end()];
}

async function many(
  request: Request,
  parameters: ReadonlyMap<string, string>,
  begin: () => PartSession,
): Promise<StoreOutcome[] | Failure> {
  const reader = multipartReader(parameters.get('boundary') ?? '');
  if (!reader) return failure('dicomweb', 'malformed', 'multipart without a boundary');
  const outcomes: StoreOutcome[] = [];
  const open: { part: PartSession | null } = { part: null };
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      for (const event of reader.push(chunk)) {
        if (event.kind === 'failure') return event.failure;
        if (event.kind === 'part') {
          if (outcomes.length === MAX_OBJECTS) return failure('dicomweb', 'too-large', `more than ${MAX_OBJECTS} objects in one request`);
          open.part = begin();
          if (!isDicom(event.headers)) open.part.refuse(failure('dicomweb', 'malformed', 'a part that is not application/dicom'));
        }
        if (event.kind === 'bytes') await open.part?.write(event.bytes);
        if (event.kind === 'end' && open.part) {
          outcomes.push(await open.part.end());
          open.part = null;
        }
      }
    }
  } finally {
    await open.part?.abandon();
  }
  if (!reader.isWhole()) return failure('dicomweb', 'malformed', 'the last boundary is missing');
  return outcomes.length > 0 ? outcomes : failure('dicomweb', 'malformed', 'no object is in the request');
}

async function received(request: Request, part: PartSession, write: (chunk: Buffer) => Promise<void>): Promise<void> {
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) await write(chunk);
  } catch (error) {
    await part.abandon();
    throw error;
  }
}

function isDicom(headers: PartHeaders): boolean {
  const type = headers.get('content-type');
  return type === undefined || type.split(';')[0]?.trim().toLowerCase() === DICOM;
}

type Names = { readonly sopClassUid: string; readonly sopInstanceUid: string };

/** One Part 10 file as it comes. */
class PartSession {
  readonly #caller: Caller;
  readonly #studyUid: string | null;
  readonly #deps: StowDeps;
  #head: Buffer[] = [];
  #headBytes = 0;
  #object: ObjectSession | null = null;
  #names: Names = { sopClassUid: '', sopInstanceUid: '' };
  /** Set once: the rest of the part is read and dropped. */
  #problem: Failure | null = null;

  constructor(caller: Caller, studyUid: string | null, deps: StowDeps) {
    this.#caller = caller;
    this.#studyUid = studyUid;
    this.#deps = deps;
  }

  refuse(problem: Failure): void {
    this.#problem ??= problem;
  }

  async write(bytes: Buffer): Promise<void> {
    if (this.#problem) return;
    if (this.#object) return this.#object.write(bytes);
    this.#head.push(bytes);
    this.#headBytes += bytes.length;
    if (this.#headBytes >= HEAD_BYTES) await this.#begin();
  }

  async end(): Promise<StoreOutcome> {
    if (!this.#object && !this.#problem) await this.#begin();
    const stored = this.#problem ?? (await (this.#object as ObjectSession).end());
    if (isFailure(stored)) return { ...this.#names, result: stored };
    const { studyUid, seriesUid } = (this.#object as ObjectSession).place;
    return { ...this.#names, result: `/studies/${studyUid}/series/${seriesUid}/instances/${this.#names.sopInstanceUid}` };
  }

  async abandon(): Promise<void> {
    await this.#object?.abandon();
  }

  /** What the object is called is read from its dataset, for that is what is kept; File Meta Information stands in where it does not say. */
  async #begin(): Promise<void> {
    const head = Buffer.concat(this.#head);
    this.#head = [];
    const meta = readPart10(head);
    if (isFailure(meta)) return this.refuse(meta);
    const syntax = transferSyntax(meta.transferSyntax);
    if (!syntax) return this.refuse(failure('dicomweb', 'unsupported-version', 'transfer syntax is not known'));
    const dataset = head.subarray(meta.datasetOffset);
    this.#names = { ...namesIn(dataset, syntax, meta) };
    if (!isUid(this.#names.sopInstanceUid)) return this.refuse(failure('dicomweb', 'invalid', 'SOP Instance UID is missing or no UID'));
    if (!isStorageClass(this.#names.sopClassUid)) return this.refuse(failure('dicomweb', 'unsupported-type', 'not a storage SOP class'));
    const announced = { ...this.#names, transferSyntax: syntax.uid, studyUid: this.#studyUid };
    this.#object = new ObjectSession('dicomweb', announced, this.#deps.peers.http(this.#caller.client), this.#deps);
    await this.#object.write(dataset);
  }
}

function namesIn(dataset: Buffer, syntax: TransferSyntax, meta: Names): Names {
  const reader = new DatasetReader(syntax, NAMES);
  reader.push(syntax.deflated ? inflatedHead(dataset) : dataset);
  const text = (tag: number) => (reader.dataset.get(tag)?.value.toString('latin1') ?? '').replace(/[\0 ]+$/, '');
  return {
    sopClassUid: text(ATTRIBUTES.SOPClassUID) || meta.sopClassUid,
    sopInstanceUid: text(ATTRIBUTES.SOPInstanceUID) || meta.sopInstanceUid,
  };
}

/** What can be inflated of a beginning; nothing of what is no such. */
function inflatedHead(bytes: Buffer): Buffer {
  try {
    return inflateRawSync(bytes.subarray(0, DEFLATED_HEAD_BYTES), { finishFlush: constants.Z_SYNC_FLUSH });
  } catch {
    return Buffer.alloc(0);
  }
}

/** Of a deflated dataset: at most four megabytes come out of it. */
const DEFLATED_HEAD_BYTES = 4 * 1024;
const NAMES: ReadonlySet<number> = new Set([ATTRIBUTES.SOPClassUID, ATTRIBUTES.SOPInstanceUID]);
const DICOM = 'application/dicom';
const RELATED = 'multipart/related';
const UNSUPPORTED: Refusal = {
  status: 415,
  why: 'objects are stored as application/dicom or application/dicom+json, alone or in multipart/related',
};
const REFUSED: Readonly<Record<string, number>> = { 'too-large': 413, 'out-of-resources': 503, internal: 503 };

/**
 * What of a stored object goes out. In: a delivery of kind `dicom-object`. Out: its dataset as a stream, to be read once, or why not.
 * The stored bytes go as they are: no file is read whole, and none is changed.
 */
import type { Delivery, ObjectContent, Receipt, SendResult } from '../model/delivery.ts';
import { STORED } from '../model/delivery.ts';
import { type Failure, failure } from '../model/failure.ts';
import type { DecodeFrame } from '../model/pixel-decoder.ts';
import { type DecompressedImage, openDecompressed } from '../protocols/dicom/decompression.ts';
import type { StoredDataset } from '../protocols/dicom/edited-dataset.ts';
import { DUPLICATE_SOP_INSTANCE } from '../protocols/dicom/status.ts';
import { storeVerdict } from '../protocols/dicom/store-status.ts';
import { type TransferSyntax, transferSyntax } from '../protocols/dicom/transfer-syntax.ts';
import { readRanges } from '../store/blob-range-store.ts';
import type { BlobStore } from '../store/blob-store.ts';

export type Outgoing = Pick<ObjectContent, 'sopClassUid' | 'sopInstanceUid' | 'transferSyntax'> & {
  /** Without preamble and File Meta Information. Reading may throw: then nothing more of it can be sent. */
  readonly dataset: AsyncIterable<Buffer>;
  /** Null where only reading will tell. */
  readonly bytes: number | null;
  /** The image that its pixels are when they are decoded, or why they cannot be. */
  readonly decompress: () => Promise<DecompressedImage | Failure>;
};

export type OpenOutgoing = (delivery: Pick<Delivery, 'content' | 'caseId'> & { readonly id?: string }) => Promise<Outgoing | Failure>;

/** Objects of a lane that are begun and settled together. */
export const OBJECTS_AT_ONCE = 32;
/** One read a small object; a large one does not take more memory than this. */
const CHUNK_BYTES = 1024 * 1024;

export function openStored(blobs: Pick<BlobStore, 'read' | 'stat' | 'path'>, decode: DecodeFrame): OpenOutgoing {
  return async ({ content }) => {
    const object = objectOf({ content });
    const { sopClassUid, sopInstanceUid, transferSyntax: uid, blob, bytes, datasetOffset } = object;
    const file = await blobs.stat(blob);
    if (file?.bytes !== bytes) return failure('delivery', 'not-found', `the file of ${sopInstanceUid} is not in the blob store as it was`);
    const dataset = readOnce(() => blobs.read(blob, { start: datasetOffset, highWaterMark: CHUNK_BYTES }));
    const decompress = () => openDecompressed(storedDataset(blobs, object), decode).catch(unread);
    return { sopClassUid, sopInstanceUid, transferSyntax: uid, dataset, bytes: bytes - datasetOffset, decompress };
  };
}

/** Who sends never rejects: a lane whose head does is never settled. */
function unread(error: unknown): Failure {
  return failure('delivery', 'internal', `its file cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`, 'transient');
}

/** Its dataset, to be read by ranges. */
export function storedDataset(blobs: Pick<BlobStore, 'read' | 'path'>, object: ObjectContent): StoredDataset {
  return { syntax: transferSyntax(object.transferSyntax) as TransferSyntax, ...readRanges(blobs, object) };
}

/** Opens the file when it is read: who never begins leaves none open. */
async function* readOnce(open: () => AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  yield* open();
}

export function objectOf({ content }: Pick<Delivery, 'content'>): ObjectContent {
  return JSON.parse(content.toString('utf8')) as ObjectContent;
}

/**
 * What a status comes to: only success, also with a warning, is a receipt; so is that the object is there already, where it may have been
 * taken at an attempt whose answer never came. `how` it was sent, where not as it is stored. Who is not authorized there waits, by C-STORE as
 * by HTTP: that is mended by a person, and nothing is wrong with the objects.
 */
export function storeResult(status: number, { controlId, attempts }: Pick<Delivery, 'controlId' | 'attempts'>, how = ''): SendResult {
  const { kind, note } = storeVerdict(status);
  if (kind === 'stored' || (status === DUPLICATE_SOP_INSTANCE && attempts > 1))
    return storedReceipt(
      controlId,
      [how, note].filter((text) => text !== ''),
    );
  if (kind === 'barred') return failure('delivery', 'forbidden', note, 'transient');
  return kind === 'busy' ? failure('delivery', 'out-of-resources', note, 'transient') : failure('delivery', 'rejected', note);
}

function storedReceipt(controlId: string, notes: readonly string[]): Receipt {
  const detail = [STORED, ...notes].join(', ');
  return { bytes: Buffer.from(detail), controlId, detail };
}

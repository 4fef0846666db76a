/**
 * The bytes of a Binary as a caller is given them. Who sent it, and an operator, get what was sent, byte for byte, which is what a digest or a
 * signature of theirs is of; so does a group of readers of what it wrote itself, the files of its signed reports. A reader is given a photo or film without
 * where it was taken, as it is pushed. Promises: a film is streamed, pictures are read whole within a bound for all callers together.
 */
import { Readable } from 'node:stream';
import type { StoredBinary } from '../../model/binary.ts';
import type { Failure } from '../../model/failure.ts';
import type { Caller } from '../../model/peer.ts';
import { refuse } from '../../protocols/fhir/operation-outcome.ts';
import type { Edit } from '../../protocols/media/boxes.ts';
import { MAX_SHOWN_BYTES, shownFile, shownPart } from '../../protocols/media/shown-file.ts';
import type { BlobStore } from '../../store/blob-store.ts';
import type { StoredResource } from '../../store/resource-store.ts';
import { etagOf, tagOf } from './reply.ts';

export type BinaryView = {
  readonly size: number;
  readonly etag: string;
  open(range: { readonly start: number; readonly end: number }): Readable;
  /** It is not asked for any more. */
  release(): void;
};

export type ViewBinary = (stored: StoredResource, caller: Caller) => Promise<BinaryView | Failure>;

/** Pictures that are held while they are sent. */
const MAX_HELD_BYTES = 256 * 1024 * 1024;

export function binaryViews(blobs: Pick<BlobStore, 'read'>): ViewBinary {
  let held = 0;
  return async (stored, caller) => {
    const { digest, size, contentType = '' } = stored.resource as StoredBinary;
    const etag = etagOf(tagOf(stored));
    if (caller.role !== 'reader' || stored.author === caller.group) return streamed(blobs, digest, size, etag, []);
    // Of what is larger no more than its tables is held: it is streamed, or not given.
    const most = Math.min(size, MAX_SHOWN_BYTES);
    if (held + most > MAX_HELD_BYTES) return refuse(503, 'throttled', 'many large pictures are read at once: ask again');
    held += most;
    const release = once(() => (held -= most));
    const shown = await shownFile((start, length) => partOf(blobs, digest, start, length), size, contentType).catch((error) => {
      release();
      throw error;
    });
    if (shown === null || 'edits' in shown) release();
    if (shown === null) return refuse(403, 'suppressed', NOT_UNDERSTOOD);
    const own = etag.replace(/"$/, '-shown"');
    if ('edits' in shown) return streamed(blobs, digest, size, shown.edits.length === 0 ? etag : own, shown.edits);
    const { bytes } = shown;
    return { size: bytes.length, etag: own, open: ({ start, end }) => Readable.from([bytes.subarray(start, end + 1)]), release };
  };
}

function streamed(blobs: Pick<BlobStore, 'read'>, digest: string, size: number, etag: string, edits: readonly Edit[]): BinaryView {
  const open = (range: { readonly start: number; readonly end: number }): Readable => {
    const file = blobs.read(digest, range);
    return edits.length === 0 ? file : Readable.from(shownPart(file as AsyncIterable<Buffer>, range.start, edits), { objectMode: false });
  };
  return { size, etag, open, release: () => {} };
}

async function partOf(blobs: Pick<BlobStore, 'read'>, digest: string, start: number, length: number): Promise<Buffer> {
  if (length <= 0) return Buffer.alloc(0);
  const chunks: Buffer[] = [];
  for await (const chunk of blobs.read(digest, { start, end: start + length - 1 })) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function once(run: () => void): () => void {
  let done = false;
  return () => {
    if (!done) run();
    done = true;
  };
}

const NOT_UNDERSTOOD =
  'the picture or film is not understood well enough to be given without where it was taken: its sender is asked to send it as JPEG, PNG or MP4';

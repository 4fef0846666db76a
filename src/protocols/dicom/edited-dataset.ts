/**
 * A stored dataset as it goes out after an edit. In: where its bytes are, and the edits. Out: a stream of the edited dataset in the same
 * transfer syntax, or a Failure. The bytes where they are stay as they are; large values are walked over, then streamed from where they are.
 * A deflated dataset (PS3.5 §A.5) is inflated to be walked and once more to be read, and deflated again; one without an edit is not.
 */
import { createDeflateRaw, createInflateRaw, type DeflateRaw, type InflateRaw } from 'node:zlib';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import { barePixels } from './bare-pixels.ts';
import { decodeText } from './charset.ts';
import { datasetEditor, type Edits, type Piece, type Place, type Verdict } from './dataset-editor.ts';
import { keepElements, type RawDataset, type RawElement } from './dataset-reader.ts';
import { DatasetWalker, type WalkedElement } from './dataset-walker.ts';
import { UNENCODABLE } from './element-bytes.ts';
import type { Range, ReadAt } from './frames.ts';
import { MAX_INFLATED_BYTES } from './header-reader.ts';
import type { TransferSyntax } from './transfer-syntax.ts';
import { CHARSET_VRS, keyOf } from './value-json.ts';

export type StoredDataset = {
  readonly syntax: TransferSyntax;
  /** Length, as it is stored. */
  readonly bytes: number;
  /** Positions count from the first byte of the dataset, as it is stored. */
  readonly readAt: ReadAt;
  readonly stream: (range: Range) => AsyncIterable<Buffer>;
};

export type EditedDataset = {
  readonly edited: boolean;
  /** Length of what will be read; null where only deflating will tell. */
  readonly bytes: number | null;
  read(): AsyncIterable<Buffer>;
};

/** First read: the whole header of most objects; then, behind a value that was leapt over, the next few elements. */
const FIRST_READ_BYTES = 32 * 1024;
const NEXT_READ_BYTES = 4 * 1024;
const MAX_READ_BYTES = 256 * 1024;
/** Ranges up to this length are read in one go. */
const AT_ONCE_BYTES = 256 * 1024;
/** Text that is written anew in another character set. */
const MAX_TEXT_BYTES = 1024 * 1024;

/** Text for which the object's character set has no bytes takes the whole object to UTF-8. */
export async function editDataset(stored: StoredDataset, edits: Edits): Promise<EditedDataset | Failure> {
  const edited = await editOnce(stored, edits);
  return isFailure(edited) && edited.code === UNENCODABLE ? editOnce(stored, inUtf8(edits)) : edited;
}

/** The wanted elements of the root, with all that sequences among them hold. */
export async function readElements(stored: StoredDataset, wanted: ReadonlySet<number>): Promise<RawDataset | Failure> {
  const dataset = new Map<number, RawElement>();
  const walker = new DatasetWalker(stored.syntax, keepElements(dataset, wanted));
  return (await walk(walker, stored)) ?? dataset;
}

async function editOnce(stored: StoredDataset, edits: Edits): Promise<EditedDataset | Failure> {
  const editor = datasetEditor(stored.syntax, edits);
  const walker = new DatasetWalker(stored.syntax, editor.sink);
  const broken = await walk(walker, stored);
  const pieces = broken ?? editor.pieces(walker.position);
  if (isFailure(pieces)) return pieces;
  const [first] = pieces;
  const isWhole = pieces.length === 1 && !Buffer.isBuffer(first) && !first?.bare && first?.length === walker.position;
  const all = { start: 0, length: stored.bytes };
  if (isWhole) return { edited: false, bytes: stored.bytes, read: () => stored.stream(all) };
  // PS3.5 §A.5: a deflated dataset has native pixels.
  if (stored.syntax.deflated && pieces.some((piece) => !Buffer.isBuffer(piece) && piece.bare))
    return failure('dicom', 'invalid', 'fragments in a deflated dataset');
  if (stored.syntax.deflated) return { edited: true, bytes: null, read: () => deflatedPieces(stored, pieces) };
  const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return { edited: true, bytes, read: () => storedPieces(stored, pieces) };
}

function walk(walker: DatasetWalker, stored: StoredDataset): Promise<Failure | null> {
  return stored.syntax.deflated ? walkInflated(walker, stored) : walkDataset(walker, stored);
}

/** Of a dataset that is not deflated: to its end, or until enough was heard. */
export async function walkDataset(
  walker: DatasetWalker,
  { bytes, readAt }: StoredDataset,
  isEnough: () => boolean = () => false,
): Promise<Failure | null> {
  let size = FIRST_READ_BYTES;
  for (let position = 0; position < bytes; ) {
    const chunk = await readAt(position, Math.min(size, bytes - position));
    if (chunk.length === 0) break;
    const broken = walker.push(chunk);
    if (broken || isEnough()) return broken;
    position += chunk.length + walker.skipping;
    size = walker.skipping > 0 ? NEXT_READ_BYTES : Math.min(MAX_READ_BYTES, size * 2);
    // What lies behind the end is not leapt over: it would hide that the file was cut.
    if (walker.skipping > 0 && position <= bytes) walker.leap();
  }
  return walker.end();
}

async function walkInflated(walker: DatasetWalker, stored: StoredDataset): Promise<Failure | null> {
  try {
    for await (const chunk of inflated(stored)) {
      const broken = walker.push(chunk);
      if (broken) return broken;
      if (walker.position > MAX_INFLATED_BYTES) return failure('dicom', 'too-large', 'the dataset inflates beyond the limit');
    }
  } catch {
    return failure('dicom', 'malformed', 'the dataset cannot be inflated');
  }
  return walker.end();
}

async function* storedPieces({ readAt, stream }: StoredDataset, pieces: readonly Piece[]): AsyncGenerator<Buffer> {
  for (const piece of pieces) {
    if (Buffer.isBuffer(piece)) yield piece;
    else if (piece.bare) yield* barePixels(stream(piece));
    else if (piece.length > AT_ONCE_BYTES) yield* stream(piece);
    else {
      const bytes = await readAt(piece.start, piece.length);
      if (bytes.length < piece.length) throw new Error('stored dataset: the file is shorter than it was');
      yield bytes;
    }
  }
}

async function* deflatedPieces(stored: StoredDataset, pieces: readonly Piece[]): AsyncGenerator<Buffer> {
  const deflate = createDeflateRaw();
  const feeding = feed(deflate, inflatedPieces(stored, pieces)).catch((error: Error) => deflate.destroy(error));
  let bytes = 0;
  try {
    for await (const chunk of deflate as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      yield chunk;
    }
    // PS3.5 §A.5: a deflated dataset too is of even length.
    if (bytes % 2 === 1) yield Buffer.alloc(1);
  } finally {
    deflate.destroy();
    await feeding;
  }
}

async function feed(deflate: DeflateRaw | InflateRaw, chunks: AsyncIterable<Buffer>): Promise<void> {
  for await (const chunk of chunks) {
    if (deflate.destroyed) return;
    if (!deflate.write(chunk)) await Promise.race(['drain', 'close'].map((event) => new Promise((done) => deflate.once(event, done))));
  }
  deflate.end();
}

/** The ranges of pieces ascend: one pass over what is inflated meets them all. */
async function* inflatedPieces(stored: StoredDataset, pieces: readonly Piece[]): AsyncGenerator<Buffer> {
  let [next, position] = [0, 0];
  for await (const chunk of inflated(stored)) {
    const end = position + chunk.length;
    for (let piece = pieces[next]; piece !== undefined; piece = pieces[++next]) {
      if (Buffer.isBuffer(piece)) {
        yield piece;
        continue;
      }
      if (piece.start >= end) break;
      const stop = piece.start + piece.length;
      yield chunk.subarray(Math.max(0, piece.start - position), Math.min(end, stop) - position);
      if (stop > end) break;
    }
    position = end;
  }
  for (const piece of pieces.slice(next)) if (Buffer.isBuffer(piece)) yield piece;
}

async function* inflated({ bytes, stream }: StoredDataset): AsyncGenerator<Buffer> {
  const inflate = createInflateRaw();
  const feeding = feed(inflate, stream({ start: 0, length: bytes })).catch((error: Error) => inflate.destroy(error));
  try {
    for await (const chunk of inflate as AsyncIterable<Buffer>) yield chunk;
  } finally {
    inflate.destroy();
    await feeding;
  }
}

/** The same edits, and every text of the object in UTF-8 (ISO_IR 192) as well. */
function inUtf8(edits: Edits): Edits {
  const recoded = (verdict: Verdict, element: WalkedElement): Verdict => {
    if (verdict !== 'keep') return verdict;
    if (element.tag === SPECIFIC_CHARACTER_SET) return UTF_8;
    if (element.vr === 'SQ') return 'within';
    if (!CHARSET_VRS.has(element.vr) || element.length === 0) return 'keep';
    return element.length <= MAX_TEXT_BYTES
      ? 'ask'
      : failure('dicom', 'too-large', `${keyOf(element.tag)} is too long to be written in UTF-8`);
  };
  const asked = new Set<number>();
  return {
    ...edits,
    charset: UTF_8.value,
    put: (path) => {
      const put = edits.put?.(path) ?? [];
      const isRootWithout = path.length === 0 && !put.some(({ tag }) => tag === SPECIFIC_CHARACTER_SET);
      return isRootWithout ? [UTF_8, ...put] : put;
    },
    decide: (element, place) => {
      const verdict = edits.decide(element, place);
      if (verdict === 'ask') asked.add(element.begin);
      return recoded(verdict, element);
    },
    decideBy: (element, value, place) => {
      const verdict = asked.delete(element.begin) ? (edits.decideBy?.(element, value, place) ?? 'keep') : 'keep';
      return verdict === 'keep' ? textInUtf8(element, value, place) : verdict;
    },
  };
}

function textInUtf8({ tag, vr }: WalkedElement, value: Buffer, { charsets }: Place): Verdict {
  const isPlain = !value.some((byte) => byte >= 0x80 || byte === ESCAPE);
  if (isPlain || !CHARSET_VRS.has(vr)) return 'keep';
  return { tag, vr, value: decodeText(value, charsets, vr).replace(/[\0 ]+$/, '') };
}

const SPECIFIC_CHARACTER_SET = 0x00080005;
const ESCAPE = 0x1b;
const UTF_8 = { tag: SPECIFIC_CHARACTER_SET, vr: 'CS', value: 'ISO_IR 192' } as const;

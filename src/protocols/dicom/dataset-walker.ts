/**
 * Walks a dataset as it streams by (PS3.5 §7), every element from the first to the last byte, and tells a sink what is there.
 * In: chunks, in order. Out: calls of the sink, which says of each element whether it wants the value.
 * Promises: memory is bounded by the longest value wanted (depth is limited, nothing recurses), and a dataset that does not end
 * where its own lengths say it ends is a Failure: what is truncated is never taken for whole.
 */
import { type Failure, failure } from '../../model/failure.ts';
import { vrOf } from './dictionary.ts';
import type { TransferSyntax } from './transfer-syntax.ts';

export type WalkedElement = {
  /** Group × 10000H + element. */
  readonly tag: number;
  /** As in the dataset, or as the standard has it where the dataset does not say. */
  readonly vr: string;
  /** The dataset did not say. */
  readonly implied: boolean;
  /** Of the value; Infinity where a delimiter ends it (encapsulated pixels). */
  readonly length: number;
  /** Where the element and its value begin in the dataset. */
  readonly begin: number;
  readonly start: number;
  readonly explicit: boolean;
  readonly bigEndian: boolean;
  /** Not within a sequence. */
  readonly topLevel: boolean;
};

/** Where an item begins, and its first element. */
export type WalkedItem = Pick<WalkedElement, 'begin' | 'start' | 'length' | 'explicit' | 'bigEndian'>;

/** Where the content of a sequence or item ends, and where it does with its delimiter. */
export type WalkedEnd = { readonly content: number; readonly end: number };

/** Hears of the top level, and of what is within the sequences that it entered. */
export type DatasetSink = {
  /** Whether the whole value shall be handed over. May be asked more than once for the same element. Not asked for sequences. */
  wants(element: WalkedElement): boolean;
  value(element: WalkedElement, value: Buffer): void;
  /** A value that was not wanted, or the fragments of encapsulated pixels. */
  passed?(element: WalkedElement): void;
  /** Whether to hear of what a sequence holds; if not, `left` is not called for it. */
  entered(element: WalkedElement): boolean;
  left(at: WalkedEnd): void;
  /** An item of an entered sequence, and its end. */
  itemEntered(item: WalkedItem): void;
  itemLeft(at: WalkedEnd): void;
};

/** Sequences within sequences; structured reports reach a dozen. */
const MAX_DEPTH = 64;

type Frame = {
  readonly kind: 'dataset' | 'sequence' | 'item' | 'fragments';
  /** Position after the last byte; Infinity where a delimiter ends it. */
  readonly end: number;
  readonly explicit: boolean;
  readonly bigEndian: boolean;
  /** Whether the sink hears of what is within. */
  readonly heard: boolean;
};

type Header = { readonly tag: number; readonly vr: string; readonly length: number; readonly size: number };

const EMPTY = Buffer.alloc(0);
const UNDEFINED_LENGTH = 0xffffffff;
const ITEM = 0xfffee000;
const ITEM_DELIMITATION = 0xfffee00d;
const SEQUENCE_DELIMITATION = 0xfffee0dd;
const PIXEL_DATA = 0x7fe00010;

export class DatasetWalker {
  readonly #sink: DatasetSink;
  readonly #stack: Frame[];
  #rest: Buffer = EMPTY;
  #position = 0;
  #skip = 0;
  #pixelOffset: number | null = null;

  constructor({ explicit, bigEndian }: TransferSyntax, sink: DatasetSink) {
    this.#sink = sink;
    this.#stack = [{ kind: 'dataset', end: Number.POSITIVE_INFINITY, explicit, bigEndian, heard: true }];
  }

  /** Where the pixel data element begins, or null. */
  get pixelOffset(): number | null {
    return this.#pixelOffset;
  }

  /** Bytes walked over so far. */
  get position(): number {
    return this.#position;
  }

  /** Bytes that will be walked over whatever they are: whoever reads from a file may leave them out by `leap`. */
  get skipping(): number {
    return this.#skip;
  }

  /** Stands for the bytes that `skipping` tells of. */
  leap(): void {
    this.#advance(this.#skip, true);
  }

  push(chunk: Buffer): Failure | null {
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    let offset = 0;
    for (;;) {
      offset += this.#advance(Math.min(this.#skip, bytes.length - offset), true);
      const used = this.#skip > 0 ? 0 : this.#step(bytes, offset);
      if (typeof used !== 'number') return used;
      if (used === 0) break;
      offset += this.#advance(used, false);
    }
    // A copy: the chunk's memory may be used again.
    this.#rest = offset < bytes.length ? Buffer.from(bytes.subarray(offset)) : EMPTY;
    return null;
  }

  /** Call once after the last chunk. */
  end(): Failure | null {
    while (this.#position === this.#top.end) this.#leave();
    if (this.#position === 0) return malformed('the dataset is empty');
    const whole = this.#skip === 0 && this.#rest.length === 0 && this.#stack.length === 1;
    return whole ? null : malformed('the dataset ends before its lengths say so');
  }

  /** Takes one element header (with its value, when that is wanted). Returns the bytes used; 0 asks for more. */
  #step(bytes: Buffer, offset: number): number | Failure {
    while (this.#position >= this.#top.end) {
      if (this.#position > this.#top.end) return malformed('an element runs past the item or sequence that holds it');
      this.#leave();
    }
    const frame = this.#top;
    const header = readHeader(bytes, offset, frame);
    if (header === null || 'failure' in header) return header ?? 0;
    const end = header.length === UNDEFINED_LENGTH ? Number.POSITIVE_INFINITY : this.#position + header.size + header.length;
    if (end > frame.end && header.length !== UNDEFINED_LENGTH) return malformed('a length runs past the item or sequence that holds it');
    if (header.tag >>> 16 === 0xfffe) return this.#delimiter(header, end);
    if (frame.kind === 'sequence' || frame.kind === 'fragments') return malformed('a sequence holds something else than items');
    if (header.tag >>> 16 < 0x0008) return malformed('an element of a group that no dataset may have');
    return this.#element(bytes, offset, header, end);
  }

  /** Items and delimiters (PS3.5 §7.5). */
  #delimiter({ tag, length, size }: Header, end: number): number | Failure {
    const frame = this.#top;
    if (tag === ITEM && frame.kind === 'fragments' && length !== UNDEFINED_LENGTH) return this.#walkOver(size, length);
    if (tag === ITEM && frame.kind === 'sequence') {
      const { explicit, bigEndian } = frame;
      const [begin, start] = [this.#position, this.#position + size];
      if (frame.heard) this.#sink.itemEntered({ begin, start, length: lengthOf(length), explicit, bigEndian });
      return this.#enter({ ...frame, kind: 'item', end }, size);
    }
    const closes = tag === ITEM_DELIMITATION ? ['item'] : tag === SEQUENCE_DELIMITATION ? ['sequence', 'fragments'] : [];
    if (!closes.includes(frame.kind) || frame.end !== Number.POSITIVE_INFINITY) return malformed('an item or delimiter out of place');
    this.#leave(size);
    return size;
  }

  #element(bytes: Buffer, offset: number, header: Header, end: number): number | Failure {
    const { tag, length, size } = header;
    const frame = this.#top;
    const topLevel = this.#stack.length === 1;
    if (topLevel && PIXELS.has(tag)) this.#pixelOffset ??= this.#position;
    const vr = header.vr === 'UN' ? vrOf(tag) : header.vr;
    const isEndless = length === UNDEFINED_LENGTH;
    const isFragments = isEndless && tag === PIXEL_DATA;
    if (!frame.heard && !isEndless) return this.#walkOver(size, length);
    const element: WalkedElement = {
      tag,
      vr: isEndless && !isFragments ? 'SQ' : vr,
      implied: header.vr === 'UN',
      length: lengthOf(length),
      begin: this.#position,
      start: this.#position + size,
      explicit: frame.explicit,
      bigEndian: frame.bigEndian,
      topLevel,
    };
    if (isFragments) {
      if (frame.heard) this.#sink.passed?.(element);
      return this.#enter({ ...frame, kind: 'fragments', end, heard: false }, size);
    }
    if (element.vr === 'SQ') return this.#sequence(header, end, element);
    if (!this.#sink.wants(element)) {
      this.#sink.passed?.(element);
      return this.#walkOver(size, length);
    }
    if (bytes.length - offset < size + length) return 0;
    this.#sink.value(element, bytes.subarray(offset + size, offset + size + length));
    return size + length;
  }

  #sequence(header: Header, end: number, element: WalkedElement): number | Failure {
    const frame = this.#top;
    if (header.vr !== 'SQ' && header.vr !== 'UN') return malformed('a length is undefined that must be defined');
    const heard = frame.heard && this.#sink.entered(element);
    if (!heard && header.length !== UNDEFINED_LENGTH) return this.#walkOver(header.size, header.length);
    // PS3.5 §6.2.2: what VR UN holds is Implicit VR Little Endian.
    const encoding = header.vr === 'UN' && frame.explicit ? { explicit: false, bigEndian: false } : {};
    return this.#enter({ ...frame, ...encoding, kind: 'sequence', end, heard }, header.size);
  }

  get #top(): Frame {
    return this.#stack[this.#stack.length - 1] as Frame;
  }

  #advance(bytes: number, skipped: boolean): number {
    this.#position += bytes;
    if (skipped) this.#skip -= bytes;
    return bytes;
  }

  #enter(frame: Frame, size: number): number | Failure {
    if (this.#stack.length >= MAX_DEPTH) return malformed('sequences are nested too deeply');
    this.#stack.push(frame);
    return size;
  }

  #leave(delimiterBytes = 0): void {
    const { kind, heard } = this.#stack.pop() as Frame;
    if (!heard) return;
    const at = { content: this.#position, end: this.#position + delimiterBytes };
    if (kind === 'item') this.#sink.itemLeft(at);
    if (kind === 'sequence') this.#sink.left(at);
  }

  #walkOver(size: number, length: number): number {
    this.#skip = length;
    return size;
  }
}

function lengthOf(length: number): number {
  return length === UNDEFINED_LENGTH ? Number.POSITIVE_INFINITY : length;
}

/** Tag, VR and length at `offset` (PS3.5 §7.1.2 and §7.1.3); null when more bytes are needed. */
function readHeader(bytes: Buffer, offset: number, frame: Frame): Header | Failure | null {
  if (bytes.length - offset < 8) return null;
  const uint16 = (at: number) => (frame.bigEndian ? bytes.readUInt16BE(at) : bytes.readUInt16LE(at));
  const uint32 = (at: number) => (frame.bigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at));
  const tag = uint16(offset) * 0x10000 + uint16(offset + 2);
  if (tag >>> 16 === 0xfffe || !frame.explicit) return { tag, vr: 'UN', length: uint32(offset + 4), size: 8 };
  const vr = bytes.toString('latin1', offset + 4, offset + 6);
  if (SHORT_LENGTH_VRS.has(vr)) return { tag, vr, length: uint16(offset + 6), size: 8 };
  if (!/^[A-Z]{2}$/.test(vr)) return malformed('an element without a value representation');
  if (bytes.length - offset < 12) return null;
  return { tag, vr, length: uint32(offset + 8), size: 12 };
}

function malformed(detail: string): Failure {
  return failure('dicom', 'malformed', detail);
}

/** Pixel Data, Float Pixel Data, Double Float Pixel Data. */
const PIXELS: ReadonlySet<number> = new Set([PIXEL_DATA, 0x7fe00008, 0x7fe00009]);

/** PS3.5 Table 7.1-2: these carry a 16-bit length; all others, those yet to be defined too, 32 bits after two reserved bytes. */
export const SHORT_LENGTH_VRS: ReadonlySet<string> = new Set('AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US'.split(' '));

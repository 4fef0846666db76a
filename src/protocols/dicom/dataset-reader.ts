/**
 * Reads a dataset as it streams by (PS3.5 §7): walks every element from the first to the last byte, keeps those that are wanted,
 * and remembers where the pixels are. In: chunks, in order. Out: the wanted elements as raw bytes.
 * Promises: memory is bounded whatever comes (values and items kept are counted, depth is limited, nothing recurses), and a dataset
 * that does not end where its own lengths say it ends is a Failure: what is truncated is never taken for whole.
 */
import { type Failure, failure } from '../../model/failure.ts';
import { vrOf } from './dictionary.ts';
import type { TransferSyntax } from './transfer-syntax.ts';

/** `items` instead of `value` for a sequence. */
export type RawElement = {
  readonly vr: string;
  readonly value: Buffer;
  readonly bigEndian: boolean;
  readonly items?: readonly RawDataset[];
};
/** By tag: group × 10000H + element. */
export type RawDataset = ReadonlyMap<number, RawElement>;

/** Longest single value kept: longer ones are walked over. */
const MAX_VALUE_BYTES = 16 * 1024;
/** All that is kept of one dataset; every item and element counts with its own cost beside its value. */
const MAX_KEPT_BYTES = 256 * 1024;
const KEEPING_COST_BYTES = 64;
/** Sequences within sequences; structured reports reach a dozen. */
const MAX_DEPTH = 64;

type Frame = {
  readonly kind: 'dataset' | 'sequence' | 'item' | 'fragments';
  /** Position after the last byte; Infinity where a delimiter ends it. */
  readonly end: number;
  readonly explicit: boolean;
  readonly bigEndian: boolean;
  /** Where to keep elements (of a dataset or item) or items (of a sequence); null: walk only. */
  readonly elements: Map<number, RawElement> | null;
  readonly items: RawDataset[] | null;
};

type Header = { readonly tag: number; readonly vr: string; readonly length: number; readonly size: number };

const EMPTY = Buffer.alloc(0);
const UNDEFINED_LENGTH = 0xffffffff;
const ITEM = 0xfffee000;
const ITEM_DELIMITATION = 0xfffee00d;
const SEQUENCE_DELIMITATION = 0xfffee0dd;
const PIXEL_DATA = 0x7fe00010;

/** `wanted`: tags of the top level to keep, with all that a wanted sequence holds. */
export class DatasetReader {
  readonly #elements = new Map<number, RawElement>();
  readonly #wanted: ReadonlySet<number>;
  readonly #stack: Frame[];
  #rest: Buffer = EMPTY;
  #position = 0;
  #skip = 0;
  #kept = 0;
  #pixelOffset: number | null = null;

  constructor(syntax: TransferSyntax, wanted: ReadonlySet<number>) {
    const { explicit, bigEndian } = syntax;
    this.#wanted = wanted;
    this.#stack = [{ kind: 'dataset', end: Number.POSITIVE_INFINITY, explicit, bigEndian, elements: this.#elements, items: null }];
  }

  /** The wanted elements walked over so far. */
  get dataset(): RawDataset {
    return this.#elements;
  }

  /** Where the pixel data element begins, or null. */
  get pixelOffset(): number | null {
    return this.#pixelOffset;
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
    this.#rest = bytes.subarray(offset);
    return null;
  }

  /** Call once after the last chunk. */
  end(): Failure | null {
    while (this.#position === this.#top.end) this.#stack.pop();
    if (this.#position === 0) return malformed('the dataset is empty');
    const whole = this.#skip === 0 && this.#rest.length === 0 && this.#stack.length === 1;
    return whole ? null : malformed('the dataset ends before its lengths say so');
  }

  /** Takes one element header (with its value, when that is kept). Returns the bytes used; 0 asks for more. */
  #step(bytes: Buffer, offset: number): number | Failure {
    while (this.#position >= this.#top.end) {
      if (this.#position > this.#top.end) return malformed('an element runs past the item or sequence that holds it');
      this.#stack.pop();
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
      const elements = frame.items && this.#afford(0) ? new Map<number, RawElement>() : null;
      if (elements) frame.items?.push(elements);
      return this.#enter({ ...frame, kind: 'item', end, elements, items: null }, size);
    }
    const closes = tag === ITEM_DELIMITATION ? ['item'] : tag === SEQUENCE_DELIMITATION ? ['sequence', 'fragments'] : [];
    if (!closes.includes(frame.kind) || frame.end !== Number.POSITIVE_INFINITY) return malformed('an item or delimiter out of place');
    this.#stack.pop();
    return size;
  }

  #element(bytes: Buffer, offset: number, header: Header, end: number): number | Failure {
    const { tag, length, size } = header;
    const frame = this.#top;
    const topLevel = this.#stack.length === 1;
    if (topLevel && PIXELS.has(tag)) this.#pixelOffset ??= this.#position;
    const vr = header.vr === 'UN' ? vrOf(tag) : header.vr;
    const keep = frame.elements !== null && (topLevel ? this.#wanted.has(tag) : vr !== 'UN');
    if (length === UNDEFINED_LENGTH && tag === PIXEL_DATA) {
      return this.#enter({ ...frame, kind: 'fragments', end, elements: null, items: null }, size);
    }
    if (length === UNDEFINED_LENGTH || (vr === 'SQ' && keep)) return this.#sequence(header, end, keep);
    if (!keep || length > MAX_VALUE_BYTES) return this.#walkOver(size, length);
    if (bytes.length - offset < size + length) return 0;
    if (!this.#afford(length)) return this.#walkOver(size, length);
    const value = Buffer.from(bytes.subarray(offset + size, offset + size + length));
    frame.elements?.set(tag, { vr, value, bigEndian: frame.bigEndian });
    return size + length;
  }

  #sequence(header: Header, end: number, keep: boolean): number | Failure {
    const frame = this.#top;
    if (header.vr !== 'SQ' && header.vr !== 'UN') return malformed('a length is undefined that must be defined');
    const items: RawDataset[] | null = keep && this.#afford(0) ? [] : null;
    if (items) frame.elements?.set(header.tag, { vr: 'SQ', value: EMPTY, bigEndian: frame.bigEndian, items });
    // PS3.5 §6.2.2: what VR UN holds is Implicit VR Little Endian.
    const encoding = header.vr === 'UN' && frame.explicit ? { explicit: false, bigEndian: false } : {};
    return this.#enter({ ...frame, ...encoding, kind: 'sequence', end, elements: null, items }, header.size);
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

  #walkOver(size: number, length: number): number {
    this.#skip = length;
    return size;
  }

  #afford(bytes: number): boolean {
    if (this.#kept + bytes + KEEPING_COST_BYTES > MAX_KEPT_BYTES) return false;
    this.#kept += bytes + KEEPING_COST_BYTES;
    return true;
  }
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
const SHORT_LENGTH_VRS: ReadonlySet<string> = new Set('AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US'.split(' '));

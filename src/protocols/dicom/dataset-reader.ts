/**
 * Reads a dataset as it streams by: keeps those elements of the top level that are wanted, as raw bytes, with all that a wanted
 * sequence holds, and remembers where the pixels are.
 * Promises: memory is bounded whatever comes (values and items kept are counted).
 */
import type { Failure } from '../../model/failure.ts';
import { type DatasetSink, DatasetWalker, type WalkedElement } from './dataset-walker.ts';
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

export class DatasetReader {
  readonly #kept = new Map<number, RawElement>();
  readonly #walker: DatasetWalker;
  #overflowed = false;

  /** `limitBytes`: all that is kept; what is beyond is walked over. */
  constructor(syntax: TransferSyntax, wanted: ReadonlySet<number>, limitBytes: number = MAX_KEPT_BYTES) {
    this.#walker = new DatasetWalker(
      syntax,
      keepElements(this.#kept, wanted, limitBytes, () => {
        this.#overflowed = true;
      }),
    );
  }

  /** Whether something wanted was not kept, because it was too much. */
  get overflowed(): boolean {
    return this.#overflowed;
  }

  /** The wanted elements walked over so far. */
  get dataset(): RawDataset {
    return this.#kept;
  }

  /** Where the pixel data element begins, or null. */
  get pixelOffset(): number | null {
    return this.#walker.pixelOffset;
  }

  push(chunk: Buffer): Failure | null {
    return this.#walker.push(chunk);
  }

  /** Call once after the last chunk. */
  end(): Failure | null {
    return this.#walker.end();
  }
}

/** Elements of the dataset or item that is walked, and the items of the sequence it stands in. */
type Level = { readonly elements: Map<number, RawElement> | null; readonly items: RawDataset[] | null };

/** A listener that keeps what is wanted in `dataset`, within the limits above. */
export function keepElements(
  dataset: Map<number, RawElement>,
  wanted: Pick<ReadonlySet<number>, 'has'>,
  limitBytes: number = MAX_KEPT_BYTES,
  overflowed: () => void = () => {},
): DatasetSink {
  const levels: Level[] = [{ elements: dataset, items: null }];
  const top = (): Level => levels.at(-1) as Level;
  let left = limitBytes;
  const afford = (bytes: number): boolean => {
    if (bytes + KEEPING_COST_BYTES > left) {
      overflowed();
      return false;
    }
    left -= bytes + KEEPING_COST_BYTES;
    return true;
  };
  const isKept = ({ tag, vr, topLevel }: WalkedElement): boolean => top().elements !== null && (topLevel ? wanted.has(tag) : vr !== 'UN');
  return {
    wants: (element) => isKept(element) && element.length <= MAX_VALUE_BYTES,
    value: ({ tag, vr, bigEndian }, value) => {
      if (afford(value.length)) top().elements?.set(tag, { vr, value: Buffer.from(value), bigEndian });
    },
    entered: (element) => {
      if (!isKept(element) || !afford(0)) return false;
      const items: RawDataset[] = [];
      top().elements?.set(element.tag, { vr: 'SQ', value: EMPTY, bigEndian: element.bigEndian, items });
      levels.push({ elements: null, items });
      return true;
    },
    left: () => levels.pop(),
    itemEntered: () => {
      const elements = afford(0) ? new Map<number, RawElement>() : null;
      if (elements) top().items?.push(elements);
      levels.push({ elements, items: null });
    },
    itemLeft: () => levels.pop(),
  };
}

const EMPTY = Buffer.alloc(0);

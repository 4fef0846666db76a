/**
 * Boxes of the ISO base media file format (ISO/IEC 14496-12 §4.2), which MP4, QuickTime and HEIF share. In: bytes that hold boxes whole.
 * Out: where each begins and ends. A box that does not fit ends the list: it never throws, and never looks at a byte twice.
 */

export type Box = {
  readonly type: string;
  /** Of its header, and of what follows it. */
  readonly start: number;
  readonly body: number;
  readonly end: number;
};

/** What takes the place of bytes of a file, as many as they were; null: zeros. */
export type Edit = { readonly start: number; readonly end: number; readonly bytes: Buffer | null };

/** Size, type, and the size in eight bytes. */
export const MAX_HEADER_BYTES = 16;

/** The box whose header begins `header`, at `start` of a file that ends at `end`; null where there is none. */
export function boxAt(header: Buffer, start: number, end: number): Box | null {
  if (header.length < 8) return null;
  const said = header.readUInt32BE(0);
  if (said === 1 && header.length < MAX_HEADER_BYTES) return null;
  const size = said === 1 ? Number(header.readBigUInt64BE(8)) : said === 0 ? end - start : said;
  const body = start + (said === 1 ? MAX_HEADER_BYTES : 8);
  if (!Number.isSafeInteger(size) || start + size > end || start + size < body) return null;
  return { type: header.toString('latin1', 4, 8), start, body, end: start + size };
}

/** Boxes side by side: beyond this a file is an attack on memory. */
const MAX_BOXES = 100_000;

export function boxesIn(bytes: Buffer, from: number, to: number): Box[] {
  const boxes: Box[] = [];
  for (let at = from; at + 8 <= to && boxes.length < MAX_BOXES; ) {
    const box = boxAt(bytes.subarray(at, Math.min(at + MAX_HEADER_BYTES, to)), at, to);
    if (!box) break;
    boxes.push(box);
    at = box.end;
  }
  return boxes;
}

/** The first box under a path of types. */
export function boxUnder(bytes: Buffer, box: Box, ...path: readonly string[]): Box | null {
  const [type, ...rest] = path;
  if (type === undefined) return box;
  const found = boxesIn(bytes, box.body, box.end).find((one) => one.type === type);
  return found ? boxUnder(bytes, found, ...rest) : null;
}

/** A box that says nothing any more, and keeps its place: what stands behind it is named by its distance from the beginning. */
export function blanked({ start, body, end }: Box): Edit[] {
  return [
    { start: start + 4, end: start + 8, bytes: Buffer.from('free') },
    { start: body, end, bytes: null },
  ];
}

/** A copy of a part of a file, from `at` on, with the edits that fall into it. */
export function edited(chunk: Buffer, at: number, edits: readonly Edit[]): Buffer {
  const within = edits.filter(({ start, end }) => start < at + chunk.length && end > at);
  if (within.length === 0) return chunk;
  const copy = Buffer.from(chunk);
  for (const { start, end, bytes } of within) {
    const [from, to] = [Math.max(start, at), Math.min(end, at + chunk.length)];
    if (bytes) bytes.copy(copy, from - at, from - start, to - start);
    else copy.fill(0, from - at, to - at);
  }
  return copy;
}

/** What ends before its fields do is a RangeError of its Buffer: null. */
export function tried<T>(read: () => T | null): T | null {
  try {
    return read();
  } catch (error) {
    if ((error as Error).name === 'RangeError') return null;
    throw error;
  }
}

/**
 * WebM and Matroska (RFC 9559 over EBML, RFC 8794), element by element. In: a file. Out: the edits that take out of it what may tell where it was
 * taken: tags, attachments, chapters, titles, and tracks that are neither picture nor sound become Void elements of the same length, so that every
 * byte keeps its place. Null where an element is not as it should be.
 */
import type { Edit } from './boxes.ts';

type Element = {
  readonly id: number;
  readonly start: number;
  readonly body: number /** Infinity where it is not known. */;
  readonly end: number;
};

/** Blocks of a film of hours that was recorded live. */
const MAX_ELEMENTS = 2_000_000;

export function matroskaEdits(file: Buffer): Edit[] | null {
  const edits: Edit[] = [];
  const hiddenTracks = new Set<number>();
  for (let at = 0, elements = 0; at < file.length; elements++) {
    const element = elementAt(file, at);
    if (!element || elements === MAX_ELEMENTS) return null;
    const known = Number.isFinite(element.end);
    if (known && element.end > file.length) return null;
    if (ENTERED.has(element.id)) {
      at = element.body;
      continue;
    }
    if (!known) return null;
    if (!isShown(file, element, hiddenTracks)) {
      const hidden = voided(element);
      if (!hidden) return null;
      edits.push(...hidden);
    }
    at = element.end;
  }
  return edits;
}

/** `hiddenTracks` is added to: a track is described before its blocks. */
function isShown(file: Buffer, element: Element, hiddenTracks: Set<number>): boolean {
  if (element.id === TRACK) return isShownTrack(file, element, hiddenTracks);
  if (element.id === SIMPLE_BLOCK) return !hiddenTracks.has(trackAt(file, element.body));
  if (element.id !== BLOCK_GROUP) return KEPT.has(element.id);
  const block = childrenOf(file, element).find(({ id }) => id === BLOCK);
  return block !== undefined && !hiddenTracks.has(trackAt(file, block.body));
}

/** RFC 9559 §5.1.4.1.3: of the kinds of tracks 1 is pictures, 2 is sound; others may be positions of a camera. */
function isShownTrack(file: Buffer, track: Element, hiddenTracks: Set<number>): boolean {
  const children = childrenOf(file, track);
  const value = (id: number): number => {
    const child = children.find((one) => one.id === id);
    return child ? Number(`0x${file.toString('hex', child.body, Math.min(child.end, child.body + 6)) || '0'}`) : 0;
  };
  const type = value(TRACK_TYPE);
  if (type === 1 || type === 2) return true;
  hiddenTracks.add(value(TRACK_NUMBER));
  return false;
}

function childrenOf(file: Buffer, { body, end }: Element): Element[] {
  const children: Element[] = [];
  for (let at = body; at < end; ) {
    const child = elementAt(file, at);
    if (!child || child.end > end) break;
    children.push(child);
    at = child.end;
  }
  return children;
}

/** The number of a block's track, coded as a size is. */
function trackAt(file: Buffer, at: number): number {
  const bytes = lengthOf(file[at]);
  let track = (file[at] ?? 0) & (0xff >> bytes);
  for (let next = at + 1; next < at + bytes; next++) track = track * 256 + (file[next] ?? 0);
  return track;
}

/** RFC 8794 §4 and §5: the first set bit tells how long an identifier or a size is. */
function elementAt(file: Buffer, start: number): Element | null {
  const idBytes = lengthOf(file[start]);
  const sizeAt = start + idBytes;
  const sizeBytes = lengthOf(file[sizeAt]);
  const body = sizeAt + sizeBytes;
  if (idBytes === 0 || idBytes > 4 || sizeBytes === 0 || body > file.length) return null;
  let size = (file[sizeAt] as number) & (0xff >> sizeBytes);
  let unknown = size === 0xff >> sizeBytes;
  for (let at = sizeAt + 1; at < body; at++) {
    size = size * 256 + (file[at] as number);
    unknown &&= file[at] === 0xff;
  }
  return { id: file.readUIntBE(start, idBytes), start, body, end: unknown ? Number.POSITIVE_INFINITY : body + size };
}

function lengthOf(first: number | undefined): number {
  return first === undefined || first === 0 ? 0 : Math.clz32(first) - 23;
}

/** §11.3.2: Void, its size in as many bytes as are left over. */
function voided({ start, end }: Element): Edit[] | null {
  const length = end - start;
  if (length < 2) return null;
  const head = length < 9 ? Buffer.from([VOID, 0x80 | (length - 2)]) : Buffer.alloc(9);
  if (length >= 9) {
    head.writeBigUInt64BE(BigInt(length - 9) | (1n << 56n), 1);
    head[0] = VOID;
  }
  return [
    { start, end: start + head.length, bytes: head },
    { start: start + head.length, end, bytes: null },
  ];
}

/** Segment, its information, its tracks, its clusters. */
const ENTERED: ReadonlySet<number> = new Set([0x18538067, 0x1549a966, 0x1654ae6b, 0x1f43b675]);
const TRACK = 0xae;
const TRACK_NUMBER = 0xd7;
const TRACK_TYPE = 0x83;
const SIMPLE_BLOCK = 0xa3;
const BLOCK_GROUP = 0xa0;
const BLOCK = 0xa1;
const VOID = 0xec;
/** RFC 9559 §5: at the top, in a segment, in its information, in a cluster. */
const KEPT: ReadonlySet<number> = new Set([
  0x1a45dfa3,
  VOID,
  0xbf,
  0x114d9b74,
  0x1c53bb6b,
  0x2ad7b1,
  0x4489,
  0x4d80,
  0x5741,
  0x4461,
  0xe7,
  0xa7,
  0xab,
]);

/**
 * MLLP framing, both ways (HL7 Transport Specification: MLLP, Release 1, §2 Content block):
 *   block = SB dddd EB CR,  SB = 0x0B (VT),  EB = 0x1C (FS),  CR = 0x0D,  dddd = any of 0x20 … 0xFF and CR.
 * Chunks as TCP cut them come in; frames, and what was wrong between and within them, go out in the order of the stream.
 * Promises: the same events however the stream was cut (garbage is told a chunk at a time); every byte is looked at once and copied
 * at most a fixed number of times; no more than `maxBytes` of a frame are held, and nothing of one that is larger but its head.
 *
 * Only FS CR ends a frame. A lone FS is kept as content: the standard allows it neither as content nor as an end, and a frame cut short
 * would be the worse guess. VT never is content: it starts a frame anew, and the unfinished one before it is told.
 */

export const VT = 0x0b;
export const FS = 0x1c;
export const CR = 0x0d;

/** Commit acknowledgment blocks of MLLP Release 2 (HL7 Transport Specification: MLLP, Release 2, §2.2.2): one byte, ACK or NAK. */
export const COMMIT_ACK = Buffer.from([0x06]);
export const COMMIT_NAK = Buffer.from([0x15]);

/** Whether the content of a frame is a commit acknowledgment, and which; null for everything else. */
export function commitOf(content: Buffer): boolean | null {
  if (content.length !== 1) return null;
  return content[0] === 0x06 ? true : content[0] === 0x15 ? false : null;
}

/** What is kept of a frame that is too large: enough for its MSH, so that it can be answered. */
const HEAD_BYTES = 4096;
const FIRST_STORE_BYTES = 8192;

export type FramerEvent =
  | { readonly kind: 'frame'; readonly bytes: Buffer }
  /** A frame of more than `maxBytes` has ended: its first bytes, and how many it had. */
  | { readonly kind: 'too-large'; readonly head: Buffer; readonly length: number }
  /** A frame that never ended, for another one began. */
  | { readonly kind: 'unfinished'; readonly length: number }
  /** Bytes outside any frame. */
  | { readonly kind: 'garbage'; readonly length: number };

export type Framer = {
  /** Reads one chunk. To be run to its end before the next chunk; the caller may stop in between for as long as it likes. */
  read(chunk: Buffer): Generator<FramerEvent, void, void>;
  /** Bytes of the frame that has begun and not ended, 0 outside. Counts on when the frame is too large to be held. */
  readonly begun: number;
  /** Bytes of memory held for it. */
  readonly held: number;
};

export function createFramer(maxBytes: number): Framer {
  const content = createContent(maxBytes);
  let inside = false;
  /** The chunk before ended in FS: the next byte decides whether that ends the frame. */
  let afterFs = false;

  /** Reads up to the end of the frame, to the VT of another, or to the end of the chunk. Returns where it stopped and what it found. */
  const readContent = (chunk: Buffer, start: number): { next: number; event: FramerEvent | null } => {
    if (afterFs) {
      afterFs = false;
      if (chunk[start] === CR) return { next: start + 1, event: endFrame() };
      content.add(LONE_FS);
    }
    const restart = chunk.indexOf(VT, start);
    const limit = restart < 0 ? chunk.length : restart;
    const end = endOfBlock(chunk, start, limit);
    if (end !== null && end + 1 < limit) {
      content.add(chunk.subarray(start, end));
      return { next: end + 2, event: endFrame() };
    }
    if (restart >= 0) {
      const length = content.length + restart - start;
      content.clear();
      return { next: restart + 1, event: { kind: 'unfinished', length } };
    }
    afterFs = end !== null;
    content.add(chunk.subarray(start, end ?? limit));
    content.keep();
    return { next: limit, event: null };
  };
  const endFrame = (): FramerEvent => {
    inside = false;
    return content.take();
  };

  return {
    get begun() {
      return inside ? content.length + 1 : 0;
    },
    get held() {
      return content.held;
    },
    *read(chunk) {
      let at = 0;
      while (at < chunk.length) {
        if (inside) {
          const { next, event } = readContent(chunk, at);
          at = next;
          if (event !== null) yield event;
        } else {
          const start = chunk.indexOf(VT, at);
          const skipped = (start < 0 ? chunk.length : start) - at;
          inside = start >= 0;
          at += skipped + 1;
          if (skipped > 0) yield { kind: 'garbage', length: skipped };
        }
      }
    },
  };
}

/** Puts a message into a block. */
export function frame(bytes: Uint8Array): Buffer {
  const block = Buffer.allocUnsafe(bytes.length + 3);
  block[0] = VT;
  block.set(bytes, 1);
  block[bytes.length + 1] = FS;
  block[bytes.length + 2] = CR;
  return block;
}

const LONE_FS = Buffer.from([FS]);

/** Where FS CR stands before `limit`; the place of an FS that is the last byte before `limit` too; null where there is neither. */
function endOfBlock(chunk: Buffer, start: number, limit: number): number | null {
  const searched = chunk.subarray(0, limit);
  for (let at = searched.indexOf(FS, start); at >= 0; at = searched.indexOf(FS, at + 1)) {
    if (at + 1 === limit || searched[at + 1] === CR) return at;
  }
  return null;
}

/** The content of one frame. A frame within one chunk is never copied; one that spans chunks is copied into a store that doubles. */
function createContent(maxBytes: number) {
  let part: Buffer | null = null;
  let store = Buffer.alloc(0);
  let stored = 0;
  let length = 0;

  const copy = (bytes: Buffer): void => {
    const room = length > maxBytes ? HEAD_BYTES : maxBytes;
    const taken = bytes.subarray(0, Math.max(0, room - stored));
    if (stored + taken.length > store.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(FIRST_STORE_BYTES, Math.min(room, store.length * 2), stored + taken.length));
      store.copy(larger, 0, 0, stored);
      store = larger;
    }
    stored += taken.copy(store, stored);
  };
  const shrinkToHead = (): void => {
    stored = Math.min(stored, HEAD_BYTES);
    store = Buffer.from(store.subarray(0, stored));
  };

  const self = {
    get length(): number {
      return length;
    },
    get held(): number {
      return store.length;
    },
    /** `bytes` may be a view of the chunk that is being read. */
    add(bytes: Buffer): void {
      if (bytes.length === 0) return;
      self.keep();
      const fitted = length <= maxBytes;
      length += bytes.length;
      if (length > maxBytes && fitted) shrinkToHead();
      if (stored === 0 && length === bytes.length) part = bytes;
      else copy(bytes);
    },
    /** Copies what is still a view, before its chunk goes. */
    keep(): void {
      if (part !== null) copy(part);
      part = null;
    },
    take(): FramerEvent {
      if (length > maxBytes) self.keep();
      const bytes = part ?? store.subarray(0, stored);
      const event: FramerEvent = length > maxBytes ? { kind: 'too-large', head: bytes, length } : { kind: 'frame', bytes };
      self.clear();
      return event;
    },
    clear(): void {
      part = null;
      store = EMPTY;
      stored = 0;
      length = 0;
    },
  };
  return self;
}

const EMPTY = Buffer.alloc(0);

/**
 * Encapsulated pixels (PS3.5 §A.4) without what is said beside their coding (media/coded-metadata.ts). In: the fragments of Pixel Data as they
 * stream by, from the first item to the delimiter. Out: as many bytes, so that offset tables and lengths hold. A frame may have several
 * fragments; of pixels that are coded otherwise (RLE, video, JPEG XL without boxes) nothing changes.
 */
import { PICTURE_HEAD_BYTES, type PictureCleaner, pictureCleaner } from '../media/coded-metadata.ts';

export async function* barePixels(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const clean = fragmentCleaner();
  let held: Buffer = NOTHING;
  for await (const chunk of chunks) {
    const { done, rest } = clean(held.length === 0 ? chunk : Buffer.concat([held, chunk]));
    // A copy: the chunk's memory may be used again.
    held = Buffer.from(rest);
    yield* done;
  }
  if (held.length > 0) yield held;
}

/** What of these bytes is done, and what is to come again with those behind it. */
type Cleaned = { readonly done: readonly Buffer[]; readonly rest: Buffer };

function fragmentCleaner(): (bytes: Buffer) => Cleaned {
  let picture: PictureCleaner | null = null;
  /** Of the fragment; null between two. */
  let left: number | null = null;
  let isBegun = false;
  let isEnded = false;
  return (bytes) => {
    const done: Buffer[] = [];
    let at = 0;
    while (at < bytes.length && !isEnded) {
      if (left === null) {
        if (bytes.length - at < ITEM_HEADER_BYTES) break;
        isEnded = bytes.readUInt16LE(at + 2) !== ITEM_ELEMENT;
        if (isEnded) break;
        left = bytes.readUInt32LE(at + 4);
        isBegun = false;
        done.push(bytes.subarray(at, at + ITEM_HEADER_BYTES));
        at += ITEM_HEADER_BYTES;
      }
      const headBytes = Math.min(PICTURE_HEAD_BYTES, left);
      if (!isBegun && bytes.length - at < headBytes) break;
      if (!isBegun) picture = pictureCleaner(bytes.subarray(at, at + headBytes)) ?? picture;
      isBegun = true;
      const fragment = bytes.subarray(at, at + left);
      done.push(picture ? picture(fragment) : fragment);
      at += fragment.length;
      left = left === fragment.length ? null : left - fragment.length;
    }
    if (!isEnded) return { done, rest: bytes.subarray(at) };
    done.push(bytes.subarray(at));
    return { done, rest: NOTHING };
  };
}

const NOTHING = Buffer.alloc(0);
const ITEM_HEADER_BYTES = 8;
/** (FFFE,E000); the delimiter is (FFFE,E0DD). */
const ITEM_ELEMENT = 0xe000;

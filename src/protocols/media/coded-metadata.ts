/**
 * What is said beside the coding of a picture, made zeros in place: comments, Exif, XMP, IPTC, makers' segments, thumbnails, what stands behind
 * the end. In: a picture as it streams by, JPEG or JPEG-LS (ITU-T T.81, T.87), JPEG 2000 or HTJ2K (T.800), as codestream or in boxes, JPEG XL in
 * boxes (ISO/IEC 18181-2). Out: as many bytes; what is coded, and what says how it is to be decoded and shown, stays byte for byte.
 * Nothing is held: memory does not grow with the picture, and where a chunk ends makes no difference.
 */

/** What is done with the next bytes; `read` and `find` leave them as they are. */
type Step =
  | { readonly kind: 'read' | 'pass' | 'blank'; readonly bytes: number }
  /** Up to and with the first FFH. */
  | { readonly kind: 'find' };
type Walk = Generator<Step, void, Buffer>;

export type PictureCleaner = (chunk: Buffer) => Buffer;

/** So many bytes tell how a picture begins. */
export const PICTURE_HEAD_BYTES = 12;

/** For the picture that begins with `head`; null where it is none of these. */
export function pictureCleaner(head: Buffer): PictureCleaner | null {
  const walk = walkOf(head);
  if (!walk) return null;
  let step = walk.next();
  let read: number[] = [];
  let left = bytesOf(step);
  const advance = (value: Buffer): void => {
    step = walk.next(value);
    left = bytesOf(step);
  };
  return (chunk) => {
    let out = chunk;
    for (let at = 0; at < chunk.length && !step.done; ) {
      const { kind } = step.value;
      const end = kind === 'find' ? chunk.indexOf(0xff, at) + 1 || chunk.length : Math.min(chunk.length, at + left);
      if (kind === 'blank') {
        if (out === chunk) out = Buffer.from(chunk);
        out.fill(0, at, end);
      }
      if (kind === 'read') read.push(...chunk.subarray(at, end));
      const isFound = kind === 'find' && chunk[end - 1] === 0xff;
      left -= end - at;
      at = end;
      if (kind === 'find' ? !isFound : left > 0) continue;
      const value = read.length === 0 ? NOTHING : Buffer.from(read);
      read = [];
      advance(value);
      while (!step.done && step.value.kind !== 'find' && left === 0) advance(NOTHING);
    }
    return out;
  };
}

function bytesOf({ done, value }: IteratorResult<Step, void>): number {
  return done || !value || value.kind === 'find' ? Number.POSITIVE_INFINITY : value.bytes;
}

function walkOf(head: Buffer): Walk | null {
  const text = head.toString('latin1');
  if (text.startsWith('\xff\xd8\xff')) return jpeg();
  if (text.startsWith('\xff\x4f\xff\x51')) return codestream(Number.POSITIVE_INFINITY);
  return text.startsWith('\0\0\0\x0cjP  ') || text.startsWith('\0\0\0\x0cJXL ') ? boxes() : null;
}

/** Marker by marker, through the entropy-coded data: T.81 has no marker in it, T.87 none either. */
function* jpeg(): Walk {
  for (;;) {
    yield { kind: 'find' };
    let code = yield* byte();
    while (code === 0xff) code = yield* byte();
    if (code < 0xc0 || (code >= RST0 && code <= SOI)) continue;
    if (code === EOI) {
      // Another picture may follow; what else does is none.
      if ((yield { kind: 'read', bytes: 2 }).readUInt16BE() !== START_OF_IMAGE) yield { kind: 'blank', bytes: REST };
      continue;
    }
    const length = (yield { kind: 'read', bytes: 2 }).readUInt16BE() - 2;
    if (length < 0) return;
    if (code === COM) yield { kind: 'blank', bytes: length };
    else if (code >= APP0 && code <= APP15) yield* application(code, length);
    else yield { kind: 'pass', bytes: length };
  }
}

/** Of an application segment that says how to decode or show, what says so; at most one byte of any other. */
function* application(code: number, length: number): Walk {
  const kinds = SHOWN.get(code) ?? [];
  let at = 0;
  let kind: Shown | undefined;
  if (kinds.length > 0 && length > 0) {
    const first = yield* byte();
    at = 1;
    kind = kinds.find(({ name }) => name.charCodeAt(0) === first);
  }
  while (kind && at < length && at < kind.name.length) {
    const next = yield* byte();
    if (next !== kind.name.charCodeAt(at++)) kind = undefined;
  }
  const kept = kind ? Math.min(length - at, kind.bytes) : 0;
  yield { kind: 'pass', bytes: kept };
  yield { kind: 'blank', bytes: length - at - kept };
}

function* byte(): Generator<Step, number, Buffer> {
  return (yield { kind: 'read', bytes: 1 })[0] as number;
}

/** T.800 Annex A: main header, tile-parts, end. `total`: its length, where a box tells it. */
function* codestream(total: number): Walk {
  let at = 2;
  let tileEnd = total;
  yield { kind: 'pass', bytes: 2 };
  while (at < total) {
    const code = (yield { kind: 'read', bytes: 2 }).readUInt16BE();
    at += 2;
    if (code === EOC) {
      yield { kind: 'blank', bytes: total - at };
      return;
    }
    if (code === SOD) {
      yield { kind: 'pass', bytes: Math.max(0, tileEnd - at) };
      at = Math.max(at, tileEnd);
      continue;
    }
    if (code >= 0xff30 && code <= 0xff3f) continue;
    const length = (yield { kind: 'read', bytes: 2 }).readUInt16BE() - 2;
    at += 2 + length;
    if (code < 0xff00 || length < 0 || at > total) {
      yield { kind: 'pass', bytes: Math.max(0, total - at + length) };
      return;
    }
    if (code === SOT && length === 8) {
      const parts = (yield { kind: 'read', bytes: 8 }).readUInt32BE(2);
      tileEnd = parts === 0 ? total : at - 12 + parts;
    } else if (code === CME) {
      // Whether it is text or not stays.
      yield { kind: 'pass', bytes: Math.min(2, length) };
      yield { kind: 'blank', bytes: Math.max(0, length - 2) };
    } else yield { kind: 'pass', bytes: length };
  }
}

/** T.800 Annex I, ISO/IEC 18181-2. */
function* boxes(): Walk {
  for (;;) {
    const header = yield { kind: 'read', bytes: 8 };
    const size = header.readUInt32BE();
    const type = header.toString('latin1', 4);
    const said = size === 1 ? Number((yield { kind: 'read', bytes: 8 }).readBigUInt64BE()) - 16 : size - 8;
    const bytes = size === 0 ? REST : said;
    if (bytes < 0) return;
    if (type === 'jp2c' && bytes > 2) yield* codestream(bytes);
    else yield { kind: SAID.has(type) ? 'blank' : 'pass', bytes };
  }
}

type Shown = { readonly name: string; readonly bytes: number };

const NOTHING = Buffer.alloc(0);
const REST = Number.POSITIVE_INFINITY;
/** T.81 Table B.1. */
const RST0 = 0xd0;
const SOI = 0xd8;
const EOI = 0xd9;
const COM = 0xfe;
const APP0 = 0xe0;
const APP15 = 0xef;
const START_OF_IMAGE = 0xffd8;
/** T.800 Table A.2. */
const SOT = 0xff90;
const SOD = 0xff93;
const EOC = 0xffd9;
const CME = 0xff64;

/** Application segments by marker: how they begin, and how much behind that says how to decode or show. */
const SHOWN: ReadonlyMap<number, readonly Shown[]> = new Map([
  [0xe0, [{ name: 'JFIF\0', bytes: 9 }]], // without the thumbnail
  [0xe2, [{ name: 'ICC_PROFILE\0', bytes: REST }]],
  [
    0xe8,
    [
      { name: 'SPIFF\0', bytes: 24 },
      { name: 'mrfx', bytes: 2 }, // HP's colour transform for JPEG-LS
    ],
  ],
  [0xee, [{ name: 'Adobe', bytes: 7 }]],
]);

/** Boxes that say something beside the picture. */
const SAID: ReadonlySet<string> = new Set(['uuid', 'uinf', 'xml ', 'Exif', 'jumb', 'brob', 'jp2i']);

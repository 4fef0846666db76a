/**
 * GIF (89a), block by block. In: a file. Out: the file without what may tell where it was taken: comments, plain text, and application data but
 * for how often it repeats and its profile. Null where it is no whole GIF.
 */

/** Frames and extensions: beyond this a file is an attack on time. */
const MAX_BLOCKS = 100_000;

export function gifWithoutLocation(file: Buffer): Buffer | null {
  if (!/^GIF8[79]a$/.test(file.toString('latin1', 0, 6)) || file.length < SCREEN_END) return null;
  const parts = [file.subarray(0, SCREEN_END + tableBytes(file[10] as number))];
  let at = SCREEN_END + tableBytes(file[10] as number);
  for (let blocks = 0; blocks < MAX_BLOCKS; blocks++) {
    if (file[at] === TRAILER) return Buffer.concat([...parts, Buffer.from([TRAILER])]);
    const end = file[at] === IMAGE ? imageEnd(file, at) : file[at] === EXTENSION ? subBlocksEnd(file, at + 2) : null;
    if (end === null) return null;
    if (file[at] === IMAGE || isShown(file, at)) parts.push(file.subarray(at, end));
    at = end;
  }
  return null;
}

/** §20: descriptor, local colour table, minimum code size, data. */
function imageEnd(file: Buffer, at: number): number | null {
  const flags = file[at + 9];
  return flags === undefined ? null : subBlocksEnd(file, at + 10 + tableBytes(flags) + 1);
}

/** §16: each says its length; one without any is the last. */
function subBlocksEnd(file: Buffer, from: number): number | null {
  for (let at = from; ; ) {
    const length = file[at];
    if (length === undefined || at + 1 + length > file.length) return null;
    at += 1 + length;
    if (length === 0) return at;
  }
}

/** §18, §20: of the flags, whether there is a table, and the logarithm of its size. */
function tableBytes(flags: number): number {
  return flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0;
}

function isShown(file: Buffer, at: number): boolean {
  if (file[at + 1] === GRAPHIC_CONTROL) return true;
  return file[at + 1] === APPLICATION && SHOWN.has(file.toString('latin1', at + 3, at + 14));
}

const SCREEN_END = 13;
const IMAGE = 0x2c;
const EXTENSION = 0x21;
const TRAILER = 0x3b;
const GRAPHIC_CONTROL = 0xf9;
const APPLICATION = 0xff;
const SHOWN: ReadonlySet<string> = new Set(['NETSCAPE2.0', 'ANIMEXTS1.0', 'ICCRGBG1012']);

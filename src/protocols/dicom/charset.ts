/**
 * Text of a dataset as its Specific Character Set says (PS3.5 §6.1.2 and §6.2, PS3.3 §C.12.1.1.2).
 * In: the bytes of a value, the values of (0008,0005), and the VR. Out: text; never a failure. Bytes that no declared set explains are
 * read as UTF-8 where they are UTF-8, else as Latin-1: every byte then has a character, and the object itself keeps the bytes.
 */

/** Decodes a value before it is split at backslashes: a double-byte character may hold the byte 5CH. */
export function decodeText(bytes: Buffer, charsets: readonly string[], vr: string): string {
  const terms = charsets.map(normalized);
  const plain = !bytes.some((byte) => byte >= 0x80 || byte === ESCAPE);
  const whole = ENCODINGS.get(terms[0] ?? '');
  if (plain && whole === undefined) return bytes.toString('latin1');
  if (whole !== undefined) return new TextDecoder(whole).decode(bytes);
  const extended = terms.length > 1 || bytes.includes(ESCAPE);
  return extended ? decodeExtended(bytes, terms[0] ?? '', vr) : decodeRun(bytes, REPERTOIRES.get(terms[0] ?? '') ?? UNDECLARED);
}

const ESCAPE = 0x1b;
/** Label of bytes above 7FH in a value that declares no set for them. */
const UNDECLARED = '';

/** `ISO_IR 100`, `ISO 2022 IR 100`, and what the field makes of them (`ISO-IR 100`, `ISO_IR_100`), are one term: `100`. */
export function normalized(term: string): string {
  const upper = term.trim().toUpperCase();
  return /^ISO[ _-]?(?:2022[ _-])?IR[ _-]?(\d+)$/.exec(upper)?.[1] ?? upper;
}

/** Code extension by ISO 2022: escape sequences switch what the lower (G0) and the upper half (G1) of the code table mean. */
function decodeExtended(bytes: Buffer, first: string, vr: string): string {
  const initial = { g0: 'ascii', g1: REPERTOIRES.get(first) ?? UNDECLARED };
  const delimiters = vr === 'PN' ? NAME_DELIMITERS : DELIMITERS;
  let { g0, g1 } = initial;
  let text = '';
  for (let offset = 0; offset < bytes.length; ) {
    const byte = bytes[offset] as number;
    const switched = byte === ESCAPE ? escapeAt(bytes, offset) : undefined;
    if (switched) {
      if (switched.half === 'g0') g0 = switched.label;
      else g1 = switched.label;
      offset += switched.length;
    } else if (byte < 0x80 && g0 === 'ascii') {
      // PS3.5 §6.1.2.5.3: a delimiter or a new line brings back the first character set.
      if (delimiters.has(byte)) ({ g0, g1 } = initial);
      text += String.fromCharCode(byte);
      offset++;
    } else {
      const end = endOfRun(bytes, offset, byte < 0x80);
      text += decodeRun(bytes.subarray(offset, end), byte < 0x80 ? g0 : g1);
      offset = end;
    }
  }
  return text;
}

function escapeAt(bytes: Buffer, offset: number): Escape | undefined {
  return ESCAPES.find(({ sequence }) => bytes.toString('latin1', offset + 1, offset + 1 + sequence.length) === sequence);
}

/** The bytes from `offset` of the same half, up to the next escape. */
function endOfRun(bytes: Buffer, offset: number, lower: boolean): number {
  let end = offset + 1;
  while (end < bytes.length && bytes[end] !== ESCAPE && (bytes[end] as number) < 0x80 === lower) end++;
  return end;
}

export function decodeRun(run: Buffer, label: string): string {
  if (label === UNDECLARED) return decodeUndeclared(run);
  if (label === 'jis-x-0208') return new TextDecoder('euc-jp').decode(run.map((byte) => byte | 0x80));
  if (label === 'jis-x-0212') return new TextDecoder('euc-jp').decode(asThreeByteEuc(run));
  return new TextDecoder(label).decode(run);
}

function decodeUndeclared(run: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(run);
  } catch {
    return run.toString('latin1');
  }
}

/** EUC-JP writes JIS X 0212 as 8FH and the two bytes in the upper half. */
function asThreeByteEuc(run: Buffer): Buffer {
  const pairs: number[] = [];
  for (let offset = 0; offset + 1 < run.length; offset += 2) {
    pairs.push(0x8f, (run[offset] as number) | 0x80, (run[offset + 1] as number) | 0x80);
  }
  return Buffer.from(pairs);
}

/** HT, LF, FF, CR and backslash; in a name also ^ and = (PS3.5 §6.1.2.5.3). */
export const DELIMITERS: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0c, 0x0d, 0x5c]);
export const NAME_DELIMITERS: ReadonlySet<number> = new Set([...DELIMITERS, 0x5e, 0x3d]);

/** Sets without code extension: one decoder for all bytes (PS3.3 Table C.12-5). */
const ENCODINGS: ReadonlyMap<string, string> = new Map([
  ['192', 'utf-8'],
  ['GB18030', 'gb18030'],
  ['GBK', 'gbk'],
]);

/** Upper half (G1) by defined term (PS3.3 Tables C.12-2 to C.12-4), as labels of the Encoding Standard. */
const REPERTOIRES: ReadonlyMap<string, string> = new Map([
  ['100', 'windows-1252'], // Latin alphabet No. 1
  ['101', 'iso-8859-2'], // Latin alphabet No. 2
  ['109', 'iso-8859-3'], // Latin alphabet No. 3
  ['110', 'iso-8859-4'], // Latin alphabet No. 4
  ['144', 'iso-8859-5'], // Cyrillic
  ['127', 'iso-8859-6'], // Arabic
  ['126', 'iso-8859-7'], // Greek
  ['138', 'iso-8859-8'], // Hebrew
  ['148', 'windows-1254'], // Latin alphabet No. 5
  ['203', 'iso-8859-15'], // Latin alphabet No. 9
  ['166', 'windows-874'], // Thai
  ['13', 'shift_jis'], // JIS X 0201, Katakana
  ['149', 'euc-kr'], // KS X 1001
  ['58', 'gbk'], // GB 2312
]);

type Escape = { readonly sequence: string; readonly length: number; readonly half: 'g0' | 'g1'; readonly label: string };

/** What follows ESC (PS3.3 Tables C.12-3 and C.12-4). */
const ESCAPES: readonly Escape[] = (
  [
    ['(B', 'g0', 'ascii'], // ISO-IR 6
    ['(J', 'g0', 'ascii'], // ISO-IR 14, JIS X 0201 Romaji
    ['$B', 'g0', 'jis-x-0208'], // ISO-IR 87
    ['$(D', 'g0', 'jis-x-0212'], // ISO-IR 159
    ['-A', 'g1', 'windows-1252'], // ISO-IR 100
    ['-B', 'g1', 'iso-8859-2'], // ISO-IR 101
    ['-C', 'g1', 'iso-8859-3'], // ISO-IR 109
    ['-D', 'g1', 'iso-8859-4'], // ISO-IR 110
    ['-L', 'g1', 'iso-8859-5'], // ISO-IR 144
    ['-G', 'g1', 'iso-8859-6'], // ISO-IR 127
    ['-F', 'g1', 'iso-8859-7'], // ISO-IR 126
    ['-H', 'g1', 'iso-8859-8'], // ISO-IR 138
    ['-M', 'g1', 'windows-1254'], // ISO-IR 148
    ['-b', 'g1', 'iso-8859-15'], // ISO-IR 203
    ['-T', 'g1', 'windows-874'], // ISO-IR 166
    [')I', 'g1', 'shift_jis'], // ISO-IR 13, JIS X 0201 Katakana
    ['$)C', 'g1', 'euc-kr'], // ISO-IR 149
    ['$)A', 'g1', 'gbk'], // ISO-IR 58
  ] as const
).map(([sequence, half, label]) => ({ sequence, length: sequence.length + 1, half, label }));

/**
 * Code extension by ISO 2022, as HL7 messages use it (HL7 v2.5.1 §2.15.9.20, Table 0356; RFC 1468 for ISO-2022-JP): escape sequences
 * switch what the lower (G0) and the upper half (G1) of the code table mean. Bytes come in, text goes out, and the other way for Japanese.
 * Promises: bytes that mean nothing where they stand are null, never replaced, and so is what changes its set more often than any text
 * would. A line end brings back the first sets.
 */

import { byteWriter } from './byte-writer.ts';

/** A set that bytes are switched to. `wide`: two bytes a character. */
export type SwitchedSet = { readonly half: 'g0' | 'g1'; readonly label: string };

/** Decodes bytes; `initial` is the label of the set that holds at the beginning of every line. */
export function decodeIso2022(bytes: Uint8Array, initial: string): string | null {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let g0 = 'ascii';
  let g1 = initial;
  const parts: string[] = [];
  let changes = 0;
  for (let at = 0; at < buffer.length; ) {
    if (++changes > MAX_CHANGES) return null;
    const byte = buffer[at] as number;
    const found = byte === ESCAPE ? setAfter(buffer.toString('latin1', at + 1, at + 4)) : undefined;
    if (found) {
      if (found.set.half === 'g0') g0 = found.set.label;
      else g1 = found.set.label;
      at += found.length + 1;
      continue;
    }
    if (byte === CR || byte === LF) [g0, g1] = ['ascii', initial];
    const end = endOfRun(buffer, at);
    const text = decodeRun(buffer.subarray(at, end), byte < 0x80 ? g0 : g1);
    if (text === null) return null;
    parts.push(text);
    at = end;
  }
  return parts.join('');
}

/** Text as ISO-2022-JP, ASCII at the beginning and the end of every line; the characters that it has not. */
export function encodeIso2022Jp(text: string): { readonly bytes: Buffer; readonly missing: readonly string[] } {
  const missing = new Set<string>();
  const out = byteWriter(text.length);
  const put = (bytes: readonly number[]): void => {
    for (const byte of bytes) out.write(byte);
  };
  let wide: 'ascii' | 'JIS X 0208' | 'JIS X 0212' = 'ascii';
  for (const character of text) {
    const narrow = character.codePointAt(0) as number;
    const code = narrow < 0x80 ? null : japaneseCodes().get(character);
    if (code === undefined) {
      missing.add(character);
      continue;
    }
    const set = code === null ? 'ascii' : code.set;
    if (set !== wide) put(TO_SET[set]);
    wide = set;
    if (code === null) out.write(narrow);
    else put(code.bytes);
  }
  if (wide !== 'ascii') put(TO_SET.ascii);
  return { bytes: out.bytes(), missing: [...missing] };
}

/** The set of an escape sequence, by what stands after ESC; `length` of it. */
export function setAfter(sequence: string): { readonly set: SwitchedSet; readonly length: number } | undefined {
  for (const length of [3, 2]) {
    const set = SETS.get(sequence.slice(0, length));
    if (set) return { set, length };
  }
  return undefined;
}

/** Bytes of one half in the set that half is switched to. */
export function decodeRun(run: Buffer, label: string): string | null {
  try {
    if (label === 'ascii') return run.toString('latin1');
    if (label === 'jis-x-0208') return strict('euc-jp').decode(upper(run));
    if (label === 'jis-x-0212') return strict('euc-jp').decode(asThreeByteEuc(run));
    return strict(label).decode(run);
  } catch {
    return null;
  }
}

/** Runs and escape sequences: a text of 16 MiB with an accent in every word has half as many. */
const MAX_CHANGES = 4_000_000;

const ESCAPE = 0x1b;
const CR = 0x0d;
const LF = 0x0a;

/** Bytes of the same half, up to the next escape or line end; a line end is a run of its own. */
function endOfRun(bytes: Buffer, start: number): number {
  const lower = (bytes[start] as number) < 0x80;
  let end = start + 1;
  if (isBreak(bytes[start])) return end;
  while (end < bytes.length && !isBreak(bytes[end]) && (bytes[end] as number) < 0x80 === lower) end++;
  return end;
}

function isBreak(byte: number | undefined): boolean {
  return byte === ESCAPE || byte === CR || byte === LF;
}

const decoders = new Map<string, TextDecoder>();

/** Made once: a message may switch at every byte. */
function strict(label: string): TextDecoder {
  const made = decoders.get(label) ?? new TextDecoder(label, { fatal: true });
  decoders.set(label, made);
  return made;
}

function upper(run: Buffer): Buffer {
  return Buffer.from(run.map((byte) => byte | 0x80));
}

/** EUC-JP writes JIS X 0212 as 8FH and the two bytes in the upper half. */
function asThreeByteEuc(run: Buffer): Buffer {
  const pairs = byteWriter(run.length * 2);
  for (let at = 0; at < run.length; at++) {
    if (at % 2 === 0) pairs.write(0x8f);
    pairs.write((run[at] as number) | 0x80);
  }
  return pairs.bytes();
}

type JapaneseCode = { readonly set: 'JIS X 0208' | 'JIS X 0212'; readonly bytes: readonly [number, number] };
let codes: ReadonlyMap<string, JapaneseCode> | null = null;

/** Every character of both sets, made at the first need; what stands in both is of JIS X 0208. */
function japaneseCodes(): ReadonlyMap<string, JapaneseCode> {
  if (codes !== null) return codes;
  const found = new Map<string, JapaneseCode>();
  for (const [set, label] of [
    ['JIS X 0208', 'jis-x-0208'],
    ['JIS X 0212', 'jis-x-0212'],
  ] as const) {
    for (let row = 0x21; row <= 0x7e; row++) {
      for (let cell = 0x21; cell <= 0x7e; cell++) {
        const text = decodeRun(Buffer.from([row, cell]), label);
        if (text !== null && !found.has(text)) found.set(text, { set, bytes: [row, cell] });
      }
    }
  }
  codes = found;
  return found;
}

const TO_SET = { ascii: [0x1b, 0x28, 0x42], 'JIS X 0208': [0x1b, 0x24, 0x42], 'JIS X 0212': [0x1b, 0x24, 0x28, 0x44] } as const;

/** What follows ESC, by the registrations of ISO 2375. The same bytes stand in `\Cxxyy\` and `\Mxxyyzz\` (HL7 v2.5.1 §2.7.2). */
const SETS: ReadonlyMap<string, SwitchedSet> = new Map<string, SwitchedSet>([
  ['(B', { half: 'g0', label: 'ascii' }], // ISO IR6
  ['(J', { half: 'g0', label: 'ascii' }], // ISO IR14, JIS X 0201 Roman
  ['$@', { half: 'g0', label: 'jis-x-0208' }], // ISO IR42, JIS C 6226-1978
  ['$B', { half: 'g0', label: 'jis-x-0208' }], // ISO IR87
  ['$(D', { half: 'g0', label: 'jis-x-0212' }], // ISO IR159
  [')I', { half: 'g1', label: 'shift_jis' }], // ISO IR13, JIS X 0201 Katakana
  ['-A', { half: 'g1', label: 'windows-1252' }], // 8859/1
  ['-B', { half: 'g1', label: 'iso-8859-2' }],
  ['-C', { half: 'g1', label: 'iso-8859-3' }],
  ['-D', { half: 'g1', label: 'iso-8859-4' }],
  ['-L', { half: 'g1', label: 'iso-8859-5' }],
  ['-G', { half: 'g1', label: 'iso-8859-6' }],
  ['-F', { half: 'g1', label: 'iso-8859-7' }],
  ['-H', { half: 'g1', label: 'iso-8859-8' }],
  ['-M', { half: 'g1', label: 'windows-1254' }], // 8859/9
  ['-b', { half: 'g1', label: 'iso-8859-15' }],
  ['$)C', { half: 'g1', label: 'euc-kr' }], // KS X 1001
  ['$)A', { half: 'g1', label: 'gbk' }], // GB 2312
]);

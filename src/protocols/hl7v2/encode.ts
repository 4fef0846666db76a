/**
 * Text into the bytes of a character set of HL7 Table 0211, and whole messages into the set of their receiver.
 * Promises: what comes out reads back as what went in; a character that the set has not is refused, or written in a way that says the
 * same (a dash for a longer dash) and told, never replaced by a sign of nothing.
 */
import type { CharsetName } from '../../model/charset.ts';
import { type Failure, failure } from '../../model/failure.ts';
import { byteWriter } from './byte-writer.ts';
import { labelOf, trailBytesOf } from './charset.ts';
import { encodeIso2022Jp } from './iso-2022.ts';

export type Encoded = {
  readonly bytes: Buffer;
  /** Characters written otherwise, as `U+2013`. */
  readonly rewritten: readonly string[];
};

/** Bytes of a text, and the characters that the set has not. */
export function encodeText(text: string, charset: CharsetName): { readonly bytes: Buffer; readonly missing: readonly string[] } {
  if (charset === 'UNICODE UTF-8') return { bytes: Buffer.from(text, 'utf8'), missing: [] };
  if (trailBytesOf(charset) === 'iso-2022') return encodeIso2022Jp(text);
  const codes = codesOf(charset);
  const out = byteWriter(text.length);
  const missing = new Set<string>();
  for (const character of text) {
    const point = character.codePointAt(0) as number;
    const code = point < 0x80 ? point : (codes.get(character) ?? (charset === 'GB 18030-2000' ? beyondTwoBytes(point) : undefined));
    if (code === undefined) missing.add(character);
    else if (typeof code === 'number') out.write(code);
    else for (const byte of code) out.write(byte);
  }
  return { bytes: out.bytes(), missing: [...missing] };
}

/**
 * A message as `buildMessage` wrote it, for a receiver that reads `charset`: MSH-18 says so. Accents that stand alone are joined to their
 * letters first. Fails with the code points that can be written in no way.
 */
export function encodeMessage(utf8: Buffer, charset: CharsetName): Encoded | Failure {
  if (charset === 'UNICODE UTF-8') return { bytes: utf8, rewritten: [] };
  let text = utf8
    .toString('utf8')
    .replace(DECLARED, (_, before: string) => `${before}${declarationOf(charset)}`)
    .normalize('NFC');
  let encoded = encodeText(text, charset);
  const rewritten = encoded.missing.map(pointOf);
  for (let round = 0; round < ROUNDS && encoded.missing.length > 0; round++) {
    for (const one of encoded.missing) text = text.replaceAll(one, REWRITINGS.get(one) ?? one);
    encoded = encodeText(text, charset);
  }
  if (encoded.missing.length === 0) return { bytes: encoded.bytes, rewritten };
  return failure('protocols', 'invalid', `${charset} has no ${encoded.missing.slice(0, MAX_TOLD).map(pointOf).join(', ')}`);
}

/** What is written otherwise may have to be once more: the Greek letter mu, the micro sign, u. */
const ROUNDS = 2;

const MAX_TOLD = 10;

/** MSH-18 as it was written: the last field of MSH, in the standard's delimiters. */
const DECLARED = /^(MSH\|(?:[^|\r]*\|){16})UNICODE UTF-8(?=\r)/;

/** MSH-18, and where sets are switched by ISO 2022 what says so in MSH-20 (HL7 Tables 0211 and 0356). */
function declarationOf(charset: CharsetName): string {
  return trailBytesOf(charset) === 'iso-2022' ? 'ASCII~ISO IR87~ISO IR159||ISO 2022-1994' : charset;
}

function pointOf(character: string): string {
  return `U+${(character.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0')}`;
}

type Code = number | readonly number[];
const tables = new Map<CharsetName, ReadonlyMap<string, Code>>();

/** Characters above 7FH by their bytes, made from the decoder at the first need. */
function codesOf(charset: CharsetName): ReadonlyMap<string, Code> {
  const known = tables.get(charset);
  if (known) return known;
  const made = new Map<string, Code>();
  const decoder = new TextDecoder(labelOf(charset), { fatal: true });
  for (const bytes of candidates(charset)) {
    const text = decodeOne(decoder, bytes);
    if (text !== null && !made.has(text)) made.set(text, bytes.length === 1 ? (bytes[0] as number) : bytes);
  }
  tables.set(charset, made);
  return made;
}

/** One character, not two and none of ASCII. */
function decodeOne(decoder: TextDecoder, bytes: readonly number[]): string | null {
  try {
    const text = decoder.decode(Uint8Array.from(bytes));
    return [...text].length === 1 && text > '\x7f' ? text : null;
  } catch {
    return null;
  }
}

/** Byte sequences that may be a character. C1 controls are of no ISO 8859 set, whatever its decoder reads there. */
function* candidates(charset: CharsetName): Generator<readonly number[]> {
  if (charset === 'ASCII') return;
  const wide = DOUBLE_BYTES[charset];
  const singles = charset.startsWith('8859/') || charset === 'ISO IR14' ? 0xa0 : wide ? 0x100 : 0x80;
  for (let byte = singles; byte <= 0xff; byte++) yield [byte];
  if (!wide) return;
  for (let first = wide.lead; first <= 0xfe; first++) {
    for (let second = wide.trail; second <= 0xfe; second++) yield [first, second];
  }
}

/** Where two-byte characters begin: those that the standard itself has, not what vendors have put beside it. */
const DOUBLE_BYTES: Readonly<Partial<Record<CharsetName, { readonly lead: number; readonly trail: number }>>> = {
  'ISO IR14': { lead: 0x81, trail: 0x40 },
  'GB 18030-2000': { lead: 0x81, trail: 0x40 },
  'KS X 1001': { lead: 0xa1, trail: 0xa1 },
  'BIG-5': { lead: 0xa1, trail: 0x40 },
};

let fourByteCodes: ReadonlyMap<number, number> | null = null;

/** GB 18030 has every character of Unicode: in four bytes what has no two, counted from 81 30 81 30. */
function beyondTwoBytes(point: number): readonly number[] | undefined {
  if (point >= 0xd800 && point <= 0xdfff) return undefined;
  const place = point > 0xffff ? point - 0x10000 + SUPPLEMENTARY : fourBytePlaces().get(point);
  return place === undefined ? undefined : fourBytes(place);
}

const SUPPLEMENTARY = 189_000;
const BASIC_PLANE = 39_420;

function fourBytePlaces(): ReadonlyMap<number, number> {
  fourByteCodes ??= new Map(
    [...new TextDecoder('gb18030').decode(Uint8Array.from(Array.from({ length: BASIC_PLANE }, (_, place) => fourBytes(place)).flat()))].map(
      (character, place) => [character.codePointAt(0) as number, place],
    ),
  );
  return fourByteCodes;
}

function fourBytes(place: number): readonly number[] {
  return [
    0x81 + Math.floor(place / 12_600),
    0x30 + (Math.floor(place / 1_260) % 10),
    0x81 + (Math.floor(place / 10) % 126),
    0x30 + (place % 10),
  ];
}

/** What says the same in fewer characters. */
const REWRITINGS: ReadonlyMap<string, string> = new Map([
  ['\u00a0', ' '],
  ['\u2002', ' '],
  ['\u2003', ' '],
  ['\u2009', ' '],
  ['\u202f', ' '],
  ['\u200b', ''],
  ['\ufeff', ''],
  ['\u2010', '-'],
  ['\u2011', '-'],
  ['\u2012', '-'],
  ['\u2013', '-'],
  ['\u2014', '-'],
  ['\u2212', '-'],
  ['\u2018', "'"],
  ['\u2019', "'"],
  ['\u201a', "'"],
  ['\u2032', "'"],
  ['\u201c', '"'],
  ['\u201d', '"'],
  ['\u201e', '"'],
  ['\u2033', '"'],
  ['\u2026', '...'],
  ['\u2022', '*'],
  ['\u2264', '<='],
  ['\u2265', '>='],
  ['\u2260', '!='],
  ['\u00b1', '+/-'],
  ['\u00d7', 'x'],
  ['\u2192', '->'],
  ['\u20ac', 'EUR'],
  ['\u2122', '(TM)'],
  // UCUM writes micro as u; the Greek letter is the one that people type.
  ['\u03bc', '\u00b5'],
  ['\u00b5', 'u'],
]);

/**
 * One value field in the DICOM JSON Model (PS3.18 §F.2.2 and §F.2.3): its values as JSON, text in UTF-8 whatever it was in.
 * In: the bytes and their VR. Out: values, null where one of several is empty; for a VR of bytes nothing, for those go by Base64 or URI.
 */
import { decodeText } from './charset.ts';

export type Value = string | number | null | { readonly [group: string]: string };
type Field = { readonly vr: string; readonly value: Buffer; readonly bigEndian: boolean };

/** Empty for an empty field; null for a VR that has no values but bytes. `charsets`: the values of Specific Character Set. */
export function valuesOf({ vr, value, bigEndian }: Field, charsets: readonly string[]): Value[] | null {
  const number = NUMBERS[vr];
  if (number) return numbersOf(value, bigEndian, number);
  return TEXTS.has(vr) ? textsOf(vr, decodeText(value, CHARSET_VRS.has(vr) ? charsets : [], vr)) : null;
}

/** A tag as the name of a member. */
export function keyOf(tag: number): string {
  return tag.toString(16).toUpperCase().padStart(8, '0');
}

function numbersOf(value: Buffer, bigEndian: boolean, { bytes, read }: BinaryNumber): Value[] {
  const count = Math.floor(value.length / bytes);
  return Array.from({ length: count }, (_, index) => read(value.subarray(index * bytes, (index + 1) * bytes), bigEndian));
}

/** PS3.5 §6.2: which characters pad, and whether a backslash parts values, depends on the VR. */
function textsOf(vr: string, text: string): Value[] {
  const parts = LONG_TEXTS.has(vr) ? [text] : text.split('\\');
  const values = parts.map((part) => {
    const trimmed = printable(LONG_TEXTS.has(vr) ? part.replace(/[\0 ]+$/, '') : part.replace(/[\0 ]+$/, '').trimStart());
    if (trimmed === '') return null;
    if (vr === 'PN') return nameOf(trimmed);
    return NUMERIC_STRINGS.has(vr) && NUMERIC.test(trimmed) && Number.isFinite(Number(trimmed)) ? Number(trimmed) : trimmed;
  });
  return values.every((value) => value === null) ? [] : values;
}

/** PS3.18 §F.2.2: component groups of a name; null for a name of delimiters only. */
function nameOf(text: string): Value {
  const groups = text.split('=').map((group) => group.replace(/[\^ ]+$/, ''));
  const named = NAME_GROUPS.flatMap((name, index) => (groups[index] ? [[name, groups[index]]] : []));
  return named.length === 0 ? null : Object.fromEntries(named);
}

/** Control characters other than TAB, LF, FF, CR have no place in a value, and NUL none in a database. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  return text.replace(/[\x00-\x08\x0b\x0e-\x1f]/g, '');
}

/** PS3.18 §F.2.3: what JSON has no number for is written as a string. */
function real(number: number): number | string {
  if (Number.isFinite(number)) return number;
  return Number.isNaN(number) ? 'NaN' : number > 0 ? 'inf' : '-inf';
}

/** Beyond 53 bits as a string, so that no reader rounds it. */
function exact(number: bigint): number | string {
  return number >= BigInt(Number.MIN_SAFE_INTEGER) && number <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(number) : String(number);
}

const NAME_GROUPS = ['Alphabetic', 'Ideographic', 'Phonetic'] as const;
const NUMERIC_STRINGS: ReadonlySet<string> = new Set(['DS', 'IS']);
const NUMERIC = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const LONG_TEXTS: ReadonlySet<string> = new Set(['LT', 'ST', 'UR', 'UT']);
/** VRs that Specific Character Set applies to (PS3.5 §6.1.2.2). */
export const CHARSET_VRS: ReadonlySet<string> = new Set(['LO', 'LT', 'PN', 'SH', 'ST', 'UC', 'UT']);
const TEXTS: ReadonlySet<string> = new Set([...CHARSET_VRS, 'AE', 'AS', 'CS', 'DA', 'DS', 'DT', 'IS', 'TM', 'UI', 'UR']);

type BinaryNumber = { readonly bytes: number; readonly read: (value: Buffer, bigEndian: boolean) => number | string };
const US: BinaryNumber = { bytes: 2, read: (value, bigEndian) => (bigEndian ? value.readUInt16BE() : value.readUInt16LE()) };
const NUMBERS: Readonly<Record<string, BinaryNumber>> = {
  US,
  SS: { bytes: 2, read: (value, bigEndian) => (bigEndian ? value.readInt16BE() : value.readInt16LE()) },
  UL: { bytes: 4, read: (value, bigEndian) => (bigEndian ? value.readUInt32BE() : value.readUInt32LE()) },
  SL: { bytes: 4, read: (value, bigEndian) => (bigEndian ? value.readInt32BE() : value.readInt32LE()) },
  UV: { bytes: 8, read: (value, bigEndian) => exact(bigEndian ? value.readBigUInt64BE() : value.readBigUInt64LE()) },
  SV: { bytes: 8, read: (value, bigEndian) => exact(bigEndian ? value.readBigInt64BE() : value.readBigInt64LE()) },
  FL: { bytes: 4, read: (value, bigEndian) => real(shortest(bigEndian ? value.readFloatBE() : value.readFloatLE())) },
  FD: { bytes: 8, read: (value, bigEndian) => real(bigEndian ? value.readDoubleBE() : value.readDoubleLE()) },
  AT: {
    bytes: 4,
    read: (value, bigEndian) => keyOf((US.read(value, bigEndian) as number) * 0x10000 + (US.read(value.subarray(2), bigEndian) as number)),
  },
};

/** The shortest decimal that is the same single-precision number: 0.1, not 0.10000000149011612. */
function shortest(number: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(number.toPrecision(digits));
    if (Math.fround(short) === number) return short;
  }
  return number;
}

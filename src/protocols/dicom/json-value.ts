/**
 * The bytes of a value that came in the DICOM JSON Model (PS3.18 §F.2.2 and §F.2.3): the way back of `value-json.ts`.
 * In: the VR and the values as they were parsed, trusted in nothing. Out: bytes of even length, little-endian, text in UTF-8; null for what
 * is no value of that VR.
 */

/** Of `Value`; a VR of bytes has none. */
export function bytesOfValues(vr: string, values: readonly unknown[]): Buffer | null {
  const number = NUMBERS[vr];
  if (number) return numberBytes(values, number);
  if (!TEXTS.has(vr)) return null;
  const texts = values.map((value) => textOf(vr, value));
  if (texts.some((text) => text === null) || (LONG_TEXTS.has(vr) && texts.length > 1)) return null;
  return evened(Buffer.from(texts.join('\\')), vr);
}

/** Of `InlineBinary` (PS3.18 §F.2.7): Base64, nothing else. */
export function bytesOfBase64(text: unknown): Buffer | null {
  if (typeof text !== 'string' || !/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(text)) return null;
  return evened(Buffer.from(text, 'base64'), 'OB');
}

/** PS3.5 §6.2: what a value is padded with. */
export function padOf(vr: string): number {
  return TEXTS.has(vr) && vr !== 'UI' ? 0x20 : 0;
}

function evened(bytes: Buffer, vr: string): Buffer {
  return bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.from([padOf(vr)])]);
}

function textOf(vr: string, value: unknown): string | null {
  if (value === null) return '';
  if (vr === 'PN') return nameOf(value);
  if (typeof value === 'number' && NUMERIC_STRINGS.has(vr)) return Number.isFinite(value) ? decimal(value) : null;
  return typeof value === 'string' ? value : null;
}

/** PS3.18 §F.2.2: component groups; some write a name as plain text. */
function nameOf(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return null;
  const groups = NAME_GROUPS.map((group) => (value as Record<string, unknown>)[group] ?? '');
  return groups.every((group) => typeof group === 'string') ? groups.join('=').replace(/=+$/, '') : null;
}

/** PS3.5 §6.2: a decimal string holds at most 16 characters. */
function decimal(number: number): string {
  for (let digits = 17; digits > 0; digits--) {
    const text = digits === 17 ? String(number) : String(Number(number.toPrecision(digits)));
    if (text.length <= MAX_DECIMAL) return text;
  }
  return String(number);
}

function numberBytes(values: readonly unknown[], { bytes, write }: BinaryNumber): Buffer | null {
  const out = Buffer.alloc(values.length * bytes);
  for (const [index, value] of values.entries()) {
    try {
      if (!write(out, value as number, index * bytes)) return null;
    } catch {
      // Out of its range, or no number at all.
      return null;
    }
  }
  return out;
}

/** PS3.18 §F.2.3: what JSON has no number for, and what is beyond 53 bits, is written as a string. */
function real(value: unknown): number {
  const number = typeof value === 'string' ? (SPECIAL[value] ?? Number(value.trim() || 'none')) : value;
  if (typeof number !== 'number' || (Number.isNaN(number) && value !== 'NaN')) throw new TypeError('no number');
  return number;
}

function integer(value: unknown): number {
  const number = real(value);
  if (!Number.isSafeInteger(number)) throw new TypeError('no integer');
  return number;
}

function big(value: unknown): bigint {
  if (typeof value !== 'number' && typeof value !== 'string') throw new TypeError('no integer');
  return BigInt(value);
}

const SPECIAL: Readonly<Record<string, number>> = {
  ...{ NaN: Number.NaN, inf: Number.POSITIVE_INFINITY, '-inf': Number.NEGATIVE_INFINITY },
  ...{ Infinity: Number.POSITIVE_INFINITY, '-Infinity': Number.NEGATIVE_INFINITY },
};
const NAME_GROUPS = ['Alphabetic', 'Ideographic', 'Phonetic'] as const;
const MAX_DECIMAL = 16;
const NUMERIC_STRINGS: ReadonlySet<string> = new Set(['DS', 'IS']);
const LONG_TEXTS: ReadonlySet<string> = new Set(['LT', 'ST', 'UR', 'UT']);
const TEXTS: ReadonlySet<string> = new Set([
  ...['AE', 'AS', 'CS', 'DA', 'DS', 'DT', 'IS', 'LO', 'LT', 'PN', 'SH', 'ST', 'TM', 'UC', 'UI', 'UR', 'UT'],
]);

/** `write` gives the position behind what it wrote. */
type BinaryNumber = { readonly bytes: number; readonly write: (out: Buffer, value: unknown, at: number) => number };
const NUMBERS: Readonly<Record<string, BinaryNumber>> = {
  US: { bytes: 2, write: (out, value, at) => out.writeUInt16LE(integer(value), at) },
  SS: { bytes: 2, write: (out, value, at) => out.writeInt16LE(integer(value), at) },
  UL: { bytes: 4, write: (out, value, at) => out.writeUInt32LE(integer(value), at) },
  SL: { bytes: 4, write: (out, value, at) => out.writeInt32LE(integer(value), at) },
  UV: { bytes: 8, write: (out, value, at) => out.writeBigUInt64LE(big(value), at) },
  SV: { bytes: 8, write: (out, value, at) => out.writeBigInt64LE(big(value), at) },
  FL: { bytes: 4, write: (out, value, at) => out.writeFloatLE(real(value), at) },
  FD: { bytes: 8, write: (out, value, at) => out.writeDoubleLE(real(value), at) },
  AT: {
    bytes: 4,
    write: (out, value, at) => {
      if (typeof value !== 'string' || !/^[0-9A-Fa-f]{8}$/.test(value)) return 0;
      out.writeUInt16LE(Number.parseInt(value.slice(0, 4), 16), at);
      return out.writeUInt16LE(Number.parseInt(value.slice(4), 16), at + 2);
    },
  },
};

/**
 * Values as PostgreSQL reads them in binary (PostgreSQL §53.7, the `…recv` functions of its types): rows for COPY and arrays for parameters.
 * Pure: values in, bytes out. A server that reads texts parses every number, id and time of them; here each is written once.
 */

export type ColumnType = 'boolean' | 'smallint' | 'int' | 'bigint' | 'text' | 'uuid' | 'timestamptz' | 'bytea' | 'text[]' | 'bigint[]';

/** What a value needs at most, and how it is written; `write` returns where the next one begins. */
type Encoding<T> = { most(value: T): number; write(to: Buffer, at: number, value: T): number };

/** Rows for `COPY … FROM STDIN (FORMAT binary)` (PostgreSQL, COPY, Binary Format). null and undefined: no value. */
export function copyData(types: readonly ColumnType[], rows: readonly (readonly unknown[])[]): Buffer {
  const encodings = types.map((type) => ENCODINGS[type]);
  let most = COPY_HEADER.length + 2;
  for (const row of rows) {
    most += 2;
    for (let column = 0; column < encodings.length; column++) most += mostOf(encodings[column] as Encoding<unknown>, row[column]);
  }
  const to = Buffer.allocUnsafe(most);
  let at = COPY_HEADER.copy(to);
  for (const row of rows) {
    at = to.writeInt16BE(encodings.length, at);
    for (let column = 0; column < encodings.length; column++) at = writeField(to, at, encodings[column] as Encoding<unknown>, row[column]);
  }
  at = to.writeInt16BE(-1, at);
  return to.subarray(0, at);
}

/** Signature, no flags, no extension of the header. */
const COPY_HEADER = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');

function mostOf(encoding: Encoding<unknown>, value: unknown): number {
  return value === null || value === undefined ? 4 : 4 + encoding.most(value);
}

/** A length, and as many bytes; -1 and none for no value. */
function writeField(to: Buffer, at: number, encoding: Encoding<unknown>, value: unknown): number {
  if (value === null || value === undefined) return to.writeInt32BE(-1, at);
  const end = encoding.write(to, at + 4, value);
  to.writeInt32BE(end - at - 4, at);
  return end;
}

function fixed<T>(bytes: number, put: (to: Buffer, at: number, value: T) => void): Encoding<T> {
  return {
    most: () => bytes,
    write: (to, at, value) => {
      put(to, at, value);
      return at + bytes;
    },
  };
}

/** Whole numbers that a double holds: `seq`, and the 53-bit hashes of tokens. */
function putBigint(to: Buffer, at: number, value: number): void {
  if (!Number.isSafeInteger(value)) throw new RangeError('a bigint is a whole number of 53 bits here');
  const high = Math.floor(value / 2 ** 32);
  to.writeInt32BE(high, at);
  to.writeUInt32BE(value - high * 2 ** 32, at + 4);
}

/** Microseconds since 2000: of a far day more than a double holds, so that the halves are counted one by one. */
function putTime(to: Buffer, at: number, value: Date): void {
  const ms = value.getTime() - YEAR_2000_MS;
  if (Number.isNaN(ms)) throw new RangeError('no time');
  const high = Math.floor(ms / 2 ** 32);
  const low = (ms - high * 2 ** 32) * 1000;
  const carried = Math.floor(low / 2 ** 32);
  to.writeInt32BE(high * 1000 + carried, at);
  to.writeUInt32BE(low - carried * 2 ** 32, at + 4);
}

const YEAR_2000_MS = 946_684_800_000;

function putUuid(to: Buffer, at: number, value: string): void {
  if (value.length !== UUID_LENGTH) throw new TypeError('no UUID');
  let end = at;
  for (let index = 0; index < UUID_LENGTH; index += 2) {
    if (value.charCodeAt(index) === HYPHEN) index++;
    to[end++] = (nibble(value.charCodeAt(index)) << 4) | nibble(value.charCodeAt(index + 1));
  }
}

const UUID_LENGTH = 36;
const HYPHEN = 0x2d;

function nibble(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  if (code >= 0x61 && code <= 0x66) return code - 0x57;
  if (code >= 0x41 && code <= 0x46) return code - 0x37;
  throw new TypeError('no UUID');
}

/** Most texts are short and ASCII: cheaper letter by letter than by a call out of the engine. */
function writeText(to: Buffer, at: number, value: string): number {
  if (value.length > SHORT) return at + to.write(value, at);
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index);
    if (code > 0x7f) return at + to.write(value, at);
    to[at + index] = code;
  }
  return at + value.length;
}

const SHORT = 64;

const TEXT: Encoding<string> = { most: (value) => value.length * 3, write: writeText };
const BIGINT = fixed<number>(8, putBigint);

/** One dimension that begins at 1: dimensions, flags, the type of the elements, how many there are. */
function arrayOf<T>(oid: number, element: Encoding<T>): Encoding<readonly T[]> {
  return {
    most: (values) => {
      let most = 20;
      for (const value of values) most += mostOf(element as Encoding<unknown>, value);
      return most;
    },
    write: (to, start, values) => {
      let at = to.writeInt32BE(values.length === 0 ? 0 : 1, start);
      // Whether there may be nulls: the server looks at the lengths.
      at = to.writeInt32BE(1, at);
      at = to.writeInt32BE(oid, at);
      if (values.length === 0) return at;
      at = to.writeInt32BE(values.length, at);
      at = to.writeInt32BE(1, at);
      for (const value of values) at = writeField(to, at, element as Encoding<unknown>, value);
      return at;
    },
  };
}

// biome-ignore format: a row a type
const ENCODINGS: { readonly [type in ColumnType]: Encoding<never> } = {
  boolean:     fixed<boolean>(1, (to, at, value) => to.writeUInt8(value ? 1 : 0, at)),
  smallint:    fixed<number>(2, (to, at, value) => to.writeInt16BE(value, at)),
  int:         fixed<number>(4, (to, at, value) => to.writeInt32BE(value, at)),
  bigint:      BIGINT,
  text:        TEXT,
  uuid:        fixed<string>(16, putUuid),
  timestamptz: fixed<Date>(8, putTime),
  bytea:       { most: (value: Buffer) => value.length, write: (to: Buffer, at: number, value: Buffer) => at + value.copy(to, at) },
  'text[]':    arrayOf(25, TEXT),
  'bigint[]':  arrayOf(20, BIGINT),
};

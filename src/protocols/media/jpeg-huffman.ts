/**
 * Huffman codes of sequential JPEG (ITU-T T.81 Annex C, F.1.2, F.2.2, K.3). In: a table as a DHT segment has it. Out: what decodes and encodes
 * by it. Promises: a read beyond the end gives zeros; the reader says that it went too far.
 */

/** `counts`: codes of 1 to 16 bits; `symbols` in the order of their codes. */
export type HuffmanTable = { readonly counts: Buffer; readonly symbols: Buffer };

/** By the next 16 bits: length of the code × 256 + symbol; 0 where there is none. */
export type HuffmanDecoder = Uint16Array;

export function decoderOf({ counts, symbols }: HuffmanTable): HuffmanDecoder {
  const decoder = new Uint16Array(65_536);
  let [code, at] = [0, 0];
  for (let length = 1; length <= 16; length++) {
    for (let n = 0; n < (counts[length - 1] ?? 0); n++, code++, at++) {
      const first = code << (16 - length);
      decoder.fill((length << 8) | (symbols[at] ?? 0), first, Math.min(65_536, first + (1 << (16 - length))));
    }
    code <<= 1;
  }
  return decoder;
}

/** By symbol: code × 32 + length; 0 where there is none. */
export function encoderOf({ counts, symbols }: HuffmanTable): Uint32Array {
  const encoder = new Uint32Array(256);
  let [code, at] = [0, 0];
  for (let length = 1; length <= 16; length++) {
    for (let n = 0; n < (counts[length - 1] as number); n++, code++, at++) encoder[symbols[at] as number] = code * 32 + length;
    code <<= 1;
  }
  return encoder;
}

export class BitReader {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;

  /** The bytes from `start` to `end`, without stuffing; there are three more behind `end`. In bits all the while. */
  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes;
    this.#at = start * 8;
    this.#end = end * 8;
  }

  get isBeyond(): boolean {
    return this.#at > this.#end;
  }

  peek16(): number {
    const at = Math.min(this.#at, this.#end);
    const byte = at >> 3;
    const bytes = this.#bytes;
    const three = ((bytes[byte] as number) << 16) | ((bytes[byte + 1] as number) << 8) | (bytes[byte + 2] as number);
    return (three >> (8 - (at & 7))) & 0xffff;
  }

  skip(bits: number): void {
    this.#at += bits;
  }

  /** The next symbol; -1 where no code begins. */
  symbol(decoder: HuffmanDecoder): number {
    const found = decoder[this.peek16()] as number;
    if (found === 0) return -1;
    this.#at += found >> 8;
    return found & 0xff;
  }

  /** RECEIVE and EXTEND (F.2.2.1, F.2.2.4). */
  value(size: number): number {
    if (size === 0) return 0;
    const bits = this.peek16() >> (16 - size);
    this.#at += size;
    return bits < 1 << (size - 1) ? bits - (1 << size) + 1 : bits;
  }
}

export class BitWriter {
  #bytes: Buffer = Buffer.allocUnsafe(1 << 16);
  #length = 0;
  #bits = 0;
  #count = 0;

  /** At most 16 bits. */
  write(value: number, length: number): void {
    this.#bits = (this.#bits << length) | (value & ((1 << length) - 1));
    this.#count += length;
    while (this.#count >= 8) {
      this.#count -= 8;
      const byte = (this.#bits >> this.#count) & 0xff;
      this.#put(byte);
      // Stuffing (F.1.2.3).
      if (byte === 0xff) this.#put(0);
    }
    this.#bits &= (1 << this.#count) - 1;
  }

  /** What was written, filled with ones. */
  end(): Buffer {
    if (this.#count > 0) this.write(0x7f, 8 - this.#count);
    return this.#bytes.subarray(0, this.#length);
  }

  #put(byte: number): void {
    if (this.#length === this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes, Buffer.allocUnsafe(this.#length)]);
    this.#bytes[this.#length++] = byte;
  }
}

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');

/** K.3.3: they have a code for every symbol of baseline. */
export const STANDARD_TABLES: readonly { readonly dc: HuffmanTable; readonly ac: HuffmanTable }[] = [
  {
    dc: { counts: bytes('00010501010101010100000000000000'), symbols: bytes('000102030405060708090a0b') },
    ac: {
      counts: bytes('0002010303020403050504040000017d'),
      symbols: bytes(
        '01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a4344454647' +
          '48494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9ba' +
          'c2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa',
      ),
    },
  },
  {
    dc: { counts: bytes('00030101010101010101010000000000'), symbols: bytes('000102030405060708090a0b') },
    ac: {
      counts: bytes('00020102040403040705040400010277'),
      symbols: bytes(
        '000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f11718191a262728292a35363738393a43444546' +
          '4748494a535455565758595a636465666768696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8' +
          'b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa',
      ),
    },
  },
];

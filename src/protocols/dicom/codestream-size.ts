/**
 * How large an image its code stream says it is, and of how many bits a sample, before anything decodes it: a decoder makes room for what is
 * said there, and gives as many bytes.
 * JPEG and JPEG-LS by the frame header (ISO/IEC 10918-1 §B.2.2, 14495-1 §C.2.2), JPEG 2000 and HTJ2K by SIZ (ISO/IEC 15444-1 §A.5.1),
 * JPEG XL by SizeHeader (ISO/IEC 18181-1 §D.2), which does not say how many components there are, nor of how many bits.
 */
export type ImageSize = {
  readonly rows: number;
  readonly columns: number;
  readonly components: number | null;
  /** Of the longest samples. */
  readonly bits: number | null;
};

/** Null when it does not say so. */
export function codestreamSize(stream: Buffer): ImageSize | null {
  const start = stream.length >= 2 ? stream.readUInt16BE(0) : 0;
  if (start === START_OF_IMAGE) return jpegSize(stream);
  if (start === START_OF_JPEG_XL) return jpegXlSize(stream.subarray(2));
  return start === START_OF_CODESTREAM ? jpeg2000Size(stream) : null;
}

function jpegSize(stream: Buffer): ImageSize | null {
  for (let at = 2; at + 10 <= stream.length; ) {
    const marker = stream.readUInt16BE(at);
    if (marker === 0xffff) at++;
    else if (marker >>> 8 !== 0xff) return null;
    else if (FRAME_HEADERS.has(marker))
      return {
        ...{ rows: stream.readUInt16BE(at + 5), columns: stream.readUInt16BE(at + 7) },
        ...{ components: stream[at + 9] ?? 0, bits: stream[at + 4] ?? 0 },
      };
    else at += 2 + stream.readUInt16BE(at + 2);
  }
  return null;
}

function jpeg2000Size(stream: Buffer): ImageSize | null {
  if (stream.length < 42 || stream.readUInt16BE(2) !== SIZE) return null;
  const at = (offset: number) => stream.readUInt32BE(offset);
  const [columns, rows] = [at(8) - at(16), at(12) - at(20)];
  // A tile larger than the image, or a great number of tiles, is room for nothing.
  const [across, down] = [Math.ceil(at(8) / at(24)), Math.ceil(at(12) / at(28))];
  const components = stream.readUInt16BE(40);
  const said = stream.subarray(42, 42 + 3 * components);
  const each = Array.from({ length: Math.floor(said.length / 3) }, (_, index) => said.subarray(3 * index, 3 * index + 3));
  // Decoders read components that have fewer samples as if they had all.
  const isWhole = each.length === components && each.every(([, wide, high]) => wide === 1 && high === 1);
  const bits = each.reduce((most, [sample = 0]) => Math.max(most, (sample & 0x7f) + 1), 0);
  return isWhole && across * down <= MAX_TILES ? { rows, columns, components, bits } : null;
}

/** Bits from the least significant one on. */
function jpegXlSize(header: Buffer): ImageSize | null {
  if (header.length < 10) return null;
  let bits = header.readBigUInt64LE(0) | (BigInt(header.readUInt16LE(8)) << 64n);
  const take = (count: number): number => {
    const value = Number(bits & ((1n << BigInt(count)) - 1n));
    bits >>= BigInt(count);
    return value;
  };
  const isSmall = take(1) === 1;
  const side = (): number => (isSmall ? (take(5) + 1) * 8 : take(SIDE_BITS[take(2)] as number) + 1);
  const rows = side();
  const [across, down] = RATIOS[take(3)] ?? [0, 1];
  return { rows, columns: across === 0 ? side() : Math.floor((rows * across) / down), components: null, bits: null };
}

const START_OF_IMAGE = 0xffd8;
const START_OF_JPEG_XL = 0xff0a;
const SIDE_BITS = [9, 13, 18, 30] as const;
/** Columns to rows; the first one says that columns follow. */
const RATIOS = [
  [0, 1],
  [1, 1],
  [12, 10],
  [4, 3],
  [3, 2],
  [16, 9],
  [5, 4],
  [2, 1],
] as const;
const START_OF_CODESTREAM = 0xff4f;
const SIZE = 0xff51;
const MAX_TILES = 65_535;
/** SOF0 … SOF15 without DHT, JPG and DAC; SOF55 is JPEG-LS. */
const FRAME_HEADERS: ReadonlySet<number> = new Set([
  ...[0xffc0, 0xffc1, 0xffc2, 0xffc3, 0xffc5, 0xffc6, 0xffc7],
  ...[0xffc9, 0xffca, 0xffcb, 0xffcd, 0xffce, 0xffcf, 0xfff7],
]);

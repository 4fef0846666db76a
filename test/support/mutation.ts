/** Bytes made wrong in the ways that break readers: bits, lengths, tags, halves, repetitions. The same for the same random numbers. */

type Random = () => number;
type Change = (bytes: Buffer, random: Random, other: Buffer) => Buffer;

/** One to four changes; `other` is where foreign bytes come from. */
export function mutated(bytes: Buffer, random: Random, other: Buffer): Buffer {
  let made = Buffer.from(bytes);
  for (let left = 1 + below(random, 4); left > 0 && made.length > 0; left--) {
    const change = CHANGES[below(random, CHANGES.length)] as Change;
    made = Buffer.from(change(made, random, other));
  }
  return made;
}

export function below(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

function flipBits(bytes: Buffer, random: Random): Buffer {
  for (let left = 1 + below(random, 8); left > 0; left--) {
    const at = below(random, bytes.length);
    bytes[at] = (bytes[at] as number) ^ (1 << below(random, 8));
  }
  return bytes;
}

/** A length, a tag or a count that lies, in either byte order. */
function overwrite(bytes: Buffer, random: Random): Buffer {
  const value = VALUES[below(random, VALUES.length)] as Buffer;
  value.copy(bytes, below(random, bytes.length));
  return bytes;
}

function cutShort(bytes: Buffer, random: Random): Buffer {
  return bytes.subarray(0, below(random, bytes.length));
}

function takeOut(bytes: Buffer, random: Random): Buffer {
  const [from, to] = range(bytes, random);
  return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
}

function repeat(bytes: Buffer, random: Random): Buffer {
  const [from, to] = range(bytes, random);
  const times = 1 + below(random, 40);
  return Buffer.concat([bytes.subarray(0, to), ...Array.from({ length: times }, () => bytes.subarray(from, to)), bytes.subarray(to)]);
}

function putForeign(bytes: Buffer, random: Random, other: Buffer): Buffer {
  const [from, to] = range(other, random);
  const at = below(random, bytes.length);
  return Buffer.concat([bytes.subarray(0, at), other.subarray(from, to), bytes.subarray(at)]);
}

/** Sequences in sequences, deeper than anybody means. */
function nest(bytes: Buffer, random: Random): Buffer {
  const at = below(random, bytes.length) & ~1;
  const depth = 1 + below(random, 3_000);
  return Buffer.concat([bytes.subarray(0, at), ...Array.from({ length: depth }, () => SEQUENCE_AND_ITEM), bytes.subarray(at)]);
}

function range(bytes: Buffer, random: Random): [number, number] {
  const from = below(random, bytes.length);
  return [from, Math.min(bytes.length, from + 1 + below(random, 64))];
}

const CHANGES: readonly Change[] = [flipBits, flipBits, overwrite, overwrite, overwrite, cutShort, takeOut, repeat, putForeign, nest];

const VALUES: readonly Buffer[] = [
  ...['ffffffff', '00000000', 'ffffff7f', '7fffffff', '00000080', 'feffffff', 'fffffffe', 'ffff', '0000', '0100', '00'],
  // Item, its end, the end of a sequence, pixel data, a sequence in explicit VR, UN of undefined length, no VR at all.
  ...['feff00e0', 'feff0de0', 'feffdde0', 'e07f1000', '53510000ffffffff', '554e0000ffffffff', '5a5a', '0d0a0d0a', '2d2d'],
].map((hex) => Buffer.from(hex, 'hex'));

/** (0008,1140) SQ and an item, both of undefined length (PS3.5 §7.5.1). */
const SEQUENCE_AND_ITEM = Buffer.from('0800401153510000fffffffffeff00e0ffffffff', 'hex');

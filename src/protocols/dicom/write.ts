/**
 * Writes a dataset of our own making, Explicit VR Little Endian (PS3.5 §7.1.2) or Implicit (§7.1.3), text in UTF-8 (ISO_IR 192) unless the
 * caller encodes it otherwise.
 * In: elements in any order. Out: bytes with ascending tags and even lengths. What was received is never written anew by this.
 */
export type ElementValue = string | number | readonly number[] | Buffer | readonly DatasetElement[][];
/** Tag as group × 10000H + element. A string may hold several values, parted by backslashes; items of a sequence are datasets. */
export type DatasetElement = readonly [tag: number, vr: string, value: ElementValue];

/** Bytes of a value that is text. */
export type EncodeText = (text: string, vr: string) => Buffer;

/** The bytes of a dataset. */
export function writeDataset(elements: readonly DatasetElement[], explicit = true, encode: EncodeText = inUtf8): Buffer {
  return Buffer.concat([...elements].sort(([a], [b]) => a - b).map((element) => writeElement(element, explicit, encode)));
}

const inUtf8: EncodeText = (text) => Buffer.from(text);

function writeElement([tag, vr, value]: DatasetElement, explicit: boolean, encode: EncodeText): Buffer {
  const bytes = evened(valueBytes(vr, value, explicit, encode), vr);
  const long = explicit && LONG_VRS.has(vr);
  const header = Buffer.alloc(long ? 12 : 8);
  header.writeUInt16LE(tag >>> 16, 0);
  header.writeUInt16LE(tag & 0xffff, 2);
  if (!explicit) {
    header.writeUInt32LE(bytes.length, 4);
    return Buffer.concat([header, bytes]);
  }
  header.write(vr, 4, 'latin1');
  if (long) header.writeUInt32LE(bytes.length, 8);
  else header.writeUInt16LE(bytes.length, 6);
  return Buffer.concat([header, bytes]);
}

function valueBytes(vr: string, value: ElementValue, explicit: boolean, encode: EncodeText): Buffer {
  if (typeof value === 'string') return encode(value, vr);
  if (Buffer.isBuffer(value)) return value;
  if (vr === 'SQ') return Buffer.concat((value as readonly DatasetElement[][]).map((item) => writeItem(item, explicit, encode)));
  const numbers = typeof value === 'number' ? [value] : (value as readonly number[]);
  const width = NUMBER_BYTES[vr] ?? 2;
  const bytes = Buffer.alloc(numbers.length * width);
  for (const [index, number] of numbers.entries()) bytes.writeUIntLE(number, index * width, width);
  return bytes;
}

function writeItem(elements: readonly DatasetElement[], explicit: boolean, encode: EncodeText): Buffer {
  const bytes = writeDataset(elements, explicit, encode);
  const header = Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
  header.writeUInt32LE(bytes.length, 4);
  return Buffer.concat([header, bytes]);
}

/** PS3.5 §6.2: text is padded with a space, UIDs and bytes with NUL. */
function evened(bytes: Buffer, vr: string): Buffer {
  if (bytes.length % 2 === 0) return bytes;
  return Buffer.concat([bytes, Buffer.from(NUL_PADDED.has(vr) ? [0] : [0x20])]);
}

const NUL_PADDED: ReadonlySet<string> = new Set(['UI', 'OB', 'OW', 'UN']);
const NUMBER_BYTES: Readonly<Record<string, number>> = { US: 2, UL: 4 };
/** VRs with a 32-bit length (PS3.5 Table 7.1-1). */
const LONG_VRS: ReadonlySet<string> = new Set(['OB', 'OW', 'SQ', 'UN', 'UC', 'UR', 'UT']);

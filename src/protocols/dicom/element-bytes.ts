/**
 * Elements as bytes, in whichever encoding the dataset has that they are put into (PS3.5 §7.1, Annex A).
 * In: a tag, a VR and a value: text (encoded as the dataset's Specific Character Set says), bytes that are already as they shall stand,
 * or items. Out: bytes, or a Failure `invalid` where the value has no place in that VR. Of values, failures say nothing.
 */
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import { decodeText } from './charset.ts';
import { encodeText } from './charset-encode.ts';
import { SHORT_LENGTH_VRS } from './dataset-walker.ts';
import { CHARSET_VRS, keyOf } from './value-json.ts';

export type Encoding = { readonly explicit: boolean; readonly bigEndian: boolean };

export type NewElement = {
  readonly tag: number;
  readonly vr: string;
  /** Bytes are as they stand elsewhere in the dataset: text among them is in its character set. */
  readonly value: string | Buffer | readonly NewItem[];
};
export type NewItem = readonly NewElement[];

/** What the dataset says of itself that its elements must keep to. */
export type Setting = Encoding & {
  readonly charsets: readonly string[];
  /** What the text was in that stands there as bytes, where it is taken to another character set. */
  readonly former?: readonly string[];
};

/** The code of a Failure of text that the character set has no bytes for: another set may have. */
export const UNENCODABLE = 'unsupported-type';

export function elementBytes(element: NewElement, setting: Setting): Buffer | Failure {
  const value = valueBytes(element, setting);
  if (isFailure(value)) return value;
  const longest = setting.explicit && SHORT_LENGTH_VRS.has(element.vr) ? MAX_SHORT_LENGTH : MAX_LENGTH;
  if (value.length > longest) return failure('dicom', 'invalid', `${keyOf(element.tag)} is too long for VR ${element.vr}`);
  return Buffer.concat([elementHeader(element.tag, element.vr, value.length, setting), value]);
}

/** Tag, VR and length. */
export function elementHeader(tag: number, vr: string, length: number, { explicit, bigEndian }: Encoding): Buffer {
  const long = explicit && !SHORT_LENGTH_VRS.has(vr);
  const header = Buffer.alloc(long ? 12 : 8);
  const uint16 = (value: number, at: number) => (bigEndian ? header.writeUInt16BE(value, at) : header.writeUInt16LE(value, at));
  const uint32 = (value: number, at: number) => (bigEndian ? header.writeUInt32BE(value, at) : header.writeUInt32LE(value, at));
  uint16(tag >>> 16, 0);
  uint16(tag & 0xffff, 2);
  if (!explicit || tag >>> 16 === ITEM_GROUP) {
    uint32(length, 4);
    return header.subarray(0, 8);
  }
  header.write(vr, 4, 'latin1');
  if (long) uint32(length, 8);
  else uint16(length, 6);
  return header;
}

/** How long a value may be (PS3.5 Table 6.2-1), or null where it fits. Characters count, not bytes; each component group of a name by itself. */
export function faultOfText(vr: string, text: string): string | null {
  const most = MAX_CHARACTERS[vr];
  if (most === undefined) return null;
  if (text.includes('\\')) return 'has a backslash';
  const parts = vr === 'PN' ? text.split('=') : [text];
  const longest = Math.max(...parts.map((part) => [...part].length));
  return longest > most ? `has ${longest} characters, ${vr} takes ${most}` : null;
}

function valueBytes({ tag, vr, value }: NewElement, setting: Setting): Buffer | Failure {
  const { former } = setting;
  if (Buffer.isBuffer(value) && former && CHARSET_VRS.has(vr))
    return valueBytes({ tag, vr, value: decodeText(value, former, vr).replace(/[\0 ]+$/, '') }, setting);
  if (Buffer.isBuffer(value)) return evened(value, vr);
  if (typeof value !== 'string') return itemsBytes(value, setting);
  const bytes = CHARSET_VRS.has(vr) ? encodeText(value, setting.charsets, vr) : Buffer.from(value, 'latin1');
  return bytes ? evened(bytes, vr) : failure('dicom', UNENCODABLE, `${keyOf(tag)} has no place in the character set of the object`);
}

export function itemsBytes(items: readonly NewItem[], setting: Setting): Buffer | Failure {
  const pieces: Buffer[] = [];
  for (const item of items) {
    const elements: Buffer[] = [];
    for (const element of [...item].sort((a, b) => a.tag - b.tag)) {
      const bytes = elementBytes(element, setting);
      if (isFailure(bytes)) return bytes;
      elements.push(bytes);
    }
    const content = Buffer.concat(elements);
    pieces.push(elementHeader(ITEM, '', content.length, setting), content);
  }
  return Buffer.concat(pieces);
}

/** PS3.5 §6.2: text is padded with a space, UIDs and bytes with NUL. */
function evened(bytes: Buffer, vr: string): Buffer {
  if (bytes.length % 2 === 0) return bytes;
  return Buffer.concat([bytes, Buffer.from(NUL_PADDED.has(vr) ? [0] : [0x20])]);
}

export const ITEM = 0xfffee000;
const ITEM_GROUP = 0xfffe;
const MAX_SHORT_LENGTH = 0xfffe;
const MAX_LENGTH = 0xfffffffe;
const NUL_PADDED: ReadonlySet<string> = new Set(['UI', 'OB', 'OW', 'OD', 'OF', 'OL', 'OV', 'UN']);
/** PS3.5 Table 6.2-1: maximum number of characters of one value. */
const MAX_CHARACTERS: Readonly<Record<string, number>> = { AE: 16, CS: 16, LO: 64, PN: 64, SH: 16, UI: 64 };

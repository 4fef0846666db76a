/**
 * A whole dataset in the DICOM JSON Model (PS3.18 Annex F), written while it is walked: small bytes as InlineBinary, large values
 * as BulkDataURI. In: the calls of a DatasetWalker. Out: pieces of text, UTF-8 by content, in the order of the dataset.
 * A BulkDataURI is written relative to the instance (`./bulkdata/54000100/1/54001010`: tags, and items counted from 1), for the
 * address of the service is not known here: `withBase` gives it its place.
 */
import type { DatasetSink, WalkedElement } from './dataset-walker.ts';
import { isSignedByPixels } from './dictionary.ts';
import { keyOf, valuesOf } from './value-json.ts';

export type MetadataJson = {
  readonly sink: DatasetSink;
  /** What was written since the last call. */
  take(): string;
  /** Closes the outermost object: call once, after the walk. */
  end(): string;
};

/** Longer bytes are left to their URI. */
const MAX_INLINE_BYTES = 1024;
/** Longer text and lists of numbers too (PS3.18 §10.4.1.1.2). */
const MAX_VALUE_BYTES = 1024 * 1024;

/** The dataset or item that is written, or a sequence between two. */
type Level = { path: string; separator: string; charsets: readonly string[]; signed: boolean; items: number };

export function metadataJson(): MetadataJson {
  let out = '{';
  const levels: Level[] = [{ path: '', separator: '', charsets: [], signed: false, items: 0 }];
  const top = (): Level => levels.at(-1) as Level;
  const member = (tag: number, vr: string, rest = ''): void => {
    out += `${top().separator}"${keyOf(tag)}":{"vr":"${vr}"${rest}`;
    top().separator = ',';
  };
  const sink: DatasetSink = {
    wants: (element) => !isBulk(element),
    value: (element, value) => {
      const { tag, bigEndian } = element;
      const level = top();
      if (isLeftOut(tag)) return;
      if (tag === SPECIFIC_CHARACTER_SET) {
        level.charsets = value.toString('latin1').split('\\');
        return member(tag, 'CS', ',"Value":["ISO_IR 192"]}');
      }
      if (tag === PIXEL_REPRESENTATION) level.signed = value[bigEndian ? 1 : 0] === 1;
      const vr = vrIn(element, level);
      if (value.length === 0) return member(tag, vr, '}');
      const values = valuesOf({ vr, value, bigEndian }, level.charsets);
      if (values) member(tag, vr, values.length > 0 ? `,"Value":${JSON.stringify(values)}}` : '}');
      else member(tag, vr, `,"InlineBinary":"${inLittleEndian(value, bigEndian, vr).toString('base64')}"}`);
    },
    passed: (element) => {
      if (isLeftOut(element.tag)) return;
      member(
        element.tag,
        vrIn(element, top()),
        element.length === 0 ? '}' : `,"BulkDataURI":"./bulkdata/${top().path}${keyOf(element.tag)}"}`,
      );
    },
    entered: ({ tag }) => {
      member(tag, 'SQ');
      levels.push({ ...top(), path: `${top().path}${keyOf(tag)}/`, items: 0 });
      return true;
    },
    left: () => {
      out += top().items > 0 ? ']}' : '}';
      levels.pop();
    },
    itemEntered: () => {
      const sequence = top();
      out += sequence.items === 0 ? ',"Value":[{' : ',{';
      sequence.items++;
      levels.push({ ...sequence, path: `${sequence.path}${sequence.items}/`, separator: '' });
    },
    itemLeft: () => {
      out += '}';
      levels.pop();
    },
  };
  const take = (): string => {
    const text = out;
    out = '';
    return text;
  };
  return { sink, take, end: () => `${take()}}` };
}

/** Text of whole instances with its URIs made absolute; `instanceUrl` is that of the instance. Quotes within values are escaped: only members match. */
export function withBase(json: string, instanceUrl: string): string {
  return json.replaceAll('"BulkDataURI":"./', `"BulkDataURI":"${instanceUrl}/`);
}

function isBulk({ tag, vr, length }: WalkedElement): boolean {
  if (PIXELS.has(tag)) return length > 0;
  return length > (BYTE_WIDTHS[vr] === undefined ? MAX_VALUE_BYTES : MAX_INLINE_BYTES);
}

/** PS3.19 §A.1: Group Length, Length to End and padding are of the encoding, not of the object. */
function isLeftOut(tag: number): boolean {
  return (tag & 0xffff) === 0 || tag === LENGTH_TO_END || tag === TRAILING_PADDING;
}

function vrIn({ tag, vr, implied }: WalkedElement, { signed }: Level): string {
  return implied && signed && vr === 'US' && isSignedByPixels(tag) ? 'SS' : vr;
}

/** PS3.18 §F.2.7: the bytes of InlineBinary are those of a little-endian dataset. */
export function inLittleEndian(value: Buffer, bigEndian: boolean, vr: string): Buffer {
  const width = BYTE_WIDTHS[vr] ?? 1;
  if (!bigEndian || width === 1 || value.length % width !== 0) return value;
  const swapped = Buffer.from(value);
  return width === 2 ? swapped.swap16() : width === 4 ? swapped.swap32() : swapped.swap64();
}

const LENGTH_TO_END = 0x00080001;
const SPECIFIC_CHARACTER_SET = 0x00080005;
const PIXEL_REPRESENTATION = 0x00280103;
const TRAILING_PADDING = 0xfffcfffc;
const PIXELS: ReadonlySet<number> = new Set([0x7fe00008, 0x7fe00009, 0x7fe00010]);
/** VRs of bytes (PS3.5 §6.2), and how many of them change places with the byte order. */
const BYTE_WIDTHS: Readonly<Record<string, number>> = { OB: 1, UN: 1, OW: 2, OF: 4, OL: 4, OD: 8, OV: 8 };

/**
 * An object of our own making as a dataset, Explicit VR Little Endian. In: its elements, what of them is copied from a stored object, and
 * the character sets of that object. Out: bytes, the same for the same input; a Failure that names the element whose value its VR cannot
 * hold (PS3.5 §6.2): nothing is cut.
 * Text is written in the character sets of the stored object where all of it has a place there, else in UTF-8 (ISO_IR 192).
 */
import { type Failure, failure } from '../../model/failure.ts';
import { encodeText } from './charset-encode.ts';
import { EXPLICIT_LITTLE_ENDIAN } from './transfer-syntax.ts';
import { keyOf } from './value-json.ts';
import { type DatasetElement, writeDataset } from './write.ts';

export type ComposedObject = {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly studyUid: string;
  readonly seriesUid: string;
  readonly transferSyntax: string;
  readonly dataset: Buffer;
};

export type Composition = {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly studyUid: string;
  readonly seriesUid: string;
  /** All but the four UIDs above and Specific Character Set. */
  readonly elements: readonly DatasetElement[];
  /** Values as a stored object has them: they stand as they are, whatever their length. */
  readonly copied: readonly DatasetElement[];
  readonly charsets: readonly string[];
};

export function composeObject(composition: Composition): ComposedObject | Failure {
  const { sopClassUid, sopInstanceUid, studyUid, seriesUid, copied } = composition;
  const elements: DatasetElement[] = [
    [0x00080016, 'UI', sopClassUid],
    [0x00080018, 'UI', sopInstanceUid],
    [0x0020000d, 'UI', studyUid],
    [0x0020000e, 'UI', seriesUid],
    ...composition.elements,
  ];
  const broken = elements.map(faultOf).find((fault) => fault !== null);
  if (broken) return failure('dicom', 'invalid', broken);
  const own = new Set(elements.map(([tag]) => tag));
  const all = [...copied.filter(([tag]) => !own.has(tag)), ...elements];
  const uids = { sopClassUid, sopInstanceUid, studyUid, seriesUid, transferSyntax: EXPLICIT_LITTLE_ENDIAN };
  return { ...uids, dataset: written(all, composition.charsets) };
}

/** Whether a value of this VR can hold the text, as one value. */
export function holds(vr: string, text: string): boolean {
  const most = MOST[vr];
  if (vr === 'PN') return !/[\\\r\n]/.test(text) && text.split('=').every((group) => [...group].length <= 64);
  if (ONE_LINE.has(vr) && /[\\\p{Cc}]/u.test(text)) return false;
  return most === undefined || [...text].length <= most;
}

/** Why an element cannot be written, by its tag: values may be of a patient. */
function faultOf([tag, vr, value]: DatasetElement): string | null {
  if (vr === 'SQ')
    return (value as readonly DatasetElement[][]).flatMap((item) => item.map(faultOf)).find((fault) => fault !== null) ?? null;
  if (typeof value !== 'string' || isHeldBy(vr, value)) return null;
  return `the value of (${keyOf(tag).slice(0, 4)},${keyOf(tag).slice(4)}) is none of VR ${vr}: ${MOST[vr] ?? 64} characters at most, on one line`;
}

function isHeldBy(vr: string, value: string): boolean {
  if (!PARTED.has(vr)) return holds(vr, value);
  return value.length <= MAX_SHORT_BYTES && value.split('\\').every((one) => holds(vr, one));
}

function written(elements: readonly DatasetElement[], charsets: readonly string[]): Buffer {
  const texts = elements.flatMap(textsOf);
  const fits = texts.every(([text, vr]) => encodeText(text, charsets, vr) !== null);
  const used = fits ? charsets : UTF_8;
  const declared: DatasetElement[] = used.some((term) => term !== '') ? [[SPECIFIC_CHARACTER_SET, 'CS', used.join('\\')]] : [];
  const encode = (text: string, vr: string): Buffer =>
    CHARSET_VRS.has(vr) ? (encodeText(text, used, vr) as Buffer) : Buffer.from(text, 'latin1');
  return writeDataset([...declared, ...elements], true, encode);
}

function textsOf([, vr, value]: DatasetElement): (readonly [string, string])[] {
  if (vr === 'SQ') return (value as readonly DatasetElement[][]).flatMap((item) => item.flatMap(textsOf));
  return typeof value === 'string' && CHARSET_VRS.has(vr) ? [[value, vr]] : [];
}

const SPECIFIC_CHARACTER_SET = 0x00080005;
const UTF_8 = ['ISO_IR 192'];
/** VRs that Specific Character Set applies to (PS3.5 §6.1.2.2). */
const CHARSET_VRS: ReadonlySet<string> = new Set(['LO', 'LT', 'PN', 'SH', 'ST', 'UC', 'UT']);
const ONE_LINE: ReadonlySet<string> = new Set(['LO', 'SH', 'UC', 'CS', 'DS', 'IS', 'UI', 'DA', 'TM', 'DT']);
/** VRs in which a backslash parts values, and is never part of one. */
const PARTED: ReadonlySet<string> = new Set(['CS', 'DS', 'IS', 'UI', 'DA', 'TM', 'DT']);
/** All values of an element with a 16-bit length (PS3.5 §7.1.2). */
const MAX_SHORT_BYTES = 0xfffe;
/** PS3.5 Table 6.2-1, characters a value. */
const MOST: Readonly<Record<string, number>> = {
  SH: 16,
  CS: 16,
  DS: 16,
  IS: 12,
  LO: 64,
  UI: 64,
  ST: 1024,
  LT: 10240,
  DA: 8,
  TM: 14,
  DT: 26,
};

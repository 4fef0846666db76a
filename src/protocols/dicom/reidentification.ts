/**
 * Re-identification of an object that came back from where others were sent de-identified (PS3.15 §E.1.2, by the map that was kept instead of
 * attributes that are encrypted). In: what stands for what, and the patient and study as the stored study says them. Out: edits.
 * UIDs are put back wherever one stands, the pseudonym where a patient's identifier or name stands, shifted dates where just that date was
 * sent; what the map does not know (an object that was made there has a UID and dates of its own) stays. The object then says nothing of a
 * pseudonym: who reads it shall not learn from it who is who elsewhere.
 */
import { failure } from '../../model/failure.ts';
import type { Edits, Verdict } from './dataset-editor.ts';
import type { WalkedElement } from './dataset-walker.ts';
import { KINDS } from './deidentification.ts';
import type { NewElement, NewItem } from './element-bytes.ts';
import type { DatasetElement } from './write.ts';

export type Originals = {
  /** By the UID that came. */
  readonly uids: ReadonlyMap<string, string>;
  /** YYYYMMDD by YYYYMMDD. */
  readonly dates: ReadonlyMap<string, string>;
  readonly patient: { readonly pseudonym: string; readonly id: string; readonly name: string };
  /** Of the stored study: what stands in place of the same attributes at the root. */
  readonly elements: readonly DatasetElement[];
  /** What this gateway calls itself. */
  readonly system: string;
};

export function reidentification(originals: Originals): Edits {
  const item = contribution(originals.system);
  return {
    put: (path) => (path.length === 0 ? originals.elements.map(asNew) : []),
    supply: [{ tag: CONTRIBUTING_EQUIPMENT, vr: 'SQ', value: [item] }],
    append: (path) => (path.length === 1 && path[0] === CONTRIBUTING_EQUIPMENT ? [item] : []),
    decide: (element) => verdictOf(element),
    decideBy: (element, value) => byValue(element, value, originals),
  };
}

/** Which UIDs an object names, kinds and codes apart: `edits` change nothing, and fill `uids` while the object is walked. */
export function namedUids(): { readonly edits: Edits; readonly uids: ReadonlySet<string> } {
  const uids = new Set<string>();
  const edits: Edits = {
    decide: (element) => (element.vr === 'SQ' ? 'within' : isMapped(element) ? 'ask' : 'keep'),
    decideBy: (_, value) => {
      for (const uid of textsOf(value)) uids.add(uid);
      return uids.size > MAX_UIDS ? failure('dicom', 'too-large', `an object that names more than ${MAX_UIDS} others`) : 'keep';
    },
  };
  return { edits, uids };
}

function verdictOf(element: WalkedElement): Verdict {
  const { tag, vr, length, topLevel } = element;
  if (topLevel && UNTRUE.has(tag)) return 'remove';
  if (vr === 'SQ') return 'within';
  if (isMapped(element)) return 'ask';
  return (vr === 'DA' || vr === 'DT' || IDENTIFIERS.has(tag) || NAMES.has(tag)) && length <= MAX_ASKED_BYTES ? 'ask' : 'keep';
}

function isMapped({ tag, vr, length }: WalkedElement): boolean {
  return vr === 'UI' && !KINDS.has(tag) && length <= MAX_ASKED_BYTES;
}

function byValue({ tag, vr }: WalkedElement, value: Buffer, { uids, dates, patient }: Originals): Verdict {
  const texts = textsOf(value);
  const put = (others: readonly string[]): Verdict =>
    others.every((text, index) => text === texts[index]) ? 'keep' : { tag, vr, value: others.join('\\') };
  if (vr === 'UI') return put(texts.map((uid) => uids.get(uid) ?? uid));
  if (vr === 'DA' || vr === 'DT') return put(texts.map((date) => `${dates.get(date.slice(0, 8)) ?? date.slice(0, 8)}${date.slice(8)}`));
  const isPseudonym = patient.pseudonym !== '' && texts.join('\\') === patient.pseudonym;
  return isPseudonym ? put([NAMES.has(tag) ? patient.name : patient.id]) : 'keep';
}

function textsOf(value: Buffer): string[] {
  return value
    .toString('latin1')
    .replace(/[\0 ]+$/, '')
    .split('\\')
    .map((text) => text.trim());
}

function asNew([tag, vr, value]: DatasetElement): NewElement {
  return { tag, vr, value: typeof value === 'string' ? value : (value as readonly DatasetElement[][]).map((item) => item.map(asNew)) };
}

/** PS3.3 §C.12.1, Contributing Equipment Sequence; without a time, so that the same object is made whenever it comes again. */
function contribution(system: string): NewItem {
  const purpose: NewItem = [
    { tag: 0x00080100, vr: 'SH', value: '109103' },
    { tag: 0x00080102, vr: 'SH', value: 'DCM' },
    { tag: 0x00080104, vr: 'LO', value: 'Modifying Equipment' },
  ];
  return [
    { tag: 0x00080070, vr: 'LO', value: 'Waystation' }, // Manufacturer
    { tag: 0x00081010, vr: 'SH', value: system }, // Station Name
    { tag: 0x0018a003, vr: 'ST', value: 'Re-identified' }, // Contribution Description
    { tag: 0x0040a170, vr: 'SQ', value: [purpose] }, // Purpose of Reference Code Sequence
  ];
}

/** A segmentation names each frame's source; more is held of no object. */
const MAX_UIDS = 200_000;
const CONTRIBUTING_EQUIPMENT = 0x0018a001;
/** The longest value that a 16-bit length has (PS3.5 Table 7.1-2). */
const MAX_ASKED_BYTES = 0xfffe;

/** What was said of the de-identification, and is true no more. */
const UNTRUE: ReadonlySet<number> = new Set([
  0x00120062, // Patient Identity Removed
  0x00120063, // De-identification Method
  0x00120064, // De-identification Method Code Sequence
  0x00280303, // Longitudinal Temporal Information Modified
]);
/** Where a Patient ID stands, and where the text of a structured report may be one (TID 1007). */
const IDENTIFIERS: ReadonlySet<number> = new Set([
  0x00100020, // Patient ID
  0x0040a160, // Text Value
]);
const NAMES: ReadonlySet<number> = new Set([
  0x00100010, // Patient's Name
  0x0040a123, // Person Name
]);

/**
 * De-identification of an object for a destination: PS3.15 Annex E, Basic Application Level Confidentiality Profile with retain options.
 * In: which options, a secret, the destination, and the object's own elements. Out: edits, and the UIDs they put in place of which; or a
 * Failure where the pixels likely show who the patient is. What nobody can judge (private attributes, elements that no dictionary has) is
 * removed; so is what is said beside the coding of compressed pixels. UIDs and the pseudonym are made by HMAC-SHA-256: the same for every object that goes to the destination, and nobody without the
 * secret can make them anew.
 * Of combined actions the one is taken that fits whatever type the IOD gives the attribute: a dummy value rather than none, for a sequence
 * none rather than a dummy. Structured content stays with its codes and numbers; text, names and dates within are dummies.
 */
import { createHmac } from 'node:crypto';
import { type Failure, failure } from '../../model/failure.ts';
import type { DeidentifyRules } from '../../model/outgoing.ts';
import { textOfElement } from './coercion.ts';
import { type ProfileAction, profileRow } from './confidentiality-table.ts';
import type { Edits, Verdict } from './dataset-editor.ts';
import type { RawDataset } from './dataset-reader.ts';
import type { WalkedElement } from './dataset-walker.ts';
import { vrOf } from './dictionary.ts';
import type { NewElement } from './element-bytes.ts';
import { safePrivate } from './safe-private.ts';
import { isUid } from './uid.ts';
import { keyOf } from './value-json.ts';

export type Deidentification = {
  readonly edits: Edits;
  readonly pseudonym: string;
  /** By the UID that is sent; filled while the edits are made. */
  readonly uids: ReadonlyMap<string, string>;
  /** YYYYMMDD by the date that is sent in its place; filled likewise. */
  readonly dates: ReadonlyMap<string, string>;
  readonly mapped: (uid: string) => string;
};

export type Keyed = { readonly secret: Buffer; readonly destination: string };

/** What has to be read of an object before. */
export const JUDGED: ReadonlySet<number> = new Set([
  0x00080005, 0x00080008, 0x00080016, 0x00080060, 0x00080064, 0x00100020, 0x00100021, 0x0020000d, 0x00280301, 0x00280302,
]);

export function deidentification(dataset: RawDataset, rules: DeidentifyRules, key: Keyed): Deidentification | Failure {
  const why = rules.burnedIn === 'allow' ? null : burnedIn(dataset);
  if (why) return failure('dicom', 'forbidden', `not de-identified, for its pixels may show who the patient is: ${why}`);
  const patientId = textOfElement(dataset, PATIENT_ID);
  const person = [textOfElement(dataset, ISSUER_OF_PATIENT_ID), patientId || textOfElement(dataset, STUDY_INSTANCE_UID)].join('|');
  const pseudonym = `P${hmac(key, 'patient', person).toString('hex').slice(0, 15).toUpperCase()}`;
  const days = 1 + (hmac(key, 'days', person).readUInt32BE() % MAX_SHIFT_DAYS);
  const uids = new Map<string, string>();
  const dates = new Map<string, string>();
  const mapped = (uid: string): string => {
    if (rules.retain.includes('uids') || NOBODYS.has(uid) || uid.startsWith(WELL_KNOWN)) return uid;
    const other = uidOf(hmac(key, 'uid', uid));
    // What is no UID may say anything: it does not go out, and it is nothing that could come back.
    if (isUid(uid)) uids.set(other, uid);
    return other;
  };
  const isDocument = textOfElement(dataset, SOP_CLASS).startsWith(STRUCTURED_REPORTS);
  const safe = rules.retain.includes('safePrivate') ? safePrivate() : null;
  const edits: Edits = {
    put: (path) => {
      safe?.enter(path.length);
      return path.length === 0 ? identityRemoved(rules, pseudonym) : [];
    },
    decide: (element, { path }) =>
      safe && isPrivate(element) ? safe.decide(element, path.length) : withinReach(element, verdictOf(element, rules, isDocument)),
    decideBy: (element, value, { path }) =>
      safe && isPrivate(element) ? safe.decideBy(element, value, path.length) : byValue(element, value, { mapped, days, dates }),
  };
  return { edits, pseudonym, uids, dates, mapped };
}

/**
 * Why the pixels (or a document) are likely to name or show the patient, or null. Burned In Annotation NO is believed, but not of documents;
 * it says nothing of faces, as Recognizable Visual Features does.
 */
function burnedIn(dataset: RawDataset): string | null {
  const text = (tag: number) => textOfElement(dataset, tag).toUpperCase();
  const sopClass = text(SOP_CLASS);
  const says = text(0x00280301);
  const shows = text(0x00280302);
  if (sopClass.startsWith(ENCAPSULATED)) return 'it is an encapsulated document';
  if (says === 'YES') return 'Burned In Annotation (0028,0301) is YES';
  if (shows === 'YES') return 'Recognizable Visual Features (0028,0302) is YES';
  if (shows !== 'NO' && isOneOf(sopClass, FACE_CLASSES)) return 'its SOP class may show a face, and does not say NO in (0028,0302)';
  if (says === 'NO') return null;
  if (isOneOf(sopClass, LIKELY_CLASSES)) return 'its SOP class is likely to, and does not say NO in (0028,0301)';
  if (LIKELY_MODALITIES.has(text(0x00080060))) return `modality ${text(0x00080060)} is likely to, and does not say NO in (0028,0301)`;
  const isScreen = /\\(SCREEN SAVE|LABEL)(\\|$)/.test(text(0x00080008)) || text(0x00080064) !== '';
  return isScreen ? 'it is a screenshot, a label or was converted, and does not say NO in (0028,0301)' : null;
}

/** The class, or one of those whose UIDs begin with it. */
function isOneOf(sopClass: string, classes: readonly string[]): boolean {
  return classes.some((one) => sopClass === one || sopClass.startsWith(`${one}.`));
}

/** No dataset that says its VRs has a longer date or list of UIDs; one that does not is not let fill the memory. */
function withinReach({ tag, length }: WalkedElement, verdict: Verdict): Verdict {
  return verdict === 'ask' && length > MAX_ASKED_BYTES
    ? failure('dicom', 'too-large', `${keyOf(tag)} is too long to be replaced`)
    : verdict;
}

function verdictOf({ tag, vr, length }: WalkedElement, rules: DeidentifyRules, isDocument: boolean): Verdict {
  if (isPrivate({ tag }) || REMOVED_GROUPS.has(tag >>> 24)) return 'remove';
  if ((tag & 0xffff) === 0) return 'keep';
  if (tag === PIXEL_DATA && length === Number.POSITIVE_INFINITY) return 'bare';
  const row = profileRow(tag);
  const action = row?.action ?? ALSO.get(tag);
  if (row?.keptBy.some((option) => rules.retain.includes(option))) return vr === 'SQ' ? 'within' : 'keep';
  if (row?.keptBy.includes('dates') && rules.retain.includes('modifiedDates') && SHIFTED.has(vr)) return 'ask';
  if (tag === ENCAPSULATED_DOCUMENT && rules.burnedIn === 'allow') return 'keep';
  if (action === undefined) return unlistedVerdict(tag, vr);
  return vr === 'SQ' ? sequenceVerdict(tag, action, isDocument) : valueVerdict(tag, vr, action);
}

function isPrivate({ tag }: Pick<WalkedElement, 'tag'>): boolean {
  return (tag >>> 16) % 2 === 1;
}

/** What VR an element claims says nothing of one that no dictionary has. UIDs that the profile does not list name objects all the same. */
function unlistedVerdict(tag: number, vr: string): Verdict {
  const known = vrOf(tag);
  if (known === 'UN') return 'remove';
  if (vr === 'SQ') return 'within';
  if (vr === 'PN' || known === 'PN') return dummy(tag, vr);
  if (known === 'UI' && vr !== 'UI') return 'remove';
  return vr === 'UI' && !KINDS.has(tag) ? 'ask' : 'keep';
}

/** Empty where some IOD has it as type 2: the others as type 3, of at least one item (PS3.3 Tables C.7-3, C.7-5a, C.17-2). */
function sequenceVerdict(tag: number, action: ProfileAction, isDocument: boolean): Verdict {
  if (tag === PERSON_IDENTIFICATION) return { tag, vr: 'SQ', value: [NOBODY] };
  if (action === 'D' || action === 'U' || action === 'X/Z/U') return 'within';
  const isEmptied = action === 'Z' || tag === ACQUISITION_CONTEXT || (tag === PERFORMED_PROCEDURE_STEP && isDocument);
  return isEmptied ? { tag, vr: 'SQ', value: [] } : 'remove';
}

function valueVerdict(tag: number, vr: string, action: ProfileAction): Verdict {
  if (action === 'X') return 'remove';
  if (action === 'Z' || action === 'X/Z') return { tag, vr, value: '' };
  if (vr === 'UI') return 'ask';
  return action === 'U' ? 'remove' : dummy(tag, vr);
}

type Replacing = { readonly mapped: (uid: string) => string; readonly days: number; readonly dates: Map<string, string> };

function byValue({ tag, vr }: WalkedElement, value: Buffer, { mapped, days, dates }: Replacing): Verdict {
  const texts = value
    .toString('latin1')
    .replace(/[\0 ]+$/, '')
    .split('\\');
  if (vr === 'UI') return { tag, vr, value: texts.map((uid) => mapped(uid.trim())).join('\\') };
  // The days are shifted, the time of the day stays.
  if (vr === 'TM') return 'keep';
  const shifted = texts.map((text) => shiftedDate(text.trim(), days, dates));
  return shifted.includes(null) ? dummy(tag, vr) : { tag, vr, value: shifted.join('\\') };
}

/** DA, or DT that has a day; null for what is none. Notes what stands for what. */
function shiftedDate(text: string, days: number, dates: Map<string, string>): string | null {
  if (text === '') return '';
  const [, year, month, day, rest = ''] = /^(\d{4})\.?(\d\d)\.?(\d\d)(.*)$/.exec(text) ?? [];
  const at = Date.UTC(Number(year), Number(month) - 1, Number(day));
  if (Number.isNaN(at)) return null;
  const shifted = new Date(at - days * DAY_MS).toISOString().slice(0, 10).replaceAll('-', '');
  dates.set(shifted, `${year}${month}${day}`);
  return `${shifted}${rest}`;
}

function dummy(tag: number, vr: string): NewElement {
  return { tag, vr, value: DUMMIES.get(vr) ?? 'REMOVED' };
}

/** PS3.15 §E.1.1: what is said of the de-identification itself; who it is becomes a pseudonym. */
function identityRemoved({ retain }: DeidentifyRules, pseudonym: string): NewElement[] {
  const codes = [BASIC_PROFILE, ...METHODS.filter(([option]) => retain.includes(option)).map(([, code]) => code)];
  const dates = retain.includes('dates') ? 'UNMODIFIED' : retain.includes('modifiedDates') ? 'MODIFIED' : 'REMOVED';
  return [
    { tag: 0x00100010, vr: 'PN', value: pseudonym },
    { tag: PATIENT_ID, vr: 'LO', value: pseudonym },
    { tag: 0x00120062, vr: 'CS', value: 'YES' }, // Patient Identity Removed
    { tag: 0x00120064, vr: 'SQ', value: codes.map(([value, meaning]) => codeItem(value, 'DCM', meaning)) }, // De-identification Method Code Sequence
    { tag: 0x00280303, vr: 'CS', value: dates }, // Longitudinal Temporal Information Modified
  ];
}

function codeItem(value: string, scheme: string, meaning: string): NewElement[] {
  return [
    { tag: 0x00080100, vr: 'SH', value },
    { tag: 0x00080102, vr: 'SH', value: scheme },
    { tag: 0x00080104, vr: 'LO', value: meaning },
  ];
}

function hmac({ secret, destination }: Keyed, kind: string, text: string): Buffer {
  return createHmac('sha256', secret).update([kind, destination, text].join('\0')).digest();
}

/** PS3.5 §B.2: a UUID (here of version 8) as a decimal number. */
function uidOf(digest: Buffer): string {
  const bytes = Buffer.from(digest.subarray(0, 16));
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  return `2.25.${BigInt(`0x${bytes.toString('hex')}`)}`;
}

const SOP_CLASS = 0x00080016;
const PERFORMED_PROCEDURE_STEP = 0x00081111;
const PATIENT_ID = 0x00100020;
const ISSUER_OF_PATIENT_ID = 0x00100021;
const STUDY_INSTANCE_UID = 0x0020000d;
const ACQUISITION_CONTEXT = 0x00400555;
const PERSON_IDENTIFICATION = 0x00401101;
const ENCAPSULATED_DOCUMENT = 0x00420011;
const PIXEL_DATA = 0x7fe00010;
const NOBODY = codeItem('REMOVED', '99WAYSTATION', 'Removed');
/** SOP classes, transfer syntaxes, well-known instances: nobody's. */
const WELL_KNOWN = '1.2.840.10008.';
/** The longest value that a 16-bit length has (PS3.5 Table 7.1-2). */
const MAX_ASKED_BYTES = 0xfffe;
/** Some write 0 where they have none. */
const NOBODYS: ReadonlySet<string> = new Set(['', '0']);
const DAY_MS = 24 * 60 * 60 * 1000;
const MAX_SHIFT_DAYS = 730;

/** Curves and overlays: an overlay plane without its data would be no overlay plane, so that all of it goes. */
const REMOVED_GROUPS: ReadonlySet<number> = new Set([0x50, 0x60]);
const SHIFTED: ReadonlySet<string> = new Set(['DA', 'DT', 'TM']);

/** UIDs of kinds, codes and encodings: private ones too are nobody's. */
export const KINDS: ReadonlySet<number> = new Set([
  0x00080016, // SOP Class UID
  0x0008001a, // Related General SOP Class UID
  0x0008001b, // Original Specialized SOP Class UID
  0x00080062, // SOP Classes in Study
  0x0008010c, // Coding Scheme UID
  0x00080117, // Context UID
  0x00080118, // Mapping Resource UID
  0x00081150, // Referenced SOP Class UID
  0x0008115a, // SOP Classes Supported
  0x00083002, // Available Transfer Syntax UID
  0x04000010, // MAC Calculation Transfer Syntax UID
  0x04000510, // Encrypted Content Transfer Syntax UID
]);

/**
 * What the profile does not list but tells as much: text within sequences that it has replaced as a whole (Content Sequence, Graphic
 * Annotation Sequence), dates of birth and death in other calendars, retired order numbers.
 */
const ALSO: ReadonlyMap<number, ProfileAction> = new Map([
  [0x00081190, 'X'], // Retrieve URL
  [0x00100033, 'X'], // Patient's Birth Date in Alternative Calendar
  [0x00100034, 'X'], // Patient's Death Date in Alternative Calendar
  [0x00400400, 'X'], // Comments on the Scheduled Procedure Step
  [0x00401006, 'X'], // Placer Order Number / Procedure
  [0x00401007, 'X'], // Filler Order Number / Procedure
  [0x00402006, 'X'], // Placer Order Number / Imaging Service Request
  [0x00402007, 'X'], // Filler Order Number / Imaging Service Request
  [0x0040e001, 'X'], // HL7 Instance Identifier
  [0x0040e010, 'X'], // Retrieve URI
  [0x0074100a, 'X'], // Contact URI
  [0x0074100c, 'X'], // Contact Display Name
  [0x0040a160, 'D'], // Text Value
  [0x00700006, 'D'], // Unformatted Text Value
]);

const DUMMIES: ReadonlyMap<string, string | Buffer> = new Map<string, string | Buffer>([
  ...(['OB', 'UN', 'OW', 'US', 'SS'] as const).map((vr) => [vr, Buffer.alloc(2)] as const),
  ...(['UL', 'SL', 'FL', 'OF', 'OL', 'AT'] as const).map((vr) => [vr, Buffer.alloc(4)] as const),
  ...(['FD', 'SV', 'UV', 'OD', 'OV'] as const).map((vr) => [vr, Buffer.alloc(8)] as const),
  ['AS', '000D'],
  ['DA', '19000101'],
  ['DS', '0'],
  ['DT', '19000101000000'],
  ['IS', '0'],
  ['TM', '000000'],
  ['UR', 'urn:removed'],
]);

/** CID 7050 De-identification Method (PS3.16). */
const BASIC_PROFILE = ['113100', 'Basic Application Confidentiality Profile'] as const;
const METHODS = [
  ['dates', ['113106', 'Retain Longitudinal Temporal Information Full Dates Option']],
  ['modifiedDates', ['113107', 'Retain Longitudinal Temporal Information Modified Dates Option']],
  ['patient', ['113108', 'Retain Patient Characteristics Option']],
  ['device', ['113109', 'Retain Device Identity Option']],
  ['uids', ['113110', 'Retain UIDs Option']],
  ['safePrivate', ['113111', 'Retain Safe Private Option']],
  ['institution', ['113112', 'Retain Institution Identity Option']],
] as const;

const STRUCTURED_REPORTS = '1.2.840.10008.5.1.4.1.1.88.';
const ENCAPSULATED = '1.2.840.10008.5.1.4.1.1.104.';
const LIKELY_CLASSES = [
  '1.2.840.10008.5.1.4.1.1.3', // Ultrasound Multi-frame Image Storage
  '1.2.840.10008.5.1.4.1.1.6', // Ultrasound Image Storage, Enhanced US Volume
  '1.2.840.10008.5.1.4.1.1.7', // Secondary Capture, and multi-frame
  '1.2.840.10008.5.1.4.1.1.77.1.1', // VL Endoscopic, Video Endoscopic
  '1.2.840.10008.5.1.4.1.1.77.1.2', // VL Microscopic, Video Microscopic
  '1.2.840.10008.5.1.4.1.1.77.1.4', // VL Photographic, Video Photographic
];
const FACE_CLASSES = [
  '1.2.840.10008.5.1.4.1.1.77.1.4', // VL Photographic, Video Photographic
  '1.2.840.10008.5.1.4.1.1.77.1.7', // Dermoscopic Photography
];
const LIKELY_MODALITIES: ReadonlySet<string> = new Set(['US', 'XC', 'SC', 'OT', 'ES', 'IVUS', 'GM', 'DOC']);

/**
 * What of an object is written anew for a destination, by its rules: identifier, name, issuers, accession number (PS3.3 §C.7.1.1, §C.7.2.1).
 * In: the object's own elements, the rules, and the facts: who the patient is now, which number his order has. Out: edits, null where
 * nothing changes, or a Failure where a value does not fit: an identifier is never cut.
 * What is replaced is kept in the Original Attributes Sequence (PS3.3 §C.12.1.1.9), with source, time, system and the reason COERCE. An object
 * that came back and goes out again tells by it that its prefix is ours: it gets no other. A number that only begins so is another number.
 */
import { type Failure, failure } from '../../model/failure.ts';
import type { CoercionFacts, CoercionRules, Issuer } from '../../model/outgoing.ts';
import { decodeText } from './charset.ts';
import type { Edits } from './dataset-editor.ts';
import type { RawDataset, RawElement } from './dataset-reader.ts';
import { faultOfText, type NewElement, type NewItem } from './element-bytes.ts';

/** Who changes the object, when, and whose values those before were. */
export type Modification = { readonly system: string; readonly source: string; readonly at: Date };

export function coercion(
  dataset: RawDataset,
  rules: CoercionRules,
  facts: CoercionFacts,
  modification: Modification,
): Edits | Failure | null {
  const ours = coercedBefore(dataset, modification.system);
  const changes = [...patientChanges(dataset, rules, facts, ours), ...accessionChanges(dataset, rules, facts, ours)];
  for (const { tag, vr, value } of changes) {
    const fault = typeof value === 'string' ? faultOfText(vr, value) : null;
    if (fault) return failure('dicom', 'invalid', `${NAMES.get(tag)} for this destination ${fault}: it is never cut`);
  }
  const former = changes.flatMap(({ tag }) => formerOf(dataset, tag));
  if (changes.length === 0) return null;
  const item = modifiedItem(former, modification);
  return {
    put: (path) => (path.length === 0 ? changes : []),
    ...(former.length === 0 ? {} : { supply: [{ tag: ORIGINAL_ATTRIBUTES, vr: 'SQ', value: [item] }] }),
    append: (path) => (former.length > 0 && path.length === 1 && path[0] === ORIGINAL_ATTRIBUTES ? [item] : []),
    decide: ({ tag, topLevel }) => (topLevel && tag === ORIGINAL_ATTRIBUTES ? 'within' : 'keep'),
  };
}

/** What has to be read of an object before. */
export const COERCED: ReadonlySet<number> = new Set([
  0x00080005, 0x00080050, 0x00080051, 0x00100010, 0x00100020, 0x00100021, 0x00100024, 0x04000561,
]);

/** Text of an element in the character set of its dataset, without padding. */
export function textOfElement(dataset: RawDataset, tag: number): string {
  const element = dataset.get(tag);
  if (!element) return '';
  const charsets = dataset.get(SPECIFIC_CHARACTER_SET)?.value.toString('latin1').split('\\') ?? [];
  return decodeText(element.value, charsets, element.vr)
    .replace(/[\0 ]+$/, '')
    .trimStart();
}

function patientChanges(dataset: RawDataset, rules: CoercionRules, { patient }: CoercionFacts, ours: readonly RawDataset[]): NewElement[] {
  const was = { id: textOfElement(dataset, PATIENT_ID), name: textOfElement(dataset, PATIENT_NAME) };
  const id = prefixed(rules.patientIdPrefix, patient?.id ?? was.id, PATIENT_ID, ours);
  const isIdentified = (patient?.id ?? was.id) !== '';
  const issuer = patient?.issuer ?? (hasIssuer(dataset) ? null : rules.patientIdIssuer);
  return [
    ...(patient && patient.name !== '' && !sameName(patient.name, was.name) ? [text(PATIENT_NAME, 'PN', patient.name)] : []),
    ...(isIdentified && id !== was.id ? [text(PATIENT_ID, 'LO', id)] : []),
    ...(isIdentified && issuer ? issuerElements(issuer, dataset) : []),
  ];
}

function accessionChanges(dataset: RawDataset, rules: CoercionRules, facts: CoercionFacts, ours: readonly RawDataset[]): NewElement[] {
  const was = textOfElement(dataset, ACCESSION_NUMBER);
  const number = facts.accession?.value ?? was;
  const named = (dataset.get(ACCESSION_ISSUER)?.items?.length ?? 0) > 0;
  const issuer = facts.accession && number !== was ? facts.accession.issuer : named ? null : rules.accessionIssuer;
  if (number === '') return [];
  const coerced = prefixed(rules.accessionPrefix, number, ACCESSION_NUMBER, ours);
  return [
    ...(coerced === was ? [] : [text(ACCESSION_NUMBER, 'SH', coerced)]),
    ...(issuer ? [{ tag: ACCESSION_ISSUER, vr: 'SQ', value: [issuerItem(issuer)] }] : []),
  ];
}

/** What this gateway replaced in the object before, item by item of its Original Attributes Sequence. */
function coercedBefore(dataset: RawDataset, system: string): RawDataset[] {
  const items = dataset.get(ORIGINAL_ATTRIBUTES)?.items ?? [];
  const own = items.filter((item) => textOfElement(item, MODIFYING_SYSTEM) === system && textOfElement(item, REASON) === 'COERCE');
  return own.flatMap((item) => item.get(MODIFIED_ATTRIBUTES)?.items ?? []);
}

function prefixed(prefix: string, value: string, tag: number, ours: readonly RawDataset[]): string {
  return ours.some((former) => former.has(tag) && `${prefix}${textOfElement(former, tag)}` === value) ? value : `${prefix}${value}`;
}

/** Issuer of Patient ID, and its qualifiers where the issuer has a universal name or the object has those of another. */
function issuerElements(issuer: Issuer, dataset: RawDataset): NewElement[] {
  const universal: NewElement[] = issuer.universalId === '' ? [] : qualifiers(issuer);
  const qualified = dataset.has(PATIENT_ID_QUALIFIERS) || universal.length > 0;
  return [
    text(PATIENT_ID_ISSUER, 'LO', issuer.namespace || issuer.universalId),
    ...(qualified ? [{ tag: PATIENT_ID_QUALIFIERS, vr: 'SQ', value: universal.length === 0 ? [] : [universal] }] : []),
  ];
}

/** HL7v2 Hierarchic Designator Macro (PS3.3 Table 10-17). */
function issuerItem(issuer: Issuer): NewItem {
  const local = issuer.namespace === '' ? [] : [text(0x00400031, 'UT', issuer.namespace)];
  return issuer.universalId === '' ? local : [...local, ...qualifiers(issuer)];
}

function qualifiers({ universalId, universalIdType }: Issuer): NewElement[] {
  return [text(0x00400032, 'UT', universalId), text(0x00400033, 'CS', universalIdType)];
}

function hasIssuer(dataset: RawDataset): boolean {
  return textOfElement(dataset, PATIENT_ID_ISSUER) !== '' || (dataset.get(PATIENT_ID_QUALIFIERS)?.items?.length ?? 0) > 0;
}

/** Trailing delimiters say nothing; a name that only lacks its other scripts is the same. */
function sameName(name: string, other: string): boolean {
  const groups = (one: string) => one.split('=').map((group) => group.replace(/[\^ ]+$/, ''));
  const theirs = groups(other);
  return groups(name).every((group, index) => group === (theirs[index] ?? ''));
}

function formerOf(dataset: RawDataset, tag: number): NewElement[] {
  const element = dataset.get(tag);
  return element ? [asNew(tag, element)] : [];
}

function asNew(tag: number, { vr, value, items }: RawElement): NewElement {
  return { tag, vr, value: items ? items.map((item) => [...item].map(([inner, element]) => asNew(inner, element))) : value };
}

function modifiedItem(former: readonly NewElement[], { system, source, at }: Modification): NewItem {
  return [
    { tag: MODIFIED_ATTRIBUTES, vr: 'SQ', value: [former] },
    text(0x04000562, 'DT', `${at.toISOString().replace(/[-:TZ]/g, '')}+0000`), // Attribute Modification DateTime
    text(MODIFYING_SYSTEM, 'LO', system),
    text(0x04000564, 'LO', source.slice(0, 64)), // Source of Previous Values
    text(REASON, 'CS', 'COERCE'),
  ];
}

function text(tag: number, vr: string, value: string): NewElement {
  return { tag, vr, value };
}

const SPECIFIC_CHARACTER_SET = 0x00080005;
const ACCESSION_NUMBER = 0x00080050;
const ACCESSION_ISSUER = 0x00080051;
const PATIENT_NAME = 0x00100010;
const PATIENT_ID = 0x00100020;
const PATIENT_ID_ISSUER = 0x00100021;
const PATIENT_ID_QUALIFIERS = 0x00100024;
const ORIGINAL_ATTRIBUTES = 0x04000561;
const MODIFIED_ATTRIBUTES = 0x04000550;
const MODIFYING_SYSTEM = 0x04000563;
/** Reason for the Attribute Modification. */
const REASON = 0x04000565;

const NAMES: ReadonlyMap<number, string> = new Map([
  [ACCESSION_NUMBER, 'Accession Number (0008,0050)'],
  [PATIENT_NAME, "Patient's Name (0010,0010)"],
  [PATIENT_ID, 'Patient ID (0010,0020)'],
  [PATIENT_ID_ISSUER, 'Issuer of Patient ID (0010,0021)'],
]);

/**
 * The content tree of a structured report (PS3.3 §C.17.3) as dataset elements: one function a value type, each child with its relationship.
 * In: coded concepts, text, numbers, references. Out: the elements of the root content item, by `documentContent`.
 * A code meaning is an LO: one that is longer than 64 characters stands shortened, ending in `...`, and whole beside it as an equivalent
 * meaning (PS3.16 TID 1210 and TID 1211).
 */
import { holds } from './composed-object.ts';
import type { DatasetElement } from './write.ts';

/** Code Sequence Macro (PS3.3 §8.8). `system` is set for a private scheme: what it stands for. */
export type Coded = { readonly code: string; readonly scheme: string; readonly meaning: string; readonly system?: string };

export type ObjectReference = { readonly sopClassUid: string; readonly sopInstanceUid: string };

export type Relationship = 'CONTAINS' | 'HAS CONCEPT MOD' | 'HAS OBS CONTEXT' | 'HAS PROPERTIES' | 'INFERRED FROM';

export type ContentItem = {
  readonly relationship: Relationship;
  readonly type: 'CONTAINER' | 'TEXT' | 'CODE' | 'NUM' | 'PNAME' | 'UIDREF' | 'IMAGE' | 'COMPOSITE';
  readonly name: Coded | null;
  readonly value: readonly DatasetElement[];
  readonly children: readonly ContentItem[];
  /** All codes that stand in it, its own and those of its children. */
  readonly codes: readonly Coded[];
};

/** The elements of the root of a document, a container by a template of PS3.16. */
export function documentContent(root: ContentItem, template: string): DatasetElement[] {
  const identified: DatasetElement = [
    0x0040a504,
    'SQ',
    [
      [
        [0x00080105, 'CS', 'DCMR'],
        [0x0040db00, 'CS', template],
      ],
    ],
  ];
  return [...elementsOf(root).filter(([tag]) => tag !== RELATIONSHIP_TYPE), identified];
}

/** A code of DICOM's own (PS3.16 Annex D). */
export function dcm(value: string, meaning: string): Coded {
  return { code: value, scheme: 'DCM', meaning };
}

export function container(relationship: Relationship, name: Coded, children: readonly ContentItem[]): ContentItem {
  return item(relationship, 'CONTAINER', name, [[0x0040a050, 'CS', 'SEPARATE']], children);
}

export function text(relationship: Relationship, name: Coded, value: string, children: readonly ContentItem[] = []): ContentItem {
  return item(relationship, 'TEXT', name, [[0x0040a160, 'UT', value]], children);
}

export function code(relationship: Relationship, name: Coded, value: Coded, children: readonly ContentItem[] = []): ContentItem {
  const whole = holds('LO', value.meaning) ? [] : [text('HAS CONCEPT MOD', EQUIVALENT_OF_VALUE, value.meaning)];
  return item(relationship, 'CODE', name, [[0x0040a168, 'SQ', [codeElements(value)]]], [...whole, ...children], [value]);
}

/** `value` must be finite. */
export function number(
  relationship: Relationship,
  name: Coded,
  value: number,
  unit: Coded,
  children: readonly ContentItem[] = [],
): ContentItem {
  const decimal = decimalString(value);
  const exact: DatasetElement[] = Number(decimal) === value ? [] : [[0x0040a161, 'FD', doubleOf(value)]];
  const measured: DatasetElement[] = [[0x0040a30a, 'DS', decimal], ...exact, [0x004008ea, 'SQ', [codeElements(unit)]]];
  return item(relationship, 'NUM', name, [[0x0040a300, 'SQ', [measured]]], children, [unit]);
}

export function person(relationship: Relationship, name: Coded, value: string): ContentItem {
  return item(relationship, 'PNAME', name, [[0x0040a123, 'PN', value]], []);
}

export function uid(relationship: Relationship, name: Coded, value: string): ContentItem {
  return item(relationship, 'UIDREF', name, [[0x0040a124, 'UI', value]], []);
}

/** An image, or some frames of it (counted from 1). */
export function image(
  relationship: Relationship,
  name: Coded | null,
  reference: ObjectReference,
  frames: readonly number[] = [],
): ContentItem {
  const chosen: DatasetElement[] = frames.length === 0 ? [] : [[0x00081160, 'IS', frames.join('\\')]];
  return item(relationship, 'IMAGE', name, [[0x00081199, 'SQ', [[...referenceElements(reference), ...chosen]]]], []);
}

/** An object that is no image. */
export function composite(relationship: Relationship, name: Coded | null, reference: ObjectReference): ContentItem {
  return item(relationship, 'COMPOSITE', name, [[0x00081199, 'SQ', [referenceElements(reference)]]], []);
}

export function codeElements({ code: value, scheme, meaning }: Coded): DatasetElement[] {
  return [codeValue(value), [0x00080102, 'SH', scheme], [0x00080104, 'LO', shortened(meaning)]];
}

export function referenceElements({ sopClassUid, sopInstanceUid }: ObjectReference): DatasetElement[] {
  return [
    [0x00081150, 'UI', sopClassUid],
    [0x00081155, 'UI', sopInstanceUid],
  ];
}

/** Coding Scheme Identification Sequence (PS3.3 §C.12.1.1.3.1), for schemes that PS3.16 Table 8-1 does not list; none where there is none. */
export function schemesOf(codes: readonly Coded[]): DatasetElement[] {
  const own = new Map(codes.flatMap(({ scheme, system }) => (system === undefined ? [] : [[scheme, system] as const])));
  if (own.size === 0) return [];
  const items = [...own].sort().map(([scheme, system]): DatasetElement[] => [
    [0x00080102, 'SH', scheme],
    [0x00080115, 'ST', system],
  ]);
  return [[0x00080110, 'SQ', items]];
}

function item(
  relationship: Relationship,
  type: ContentItem['type'],
  name: Coded | null,
  value: readonly DatasetElement[],
  children: readonly ContentItem[],
  codes: readonly Coded[] = [],
): ContentItem {
  const whole = name === null || holds('LO', name.meaning) ? [] : [text('HAS CONCEPT MOD', EQUIVALENT_OF_NAME, name.meaning)];
  const all = [...whole, ...children];
  return {
    relationship,
    type,
    name,
    value,
    children: all,
    codes: [...(name ? [name] : []), ...codes, ...all.flatMap((child) => child.codes)],
  };
}

function elementsOf({ relationship, type, name, value, children }: ContentItem): DatasetElement[] {
  const named: DatasetElement[] = name === null ? [] : [[0x0040a043, 'SQ', [codeElements(name)]]];
  const below: DatasetElement[] = children.length === 0 ? [] : [[0x0040a730, 'SQ', children.map(elementsOf)]];
  return [[RELATIONSHIP_TYPE, 'CS', relationship], [0x0040a040, 'CS', type], ...named, ...value, ...below];
}

/** PS3.3 Table 8.8-1: a value beyond 16 characters is a Long Code Value, a URN or URL one of its own. */
function codeValue(value: string): DatasetElement {
  if (holds('SH', value)) return [0x00080100, 'SH', value];
  return /^(?:urn:|https?:)/i.test(value) ? [0x00080120, 'UR', value] : [0x00080119, 'UC', value];
}

/** As an LO, one line of at most 64 characters, with a sign where something is missing. */
export function shortened(meaning: string): string {
  const line = meaning
    .replace(/[\p{Cc}]+/gu, ' ')
    .replaceAll('\\', '/')
    .trim();
  const characters = [...line];
  return characters.length <= 64 ? line : `${characters.slice(0, 61).join('').trimEnd()}...`;
}

/** DS holds 16 characters (PS3.5 Table 6.2-1). */
function decimalString(value: number): string {
  for (let digits = 17; digits > 1; digits--) {
    const written = String(Number(value.toPrecision(digits)));
    if (written.length <= 16) return written;
  }
  return value.toExponential(0);
}

function doubleOf(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
}

const RELATIONSHIP_TYPE = 0x0040a010;
const EQUIVALENT_OF_NAME: Coded = { code: '121050', scheme: 'DCM', meaning: 'Equivalent Meaning of Concept Name' };
const EQUIVALENT_OF_VALUE: Coded = { code: '121051', scheme: 'DCM', meaning: 'Equivalent Meaning of Value' };

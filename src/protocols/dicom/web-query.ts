/**
 * The query of a QIDO-RS search (PS3.18 §8.3.4 and §10.6.1). In: the level that is searched, the UIDs of the path, and the parameters in order.
 * Out: a search on the index, and what to answer of each match; or a Failure that says which parameter is wrong.
 * An attribute that is not searched by is refused, rather than matched by everything.
 */
import type { DicomCondition, DicomLevel, DicomSearch, DicomTest } from '../../model/dicom-search.ts';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import { tagOfKeyword, vrOf } from './dictionary.ts';
import { type DicomJson, HEADER_TAGS } from './header.ts';
import { foldedName, SERIES_TAGS, STUDY_TAGS } from './query-index.ts';
import { isUid } from './uid.ts';
import { keyOf } from './value-json.ts';

export type WebQuery = {
  readonly search: DicomSearch;
  /** Keys within sequences, as an identifier has them: what the index finds has to match them, too. Empty where there are none. */
  readonly within: DicomJson;
  /** Tags asked for beside those that every answer has. */
  readonly include: 'all' | ReadonlySet<string>;
  /** Fewer are given at once than were asked for. */
  readonly isLimited: boolean;
};

/** More matches than this come on the next page. */
export const MAX_MATCHES = 1_000;
const MAX_VALUE_LENGTH = 1_024;
const MAX_UIDS = 500;
const MAX_PATH = 8;

export type PathUids = { readonly study?: string; readonly series?: string };

export function parseWebQuery(level: DicomLevel, path: PathUids, parameters: readonly (readonly [string, string])[]): WebQuery | Failure {
  const conditions: DicomCondition[] = [];
  if (path.study) conditions.push({ level: 'study', column: 'study_uid', test: { is: 'any', values: [path.study] } });
  if (path.series) conditions.push({ level: 'series', column: 'series_uid', test: { is: 'any', values: [path.series] } });
  const fuzzy = parameters.some(([name, value]) => name === 'fuzzymatching' && value === 'true');
  const include = new Set<string>();
  const within: Record<string, DicomJson[string]> = {};
  let limit = Number.POSITIVE_INFINITY;
  let offset = 0;
  for (const [name, value] of parameters) {
    if (name === 'fuzzymatching' || name === 'accept' || name === 'charset') continue;
    if (name === 'limit' || name === 'offset') {
      if (!/^\d{1,9}$/.test(value)) return wrong(name, 'a number is asked for');
      if (name === 'limit') limit = Number(value);
      else offset = Number(value);
    } else if (name === 'includefield') {
      for (const field of value.split(',')) {
        // Of an attribute within a sequence the whole sequence is answered.
        const key = field === 'all' ? field : (pathOf(field)?.[0] ?? null);
        if (!key) return wrong(name, 'an attribute is not known');
        include.add(key);
      }
    } else if (name.includes('.')) {
      const problem = addWithin(within, level, name, value);
      if (problem) return problem;
    } else {
      const condition = conditionOf(level, name, value, fuzzy);
      if (isFailure(condition)) return condition;
      if (condition) conditions.push(condition);
    }
  }
  const search = { level, conditions, limit: Math.min(limit, MAX_MATCHES), offset };
  return { search, within, include: include.has('all') ? 'all' : include, isLimited: limit > MAX_MATCHES };
}

/** `RequestAttributesSequence.ScheduledProcedureStepID` (PS3.18 §8.3.4.1): one item has to match all keys of its sequence (PS3.4 §C.2.2.2.6). */
function addWithin(within: Record<string, DicomJson[string]>, level: DicomLevel, name: string, value: string): Failure | null {
  const path = pathOf(name);
  const shown = name.slice(0, 128).replace(/[^\w.]/g, '?');
  const [last = '', ...above] = [...(path ?? [])].reverse();
  const [root = ''] = path ?? [];
  if (!path || vrAt(last) === 'SQ' || above.some((key) => vrAt(key) !== 'SQ')) return wrong(shown, 'no attribute within a sequence');
  if (!keptAt(level).has(root)) return wrong(shown, `is not searched by at the level of a ${level}`);
  if (value.length > MAX_VALUE_LENGTH || value.includes('\0')) return wrong(shown, 'the value is too long, or none');
  let item = within;
  for (const key of above.reverse()) {
    const [held = {}] = (item[key]?.Value ?? []) as Record<string, DicomJson[string]>[];
    item[key] = { vr: 'SQ', Value: [held] };
    item = held;
  }
  const values = vrAt(last) === 'UI' ? value.split(/[,\\]/) : [value];
  item[last] = { vr: vrAt(last), Value: value === '' ? [] : vrAt(last) === 'PN' ? [{ Alphabetic: value }] : values };
  return null;
}

/** Sequences that the index keeps of a level and of those above. */
function keptAt(level: DicomLevel): ReadonlySet<string> {
  const tags = { study: [STUDY_TAGS], series: [STUDY_TAGS, SERIES_TAGS], instance: [ALL_TAGS] }[level];
  return new Set(tags.flatMap((set) => [...set]).filter((key) => vrAt(key) === 'SQ'));
}

/** Keys along a path of attributes; null where one of them is none. */
function pathOf(name: string): readonly string[] | null {
  const path = name.split('.').map(keyOfAttribute);
  return path.length <= MAX_PATH && path.every((key) => key !== null) ? path : null;
}

function vrAt(key: string): string {
  return vrOf(Number.parseInt(key, 16));
}

/** What may be searched: patients too, at the DIMSE door. */
export type SearchLevel = DicomSearch['level'];

/** Whether the index knows an attribute (eight hexadecimal digits) at a level. */
export function isSearchedBy(level: SearchLevel, key: string): boolean {
  return searchedRow(level === 'patient' ? 'study' : level, key) !== undefined;
}

function searchedRow(level: DicomLevel, key: string | null) {
  return SEARCHED.find(([keyword, of]) => keyOfAttribute(keyword) === key && LEVELS.indexOf(of) <= LEVELS.indexOf(level));
}

/** Null: everything matches (PS3.4 §C.2.2.2.3); the attribute is still asked for, and every answer has those that are searched by. */
function conditionOf(level: DicomLevel, name: string, value: string, fuzzy: boolean): DicomCondition | Failure | null {
  const key = keyOfAttribute(name);
  const row = searchedRow(level, key);
  if (!key || !row) return wrong(name.slice(0, 64).replace(/[^\w.]/g, '?'), `is not searched by at the level of a ${level}`);
  const [keyword, of, column, kind] = row;
  // No text of the database holds one.
  if (value.includes('\0')) return wrong(keyword, 'NUL has no place in a value');
  if (value.length > MAX_VALUE_LENGTH && kind !== 'uid') return wrong(keyword, 'the value is too long');
  if (value === '' || value === '*') return null;
  const test = testOf(kind, value, fuzzy);
  return isFailure(test) ? wrong(keyword, test.detail) : ({ level: of, column, test } as DicomCondition);
}

function testOf(kind: Kind, value: string, fuzzy: boolean): DicomTest | Failure {
  if (kind === 'uid') {
    const values = value.split(/[,\\]/);
    return values.every(isUid) && values.length <= MAX_UIDS ? { is: 'any', values } : failure('dicom', 'invalid', 'UIDs are asked for');
  }
  if (kind === 'date' || kind === 'time') return rangeOf(kind, value);
  if (kind === 'number')
    return /^-?\d{1,9}$/.test(value) ? { is: 'any', values: [value] } : failure('dicom', 'invalid', 'a number is asked for');
  if (kind === 'code') return /[*?]/.test(value) ? { is: 'like', pattern: value } : { is: 'any', values: value.split(/[,\\]/) };
  if (kind === 'text') return /[*?]/.test(value) ? { is: 'like', pattern: value } : { is: 'any', values: [value] };
  if (fuzzy)
    return {
      is: 'words',
      beginnings: foldedName(value)
        .split(/[\^=\s,*?]+/)
        .filter((word) => word !== ''),
    };
  return { is: 'like', pattern: value.toLowerCase().replace(/[\^ ]+$/, '') };
}

/** PS3.4 §C.2.2.2.5: one date or time, or two with a hyphen between, either of which may be left out. */
function rangeOf(kind: 'date' | 'time', value: string): DicomTest | Failure {
  const bare = value.replaceAll(kind === 'time' ? ':' : '.', '');
  const [, from = '', hyphen, to = ''] = (kind === 'date' ? DATES : TIMES).exec(bare) ?? ['', '', 'x'];
  if (hyphen === 'x' || (from === '' && to === '')) return failure('dicom', 'invalid', `no ${kind} and no range`);
  const last = hyphen ? to : from;
  if (kind === 'date') return { is: 'range', from, to: last };
  return {
    is: 'range',
    from: from.padEnd(6, '0').slice(0, from === '' ? 0 : 6),
    to: last === '' ? '' : `${last}595959`.slice(0, last.length).concat('235959'.slice(last.length)),
  };
}

/** A keyword or eight digits, to eight digits; null for what is none. */
function keyOfAttribute(name: string): string | null {
  if (/^[0-9A-Fa-f]{8}$/.test(name)) return name.toUpperCase();
  const tag = tagOfKeyword(name);
  return tag === null ? null : keyOf(tag);
}

function wrong(name: string, why: string): Failure {
  return failure('dicom', 'invalid', `${name}: ${why}`);
}

const DATES = /^(\d{8})?(-)?(\d{8})?$/;
const TIMES = /^(\d{2}|\d{4}|\d{6})?(?:\.\d+)?(-)?(\d{2}|\d{4}|\d{6})?(?:\.\d+)?$/;

const ALL_TAGS: ReadonlySet<string> = new Set([...HEADER_TAGS].map(keyOf));
const LEVELS: readonly DicomLevel[] = ['study', 'series', 'instance'];
type Kind = 'uid' | 'date' | 'time' | 'text' | 'name' | 'code' | 'number';

/** PS3.18 Table 10.6.1-5, and what is asked for beside it. */
const SEARCHED: readonly (readonly [keyword: string, level: DicomLevel, column: string, kind: Kind])[] = [
  ['StudyInstanceUID', 'study', 'study_uid', 'uid'],
  ['StudyDate', 'study', 'study_date', 'date'],
  ['StudyTime', 'study', 'study_time', 'time'],
  ['AccessionNumber', 'study', 'accession', 'text'],
  ['ModalitiesInStudy', 'study', 'modalities', 'code'],
  ['ReferringPhysicianName', 'study', 'referrer', 'name'],
  ['PatientName', 'study', 'patient_name', 'name'],
  ['PatientID', 'study', 'patient_id', 'text'],
  ['IssuerOfPatientID', 'study', 'patient_issuer', 'text'],
  ['PatientBirthDate', 'study', 'birth_date', 'date'],
  ['PatientSex', 'study', 'sex', 'code'],
  ['StudyID', 'study', 'study_id', 'text'],
  ['StudyDescription', 'study', 'description', 'text'],
  ['Modality', 'series', 'modality', 'code'],
  ['SeriesInstanceUID', 'series', 'series_uid', 'uid'],
  ['SeriesNumber', 'series', 'number', 'number'],
  ['SeriesDescription', 'series', 'description', 'text'],
  ['BodyPartExamined', 'series', 'body_part', 'code'],
  ['SOPInstanceUID', 'instance', 'sop_instance_uid', 'uid'],
  ['SOPClassUID', 'instance', 'sop_class_uid', 'uid'],
  ['InstanceNumber', 'instance', 'number', 'number'],
];

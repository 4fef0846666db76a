/**
 * The query of a QIDO-RS search (PS3.18 §8.3.4 and §10.6.1). In: the level that is searched, the UIDs of the path, and the parameters in order.
 * Out: a search on the index, and what to answer of each match; or a Failure that says which parameter is wrong.
 * An attribute that is not searched by is refused, rather than matched by everything.
 */
import type { DicomCondition, DicomLevel, DicomSearch, DicomTest } from '../../model/dicom-search.ts';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import { tagOfKeyword } from './dictionary.ts';
import { foldedName } from './query-index.ts';
import { isUid } from './uid.ts';
import { keyOf } from './value-json.ts';

export type WebQuery = {
  readonly search: DicomSearch;
  /** Tags asked for beside those that every answer has. */
  readonly include: 'all' | ReadonlySet<string>;
  /** Fewer are given at once than were asked for. */
  readonly isLimited: boolean;
};

/** More matches than this come on the next page. */
export const MAX_MATCHES = 1_000;
const MAX_VALUE_LENGTH = 1_024;
const MAX_UIDS = 500;

export type PathUids = { readonly study?: string; readonly series?: string };

export function parseWebQuery(level: DicomLevel, path: PathUids, parameters: readonly (readonly [string, string])[]): WebQuery | Failure {
  const conditions: DicomCondition[] = [];
  if (path.study) conditions.push({ level: 'study', column: 'study_uid', test: { is: 'any', values: [path.study] } });
  if (path.series) conditions.push({ level: 'series', column: 'series_uid', test: { is: 'any', values: [path.series] } });
  const fuzzy = parameters.some(([name, value]) => name === 'fuzzymatching' && value === 'true');
  const include = new Set<string>();
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
        const key = field === 'all' ? field : keyOfAttribute(field);
        if (!key) return wrong(name, 'an attribute is not known');
        include.add(key);
      }
    } else {
      const condition = conditionOf(level, name, value, fuzzy);
      if (isFailure(condition)) return condition;
      if (condition) conditions.push(condition);
    }
  }
  const search = { level, conditions, limit: Math.min(limit, MAX_MATCHES), offset };
  return { search, include: include.has('all') ? 'all' : include, isLimited: limit > MAX_MATCHES };
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

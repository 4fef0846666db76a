/**
 * The Query/Retrieve information models (PS3.4 Annex C). In: the identifier of a C-FIND, C-GET or C-MOVE and the SOP class it came on.
 * Out: what is searched, in the words of QIDO-RS so that there is one way to search, or a Failure for an identifier that does not fit the
 * SOP class; and the answer to each match. A unique key above the level that is searched must be there (§C.4.1.3.1: hierarchical search).
 */
import type { DicomCondition } from '../../model/dicom-search.ts';
import { type Failure, failure, isFailure } from '../../model/failure.ts';
import { matchesKeys } from './attribute-match.ts';
import { ATTRIBUTES, type DicomJson, type Keyword } from './header.ts';
import type { Identifier } from './identifier.ts';
import { type MatchCounts, studyFacts } from './query-answer.ts';
import type { QueryExtension } from './query-extension.ts';
import { SERIES_TAGS, STUDY_TAGS } from './query-index.ts';
import { isUid } from './uid.ts';
import { keyOf } from './value-json.ts';
import { isSearchedBy, parseWebQuery, type SearchLevel } from './web-query.ts';

export type FindQuery = {
  readonly level: SearchLevel;
  readonly conditions: readonly DicomCondition[];
  /** Keys that the index does not know: matched by what its answers hold. */
  readonly rest: DicomJson;
  /** What was asked for, to be answered. */
  readonly keys: DicomJson;
  /** Whether every key is known here; where not, the answers say so. */
  readonly isSupported: boolean;
  readonly charsets: readonly string[];
};

/** What is known of a match: attributes of each level, null at levels below the one that was searched. */
export type FindMatch = MatchCounts & {
  readonly study: DicomJson;
  readonly series: DicomJson | null;
  readonly instance: DicomJson | null;
};

/** `extension`: what was agreed on with who asks. */
export function findQuery({ json, charsets }: Identifier, root: Root, extension?: QueryExtension): FindQuery | Failure {
  const level = levelOf(json, root);
  if (isFailure(level)) return level;
  const missing = uniqueKeysAbove(level, root).find((keyword) => textsAt(json, keyword).length === 0);
  if (missing && !extension?.relational) return failure('dicom', 'invalid', `${missing} is not said at the level of ${level}`);
  const keys = Object.fromEntries(Object.entries(json).filter(([tag]) => !ABOUT_THE_QUERY.has(tag)));
  const known = KNOWN[level];
  const searched = ([tag]: readonly [string, unknown]) => isSearchedBy(level, tag) && known.has(tag);
  const conditions = conditionsOf(level, Object.entries(keys).filter(searched), extension?.fuzzy);
  if (isFailure(conditions)) return conditions;
  const rest = Object.fromEntries(Object.entries(keys).filter((entry) => !searched(entry) && known.has(entry[0])));
  const isSupported = Object.keys(keys).every((tag) => known.has(tag));
  return { level, conditions, rest, keys, isSupported, charsets };
}

/** What a C-GET or C-MOVE asks for: lists of unique keys, and nothing else (§C.4.2.1.4.1); `relational`: those above the level may be left out. */
export function retrieveConditions({ json }: Identifier, root: Root, relational = false): readonly DicomCondition[] | Failure {
  const level = levelOf(json, root);
  if (isFailure(level)) return level;
  const above = uniqueKeysAbove(level, root).filter((keyword) => !relational || textsAt(json, keyword).length > 0);
  const named = [...above, UNIQUE_KEY[level]];
  const missing = named.find((keyword) => textsAt(json, keyword).length === 0);
  if (missing) return failure('dicom', 'invalid', `${missing} is not said at the level of ${level}`);
  const uids = named.filter((keyword) => keyword !== 'PatientID').flatMap((keyword) => textsAt(json, keyword));
  if (!uids.every(isUid)) return failure('dicom', 'invalid', 'a unique key is no UID');
  return named.map((keyword) => conditionAt(keyword, textsAt(json, keyword)));
}

/** The answer to a match, null where a key that the index does not know does not match. */
export function findAnswer(match: FindMatch, { level, keys, rest }: FindQuery, aeTitle: string): DicomJson | null {
  const known: DicomJson = { ...match.instance, ...match.series, ...match.study, ...(level === 'instance' ? {} : countsOf(match)) };
  if (!matchesKeys(rest, known)) return null;
  const asked = Object.entries(keys).filter(([tag]) => KNOWN[level].has(tag));
  return {
    ...Object.fromEntries(asked.map(([tag, { vr }]) => [tag, answerAt(tag, vr, known)])),
    [QUERY_LEVEL]: { vr: 'CS', Value: [LEVEL_NAME[level]] },
    '00080054': { vr: 'AE', Value: [aeTitle] }, // RetrieveAETitle
    '00080056': { vr: 'CS', Value: ['ONLINE'] }, // InstanceAvailability
  };
}

function countsOf(match: FindMatch): DicomJson {
  return { ...studyFacts(match), '00201209': { vr: 'IS', Value: [match.instancesInSeries] } }; // NumberOfSeriesRelatedInstances
}

/** An attribute that is not known of this match is answered without a value (§C.2.2.1.2). */
function answerAt(tag: string, vr: string, known: DicomJson): DicomJson[string] {
  return known[tag] ?? { vr };
}

function levelOf(json: DicomJson, root: Root): SearchLevel | Failure {
  const name = String(json[QUERY_LEVEL]?.Value?.[0] ?? '');
  const level = LEVELS.find((one) => LEVEL_NAME[one] === name);
  if (!level || (level === 'patient' && root === 'study')) return failure('dicom', 'invalid', 'Query/Retrieve Level is none of this model');
  return level;
}

/** §C.6.1.1 and §C.6.2.1; Study Root has no level of patients. */
function uniqueKeysAbove(level: SearchLevel, root: Root): Keyword[] {
  return LEVELS.slice(root === 'patient' ? 0 : 1, LEVELS.indexOf(level)).map((above) => UNIQUE_KEY[above]);
}

function conditionsOf(
  level: SearchLevel,
  keys: readonly (readonly [string, DicomJson[string]])[],
  fuzzy = false,
): readonly DicomCondition[] | Failure {
  const matching = fuzzy ? [['fuzzymatching', 'true'] as const] : [];
  const parameters = [...matching, ...keys.flatMap(([tag, element]) => textsOf(element).map((text) => [tag, text] as const))];
  const query = parseWebQuery(level === 'patient' ? 'study' : level, {}, parameters);
  return isFailure(query) ? query : query.search.conditions;
}

/** A list of values is one key; the component groups of a name are matched one by one. */
function textsOf({ vr, Value = [] }: DicomJson[string]): string[] {
  const values = Value.filter((value) => value !== null);
  if (vr === 'PN') return values.flatMap((name) => (typeof name === 'object' && name !== null ? Object.values(name).map(String) : []));
  return values.length === 0 ? [] : [values.map(String).join('\\')];
}

function textsAt(json: DicomJson, keyword: Keyword): string[] {
  return (json[keyOf(ATTRIBUTES[keyword])]?.Value ?? []).filter((value) => value !== null && value !== '*').map(String);
}

function conditionAt(keyword: Keyword, values: readonly string[]): DicomCondition {
  return { ...COLUMN[keyword], test: { is: 'any', values } } as DicomCondition;
}

export type Root = 'patient' | 'study';
type Model = { readonly root: Root; readonly operation: 'FIND' | 'MOVE' | 'GET' };

/** PS3.4 §C.6.1.3 and §C.6.2.3. The retired Patient/Study Only model is not among them. */
export const QUERY_MODELS: ReadonlyMap<string, Model> = new Map([
  ['1.2.840.10008.5.1.4.1.2.1.1', { root: 'patient', operation: 'FIND' }],
  ['1.2.840.10008.5.1.4.1.2.1.2', { root: 'patient', operation: 'MOVE' }],
  ['1.2.840.10008.5.1.4.1.2.1.3', { root: 'patient', operation: 'GET' }],
  ['1.2.840.10008.5.1.4.1.2.2.1', { root: 'study', operation: 'FIND' }],
  ['1.2.840.10008.5.1.4.1.2.2.2', { root: 'study', operation: 'MOVE' }],
  ['1.2.840.10008.5.1.4.1.2.2.3', { root: 'study', operation: 'GET' }],
]);

const LEVELS: readonly SearchLevel[] = ['patient', 'study', 'series', 'instance'];
const LEVEL_NAME: Readonly<Record<SearchLevel, string>> = { patient: 'PATIENT', study: 'STUDY', series: 'SERIES', instance: 'IMAGE' };
const UNIQUE_KEY: Readonly<Record<SearchLevel, Keyword>> = {
  patient: 'PatientID',
  study: 'StudyInstanceUID',
  series: 'SeriesInstanceUID',
  instance: 'SOPInstanceUID',
};
const COLUMN: Partial<Record<Keyword, object>> = {
  PatientID: { level: 'study', column: 'patient_id' },
  StudyInstanceUID: { level: 'study', column: 'study_uid' },
  SeriesInstanceUID: { level: 'series', column: 'series_uid' },
  SOPInstanceUID: { level: 'instance', column: 'sop_instance_uid' },
};

const QUERY_LEVEL = '00080052';
/** Specific Character Set, Query/Retrieve Level, Retrieve AE Title, Instance Availability. */
const ABOUT_THE_QUERY: ReadonlySet<string> = new Set(['00080005', QUERY_LEVEL, '00080054', '00080056']);

/** What is matched and answered, by level: as far as headers are kept. */
const OF_STUDIES = new Set([...STUDY_TAGS, '00080061', '00201206', '00201208']);
const OF_SERIES = new Set([...OF_STUDIES, ...SERIES_TAGS, '00201209']);
const KNOWN: Readonly<Record<SearchLevel, ReadonlySet<string>>> = {
  patient: new Set([...STUDY_TAGS].filter((tag) => tag.startsWith('0010'))),
  study: OF_STUDIES,
  series: OF_SERIES,
  // What a study or series says as a whole is counted for their own answers only.
  instance: new Set(Object.values(ATTRIBUTES).map(keyOf)),
};

/**
 * The index of DICOM studies and series, and searches on it. In: a DicomSearch and the group that asks (null: an operator, who sees all).
 * Out: matches, the newest studies first; only of studies whose ImagingStudy the group may see.
 */
import type { DicomColumn, DicomCondition, DicomLevel, DicomPlace, DicomSearch, IndexedStudy } from '../model/dicom-search.ts';
import type { MovedObject } from '../model/move.ts';
import type { Queryable, Transaction } from './database.ts';
import { OBJECT_COLUMNS, type ObjectRow, objectOf, visibleInstance } from './instance-store.ts';

export type DicomMatch = {
  readonly place: DicomPlace;
  readonly studyUid: string;
  readonly study: Buffer;
  readonly modalities: readonly string[];
  readonly seriesInStudy: number;
  readonly instancesInStudy: number;
  /** Null at the level of studies. */
  readonly seriesUid: string | null;
  readonly series: Buffer | null;
  readonly instancesInSeries: number;
  /** Header and UID of an instance; null at the other levels. */
  readonly sopInstanceUid: string | null;
  readonly instance: Buffer | null;
};

/** Adds a study, and what of its series is new. What is known stays as it is. */
export async function indexStudy(tx: Transaction, study: IndexedStudy): Promise<void> {
  const { columns } = study;
  await tx.query({
    name: 'dicom-index-study',
    text: `insert into dicom_study (study_uid, study_date, study_time, accession, patient_id, patient_issuer, patient_name, birth_date, sex,
             referrer, study_id, description, attributes)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) on conflict do nothing`,
    values: [
      ...[study.studyUid, columns.study_date, columns.study_time, columns.accession, columns.patient_id, columns.patient_issuer],
      ...[study.patientName, columns.birth_date, columns.sex, study.referrer, columns.study_id, columns.description, study.attributes],
    ],
  });
  for (const series of study.series) {
    await tx.query({
      name: 'dicom-index-series',
      text: `insert into dicom_series (study_uid, series_uid, modality, number, description, body_part, attributes)
             values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing`,
      values: [study.studyUid, series.seriesUid, series.modality, series.number, series.description, series.bodyPart, series.attributes],
    });
  }
}

/** Of these studies, those of which the index does not know a series that is here. */
export async function unindexedStudies(q: Queryable, studyUids: readonly string[]): Promise<readonly string[]> {
  const { rows } = await q.query<{ study_uid: string }>(
    `select distinct i.study_uid from instance i where i.study_uid = any($1::text[])
       and not exists (select from dicom_series e where e.study_uid = i.study_uid and e.series_uid = i.series_uid)`,
    [studyUids],
  );
  return rows.map((row) => row.study_uid);
}

/** One page of matches, and whether there are more. */
export async function searchDicom(
  q: Queryable,
  search: DicomSearch,
  group: string | null,
): Promise<{ matches: DicomMatch[]; more: boolean }> {
  const values: unknown[] = [];
  const bind = (value: unknown): string => `$${values.push(value)}`;
  const asked = group === null ? null : bind(group);
  const where = search.conditions.map((condition) => conditionSql(condition, bind, asked));
  if (asked !== null) where.push(visibleSql(asked));
  if (asked !== null && search.level === 'series') where.push(visibleSeries('e', asked));
  if (asked !== null && search.level === 'instance') where.push(visibleInstance('i', asked));
  const order = ORDER[search.level];
  if (search.after) where.push(...afterSql(order, search.after, bind));
  const inOrder = [...order, ...(search.level === 'patient' ? LATEST : [])]
    .map(({ by, descending }) => `${by}${descending ? ' desc' : ''}`)
    .join(', ');
  const page = `select ${PAGE[search.level]}, array[${order.map(({ by }) => `${by}::text`).join(', ')}] as place
    from ${FROM[search.level]} where ${where.join(' and ') || 'true'}
    order by ${inOrder} limit ${bind(search.limit + 1)} offset ${bind(search.offset ?? 0)}`;
  const { rows } = await q.query<MatchRow>(
    `with page as materialized (${page}) ${selectSql(search.level, asked)} order by ${inOrder}`,
    values,
  );
  return { matches: rows.slice(0, search.limit).map(matchOf), more: rows.length > search.limit };
}

/** Objects of all that matches, at most `limit`, by study and series in the order in which they came; with the case that the group has of each. */
export async function findObjects(
  q: Queryable,
  conditions: readonly DicomCondition[],
  group: string,
  limit: number,
): Promise<MovedObject[]> {
  const values: unknown[] = [];
  const bind = (value: unknown): string => `$${values.push(value)}`;
  const asked = bind(group);
  const where = [...conditions.map((condition) => conditionSql(condition, bind, asked)), visibleSql(asked), visibleInstance('i', asked)];
  const { rows } = await q.query<ObjectRow>(
    `select ${OBJECT_COLUMNS} from instance
     where sop_instance_uid in (select i.sop_instance_uid from ${FROM.instance} where ${where.join(' and ')})
     order by study_uid, series_uid, seq limit ${bind(limit)}`,
    values,
  );
  const cases = await casesOfStudies(q, [...new Set(rows.map(({ study_uid }) => study_uid))], group);
  return rows.map((row) => ({ ...objectOf(row), caseId: cases.get(row.study_uid) ?? '' }));
}

/** The case of each study: that which the group reads before one that it only sees, one that goes on before one that is over, the newest. */
async function casesOfStudies(q: Queryable, studyUids: readonly string[], group: string): Promise<Map<string, string>> {
  const { rows } = await q.query<{ value: string; case_id: string }>({
    name: 'dicom-study-cases',
    text: `select distinct on (m.value) m.value, m.case_id from case_key_member m join cases c on c.id = m.case_id
           where m.kind = 'study' and m.system = 'urn:dicom:uid' and m.value = any($1::text[])
           order by m.value, c.reading_group = $2 desc, c.phase <> 'cancelled' desc, c.id desc`,
    values: [studyUids, group],
  });
  return new Map(rows.map(({ value, case_id }) => [value, case_id]));
}

/** Behind a place; the first bound alone is what an index of that order is entered by. */
function afterSql(order: readonly Ordered[], place: DicomPlace, bind: (value: unknown) => string): string[] {
  const columns = order.slice(0, place.length).map((one, at) => ({ ...one, bound: `${bind(place[at])}::${one.type}` }));
  const [first] = columns;
  if (!first) return [];
  const behind = columns.map(({ by, descending, bound }, at) => {
    const same = columns.slice(0, at).map((before) => `${before.by} = ${before.bound}`);
    return `(${[...same, `${by} ${descending ? '<' : '>'} ${bound}`].join(' and ')})`;
  });
  return [`${first.by} ${first.descending ? '<=' : '>='} ${first.bound}`, `(${behind.join(' or ')})`];
}

/** The same rule as for a study that is asked for by its UID (`maySeeStudy`). */
function visibleSql(group: string): string {
  return `exists (select from identifiers x join resource r on r.type = 'ImagingStudy' and r.id = x.id
    where x.type = 'ImagingStudy' and x.system = 'urn:dicom:uid' and x.value = 'urn:oid:' || s.study_uid
      and not r.deleted and ${group} = any(r.readers))`;
}

/** A series of which the group sees an object. */
function visibleSeries(alias: string, group: string | null): string {
  if (group === null) return 'true';
  return `exists (select from instance v where v.study_uid = ${alias}.study_uid and v.series_uid = ${alias}.series_uid
    and ${visibleInstance('v', group)})`;
}

function conditionSql({ level, column, test }: DicomCondition, bind: (value: unknown) => string, group: string | null): string {
  if (column === 'modalities')
    return `exists (select from dicom_series m where m.study_uid = s.study_uid and ${testSql('m.modality', test, bind)}
      and ${visibleSeries('m', group)})`;
  if (NAMES.has(column)) {
    const each = (text: (name: string) => string) => `exists (select from unnest(s.${column}) n where ${text('n')})`;
    if (test.is !== 'words') return each((name) => testSql(name, test, bind));
    return test.beginnings.map((word) => each((name) => `${name} ~ ${bind(`(^|[ ^-])${escapedRegex(word)}`)}`)).join(' and ') || 'true';
  }
  return testSql(`${ALIAS[level]}.${column}${column === 'number' ? '::text' : ''}`, test, bind);
}

function testSql(column: string, test: DicomCondition['test'], bind: (value: unknown) => string): string {
  if (test.is === 'any') return `${column} = any(${bind(test.values)}::text[])`;
  if (test.is === 'like') return `${column} like ${bind(likePattern(test.pattern))}`;
  if (test.is === 'words') throw new Error('only names have words');
  const ends = [test.from && `${column} >= ${bind(test.from)}`, test.to && `${column} <= ${bind(test.to)}`];
  return `(${[`${column} <> ''`, ...ends.filter((end) => end !== '')].join(' and ')})`;
}

function likePattern(pattern: string): string {
  return pattern
    .replace(/[\\%_]/g, '\\$&')
    .replaceAll('*', '%')
    .replaceAll('?', '_');
}

function escapedRegex(word: string): string {
  return word.replace(/[^\p{L}\p{N}]/gu, '\\$&');
}

const NAMES: ReadonlySet<string> = new Set<DicomColumn['study']>(['patient_name', 'referrer']);
/** Two patients under one number have two issuers. */
const PAGE: Readonly<Record<DicomSearch['level'], string>> = {
  patient: 'distinct on (s.patient_id, s.patient_issuer) s.study_uid',
  study: 's.study_uid',
  series: 's.study_uid, e.series_uid',
  instance: 's.study_uid, e.series_uid, i.sop_instance_uid',
};
const ALIAS: Readonly<Record<DicomLevel, string>> = { study: 's', series: 'e', instance: 'i' };

const SERIES_FROM = 'dicom_series e join dicom_study s on s.study_uid = e.study_uid';
const FROM: Readonly<Record<DicomSearch['level'], string>> = {
  patient: 'dicom_study s',
  study: 'dicom_study s',
  series: SERIES_FROM,
  instance: `${SERIES_FROM} join instance i on i.study_uid = e.study_uid and i.series_uid = e.series_uid`,
};

/** What matches are ordered by, whole: no two stand at one place. */
type Ordered = { readonly by: string; readonly type: 'text' | 'bigint'; readonly descending: boolean };
const text = (by: string): Ordered => ({ by, type: 'text', descending: false });
const number = (by: string): Ordered => ({ by, type: 'bigint', descending: false });
const LATEST: readonly Ordered[] = [{ by: 's.study_date', type: 'text', descending: true }, text('s.study_uid')];
/** A series without a number stands behind the others. */
const SERIES_ORDER = [...LATEST, number('coalesce(e.number, 2147483648)'), text('e.series_uid')];
const ORDER: Readonly<Record<DicomSearch['level'], readonly Ordered[]>> = {
  // Whichever of his studies is the latest: behind a patient is another one.
  patient: [text('s.patient_id'), text('s.patient_issuer')],
  study: LATEST,
  series: SERIES_ORDER,
  instance: [...SERIES_ORDER, number('i.seq'), text('i.sop_instance_uid')],
};

function selectSql(level: DicomSearch['level'], group: string | null): string {
  // What a study or series says as a whole is counted for their own answers only.
  if (level === 'instance')
    return `select page.place, s.study_uid, s.attributes as study, '{}'::text[] as modalities, 0 as series_in_study, 0 as instances_in_study, e.series_uid,
      e.attributes as series, 0 as instances_in_series, i.sop_instance_uid, i.header as instance
      from page join dicom_study s using (study_uid) join dicom_series e using (study_uid, series_uid) join instance i using (sop_instance_uid)`;
  if (level === 'study' || level === 'patient')
    return `select page.place, ${ofStudy(group)}, null::text as series_uid, null::bytea as series, 0 as instances_in_series,
      null::text as sop_instance_uid, null::bytea as instance from page join dicom_study s using (study_uid)`;
  return `select page.place, ${ofStudy(group)}, ${ofSeries(group)}, null::text as sop_instance_uid, null::bytea as instance
    from page join dicom_study s using (study_uid) join dicom_series e using (study_uid, series_uid)`;
}

function ofStudy(group: string | null): string {
  const seen = group === null ? 'true' : visibleInstance('m', group);
  const series = `from dicom_series m where m.study_uid = s.study_uid and ${visibleSeries('m', group)}`;
  return `s.study_uid, s.attributes as study, array(select distinct m.modality ${series} and m.modality <> '' order by 1) as modalities,
    (select count(*)::int ${series}) as series_in_study,
    (select count(*)::int from instance m where m.study_uid = s.study_uid and ${seen}) as instances_in_study`;
}

function ofSeries(group: string | null): string {
  const seen = group === null ? 'true' : visibleInstance('m', group);
  return `e.series_uid, e.attributes as series,
    (select count(*)::int from instance m where m.study_uid = e.study_uid and m.series_uid = e.series_uid and ${seen}) as instances_in_series`;
}

type MatchRow = {
  place: string[];
  study_uid: string;
  study: Buffer;
  modalities: string[];
  series_in_study: number;
  instances_in_study: number;
  series_uid: string | null;
  series: Buffer | null;
  instances_in_series: number;
  sop_instance_uid: string | null;
  instance: Buffer | null;
};

function matchOf(row: MatchRow): DicomMatch {
  return {
    place: row.place,
    studyUid: row.study_uid,
    study: row.study,
    modalities: row.modalities,
    seriesInStudy: row.series_in_study,
    instancesInStudy: row.instances_in_study,
    seriesUid: row.series_uid,
    series: row.series,
    instancesInSeries: row.instances_in_series,
    sopInstanceUid: row.sop_instance_uid,
    instance: row.instance,
  };
}

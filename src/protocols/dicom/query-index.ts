/**
 * What QIDO-RS searches and answers of a study (PS3.18 Tables 10.6.1-5 and 10.6.3-3 to -5), out of the headers of its instances.
 * In: headers. Out: one study with its series, each as the instance that came first has it; the same headers give the same index.
 */
import type { IndexedSeries, IndexedStudy } from '../../model/dicom-search.ts';
import { ATTRIBUTES, type DicomJson, type Keyword, textOf } from './header.ts';
import { keyOf } from './value-json.ts';

export type IndexableInstance = {
  /** Place in the order of arrival. */
  readonly seq: number;

  readonly studyUid: string;
  readonly seriesUid: string;
  readonly modality: string;
  readonly header: Buffer;
};

/** At least one instance, all of the same study. */
export function indexOfStudy(unordered: readonly IndexableInstance[]): IndexedStudy {
  const instances = [...unordered].sort((one, other) => one.seq - other.seq);
  const first = instances[0] as IndexableInstance;
  const header = parsed(first);
  const text = (keyword: Keyword) => textOf(header, keyword).slice(0, MAX_COLUMN);
  const series = new Map<string, IndexableInstance>();
  for (const instance of instances) if (!series.has(instance.seriesUid)) series.set(instance.seriesUid, instance);
  return {
    studyUid: first.studyUid,
    columns: {
      study_date: text('StudyDate'),
      study_time: text('StudyTime').slice(0, 6),
      accession: text('AccessionNumber'),
      patient_id: text('PatientID'),
      patient_issuer: text('IssuerOfPatientID'),
      birth_date: text('PatientBirthDate'),
      sex: text('PatientSex'),
      study_id: text('StudyID'),
      description: text('StudyDescription'),
    },
    patientName: nameGroups(header, 'PatientName'),
    referrer: nameGroups(header, 'ReferringPhysicianName'),
    attributes: only(header, STUDY_TAGS),
    series: [...series.values()].map(indexOfSeries),
  };
}

function indexOfSeries(instance: IndexableInstance): IndexedSeries {
  const header = parsed(instance);
  return {
    seriesUid: instance.seriesUid,
    modality: instance.modality,
    number: numberOf(header, 'SeriesNumber'),
    description: textOf(header, 'SeriesDescription').slice(0, MAX_COLUMN),
    bodyPart: textOf(header, 'BodyPartExamined').slice(0, MAX_COLUMN),
    attributes: only(header, SERIES_TAGS),
  };
}

/** An integer string that is searched by; null for what is none. */
export function numberOf(header: DicomJson, keyword: 'SeriesNumber' | 'InstanceNumber'): number | null {
  const number = Number(textOf(header, keyword) || Number.NaN);
  return Number.isInteger(number) && Math.abs(number) <= MAX_INTEGER ? number : null;
}

/** Component groups in lower case, for names are searched without regard to it (PS3.18 §8.3.4.2); beside them without accents, for fuzzy matching. */
function nameGroups(header: DicomJson, keyword: Keyword): string[] {
  const name = header[keyOf(ATTRIBUTES[keyword])]?.Value?.[0];
  const groups = typeof name === 'object' && name !== null ? Object.values(name).map((group) => String(group).slice(0, MAX_COLUMN)) : [];
  return [...new Set([...groups.map((group) => group.toLowerCase()), ...groups.map(foldedName)])];
}

/** Lower case without accents. */
export function foldedName(text: string): string {
  return text
    .normalize('NFD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase();
}

function only(header: DicomJson, tags: ReadonlySet<string>): Buffer {
  return Buffer.from(JSON.stringify(Object.fromEntries(Object.entries(header).filter(([tag]) => tags.has(tag)))));
}

function parsed({ header }: IndexableInstance): DicomJson {
  return JSON.parse(header.toString()) as DicomJson;
}

/** A btree row holds 2,700 bytes; no value of these VRs is as long as this. */
const MAX_COLUMN = 500;
const MAX_INTEGER = 0x7fffffff;

const keysOf = (keywords: readonly Keyword[]): ReadonlySet<string> => new Set(keywords.map((keyword) => keyOf(ATTRIBUTES[keyword])));

/** Of patient and study, as far as headers are kept. */
export const STUDY_TAGS = keysOf([
  'StudyDate',
  'StudyTime',
  'AccessionNumber',
  'IssuerOfAccessionNumberSequence',
  'ReferringPhysicianName',
  'ReferringPhysicianIdentificationSequence',
  'TimezoneOffsetFromUTC',
  'StudyDescription',
  'ProcedureCodeSequence',
  'PatientName',
  'PatientID',
  'IssuerOfPatientID',
  'TypeOfPatientID',
  'IssuerOfPatientIDQualifiersSequence',
  'PatientBirthDate',
  'PatientBirthTime',
  'PatientSex',
  'OtherPatientIDsSequence',
  'PatientAge',
  'StudyInstanceUID',
  'StudyID',
  'AdmissionID',
  'IssuerOfAdmissionIDSequence',
]);

export const SERIES_TAGS = keysOf([
  'Modality',
  'SeriesDate',
  'SeriesTime',
  'SeriesDescription',
  'SeriesInstanceUID',
  'SeriesNumber',
  'BodyPartExamined',
  'ProtocolName',
  'Laterality',
  'Manufacturer',
  'ManufacturerModelName',
  'StationName',
  'InstitutionName',
  'InstitutionalDepartmentName',
  'PerformingPhysicianName',
  'AnatomicRegionSequence',
  'RequestAttributesSequence',
]);

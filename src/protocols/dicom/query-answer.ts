/**
 * One match of a QIDO-RS search as DICOM JSON (PS3.18 §10.6.3). In: attributes of study, series and instance as the index has them.
 * Out: those that every answer of the level has, empty where nothing is known, and those that were asked for. Attributes of a level that the
 * path names are left out unless they are asked for.
 */
import { vrOf } from './dictionary.ts';
import type { DicomJson } from './header.ts';

export type AnswerParts = { readonly study: DicomJson | null; readonly series: DicomJson | null; readonly instance: DicomJson | null };

/** `facts`: what is known beside the headers (counts, URLs), always answered. */
export function queryAnswer(parts: AnswerParts, hidden: DicomJson, facts: DicomJson, include: 'all' | ReadonlySet<string>): DicomJson {
  const known = { ...parts.instance, ...parts.series, ...parts.study };
  const answer: Record<string, DicomJson[string]> = { '00080005': { vr: 'CS', Value: ['ISO_IR 192'] } };
  const fixed = [...(parts.study ? STUDY : []), ...(parts.series ? SERIES : []), ...(parts.instance ? INSTANCE : [])];
  for (const key of fixed) answer[key] = known[key] ?? { vr: vrOf(Number.parseInt(key, 16)) };
  for (const [key, element] of Object.entries({ ...hidden, ...known })) if (include === 'all' || include.has(key)) answer[key] ??= element;
  Object.assign(answer, facts);
  return Object.fromEntries(Object.entries(answer).sort(([a], [b]) => (a < b ? -1 : 1)));
}

export type MatchCounts = {
  readonly modalities: readonly string[];
  readonly seriesInStudy: number;
  readonly instancesInStudy: number;
  readonly instancesInSeries: number;
};

/** What is known of a study beside its headers. */
export function studyFacts({ modalities, seriesInStudy, instancesInStudy }: MatchCounts): DicomJson {
  return {
    '00080061': modalities.length > 0 ? { vr: 'CS', Value: modalities } : { vr: 'CS' }, // ModalitiesInStudy
    '00201206': { vr: 'IS', Value: [seriesInStudy] }, // NumberOfStudyRelatedSeries
    '00201208': { vr: 'IS', Value: [instancesInStudy] }, // NumberOfStudyRelatedInstances
  };
}

/** PS3.18 Table 10.6.3-3: StudyDate, StudyTime, AccessionNumber, ReferringPhysicianName, PatientName, PatientID, birth date, sex, UID, StudyID. */
const STUDY = ['00080020', '00080030', '00080050', '00080090', '00100010', '00100020', '00100030', '00100040', '0020000D', '00200010'];
/** Table 10.6.3-4: Modality, SeriesInstanceUID, SeriesNumber. */
const SERIES = ['00080060', '0020000E', '00200011'];
/** Table 10.6.3-5: SOPClassUID, SOPInstanceUID, InstanceNumber. Rows, Columns, BitsAllocated and NumberOfFrames only of images. */
const INSTANCE = ['00080016', '00080018', '00200013'];

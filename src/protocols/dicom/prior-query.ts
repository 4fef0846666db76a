/**
 * What a PACS is asked for priors (PS3.4 §C.4.1, Study Root, §C.6.2). In: the patient and what is wanted; the answers. Out: identifiers of
 * C-FIND, C-GET and C-MOVE; the studies that are taken, the newest first.
 * Promises: a study or object whose patient has another number, or the same one of another authority, is never taken for his. What the PACS
 * does not match by itself (optional keys, §C.2.2.1.2) is matched here.
 */
import { type Failure, failure } from '../../model/failure.ts';
import type { PriorOrder, PriorPatient } from '../../model/prior.ts';
import { ATTRIBUTES, type DicomJson, type Header, integerOf, type Keyword, textOf } from './header.ts';
import { isUid } from './uid.ts';
import { keyOf } from './value-json.ts';

export const STUDY_ROOT_FIND = '1.2.840.10008.5.1.4.1.2.2.1';
export const STUDY_ROOT_MOVE = '1.2.840.10008.5.1.4.1.2.2.2';
export const STUDY_ROOT_GET = '1.2.840.10008.5.1.4.1.2.2.3';

/** A study as the PACS answers it. */
export type FoundStudy = {
  readonly uid: string;
  /** YYYYMMDDHHMMSS, as far as it is known. */
  readonly at: string;
  /** Empty where the PACS does not say. */
  readonly modalities: readonly string[];
  /** 0 where the PACS does not say. */
  readonly instances: number;
};

/** The studies of a patient since a day, all modalities: Modalities in Study is optional, and seldom matched. */
export function studiesIdentifier({ patient, since }: Pick<PriorOrder, 'patient' | 'since'>): DicomJson {
  return {
    ...level('STUDY'),
    ...key('StudyDate', 'DA', `${since}-`),
    ...key('StudyTime', 'TM'),
    ...key('AccessionNumber', 'SH'),
    [MODALITIES_IN_STUDY]: { vr: 'CS' },
    ...key('PatientID', 'LO', literal(patient.id)),
    ...key('IssuerOfPatientID', 'LO'),
    ...key('StudyInstanceUID', 'UI'),
    ...key('NumberOfStudyRelatedInstances', 'IS'),
  };
}

/** The series of a study: what modalities it has. */
export function seriesIdentifier(studyUid: string): DicomJson {
  return { ...level('SERIES'), ...key('Modality', 'CS'), ...key('StudyInstanceUID', 'UI', studyUid), ...key('SeriesInstanceUID', 'UI') };
}

export function retrieveIdentifier(studyUid: string): DicomJson {
  return { ...level('STUDY'), ...key('StudyInstanceUID', 'UI', studyUid) };
}

/** What of the answers may be a prior: of the patient, since the day, and not of the order itself; the newest first. */
export function candidates(answers: readonly DicomJson[], order: PriorOrder, own: OwnStudies): FoundStudy[] {
  const studies = answers
    .filter((answer) => isOfPatient(answer, order.patient) && textOf(answer, 'StudyDate').replaceAll('.', '') >= order.since)
    .filter((answer) => !own.accessions.includes(textOf(answer, 'AccessionNumber').trim()))
    .map(foundStudy)
    .filter(({ uid }) => isUid(uid) && !own.uids.includes(uid));
  const byUid = new Map(studies.map((study) => [study.uid, study]));
  return [...byUid.values()].sort((a, b) => (a.at === b.at ? (a.uid < b.uid ? -1 : 1) : a.at < b.at ? 1 : -1));
}

/** What of the case is at the PACS, too. */
export type OwnStudies = { readonly uids: readonly string[]; readonly accessions: readonly string[] };

export function hasModality({ modalities }: FoundStudy, wanted: readonly string[]): boolean {
  return wanted.length === 0 || modalities.some((modality) => wanted.includes(modality));
}

/** Whether the number is his, and of no other authority than his where it says one. */
export function isOfPatient(said: DicomJson, { id, authority }: PriorPatient): boolean {
  const qualifiers = said[keyOf(ATTRIBUTES.IssuerOfPatientIDQualifiersSequence)]?.Value?.[0] as DicomJson | undefined;
  const universal = qualifiers?.[UNIVERSAL_ENTITY_ID]?.Value?.[0];
  const issuers = [textOf(said, 'IssuerOfPatientID'), typeof universal === 'string' ? universal : ''].map((text) => text.trim());
  const named = issuers.filter((issuer) => issuer !== '');
  return textOf(said, 'PatientID').trim() === id && (named.length === 0 || named.includes(authority));
}

/** Why an object is none of what was asked for, or null. */
export function foreign(
  { json, studyUid }: Header,
  studyUids: readonly string[],
  order: Pick<PriorOrder, 'patient'> | null,
): Failure | null {
  if (!order || !studyUids.includes(studyUid)) return failure('priors', 'invalid', 'the object is of a study that was not asked for');
  return isOfPatient(json, order.patient) ? null : failure('priors', 'invalid', 'the object is not of the patient who was asked for');
}

function foundStudy(answer: DicomJson): FoundStudy {
  const modalities = answer[MODALITIES_IN_STUDY]?.Value ?? [];
  return {
    uid: textOf(answer, 'StudyInstanceUID'),
    at: `${textOf(answer, 'StudyDate')}${textOf(answer, 'StudyTime').split('.')[0]}`.replaceAll(/[.:]/g, ''),
    modalities: modalities.filter((modality) => typeof modality === 'string' && modality !== '').map(String),
    instances: Math.max(0, integerOf(answer, 'NumberOfStudyRelatedInstances') ?? 0),
  };
}

/** A number with a wildcard in it asks for one character there (§C.2.2.2.4): answers are compared, so that it finds only itself. */
function literal(id: string): string {
  return id.replaceAll('*', '?').replaceAll('\\', '?');
}

function level(name: 'STUDY' | 'SERIES'): DicomJson {
  return { '00080052': { vr: 'CS', Value: [name] } };
}

function key(keyword: Keyword, vr: string, value?: string): DicomJson {
  return { [keyOf(ATTRIBUTES[keyword])]: { vr, ...(value === undefined ? {} : { Value: [value] }) } };
}

const MODALITIES_IN_STUDY = '00080061';
const UNIVERSAL_ENTITY_ID = '00400032';

/**
 * What an object that joins a study must say as the study says it: the Patient, General Study and Patient Study modules (PS3.3 §C.7.1.1,
 * §C.7.2.1, §C.7.2.2) as a stored object has them, so that an archive finds one patient and one study and not two.
 * In: the beginning of a stored dataset. Out: those elements as text, in whichever character set they were; the sets; what the study says
 * of the requests it was made for.
 */
import { constants, inflateRawSync } from 'node:zlib';
import { decodeText } from './charset.ts';
import { DatasetReader, type RawDataset } from './dataset-reader.ts';
import type { TransferSyntax } from './transfer-syntax.ts';
import type { DatasetElement } from './write.ts';

/** Enough of a dataset to hold the modules. */
export const MODULES_BYTES = 1024 * 1024;

export type StudyModules = {
  readonly studyUid: string;
  readonly charsets: readonly string[];
  readonly elements: readonly DatasetElement[];
  /** Request Attributes Sequence (0040,0275) of the object. */
  readonly requests: readonly (readonly DatasetElement[])[];
};

/** Null where the bytes are no dataset that names a study. */
export function readStudyModules(beginning: Buffer, syntax: TransferSyntax): StudyModules | null {
  const reader = new DatasetReader(syntax, WANTED);
  reader.push(syntax.deflated ? inflated(beginning) : beginning);
  const charsets = charsetsOf(reader.dataset, []);
  const all = elementsOf(reader.dataset, []);
  const studyUid = textIn(all, STUDY_INSTANCE_UID);
  if (studyUid === '') return null;
  const requests = all.find(([tag]) => tag === REQUEST_ATTRIBUTES)?.[2] as readonly DatasetElement[][] | undefined;
  return { studyUid, charsets, elements: all.filter(([tag]) => MODULES.has(tag)), requests: requests ?? [] };
}

/** A value as text, '' where there is none. */
export function textIn(elements: readonly DatasetElement[], tag: number): string {
  const value = elements.find(([one]) => one === tag)?.[2];
  return typeof value === 'string' ? value.trim() : '';
}

function elementsOf(dataset: RawDataset, inherited: readonly string[]): DatasetElement[] {
  const charsets = charsetsOf(dataset, inherited);
  return [...dataset].flatMap(([tag, { vr, value, items }]): DatasetElement[] => {
    if (tag === SPECIFIC_CHARACTER_SET) return [];
    if (items) return [[tag, 'SQ', items.map((item) => elementsOf(item, charsets))]];
    if (!TEXTS.has(vr)) return [];
    return [[tag, vr, decodeText(value, CHARSET_VRS.has(vr) ? charsets : [], vr).replace(/[\0 ]+$/, '')]];
  });
}

function charsetsOf(dataset: RawDataset, inherited: readonly string[]): readonly string[] {
  const own = dataset
    .get(SPECIFIC_CHARACTER_SET)
    ?.value.toString('latin1')
    .replace(/[\0 ]+$/, '');
  if (own === undefined) return inherited;
  return own === '' ? [] : own.split('\\').map((term) => term.trim());
}

/** As far as what is here inflates (PS3.5 §A.5). */
function inflated(beginning: Buffer): Buffer {
  try {
    return inflateRawSync(beginning, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: 64 * MODULES_BYTES });
  } catch {
    return Buffer.alloc(0);
  }
}

const SPECIFIC_CHARACTER_SET = 0x00080005;
const STUDY_INSTANCE_UID = 0x0020000d;
const REQUEST_ATTRIBUTES = 0x00400275;
const CHARSET_VRS: ReadonlySet<string> = new Set(['LO', 'LT', 'PN', 'SH', 'ST', 'UC', 'UT']);
const TEXTS: ReadonlySet<string> = new Set([...CHARSET_VRS, 'AE', 'AS', 'CS', 'DA', 'DS', 'DT', 'IS', 'TM', 'UI', 'UR']);

/** PS3.3 Tables C.7-1, C.7-3 and C.7-4a, and the offset that their times are meant with. */
const MODULES: ReadonlySet<number> = new Set([
  0x00080020, // StudyDate
  0x00080030, // StudyTime
  0x00080050, // AccessionNumber
  0x00080051, // IssuerOfAccessionNumberSequence
  0x00080090, // ReferringPhysicianName
  0x00080096, // ReferringPhysicianIdentificationSequence
  0x00080201, // TimezoneOffsetFromUTC
  0x00081030, // StudyDescription
  0x00081032, // ProcedureCodeSequence
  0x00081048, // PhysiciansOfRecord
  0x00081049, // PhysiciansOfRecordIdentificationSequence
  0x00081060, // NameOfPhysiciansReadingStudy
  0x00081062, // PhysiciansReadingStudyIdentificationSequence
  0x00081080, // AdmittingDiagnosesDescription
  0x00081084, // AdmittingDiagnosesCodeSequence
  0x00100010, // PatientName
  0x00100020, // PatientID
  0x00100021, // IssuerOfPatientID
  0x00100022, // TypeOfPatientID
  0x00100024, // IssuerOfPatientIDQualifiersSequence
  0x00100030, // PatientBirthDate
  0x00100032, // PatientBirthTime
  0x00100040, // PatientSex
  0x00101001, // OtherPatientNames
  0x00101002, // OtherPatientIDsSequence
  0x00101010, // PatientAge
  0x00101020, // PatientSize
  0x00101030, // PatientWeight
  0x00102160, // EthnicGroup
  0x00102201, // PatientSpeciesDescription
  0x00102202, // PatientSpeciesCodeSequence
  0x00102292, // PatientBreedDescription
  0x00102293, // PatientBreedCodeSequence
  0x00102294, // BreedRegistrationSequence
  0x00102297, // ResponsiblePerson
  0x00102298, // ResponsiblePersonRole
  0x00102299, // ResponsibleOrganization
  0x00104000, // PatientComments
  0x00120062, // PatientIdentityRemoved
  0x00120063, // DeidentificationMethod
  0x00120064, // DeidentificationMethodCodeSequence
  0x00200010, // StudyID
  0x00380010, // AdmissionID
  0x00380014, // IssuerOfAdmissionIDSequence
]);
const WANTED: ReadonlySet<number> = new Set([...MODULES, SPECIFIC_CHARACTER_SET, STUDY_INSTANCE_UID, REQUEST_ATTRIBUTES]);

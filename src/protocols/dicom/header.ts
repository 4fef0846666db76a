/**
 * The header of a dataset: the attributes that mapping and the index need, as the DICOM JSON Model (PS3.18 §F.2).
 * In: the dataset as it streams by. Out: that JSON, and the facts by which the object is indexed.
 * A composite instance says which study and series it is of (PS3.3 Tables C.7-3, C.7-5a: type 1): one that does not, or whose
 * UIDs are none, does not match its SOP class.
 */
import { type Failure, failure } from '../../model/failure.ts';
import type { RawDataset, RawElement } from './dataset-reader.ts';
import { isUid } from './uid.ts';
import { keyOf, type Value, valuesOf } from './value-json.ts';

export type DicomJsonValue = Value | DicomJson;
export type DicomJson = { readonly [tag: string]: { readonly vr: string; readonly Value?: readonly DicomJsonValue[] } };

export type Header = {
  readonly json: DicomJson;
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly studyUid: string;
  readonly seriesUid: string;
  readonly modality: string;
  /** Number of Frames; 1 where it is not said. */
  readonly frames: number;
};

/** Reads the kept elements of a dataset. */
export function headerOf(dataset: RawDataset): Header | Failure {
  const json = dicomJson(dataset);
  const uid = (keyword: Keyword) => textOf(json, keyword);
  const header = {
    json,
    sopClassUid: uid('SOPClassUID'),
    sopInstanceUid: uid('SOPInstanceUID'),
    studyUid: uid('StudyInstanceUID'),
    seriesUid: uid('SeriesInstanceUID'),
    modality: /^[A-Z0-9 _]{1,16}$/.test(textOf(json, 'Modality')) ? textOf(json, 'Modality') : '',
    frames: framesOf(json),
  };
  const missing = IDENTIFYING.find((keyword) => !isUid(uid(keyword)));
  return missing ? failure('dicom', 'invalid', `${missing} is missing or no UID`) : header;
}

/** First value of an attribute as text, '' where there is none. */
export function textOf(json: DicomJson, keyword: Keyword): string {
  const value = json[keyOf(ATTRIBUTES[keyword])]?.Value?.[0];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/** First value of an attribute as a whole number, or null. */
export function integerOf(json: DicomJson, keyword: Keyword): number | null {
  const value = Number(textOf(json, keyword) || Number.NaN);
  return Number.isInteger(value) ? value : null;
}

function framesOf(json: DicomJson): number {
  const frames = integerOf(json, 'NumberOfFrames');
  return frames !== null && frames >= 1 && frames <= MAX_FRAMES ? frames : 1;
}

/** IS holds 32 bits (PS3.5 Table 6.2-1). */
const MAX_FRAMES = 0x7fffffff;

/** Raw elements in the DICOM JSON Model, text in UTF-8 whatever it was in. */
export function dicomJson(dataset: RawDataset, inherited: readonly string[] = []): DicomJson {
  const own = dataset.get(ATTRIBUTES.SpecificCharacterSet)?.value;
  const charsets = own === undefined ? inherited : own.toString('latin1').split('\\');
  const members = [...dataset]
    .filter(([tag]) => tag !== ATTRIBUTES.SpecificCharacterSet)
    .map(([tag, element]) => [keyOf(tag), elementJson(element, charsets)] as const);
  return Object.fromEntries(members.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function elementJson({ vr, value, bigEndian, items }: RawElement, charsets: readonly string[]): DicomJson[string] {
  if (items) return items.length === 0 ? { vr } : { vr, Value: items.map((item) => dicomJson(item, charsets)) };
  const values = valuesOf({ vr, value, bigEndian }, charsets) ?? [];
  return values.length === 0 ? { vr } : { vr, Value: values };
}

const IDENTIFYING = ['SOPClassUID', 'SOPInstanceUID', 'StudyInstanceUID', 'SeriesInstanceUID'] as const satisfies readonly Keyword[];

export type Keyword = keyof typeof ATTRIBUTES;

/** What is kept of the top level (PS3.6 keywords); a sequence with all of its items. */
export const ATTRIBUTES = {
  SpecificCharacterSet: 0x00080005,
  ImageType: 0x00080008,
  SOPClassUID: 0x00080016,
  SOPInstanceUID: 0x00080018,
  StudyDate: 0x00080020,
  SeriesDate: 0x00080021,
  AcquisitionDate: 0x00080022,
  ContentDate: 0x00080023,
  AcquisitionDateTime: 0x0008002a,
  StudyTime: 0x00080030,
  SeriesTime: 0x00080031,
  AcquisitionTime: 0x00080032,
  ContentTime: 0x00080033,
  AccessionNumber: 0x00080050,
  IssuerOfAccessionNumberSequence: 0x00080051,
  Modality: 0x00080060,
  Manufacturer: 0x00080070,
  InstitutionName: 0x00080080,
  ReferringPhysicianName: 0x00080090,
  ReferringPhysicianIdentificationSequence: 0x00080096,
  TimezoneOffsetFromUTC: 0x00080201,
  StationName: 0x00081010,
  StudyDescription: 0x00081030,
  ProcedureCodeSequence: 0x00081032,
  SeriesDescription: 0x0008103e,
  InstitutionalDepartmentName: 0x00081040,
  PerformingPhysicianName: 0x00081050,
  ManufacturerModelName: 0x00081090,
  AnatomicRegionSequence: 0x00082218,
  PatientName: 0x00100010,
  PatientID: 0x00100020,
  IssuerOfPatientID: 0x00100021,
  TypeOfPatientID: 0x00100022,
  IssuerOfPatientIDQualifiersSequence: 0x00100024,
  PatientBirthDate: 0x00100030,
  PatientBirthTime: 0x00100032,
  PatientSex: 0x00100040,
  OtherPatientIDsSequence: 0x00101002,
  PatientAge: 0x00101010,
  BodyPartExamined: 0x00180015,
  ProtocolName: 0x00181030,
  StudyInstanceUID: 0x0020000d,
  SeriesInstanceUID: 0x0020000e,
  StudyID: 0x00200010,
  SeriesNumber: 0x00200011,
  InstanceNumber: 0x00200013,
  Laterality: 0x00200060,
  ImageLaterality: 0x00200062,
  NumberOfStudyRelatedInstances: 0x00201208,
  SamplesPerPixel: 0x00280002,
  PhotometricInterpretation: 0x00280004,
  PlanarConfiguration: 0x00280006,
  NumberOfFrames: 0x00280008,
  Rows: 0x00280010,
  Columns: 0x00280011,
  BitsAllocated: 0x00280100,
  BitsStored: 0x00280101,
  HighBit: 0x00280102,
  PixelRepresentation: 0x00280103,
  RequestedProcedureDescription: 0x00321060,
  RequestedProcedureCodeSequence: 0x00321064,
  AdmissionID: 0x00380010,
  IssuerOfAdmissionIDSequence: 0x00380014,
  OrderPlacerIdentifierSequence: 0x00400026,
  OrderFillerIdentifierSequence: 0x00400027,
  RequestAttributesSequence: 0x00400275,
  ContainerIdentifier: 0x00400512,
  RequestedProcedureID: 0x00401001,
  PlacerOrderNumberImagingServiceRequest: 0x00402016,
  FillerOrderNumberImagingServiceRequest: 0x00402017,
  ConceptNameCodeSequence: 0x0040a043,
  CompletionFlag: 0x0040a491,
  VerificationFlag: 0x0040a493,
  DocumentTitle: 0x00420010,
} as const;

/** The tags to hand to a DatasetReader. */
export const HEADER_TAGS: ReadonlySet<number> = new Set(Object.values(ATTRIBUTES));

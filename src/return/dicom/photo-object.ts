/**
 * What is said of a photo or film beside its picture, as DICOM says it: patient, study of the order, series, request, when and where on the
 * body (PS3.3 §C.7, §C.8.12, §C.8.17). In: the Media and the resources it belongs to. Out: a PhotoOrder.
 * Nothing is made up: what FHIR does not say is left empty where the standard allows that. A class whose mandatory attributes nobody said is
 * not claimed: a photo of an eye without its side is a photograph.
 */
import type { CodeableConcept, Media, Patient, ServiceRequest } from '@medplum/fhirtypes';
import type { PhotoOrder } from '../../model/photo.ts';
import { photoInstanceUid, photoStudyUid } from '../../protocols/dicom/photo-class.ts';
import { type Coded, codeElements, schemesOf } from '../../protocols/dicom/sr-content.ts';
import { uidFromName } from '../../protocols/dicom/uid.ts';
import type { DatasetElement } from '../../protocols/dicom/write.ts';
import { conceptText } from '../../protocols/fhir/observation-text.ts';
import { codedOf } from './dicom-code.ts';
import { accessionIssuer, heldOr, momentOf, numberOf, patientIssuer, personName } from './photo-words.ts';

export type PhotoSource = {
  readonly media: Media & { readonly id: string };
  readonly patient: Patient & { readonly id: string };
  readonly serviceRequest: ServiceRequest & { readonly id: string };
  /** Practice setting of the specialty, SNOMED CT. */
  readonly practice: string;
  readonly referrer: string;
  readonly caseId: string;
  readonly peer: string;
  /** Offset in which times are written, `+01:00`. */
  readonly zone: string;
  readonly blob: string;
  /** Among the photos of its case, from 1. */
  readonly number: number;
};

export function photoOrder(source: PhotoSource): PhotoOrder {
  const { media, serviceRequest, caseId, peer, blob } = source;
  const studyUid = photoStudyUid(`ServiceRequest/${serviceRequest.id}`);
  const pictureClass = classOf(source);
  const [site, procedure] = [codedOf(media.bodySite), codedOf(serviceRequest.code)];
  const said = [...patientElements(source), ...studyElements(source), ...imageElements(source), ...(site ? [region(site)] : [])];
  return {
    caseId,
    peer,
    media: `Media/${media.id}`,
    blob,
    studyUid,
    sopInstanceUid: photoInstanceUid(studyUid, `Media/${media.id}`, blob),
    pictureClass,
    elements: JSON.stringify([...said, ...schemesOf([site, procedure].filter((code) => code !== null))]),
    pictureElements: JSON.stringify(PICTURED[pictureClass](source)),
  };
}

/** Anatomic Region Sequence (PS3.3 Table 10-5). */
function region(site: Coded): DatasetElement {
  return [0x00082218, 'SQ', [codeElements(site)]];
}

/** Patient Module (§C.7.1.1). Who has no number is known by the id of his resource. */
function patientElements({ patient }: PhotoSource): DatasetElement[] {
  const number = numberOf(patient.identifier ?? []);
  const name = patient.name?.find(({ use }) => use === 'official') ?? patient.name?.[0];
  return [
    [0x00100010, 'PN', personName(name)],
    [0x00100020, 'LO', number?.value ?? patient.id],
    ...(number ? patientIssuer(number.system) : []),
    [0x00100030, 'DA', momentOf(patient.birthDate, '').date],
    [0x00100040, 'CS', SEXES[patient.gender ?? ''] ?? ''],
  ];
}

/** General Study (§C.7.2.1) and the Request Attributes Sequence of its series (Table 10-9): the same in every object of the order. */
function studyElements({ serviceRequest, referrer, zone, media }: PhotoSource): DatasetElement[] {
  const ordered = momentOf(serviceRequest.occurrenceDateTime ?? serviceRequest.authoredOn, zone);
  const accession = serviceRequest.identifier?.find(({ type }) => type?.coding?.some(({ code }) => code === 'ACSN'));
  const number = heldOr('SH', accession?.value ?? '');
  const issuer = number === '' ? [] : accessionIssuer(accession?.system ?? '');
  const procedure = codedOf(serviceRequest.code);
  const description = heldOr('LO', conceptText(serviceRequest.code));
  const request: DatasetElement[] = [
    ...(number === '' ? [] : ([[0x00080050, 'SH', number], ...issuer] as DatasetElement[])),
    ...(description === '' ? [] : ([[0x00321060, 'LO', description]] as DatasetElement[])),
    ...(procedure ? ([[0x00321064, 'SQ', [codeElements(procedure)]]] as DatasetElement[]) : []),
  ];
  return [
    [0x00080020, 'DA', ordered.date],
    [0x00080030, 'TM', ordered.time],
    [0x00080050, 'SH', number],
    ...issuer,
    [0x00080090, 'PN', referrer],
    [0x00080201, 'SH', zone.replace(':', '')],
    [0x00081030, 'LO', description],
    [0x00200010, 'SH', ''],
    ...(request.length === 0 ? [] : ([[0x00400275, 'SQ', [request]]] as DatasetElement[])),
    ...(media.device?.display ? ([[0x00081010, 'SH', heldOr('SH', media.device.display)]] as DatasetElement[]) : []),
  ];
}

/** General Equipment (§C.7.5.1) is who made the object; General Image (§C.7.6.1), Acquisition Context (§C.7.6.14). */
function imageElements({ media, number, zone }: PhotoSource): DatasetElement[] {
  const taken = momentOf(takenAt(media), zone);
  const words = [conceptText(media.view), conceptText(media.bodySite), ...(media.note ?? []).map(({ text }) => text ?? '')];
  const comments = [...new Set(words.filter((text) => text !== ''))].join('; ');
  const at = taken.time === '' ? taken.date : `${taken.date}${taken.time}${zone.replace(':', '')}`;
  return [
    [0x00080023, 'DA', taken.date],
    [0x00080033, 'TM', taken.time],
    ...(at === '' ? [] : ([[0x0008002a, 'DT', at]] as DatasetElement[])),
    [0x00080070, 'LO', 'Waystation'],
    [0x00200013, 'IS', String(number)],
    [0x00200020, 'CS', ''],
    ...(comments === '' ? [] : ([[0x00204000, 'LT', heldOr('LT', comments)]] as DatasetElement[])),
    [0x00400555, 'SQ', []],
  ];
}

function takenAt({ createdDateTime, createdPeriod, issued }: Media): string | undefined {
  return createdDateTime ?? createdPeriod?.start ?? issued;
}

/** By what the Media says of itself, else by who reads it; the first row that holds. */
function classOf(source: PhotoSource): PhotoOrder['pictureClass'] {
  const { media, practice } = source;
  const said = saidOf(media);
  const row = CLASSES.find(
    ({ words, practices }) =>
      said.some((word) => words.test(word)) || (practices.includes(practice) && !said.some((word) => OTHER.test(word))),
  );
  if (row?.pictureClass === 'ophthalmic' && sideOf(media) === '') return 'photographic';
  return row?.pictureClass ?? 'photographic';
}

function saidOf({ modality, type, view }: Media): string[] {
  return [modality, type, view].flatMap(wordsOf);
}

function wordsOf(concept: CodeableConcept | undefined): string[] {
  return [...(concept?.coding ?? []).flatMap(({ code, display }) => [code ?? '', display ?? '']), concept?.text ?? ''].filter(
    (word) => word !== '',
  );
}

/** R, L or B of Image Laterality (0020,0062). */
function sideOf({ bodySite }: Media): string {
  const coded = bodySite?.coding?.flatMap(({ code }) => SIDES[code ?? ''] ?? [])[0];
  if (coded !== undefined) return coded;
  const text = wordsOf(bodySite).join(' ');
  const [right, left] = [/\b(right|od|rechts?|rechtes)\b/i.test(text), /\b(left|os|links?|linkes)\b/i.test(text)];
  if (right && left) return 'B';
  return right ? 'R' : left ? 'L' : '';
}

const SKIN: Coded = { code: '39937001', scheme: 'SCT', meaning: 'Skin' };
const EYE: Coded = { code: '81745001', scheme: 'SCT', meaning: 'Eye' };
/** PS3.16 CID 4202. */
const FUNDUS_CAMERA: Coded = { code: '409898007', scheme: 'SCT', meaning: 'Fundus Camera' };
const EXTERNAL_CAMERA: Coded = { code: '409903006', scheme: 'SCT', meaning: 'External Camera' };

/** What only a picture of that class has; what nobody said is empty (type 2). */
const PICTURED: Readonly<Record<PhotoOrder['pictureClass'], (source: PhotoSource) => DatasetElement[]>> = {
  photographic: () => [[0x00200060, 'CS', '']],
  // §C.8.12.13, Enhanced General Equipment (§C.7.5.2), Frame of Reference (§C.7.4.1).
  dermoscopic: ({ media, blob }) => [
    ...(codedOf(media.bodySite) ? [] : [region(SKIN)]),
    [0x00081090, 'LO', 'Waystation'],
    [0x00161001, 'CS', ''],
    [0x00161002, 'DS', ''],
    [0x00161003, 'CS', ''],
    [0x00161005, 'DS', ''],
    [0x00181000, 'LO', '1'],
    [0x00181020, 'LO', 'WAYSTATION_1'],
    [0x00200052, 'UI', uidFromName(`frame of reference of Media/${media.id} ${blob}`)],
    [0x00200060, 'CS', ''],
    [0x00201040, 'LO', ''],
    // Nobody looked whether a face or a fingerprint can be seen.
    [0x00280302, 'CS', 'YES'],
  ],
  // §C.8.17.2 to §C.8.17.5, §C.7.4.2, §C.7.6.6: one frame, whose pointer leads to a time that is none.
  ophthalmic: ({ media }) => [
    ...(codedOf(media.bodySite) ? [] : [region(EYE)]),
    [0x00181063, 'DS', '0'],
    [0x0018106a, 'CS', 'NO TRIGGER'],
    [0x00181800, 'CS', 'N'],
    [0x00187004, 'CS', ''],
    [0x00200062, 'CS', sideOf(media)],
    [0x00200200, 'UI', UTC_SYNCHRONIZED],
    [0x00220005, 'CS', ''],
    [0x0022000a, 'FL', ''],
    [0x0022000b, 'FL', ''],
    [0x0022000c, 'FL', ''],
    [0x0022000d, 'CS', ''],
    [0x00220015, 'SQ', [codeElements(saidOf(media).some((word) => FUNDUS.test(word)) ? FUNDUS_CAMERA : EXTERNAL_CAMERA)]],
    [0x00220016, 'SQ', []],
    [0x00220017, 'SQ', []],
    [0x00220018, 'SQ', []],
    [0x00220019, 'SQ', []],
    [0x0022001b, 'SQ', []],
    [0x00280008, 'IS', '1'],
    [0x00280009, 'AT', [0x0018, 0x1063]],
    // Type 1 in this class alone: others do not say, for nobody looked.
    [0x00280301, 'CS', 'NO'],
  ],
};

/** Coordinated Universal Time (PS3.6 Table A-2). */
const UTC_SYNCHRONIZED = '1.2.840.10008.15.1.1';
const FUNDUS = /fundus|retina/i;

/** Words of DICOM modalities (PS3.16 CID 29), of HL7's media modalities, and of views as people write them. */
const CLASSES: readonly {
  readonly pictureClass: PhotoOrder['pictureClass'];
  readonly words: RegExp;
  readonly practices: readonly string[];
}[] = [
  { pictureClass: 'dermoscopic', words: /^DMS$|dermo?scop|dermatoscop|dermatoskop|dermoskop|epiluminescence/i, practices: [] },
  { pictureClass: 'ophthalmic', words: /^OP$|^retina$|^iris$|fundus|retinal/i, practices: ['394594003'] },
];
/** What a photo of an eye department is when it is not of an eye. */
const OTHER = /^XC$|^face$|\bface\b/i;

/** SNOMED CT. Unverified: the codes of one eye. */
const SIDES: Readonly<Record<string, string>> = { '18944008': 'R', '8966001': 'L', '40638003': 'B' };
const SEXES: Readonly<Record<string, string>> = { male: 'M', female: 'F', other: 'O' };

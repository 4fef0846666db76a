/**
 * An open imaging order as a modality asks for it (PS3.4 Annex K, Table K.6-1). In: the ServiceRequest, its Patient and requester, the
 * modalities that its message hints at, and the Study Instance UID. Out: an item for each scheduled procedure step, or a Failure for an order
 * that a worklist cannot carry: an accession number is the order's own or none, never made here, never cut.
 */
import type { CodeableConcept, Extension, HumanName, Identifier, Patient, ServiceRequest } from '@medplum/fhirtypes';
import { type Failure, failure } from '../../model/failure.ts';
import { IMAGING_PROCEDURE_STEP } from '../fhir/canonical.ts';
import type { DicomJson, DicomJsonValue } from './header.ts';

export type WorklistOrder = {
  readonly request: ServiceRequest;
  readonly patient: Patient;
  readonly requester: HumanName | undefined;
  readonly modalities: readonly string[];
  readonly studyUid: string;
};

/** Modality Worklist Information Model - FIND. */
export const MODALITY_WORKLIST = '1.2.840.10008.5.1.4.31';

/** PS3.5 §6.2: SH and AE. */
const MAX_SHORT = 16;
/** LO, and one component group of a name. */
const MAX_LONG = 64;

/** `aeTitle`: who asks, for steps that no station is named for: they may be done at any. */
export function worklistItems(order: WorklistOrder, aeTitle: string): DicomJson[] | Failure {
  const { request } = order;
  const accession = numberOf(request, 'ACSN');
  if ((accession?.value ?? '').length > MAX_SHORT)
    return failure('dicom', 'invalid', 'the accession number is longer than the 16 characters of SH');
  const steps = (request.extension ?? []).filter(({ url }) => url === IMAGING_PROCEDURE_STEP);
  const numbers = [numberOf(request, 'PLAC'), numberOf(request, 'FILL'), accession].map((one) => one?.value ?? '');
  const items = (steps.length === 0 ? [undefined] : steps).map((step, index) => {
    const requested = short(identifierIn(step, 'requestedProcedure'), ...numbers);
    const scheduled = short(identifierIn(step, 'scheduledStep'), index === 0 ? requested : '');
    return scheduled === ''
      ? null
      : { ...about(order, accession, requested), ...sequence('00400100', [stepOf(order, step, scheduled, aeTitle)]) };
  });
  const whole = items.filter((item) => item !== null);
  return whole.length > 0 ? whole : failure('dicom', 'invalid', 'no number of the order fits a Scheduled Procedure Step ID');
}

/** What of an item was asked for, each key with its value or without one. */
export function askedOf(keys: DicomJson, item: DicomJson): DicomJson {
  const rows = Object.entries(keys).flatMap(([tag, { vr, Value = [] }]) => {
    const known = item[tag];
    if (known === undefined) return [];
    const within = (Value[0] ?? {}) as DicomJson;
    if (vr !== 'SQ' || Object.keys(within).length === 0) return [[tag, known] as const];
    return [[tag, { vr, Value: (known.Value ?? []).map((one) => askedOf(within, one as DicomJson)) }] as const];
  });
  return Object.fromEntries(rows);
}

/** Whether every key, those within sequences too, is one that a worklist knows. */
export function knowsKeys(keys: DicomJson, item: DicomJson): boolean {
  return Object.entries(keys).every(([tag, { vr, Value = [] }]) => {
    const known = item[tag];
    const [within, first] = [Value[0], known?.Value?.[0]].map((one) => (one ?? {}) as DicomJson) as [DicomJson, DicomJson];
    return known !== undefined && (vr !== 'SQ' || Object.keys(first).length === 0 || knowsKeys(within, first));
  });
}

function about(order: WorklistOrder, accession: Identifier | undefined, requestedId: string): DicomJson {
  const { request, patient, requester, studyUid } = order;
  const identifier = patientNumber(patient);
  return {
    ...element('00080050', 'SH', accession?.value), // AccessionNumber
    ...sequence('00080051', accession ? issuerItems(accession.system) : []), // IssuerOfAccessionNumberSequence
    ...element('00100010', 'PN', personName(patient.name)), // PatientName
    ...element('00100020', 'LO', identifier?.value), // PatientID
    ...element('00100021', 'LO', issuerOf(identifier?.system)), // IssuerOfPatientID
    ...element('00100030', 'DA', /^\d{4}-\d\d-\d\d$/.test(patient.birthDate ?? '') ? digits(patient.birthDate) : ''), // PatientBirthDate
    ...element('00100040', 'CS', SEX[patient.gender ?? '']), // PatientSex
    ...element('0020000D', 'UI', studyUid), // StudyInstanceUID
    ...element('00321032', 'PN', personName(requester ? [requester] : [])), // RequestingPhysician
    ...element('00321060', 'LO', describe(request.code)), // RequestedProcedureDescription
    ...sequence('00321064', codeItems(request.code)), // RequestedProcedureCodeSequence
    ...element('00401001', 'SH', requestedId), // RequestedProcedureID
    ...element(
      '00401002',
      'LO',
      request.reasonCode?.map(describe).find((text) => text !== ''),
    ), // ReasonForTheRequestedProcedure
    ...element('00401003', 'SH', PRIORITY[request.priority ?? '']), // RequestedProcedurePriority
    ...element('00402016', 'LO', fitting(numberOf(request, 'PLAC')?.value)), // PlacerOrderNumberImagingServiceRequest
    ...element('00402017', 'LO', fitting(numberOf(request, 'FILL')?.value)), // FillerOrderNumberImagingServiceRequest
    ...UNKNOWN,
  };
}

function stepOf({ request, modalities }: WorklistOrder, step: Extension | undefined, id: string, aeTitle: string): DicomJson {
  const [date, time] = whenOf(request);
  const stations = within(step, 'stationAeTitle').flatMap(({ valueString }) =>
    valueString && valueString.length <= MAX_SHORT ? [valueString] : [],
  );
  const protocol = within(step, 'protocol')[0]?.valueCodeableConcept ?? request.code;
  const modality = within(step, 'modality')[0]?.valueCodeableConcept?.coding?.[0]?.code ?? modalities[0] ?? '';
  const location = within(step, 'location')[0]?.valueCodeableConcept;
  return {
    ...element('00080060', 'CS', /^[A-Z0-9_ ]{1,16}$/.test(modality) ? modality : 'OT'), // Modality
    ...element('00400001', 'AE', ...(stations.length > 0 ? stations : [aeTitle])), // ScheduledStationAETitle
    ...element('00400002', 'DA', date), // ScheduledProcedureStepStartDate
    ...element('00400003', 'TM', time), // ScheduledProcedureStepStartTime
    ...element('00400006', 'PN'), // ScheduledPerformingPhysicianName
    ...element('00400007', 'LO', describe(protocol)), // ScheduledProcedureStepDescription
    ...sequence('00400008', codeItems(protocol)), // ScheduledProtocolCodeSequence
    ...element('00400009', 'SH', id), // ScheduledProcedureStepID
    ...element('00400010', 'SH', short(identifierIn(step, 'stationName'))), // ScheduledStationName
    ...element('00400011', 'SH', short(location?.coding?.[0]?.code ?? '')), // ScheduledProcedureStepLocation
    ...element('00400012', 'LO'), // PreMedication
    ...element('00400020', 'CS', 'SCHEDULED'), // ScheduledProcedureStepStatus
    ...element('00321070', 'LO'), // RequestedContrastAgent
  };
}

/** One that is in use, a medical record number before any other (an insurance or a social security number is no Patient ID): HL7 Table 0203. */
function patientNumber({ identifier = [] }: Patient): Identifier | undefined {
  const fit = identifier.filter(({ use, value = '' }) => use !== 'old' && value !== '' && value.length <= MAX_LONG);
  const typed = RECORD_NUMBERS.flatMap((wanted) => fit.find(({ type }) => type?.coding?.some(({ code }) => code === wanted)) ?? []);
  return typed[0] ?? fit[0];
}

/** As its sender wrote the time, in his zone: a modality works by the clock on the wall. */
function whenOf({ occurrenceDateTime, occurrencePeriod, occurrenceTiming, authoredOn }: ServiceRequest): [string, string] {
  const said = occurrenceDateTime ?? occurrencePeriod?.start ?? occurrenceTiming?.event?.[0] ?? authoredOn ?? '';
  const [date = '', time = ''] = said.split('T');
  return [
    digits(date)
      .padEnd(8, '01')
      .slice(0, said === '' ? 0 : 8),
    said === '' ? '' : digits(time.slice(0, 8)).padEnd(6, '0'),
  ];
}

function numberOf({ identifier = [] }: ServiceRequest, type: string): Identifier | undefined {
  return identifier.find((one) => one.type?.coding?.some(({ code }) => code === type));
}

function within(step: Extension | undefined, url: string): Extension[] {
  return (step?.extension ?? []).filter((one) => one.url === url);
}

function identifierIn(step: Extension | undefined, url: string): string {
  return within(step, url)[0]?.valueIdentifier?.value ?? '';
}

/** The first that fits SH: a shortened one would be another number. */
function short(...values: readonly string[]): string {
  return values.find((value) => value !== '' && value.length <= MAX_SHORT) ?? '';
}

function fitting(value = ''): string {
  return value.length <= MAX_LONG ? value : '';
}

function personName(names: readonly HumanName[] = []): DicomJsonValue {
  const name = names.find(({ use }) => use === 'official') ?? names[0];
  const [first = '', ...others] = name?.given ?? [];
  const parts = [
    name?.family ?? (name?.given ? '' : (name?.text ?? '')),
    first,
    others.join(' '),
    name?.prefix?.join(' '),
    name?.suffix?.join(' '),
  ];
  const text = parts
    .map((part = '') => part.replace(/[\\^=]/g, ' '))
    .join('^')
    .replace(/\^+$/, '')
    .slice(0, MAX_LONG);
  return text === '' ? null : { Alphabetic: text };
}

/** A text for people: it may be cut. */
function describe(concept: CodeableConcept | undefined): string {
  const [coding] = concept?.coding ?? [];
  return (concept?.text ?? coding?.display ?? coding?.code ?? '').replaceAll('\\', '/').slice(0, MAX_LONG);
}

/** PS3.3 Table 8.8-1; codes that do not fit stand in the description. */
function codeItems(concept: CodeableConcept | undefined): DicomJson[] {
  return (concept?.coding ?? []).slice(0, 1).flatMap(({ system = '', code = '', display = '' }) => {
    if (code === '' || code.length > MAX_SHORT) return [];
    const meaning = display !== '' && display.length <= MAX_LONG ? display : code;
    return [
      {
        ...element('00080100', 'SH', code),
        ...element('00080102', 'SH', SCHEMES[system] ?? PRIVATE_SCHEME),
        ...element('00080104', 'LO', meaning),
      },
    ];
  });
}

/** By which the number's authority is known when the images come; '' for one that nobody named. */
function issuerOf(system = ''): string {
  const name = /^urn:waystation:authority:(.+)$/.exec(system)?.[1];
  const issuer = name === undefined ? system.replace(/^urn:oid:/, '') : decodeURIComponent(name);
  return issuer === 'default' || issuer.startsWith('default.') || issuer.length > MAX_LONG ? '' : issuer;
}

/** PS3.3 Table 10-17 (HL7v2 Hierarchic Designator). */
function issuerItems(system: string | undefined): DicomJson[] {
  const issuer = issuerOf(system);
  if (issuer === '') return [];
  if (!system?.startsWith('urn:oid:')) return [element('00400031', 'UT', issuer)];
  return [{ ...element('00400032', 'UT', issuer), ...element('00400033', 'CS', 'ISO') }];
}

function digits(text = ''): string {
  return text.replace(/\D/g, '');
}

function element(tag: string, vr: string, ...values: readonly (DicomJsonValue | undefined)[]): DicomJson {
  const Value = values.filter((value) => value !== undefined && value !== null && value !== '') as DicomJsonValue[];
  return { [tag]: Value.length === 0 ? { vr } : { vr, Value } };
}

function sequence(tag: string, items: readonly DicomJson[]): DicomJson {
  return { [tag]: items.length === 0 ? { vr: 'SQ' } : { vr: 'SQ', Value: items } };
}

/** Return keys of type 2 that no order tells. */
const UNKNOWN: DicomJson = {
  '00080090': { vr: 'PN' }, // ReferringPhysicianName
  '00081110': { vr: 'SQ' }, // ReferencedStudySequence
  '00081120': { vr: 'SQ' }, // ReferencedPatientSequence
  '00101030': { vr: 'DS' }, // PatientWeight
  '00102000': { vr: 'LO' }, // MedicalAlerts
  '00102110': { vr: 'LO' }, // Allergies
  '001021C0': { vr: 'US' }, // PregnancyStatus
  '00380010': { vr: 'LO' }, // AdmissionID
  '00380050': { vr: 'LO' }, // SpecialNeeds
  '00380300': { vr: 'LO' }, // CurrentPatientLocation
  '00380500': { vr: 'LO' }, // PatientState
  '00401004': { vr: 'LO' }, // PatientTransportArrangements
  '00403001': { vr: 'LO' }, // ConfidentialityConstraintOnPatientDataDescription
};

/** HL7 Table 0203: medical record number, internal identifier of a patient, external one. */
const RECORD_NUMBERS = ['MR', 'PI', 'PT'];
const SEX: Readonly<Record<string, string>> = { male: 'M', female: 'F', other: 'O' };
/** PS3.3 Table C.4-11. */
const PRIORITY: Readonly<Record<string, string>> = { stat: 'STAT', asap: 'HIGH', urgent: 'HIGH', routine: 'ROUTINE' };
/** PS3.16 Table 8-1. */
const SCHEMES: Readonly<Record<string, string>> = {
  'http://loinc.org': 'LN',
  'http://snomed.info/sct': 'SCT',
  'http://dicom.nema.org/resources/ontology/DCM': 'DCM',
  'http://www.ama-assn.org/go/cpt': 'C4',
};
/** PS3.16 §8.2: private designators begin with 99. */
const PRIVATE_SCHEME = '99LOCAL';

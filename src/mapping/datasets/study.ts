/**
 * The instances of one study, as far as they are here, to an ImagingStudy (R4 ImagingStudy, its mapping to DICOM in §11.8.6).
 * In: the index rows of one study with their headers. Out: ImagingStudy, Patient, the part of a case that the study is, gaps.
 * What the study says as a whole (patient, date, description) is read from the instance that came first.
 */
import type { CodeableConcept, ImagingStudy, Patient, Reference } from '@medplum/fhirtypes';
import type { CasePart, StudySummary } from '../../model/case.ts';
import type { Instance } from '../../model/instance.ts';
import type { Mapped } from '../../model/mapped.ts';
import type { Peer } from '../../model/peer.ts';
import { type DicomJson, integerOf, textOf } from '../../protocols/dicom/header.ts';
import { compact } from '../datatypes/components.ts';
import { identifierType } from '../datatypes/identifier-type.ts';
import { pnHumanNames } from '../datatypes/pn-humanname.ts';
import { identity } from '../datatypes/systems.ts';
import { Draft } from '../draft.ts';
import { conceptOf, dateTimeAt, itemsOf, type ReadInstance, valueOfAttribute } from './attributes.ts';
import { accessionsOf, studyKeys } from './study-keys.ts';
import { patientText, studyPatient } from './study-patient.ts';
import { modalityCoding, studySeries } from './study-series.ts';

/** `byStudy`: its patient is known by the study. */
export type StudyContext = { peerOf(name: string): Peer; readonly byStudy?: boolean };

/** Maps one study: at least one instance, all with the same Study Instance UID. */
export function mapStudy(instances: readonly Instance[], context: StudyContext): Mapped {
  const inOrder = [...instances].sort((a, b) => a.received.getTime() - b.received.getTime() || a.seq - b.seq);
  const read = inOrder.map((instance) => ({ instance, header: JSON.parse(instance.header.toString('utf8')) as DicomJson }));
  const first = read[0] as ReadInstance;
  const uid = first.instance.studyUid;
  const draft = new Draft(context.peerOf(first.instance.peer), context.peerOf(first.instance.peer).zone);
  const patient = studyPatient(first.header, uid, draft, context.byStudy);
  if (read.some(({ header }) => patientText(header) !== patientText(first.header))) {
    draft.gap('(0010,0020)', 'instances of this study name different patients: the first is taken');
  }
  const study = draft.add(imagingStudy(read, patient.reference, draft), [identity('ImagingStudy', 'urn:dicom:uid', `urn:oid:${uid}`)]);
  const summary = summaryOf(uid, study.reference as string, read);
  const part: CasePart = {
    kind: 'images',
    keys: studyKeys(uid, read, draft.peer),
    patient: patient.keys,
    control: '',
    production: true,
    priority: null,
    hints: summary.modalities.map((modality) => `modality:${modality}`),
    serviceRequest: '',
    subject: patient.reference.reference as string,
    members: [],
    study: summary,
  };
  return { resources: draft.resources, parts: [part], gaps: draft.gaps };
}

function imagingStudy(read: readonly ReadInstance[], subject: Reference<Patient>, draft: Draft): ImagingStudy {
  const { instance, header } = read[0] as ReadInstance;
  const started = dateTimeAt(header, 'StudyDate', 'StudyTime', draft.zone);
  if (!started && textOf(header, 'StudyDate') !== '') draft.gap('(0008,0020)', 'is no date');
  const series = studySeries(read, draft);
  const referrer = pnHumanNames(valueOfAttribute(header, 'ReferringPhysicianName'))[0];
  const accessions = accessionsOf(read, draft.peer).map((one) => ({ type: identifierType('ACSN'), ...one }));
  return compact<ImagingStudy>({
    resourceType: 'ImagingStudy',
    identifier: [{ system: 'urn:dicom:uid', value: `urn:oid:${instance.studyUid}` }, ...accessions],
    status: 'available',
    modality: modalitiesOf(read).map(modalityCoding),
    subject,
    started,
    // A name without a number identifies nobody: it is shown.
    referrer: referrer && { display: [...(referrer.prefix ?? []), ...(referrer.given ?? []), referrer.family].filter(Boolean).join(' ') },
    numberOfSeries: series.length,
    // May be more than are here (R4 ImagingStudy.numberOfInstances).
    numberOfInstances: Math.max(read.length, expectedOf(read)),
    procedureCode: procedureCodes(header, draft.peer.name),
    description: textOf(header, 'StudyDescription'),
    series,
  });
}

function procedureCodes(header: DicomJson, owner: string): CodeableConcept[] {
  return itemsOf(header, 'ProcedureCodeSequence').flatMap((item) => conceptOf(item, owner) ?? []);
}

function summaryOf(uid: string, imagingStudy: string, read: readonly ReadInstance[]): StudySummary {
  return {
    uid,
    imagingStudy,
    series: new Set(read.map(({ instance }) => instance.seriesUid)).size,
    instances: read.length,
    modalities: modalitiesOf(read),
    ...(expectedOf(read) > 0 ? { expected: expectedOf(read) } : {}),
    lastReceived: read.reduce((latest, { instance }) => Math.max(latest, instance.received.getTime()), 0),
  };
}

/** How many instances the study has as its sender tells; 0 where it does not. */
function expectedOf(read: readonly ReadInstance[]): number {
  const told = read.map(({ header }) => integerOf(header, 'NumberOfStudyRelatedInstances') ?? 0);
  return Math.max(0, ...told.filter((number) => number <= MAX_EXPECTED));
}

/** No study has more: a larger number is none. */
const MAX_EXPECTED = 1_000_000;

function modalitiesOf(read: readonly ReadInstance[]): string[] {
  return [...new Set(read.map(({ instance }) => instance.modality))].filter((modality) => modality !== '').sort();
}

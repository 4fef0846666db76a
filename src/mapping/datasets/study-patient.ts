/**
 * The Patient Module to Patient (PS3.3 §C.7.1.1). In: the study's first header. Out: the Patient in the draft, created only where he is not
 * known yet: a modality's worklist copy never overwrites what an order says; and the keys by which an order is known to be his.
 */
import type { Patient, Reference } from '@medplum/fhirtypes';
import type { PatientKey } from '../../model/case.ts';
import type { Peer } from '../../model/peer.ts';
import { type DicomJson, textOf } from '../../protocols/dicom/header.ts';
import { compact } from '../datatypes/components.ts';
import { pnHumanNames } from '../datatypes/pn-humanname.ts';
import { type Authority, bounded, identity, isMadeUp, PATIENT_OF_STUDY, systemOf, systemsOf } from '../datatypes/systems.ts';
import { dateOf } from '../datatypes/ts-datetime.ts';
import type { Draft } from '../draft.ts';
import { ADMINISTRATIVE_SEX } from '../vocabulary/0001-administrative-sex.ts';
import { authorityOf, itemsOf, valueOfAttribute } from './attributes.ts';

/** The patient, and the keys of his cases. */
export type StudyPatient = { readonly reference: Reference<Patient>; readonly keys: readonly PatientKey[] };

/**
 * Images without a Patient ID have a patient of their own: known by the study. `byStudy`: so is he of a study that was made here from photos,
 * because who wrote them by FHIR claims no number for his Patient.
 */
export function studyPatient(header: DicomJson, studyUid: string, draft: Draft, byStudy = false): StudyPatient {
  const value = textOf(header, 'PatientID');
  const authority = patientAuthority(header);
  const system = systemOf(authority, draft.peer.patientAuthority);
  const birth = textOf(header, 'PatientBirthDate').replaceAll('.', '');
  const birthDate = dateOf(birth);
  const sex = textOf(header, 'PatientSex');
  if (birth !== '' && birthDate === null) draft.gap('(0010,0030)', 'is no date');
  if (sex !== '' && !ADMINISTRATIVE_SEX.codes.has(sex)) draft.gap('(0010,0040)', 'is not M, F or O');
  const patient = compact<Patient>({
    resourceType: 'Patient',
    identifier: value === '' ? [] : [{ system, value }],
    name: pnHumanNames(valueOfAttribute(header, 'PatientName')),
    gender: ADMINISTRATIVE_SEX.codes.get(sex),
    birthDate: birthDate ?? undefined,
  });
  const known = value === '' || byStudy ? identity('Patient', PATIENT_OF_STUDY, studyUid) : identity('Patient', system, value);
  const reference: Reference<Patient> = draft.add(patient, [known], { mode: 'create', shared: true });
  return { reference, keys: value === '' ? [] : keysOf(authority, bounded(value), draft.peer.patientAuthority, system) };
}

/** The keys alone, of a dataset that says whom it is about and makes no Patient. */
export function patientKeysOf(dataset: DicomJson, peer: Peer): readonly PatientKey[] {
  const value = textOf(dataset, 'PatientID');
  const authority = patientAuthority(dataset);
  return value === '' ? [] : keysOf(authority, bounded(value), peer.patientAuthority, systemOf(authority, peer.patientAuthority));
}

/** The same Patient ID and issuer, as text: instances of one study must agree. */
export function patientText(header: DicomJson): string {
  const { namespace, universalId } = patientAuthority(header);
  return [textOf(header, 'PatientID'), universalId || namespace].join('|');
}

function patientAuthority(header: DicomJson): Authority {
  return authorityOf(itemsOf(header, 'IssuerOfPatientIDQualifiersSequence')[0], textOf(header, 'IssuerOfPatientID'));
}

function keysOf(authority: Authority, value: string, fallback: string, system: string): PatientKey[] {
  const systems = systemsOf(authority);
  if (systems.length > 0) return systems.map((one) => ({ system: one, value }));
  return [{ system: isMadeUp(fallback) ? '' : system, value }];
}

/**
 * A study that is known by its order alone: nothing of it has come by DICOM. In: the order's Study Instance UID, the Patient, the numbers.
 * Out: the Patient and General Study modules as its objects would have had them, of what the order says (PS3.3 §C.7.1.1, §C.7.2.1).
 */
import type { HumanName, Identifier, Patient } from '@medplum/fhirtypes';
import { authorityOf, systemOfName } from '../mapping/datatypes/systems.ts';
import { type Failure, failure } from '../model/failure.ts';
import { holds } from '../protocols/dicom/composed-object.ts';
import type { StudyModules } from '../protocols/dicom/study-modules.ts';
import { keyOf } from '../protocols/dicom/value-json.ts';
import type { DatasetElement } from '../protocols/dicom/write.ts';

export type OrderedStudy = {
  readonly studyUid: string;
  readonly patient: Patient;
  /** Number by which the archive knows the patient. */
  readonly identifier: Identifier | undefined;
  readonly accession: string;
};

export function orderedStudy({ studyUid, patient, identifier, accession }: OrderedStudy): StudyModules | Failure {
  const issuer = authorityOf(identifier?.system ?? '').namespace;
  const name = patient.name?.find(({ use }) => use === 'official') ?? patient.name?.[0];
  const elements: DatasetElement[] = [
    [0x00080050, 'SH', holds('SH', accession) ? accession : ''],
    [0x00100010, 'PN', nameOf(name)],
    [0x00100020, 'LO', identifier?.value ?? ''],
    ...(issuer === '' ? [] : [[0x00100021, 'LO', issuer] as const]),
    [0x00100030, 'DA', /^\d{4}-\d\d-\d\d$/.test(patient.birthDate ?? '') ? (patient.birthDate as string).replaceAll('-', '') : ''],
    [0x00100040, 'CS', SEX[patient.gender ?? ''] ?? ''],
  ];
  const broken = elements.find(([, vr, value]) => !holds(vr, value as string));
  if (broken) return failure('return', 'invalid', `what the order says for (${keyOf(broken[0])}) is too long for DICOM`);
  return { studyUid, charsets: [], elements, requests: [] };
}

/** The number of the authority that who asked writes numbers of, else the first that is still in use. */
export function patientNumber({ identifier }: Patient, authority: string): Identifier | undefined {
  const known = (identifier ?? []).filter(({ use }) => use !== 'old');
  return known.find(({ system }) => system === systemOfName(authority)) ?? known[0];
}

/** PS3.5 §6.2.1: family, given, middle, prefix, suffix; delimiters have no place in a part. */
function nameOf(name: HumanName | undefined): string {
  if (!name) return '';
  const [first = '', ...middle] = name.given ?? [];
  const parts = name.family
    ? [name.family, first, middle.join(' '), (name.prefix ?? []).join(' '), (name.suffix ?? []).join(' ')]
    : [name.text ?? ''];
  return parts
    .map((part) => part.replace(/[\\^=\p{Cc}]/gu, ' ').trim())
    .join('^')
    .replace(/\^+$/, '');
}

/** PS3.3 §C.7.1.1. */
const SEX: Readonly<Record<string, string>> = { male: 'M', female: 'F', other: 'O' };

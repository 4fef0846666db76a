/**
 * PID to Patient (HL7 v2.5.1 §3.4.2; guide: PID[Patient]).
 * In: the segment. Out: the Patient in the draft, his identifiers, and the keys by which another message is known to be about him.
 *
 * Which identifiers make the same person: only those of PID-3 whose type names one person. A member number (MB) is shared by a family, an
 * account or visit number ends; they are kept as identifiers and join nobody. PID-2, PID-4 and PID-19 are kept likewise: their
 * authorities are seldom said.
 */
import type { Identifier, Patient, Reference } from '@medplum/fhirtypes';
import type { PatientKey } from '../../model/case.ts';
import type { Identity } from '../../model/identity.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { eachRepetition, firstValue } from '../datatypes/components.ts';
import { cweCode, cweConceptOf, originalCode } from '../datatypes/cwe-code.ts';
import { CWE_CODEABLECONCEPT } from '../datatypes/cwe-codeableconcept.ts';
import { CX_IDENTIFIER, cxIdentifier, type ReadIdentifier } from '../datatypes/cx-identifier.ts';
import { each } from '../datatypes/datatype.ts';
import { DLN_IDENTIFIER } from '../datatypes/dln-identifier.ts';
import { ID_BOOLEAN, NM_POSITIVEINT, ST_STRING } from '../datatypes/id-primitive.ts';
import { identifierType } from '../datatypes/identifier-type.ts';
import { bounded, identity, isMadeUp, systemsOf } from '../datatypes/systems.ts';
import { DTM_DATE, DTM_DATETIME, DTM_TIMED } from '../datatypes/ts-datetime.ts';
import { XAD_ADDRESS, xadAddress } from '../datatypes/xad-address.ts';
import { XPN_HUMANNAME } from '../datatypes/xpn-humanname.ts';
import { xtnContactPointOf } from '../datatypes/xtn-contactpoint.ts';
import type { Draft } from '../draft.ts';
import { combined, notValued, SET_ID, segmentTable } from '../segment-table.ts';
import { ADMINISTRATIVE_SEX } from '../vocabulary/0001-administrative-sex.ts';
import { MARITAL_STATUS } from '../vocabulary/0002-marital-status.ts';
import { RELIGION } from '../vocabulary/0006-religion.ts';

/** The patient, by what he is known, and the keys of his cases. */
export type ReadPatient = {
  readonly reference: Reference<Patient>;
  readonly identity: Identity;
  readonly keys: readonly PatientKey[];
};

/**
 * Adds the Patient. A PID that numbers nobody is known by the message's own name, `fallback`. `more`: what other segments say of him.
 */
export function pidPatient(pid: Segment, draft: Draft, fallback: string, more: Partial<Patient> = {}): ReadPatient {
  const { zone, peer } = draft;
  const authority = peer.patientAuthority;
  const numbers = eachRepetition(pid, 3, (at) => cxIdentifier(at, authority, zone));
  const persons = numbers.filter((one) => namesOnePerson(one.type));
  const known = persons.length > 0 ? persons : numbers.slice(0, 1);
  const identities = known.map(({ identifier }) => identity('Patient', identifier.system as string, identifier.value as string));
  const said = combined<Partial<Patient>>({ ...PID_PATIENT(pid, draft), ...addressOf(pid, draft) }, more);
  const patient: Patient = { resourceType: 'Patient', ...said };
  const named = identities.length > 0 ? identities : [identity('Patient', 'urn:waystation:patient-of-message', fallback)];
  const reference = draft.add(patient, named, { shared: true });
  return { reference, identity: named[0] as Identity, keys: known.flatMap((one) => keysOf(one, authority)) };
}

/** A key for every name of the authority. One that neither the sender nor the configuration names agrees with any: system ''. */
function keysOf({ identifier, authority }: ReadIdentifier, fallback: string): PatientKey[] {
  const value = bounded(identifier.value as string);
  const systems = systemsOf(authority);
  if (systems.length > 0) return systems.map((system) => ({ system, value }));
  return [{ system: isMadeUp(fallback) ? '' : (identifier.system as string), value }];
}

export function namesOnePerson(type: string): boolean {
  const code = type.toUpperCase();
  return PERSONAL_TYPES.has(code) || /^NN[A-Z]{3}$/.test(code);
}

/** PID-12 (county) belongs to the only address that has no district of its own. */
function addressOf(pid: Segment, draft: Draft): Pick<Patient, 'address'> {
  const county = firstValue(pid, 12);
  if (county === '') return {};
  const addresses = eachRepetition(pid, 11, (at) => xadAddress(at, draft.zone));
  const [first] = addresses;
  if (first && addresses.length === 1 && !first.district) return { address: [{ ...first, district: county }] };
  return { address: [...addresses, { district: county }] };
}

/** PID-6: maiden name as one text (guide: XPN[String]). */
const XPN_STRING = each((at) => [at(2), at(1)].filter((part) => part !== '').join(' ') || undefined);

/** PID-19 is a number and no authority; the guide's system us-ssn would be a guess outside one country. */
const ST_SOCIALSECURITY = each((at): Identifier | undefined =>
  at(1) === '' ? undefined : { type: identifierType('SS') as object, value: at(1) },
);

const HL7 = 'http://hl7.org/fhir/StructureDefinition';

/** PID-3 comes first: what every reader looks for. */
const PID_PATIENT = segmentTable<Patient>(
  [
    ['PID-3', 'identifier[]', CX_IDENTIFIER],
    ['PID-2', 'identifier[]', CX_IDENTIFIER],
    ['PID-4', 'identifier[]', CX_IDENTIFIER],
    ['PID-19', 'identifier[]', ST_SOCIALSECURITY],
    ['PID-5', 'name[]', XPN_HUMANNAME],
    ['PID-9', 'name[]', XPN_HUMANNAME],
    ['PID-6', `extension[${HL7}/patient-mothersMaidenName].valueString`, XPN_STRING],
    ['PID-7', 'birthDate', DTM_DATE],
    ['PID-7', `_birthDate.extension[${HL7}/patient-birthTime].valueDateTime`, DTM_TIMED],
    ['PID-8', 'gender', cweCode(ADMINISTRATIVE_SEX)],
    ['PID-8', '_gender', originalCode(ADMINISTRATIVE_SEX)],
    ['PID-11', 'address[]', XAD_ADDRESS],
    ['PID-13', 'telecom[]', xtnContactPointOf('home')],
    ['PID-14', 'telecom[]', xtnContactPointOf('work')],
    ['PID-40', 'telecom[]', xtnContactPointOf()],
    ['PID-15', 'communication[].language', CWE_CODEABLECONCEPT],
    ['PID-16', 'maritalStatus', cweConceptOf(MARITAL_STATUS)],
    ['PID-17', `extension[${HL7}/patient-religion].valueCodeableConcept`, cweConceptOf(RELIGION)],
    ['PID-20', 'identifier[]', DLN_IDENTIFIER],
    ['PID-23', `extension[${HL7}/patient-birthPlace].valueAddress.text`, ST_STRING],
    ['PID-24', 'multipleBirthBoolean', ID_BOOLEAN, notValued('PID-25')],
    ['PID-25', 'multipleBirthInteger', NM_POSITIVEINT],
    ['PID-26', `extension[${HL7}/patient-citizenship].extension[code].valueCodeableConcept`, CWE_CODEABLECONCEPT],
    ['PID-28', `extension[${HL7}/patient-nationality].extension[code].valueCodeableConcept`, CWE_CODEABLECONCEPT],
    ['PID-29', 'deceasedDateTime', DTM_DATETIME],
    ['PID-30', 'deceasedBoolean', ID_BOOLEAN, notValued('PID-29')],
    ['PID-35', `extension[${HL7}/patient-animal].extension[species].valueCodeableConcept`, CWE_CODEABLECONCEPT],
    ['PID-36', `extension[${HL7}/patient-animal].extension[breed].valueCodeableConcept`, CWE_CODEABLECONCEPT],
    ['PID-39', `extension[${HL7}/patient-citizenship].extension[code].valueCodeableConcept`, CWE_CODEABLECONCEPT],
  ],
  {
    choices: ['deceased', 'multipleBirth'],
    left: {
      1: SET_ID,
      10: 'race: has no element in R4 outside one country',
      22: 'ethnic group: has no element in R4 outside one country',
    },
  },
);

/** HL7 Table 0203: types that name one person for good. '' is the plain number of a sender that knows no types. */
const PERSONAL_TYPES: ReadonlySet<string> = new Set([
  '',
  'HC', // health card
  'INS', // French national health identifier
  'INS-C',
  'INS-NIR',
  'JHN', // jurisdictional health number
  'MC', // Medicare
  'MR', // medical record
  'NH', // national health plan
  'NI', // national unique individual identifier
  'PE', // living subject enterprise number
  'PI', // patient internal
  'PN', // person number
  'PPN', // passport
  'PT', // patient external
  'SS',
]);

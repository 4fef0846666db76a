/**
 * PID to Patient (HL7 v2.5.1 §3.4.2; guide: PID[Patient]).
 * In: the segment. Out: the Patient in the draft, his identifiers, and the keys by which another message is known to be about him.
 * `""` deletes an element, an empty field leaves it as it was (§2.10.1): a deleted element is there with the value undefined.
 *
 * Which identifiers make the same person: only those of PID-3 whose type names one person. A member number (MB) is shared by a family, an
 * account or visit number ends; they are kept as identifiers and join nobody. PID-2, PID-4 and PID-19 are kept likewise: their
 * authorities are seldom said.
 */
import type { Identifier, Patient, PatientCommunication, Reference } from '@medplum/fhirtypes';
import type { PatientKey } from '../../model/case.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { type Components, compact, eachRepetition, filled, firstValue, isDeleted } from '../datatypes/components.ts';
import { cweCodeableConcept } from '../datatypes/cwe-codeableconcept.ts';
import { cxIdentifier, type ReadIdentifier } from '../datatypes/cx-identifier.ts';
import { identifierType } from '../datatypes/identifier-type.ts';
import { bounded, identity, isMadeUp, systemsOf } from '../datatypes/systems.ts';
import { dateOf, dateTimeField, dateTimeOf } from '../datatypes/ts-datetime.ts';
import { xadAddress } from '../datatypes/xad-address.ts';
import { xpnHumanName } from '../datatypes/xpn-humanname.ts';
import { xtnContactPoint } from '../datatypes/xtn-contactpoint.ts';
import type { Draft } from '../draft.ts';
import { ADMINISTRATIVE_SEX, ADMINISTRATIVE_SEX_SYSTEM } from '../vocabulary/0001-administrative-sex.ts';
import { MARITAL_STATUS } from '../vocabulary/0002-marital-status.ts';
import { alternateCode } from './alternate-code.ts';
import { listLeftovers } from './leftovers.ts';

export type ReadPatient = { readonly reference: Reference<Patient>; readonly keys: readonly PatientKey[] };

/** Adds the Patient. A PID that numbers nobody is known by the message's own name, `fallback`. */
export function pidPatient(pid: Segment, draft: Draft, fallback: string): ReadPatient {
  const { zone, peer } = draft;
  const authority = peer.patientAuthority;
  const numbers = eachRepetition(pid, 3, (at) => cxIdentifier(at, authority, zone));
  const persons = numbers.filter((one) => namesOnePerson(one.type));
  const known = persons.length > 0 ? persons : numbers.slice(0, 1);
  const identities = known.map(({ identifier }) => identity('Patient', identifier.system as string, identifier.value as string));
  const patient = compact<Patient>({
    resourceType: 'Patient',
    identifier: [...numbers.map((one) => one.identifier), ...otherNumbers(pid, draft)],
    name: [...eachRepetition(pid, 5, (at) => xpnHumanName(at, zone)), ...eachRepetition(pid, 9, (at) => xpnHumanName(at, zone))],
    telecom: telecomOf(pid, zone),
    address: addressOf(pid, zone),
    ...genderOf(pid, draft),
    ...birthOf(pid, draft),
    ...deathOf(pid, draft),
    ...multipleBirthOf(pid, draft),
    maritalStatus: maritalStatusOf(pid, peer.name),
    communication: communicationOf(pid, peer.name),
    extension: mothersName(pid),
  });
  listLeftovers(pid, READ_FIELDS, draft);
  const named = identities.length > 0 ? identities : [identity('Patient', 'urn:waystation:patient-of-message', fallback)];
  const reference = draft.add({ ...deletions(pid), ...patient }, named, { shared: true });
  return { reference, keys: known.flatMap((one) => keysOf(one, authority)) };
}

/** A key for every name of the authority. One that neither the sender nor the configuration names agrees with any: system ''. */
function keysOf({ identifier, authority }: ReadIdentifier, fallback: string): PatientKey[] {
  const value = bounded(identifier.value as string);
  const systems = systemsOf(authority);
  if (systems.length > 0) return systems.map((system) => ({ system, value }));
  return [{ system: isMadeUp(fallback) ? '' : (identifier.system as string), value }];
}

function namesOnePerson(type: string): boolean {
  const code = type.toUpperCase();
  return PERSONAL_TYPES.has(code) || /^NN[A-Z]{3}$/.test(code);
}

function otherNumbers(pid: Segment, { peer, zone }: Draft): Identifier[] {
  const external = [2, 4].flatMap((field) => eachRepetition(pid, field, (at) => cxIdentifier(at, peer.patientAuthority, zone)?.identifier));
  const social = firstValue(pid, 19);
  // The guide's system us-ssn would be a guess outside one country.
  return social === '' ? external : [...external, { type: identifierType('SS'), value: social }];
}

function telecomOf(pid: Segment, zone: string): Patient['telecom'] {
  const read = (use?: 'home' | 'work') => (at: Components) => xtnContactPoint(at, zone, use);
  return [...eachRepetition(pid, 13, read('home')), ...eachRepetition(pid, 14, read('work')), ...eachRepetition(pid, 40, read())];
}

/** PID-12 (county) belongs to the only address that has no district of its own. */
function addressOf(pid: Segment, zone: string): Patient['address'] {
  const addresses = eachRepetition(pid, 11, (at) => xadAddress(at, zone));
  const county = firstValue(pid, 12);
  const [first] = addresses;
  if (county === '') return addresses;
  if (first && addresses.length === 1 && !first.district) return [{ ...first, district: county }];
  return [...addresses, { district: county }];
}

function genderOf(pid: Segment, draft: Draft): Partial<Patient> & { _gender?: unknown } {
  const code = firstValue(pid, 8);
  if (code === '') return {};
  const gender = ADMINISTRATIVE_SEX.get(code.toUpperCase());
  if (gender) return { gender };
  draft.gap('PID-8', 'code is not in HL7 Table 0001');
  return { gender: 'unknown', _gender: alternateCode(ADMINISTRATIVE_SEX_SYSTEM, code) };
}

function birthOf(pid: Segment, draft: Draft): Partial<Patient> & { _birthDate?: unknown } {
  const text = firstValue(pid, 7);
  const birthDate = dateOf(text);
  if (birthDate === null) {
    if (text !== '') draft.gap('PID-7', 'is no date');
    return {};
  }
  const time = text.length > 8 ? dateTimeOf(text, draft.zone) : null;
  return { birthDate, ...(time?.includes('T') ? { _birthDate: { extension: [{ url: BIRTH_TIME, valueDateTime: time }] } } : {}) };
}

/** The time says more than the indicator. */
function deathOf(pid: Segment, draft: Draft): Partial<Patient> {
  const time = dateTimeField(pid, 29, draft);
  const dead = indicatorOf(pid, 30, draft);
  if (time) return { deceasedDateTime: time };
  return dead === undefined ? {} : { deceasedBoolean: dead };
}

function multipleBirthOf(pid: Segment, draft: Draft): Partial<Patient> {
  const order = firstValue(pid, 25);
  const multiple = indicatorOf(pid, 24, draft);
  if (/^[1-9]\d?$/.test(order)) return { multipleBirthInteger: Number(order) };
  if (order !== '') draft.gap('PID-25', 'is no number');
  return multiple === undefined ? {} : { multipleBirthBoolean: multiple };
}

/** HL7 Table 0136. */
function indicatorOf(pid: Segment, field: number, draft: Draft): boolean | undefined {
  const code = firstValue(pid, field).toUpperCase();
  if (code !== '' && code !== 'Y' && code !== 'N') draft.gap(`PID-${field}`, 'code is not in HL7 Table 0136');
  return code === 'Y' ? true : code === 'N' ? false : undefined;
}

function maritalStatusOf(pid: Segment, owner: string): Patient['maritalStatus'] {
  return eachRepetition(pid, 16, (at) => {
    const coding = MARITAL_STATUS.get(at(1));
    return coding ? filled({ coding: [coding], text: at(2) }) : cweCodeableConcept(at, owner);
  })[0];
}

function communicationOf(pid: Segment, owner: string): PatientCommunication[] {
  return eachRepetition(pid, 15, (at) => cweCodeableConcept(at, owner)).map((language) => ({ language }));
}

function mothersName(pid: Segment): Patient['extension'] {
  const [name] = eachRepetition(pid, 6, (at) => [at(2), at(1)].filter(Boolean).join(' ') || undefined);
  return name ? [{ url: MOTHERS_MAIDEN_NAME, valueString: name }] : [];
}

/** Elements that go when the message does not set them anew: their field is `""`, or they go with what it sets (`[x]`, `_element`). */
function deletions(pid: Segment): Partial<Patient> {
  const deleted = DELETABLE.filter(([field]) => isDeleted(pid, field)).map(([, element]) => element);
  const chosen = CHOICES.filter(([fields]) => fields.some((field) => firstValue(pid, field) !== '')).flatMap(([, elements]) => elements);
  return Object.fromEntries([...deleted, ...chosen].map((element) => [element, undefined]));
}

const BIRTH_TIME = 'http://hl7.org/fhir/StructureDefinition/patient-birthTime';
const MOTHERS_MAIDEN_NAME = 'http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName';

const DELETABLE: readonly (readonly [number, string])[] = [
  [5, 'name'],
  [7, 'birthDate'],
  [7, '_birthDate'],
  [8, 'gender'],
  [8, '_gender'],
  [11, 'address'],
  [13, 'telecom'],
  [15, 'communication'],
  [16, 'maritalStatus'],
  [24, 'multipleBirthBoolean'],
  [25, 'multipleBirthInteger'],
  [29, 'deceasedDateTime'],
  [30, 'deceasedBoolean'],
];

/** Elements that are set anew together with the fields. */
const CHOICES: readonly (readonly [readonly number[], readonly string[]])[] = [
  [[7], ['_birthDate']],
  [[8], ['_gender']],
  [
    [24, 25],
    ['multipleBirthBoolean', 'multipleBirthInteger'],
  ],
  [
    [29, 30],
    ['deceasedBoolean', 'deceasedDateTime'],
  ],
];

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

const READ_FIELDS: ReadonlySet<number> = new Set([1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 19, 24, 25, 29, 30, 40]);

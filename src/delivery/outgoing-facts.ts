/**
 * What the rules of a destination need to know of an object's case. In: its Patient and ServiceRequest as they are now, and the identifier
 * the object has. Out: the number and name that are valid now, and the accession number of the order. A Failure where the patient has other
 * numbers now and none of them is of the authority that gave the old one: which one is meant a person must say.
 */
import type { HumanName, Identifier, Patient, ServiceRequest } from '@medplum/fhirtypes';
import { type Failure, failure } from '../model/failure.ts';
import type { CoercionFacts, CoercionRules, Issuer } from '../model/outgoing.ts';

export type Known = { readonly patient: Patient | null; readonly order: ServiceRequest | null };

export function coercionFacts(rules: CoercionRules, { patient, order }: Known, patientId: string): CoercionFacts | Failure {
  const accession = rules.accession === 'order' ? accessionOf(order) : null;
  if (rules.patient === 'kept') return { patient: null, accession };
  if (!patient) return failure('delivery', 'not-found', 'no Patient is known for the case of the object');
  const number = currentNumber(patient, patientId);
  return 'failure' in number ? number : { patient: { ...number, name: nameOf(patient.name ?? []) }, accession };
}

/** The object's own number while it is valid, else the valid one of the same authority (after a merge). Objects without one stay so. */
function currentNumber(patient: Patient, patientId: string): { id: string; issuer: Issuer | null } | Failure {
  const numbers = (patient.identifier ?? []).filter(({ value }) => value !== undefined && value !== '');
  const current = numbers.filter(({ use }) => use !== 'old');
  if (patientId === '' || current.length === 0 || current.some(({ value }) => value === patientId)) return { id: patientId, issuer: null };
  const former = numbers.filter(({ value }) => value === patientId);
  const same = current.find(({ system }) => former.some((one) => one.system === system));
  const only = current.length === 1 ? current[0] : undefined;
  const found = same ?? only;
  if (!found?.value)
    return failure('delivery', 'conflict', 'the patient has several numbers now, and none of the authority of that of the object');
  return { id: found.value, issuer: found === same ? null : issuerOf(found.system ?? '') };
}

function accessionOf(order: ServiceRequest | null): CoercionFacts['accession'] {
  const number = order?.identifier?.find(isAccession);
  return number?.value ? { value: number.value, issuer: issuerOf(number.system ?? '') } : null;
}

/** HL7 Table 0203, ACSN. */
function isAccession({ type }: Identifier): boolean {
  return type?.coding?.some(({ code }) => code === 'ACSN') ?? false;
}

/** The authority of a system, where it was named and not made up for want of a name. */
function issuerOf(system: string): Issuer | null {
  const nobody: Issuer = { namespace: '', universalId: '', universalIdType: '' };
  const oid = /^urn:oid:(.+)$/.exec(system)?.[1];
  if (oid !== undefined) return { ...nobody, universalId: oid, universalIdType: 'ISO' };
  const name = /^urn:waystation:authority:(.+)$/.exec(system)?.[1];
  if (name !== undefined)
    return name === 'default' || name.startsWith('default.') ? null : { ...nobody, namespace: decodeURIComponent(name) };
  return system === '' ? null : { ...nobody, universalId: system, universalIdType: 'URI' };
}

/** PN (PS3.5 §6.2.1): family, given, middle, prefix, suffix; other scripts in groups of their own (iso21090-EN-representation). */
function nameOf(names: readonly HumanName[]): string {
  const groups = ['ABC', 'IDE', 'SYL'].map((script) => names.find((name) => scriptOf(name) === script && name.use !== 'old'));
  return groups
    .map((name) => (name ? componentsOf(name) : ''))
    .join('=')
    .replace(/=+$/, '');
}

function scriptOf({ extension }: HumanName): string {
  return extension?.find(({ url }) => url === REPRESENTATION)?.valueCode ?? 'ABC';
}

function componentsOf({ family = '', given = [], prefix = [], suffix = [], text = '' }: HumanName): string {
  const [first = '', ...middle] = given;
  const components = [family, first, middle.join(' '), prefix.join(' '), suffix.join(' ')].map((part) => part.replace(/[\\^=]/g, ' '));
  const written = components.join('^').replace(/\^+$/, '');
  return written === '' ? text.replace(/[\\^=]/g, ' ') : written;
}

const REPRESENTATION = 'http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation';

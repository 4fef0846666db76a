/**
 * Which system an identifier stands in: the one place that decides, for HL7 v2 (HD, EI) and DICOM (issuers) alike, so that the same
 * number of the same authority is the same identity whoever sends it. In: an authority as the sender named it. Out: URIs.
 * HL7 v2.5.1 §2.A.33 (HD); DICOM PS3.3 §10.14 (issuers), Table 10-17.
 *
 * The guide's HD[uri] takes the namespace first and the universal id only without one. Here it is the other way round: an OID is unique
 * in the world, a namespace only where it was agreed.
 */
import { createHash } from 'node:crypto';
import type { Identity } from '../../model/identity.ts';

export type Authority = { readonly namespace: string; readonly universalId: string; readonly universalIdType: string };

/**
 * Whether configuration made an authority up, because nobody named one: `default` for senders it does not know, `default.<peer>` for a peer.
 * It tells the numbers of two peers apart, and proves nothing against a number whose authority was named.
 */
export function isMadeUp(authority: string): boolean {
  return authority === 'default' || authority.startsWith('default.');
}

/** URI of the authority, the strongest name it has; the fallback (a name or a URI, from configuration) where it has none. */
export function systemOf(authority: Authority, fallback: string): string {
  return systemsOf(authority)[0] ?? systemOfName(fallback);
}

/** All URIs by which the authority may be called elsewhere, the strongest first; none where it is not named. */
export function systemsOf({ namespace, universalId, universalIdType }: Authority): readonly string[] {
  const universal = universalSystem(universalId, universalIdType);
  return [...(universal === '' ? [] : [universal]), ...(namespace === '' ? [] : [systemOfName(namespace)])];
}

/** URI of an authority known by a name: `urn:waystation:authority:HOSP`; a name that is an OID or a URI already says it. */
export function systemOfName(name: string): string {
  if (isOid(name)) return oidSystem(name);
  if (isUri(name)) return name;
  return KNOWN_NAMES.get(name.toUpperCase()) ?? `urn:waystation:authority:${encodeURIComponent(bounded(name))}`;
}

/** The way back: the authority that `systemOf` gives this URI for. */
export function authorityOf(system: string): Authority {
  const name = /^urn:waystation:authority:(.+)$/.exec(system)?.[1];
  if (name !== undefined) return { namespace: decodeURIComponent(name), universalId: '', universalIdType: '' };
  const known = [...KNOWN_OIDS].find(([, uri]) => uri === system)?.[0];
  const oid = known ?? /^urn:oid:(.+)$/.exec(system)?.[1];
  return oid === undefined
    ? { namespace: '', universalId: system, universalIdType: 'URI' }
    : { namespace: '', universalId: oid, universalIdType: 'ISO' };
}

/**
 * An identity as the beginning of another one's value (what is of this patient): no number can be written so that it reads as another one
 * with something behind it. A value that was made here is made so already.
 */
export function keyOf({ system, value }: Pick<Identity, 'system' | 'value'>): string {
  return `${system}|${MADE_HERE.test(system) ? value : value.replaceAll(/[|\\]/g, '\\$&')}`;
}

const MADE_HERE = /^urn:waystation:(?!authority:)/;

/** Value of an identity or a case key: unique indexes hold about 2,700 bytes, so what is longer is told by its digest. */
export function bounded(value: string): string {
  if (value.length <= MAX_KEY_LENGTH) return value;
  return `${value.slice(0, 32)}~sha256:${createHash('sha256').update(value).digest('hex')}`;
}

export function identity(type: Identity['type'], system: string, value: string): Identity {
  return { type, system: bounded(system), value: bounded(value) };
}

export function isOid(text: string): boolean {
  return /^[0-2](\.(0|[1-9]\d*)){1,40}$/.test(text) && text.length <= 128;
}

function universalSystem(id: string, type: string): string {
  if (id === '') return '';
  if (isOid(id)) return oidSystem(id);
  if (isUri(id)) return id;
  if (type === 'UUID' || type === 'GUID') return `urn:uuid:${encodeURIComponent(id.toLowerCase())}`;
  return systemOfName(id);
}

function oidSystem(oid: string): string {
  return KNOWN_OIDS.get(oid) ?? `urn:oid:${oid}`;
}

export function isUri(text: string): boolean {
  return /^(?:https?:\/\/|urn:[a-z0-9][a-z0-9-]+:)[!-{}~]+$/i.test(text) && text.length <= MAX_KEY_LENGTH;
}

/** A patient who is known by his study (its UID), whatever number the images carry. */
export const PATIENT_OF_STUDY = 'urn:waystation:patient-of-study';

const MAX_KEY_LENGTH = 200;

/** Registered names that FHIR has URIs of its own for (https://terminology.hl7.org/identifiers.html). */
const KNOWN_NAMES: ReadonlyMap<string, string> = new Map([
  ['NPI', 'http://hl7.org/fhir/sid/us-npi'],
  ['USSSA', 'http://hl7.org/fhir/sid/us-ssn'],
]);
const KNOWN_OIDS: ReadonlyMap<string, string> = new Map([
  ['2.16.840.1.113883.4.6', 'http://hl7.org/fhir/sid/us-npi'],
  ['2.16.840.1.113883.4.1', 'http://hl7.org/fhir/sid/us-ssn'],
]);

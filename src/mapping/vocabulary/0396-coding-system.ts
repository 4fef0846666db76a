/**
 * HL7 Table 0396, names of coding systems (CWE-3), to URIs (https://terminology.hl7.org, R4 §4.3.0).
 * In: the name as sent, and who sent it. Out: a URI. Local names (`L`, `99…`) mean something at their sender only, so his name is in them;
 * other names without a registered URI stay recognisable: `urn:waystation:codesystem:<NAME>`.
 */
import { bounded, isOid } from '../datatypes/systems.ts';

export function codeSystemOf(name: string, owner: string): string {
  const upper = name.toUpperCase();
  const known = CODING_SYSTEM.get(upper);
  if (known !== undefined) return known;
  const table = /^HL7(\d{4})$/.exec(upper)?.[1];
  if (table !== undefined) return `http://terminology.hl7.org/CodeSystem/v2-${table}`;
  if (isOid(name)) return OIDS.get(name) ?? `urn:oid:${name}`;
  if (/^(?:https?:\/\/|urn:)[!-~]+$/i.test(name)) return bounded(name);
  const local = upper === 'L' || upper === 'LOCAL' || upper.startsWith('99');
  return `urn:waystation:codesystem:${local ? `${encodeURIComponent(owner)}:` : ''}${encodeURIComponent(bounded(upper))}`;
}

/** The way back: the table's name of a URI, the name that a sender wrote, `L` (local) where there is none. */
export function codingSystemNameOf(system: string): string {
  const known = [...CODING_SYSTEM].find(([, uri]) => uri === system)?.[0];
  const table = /^http:\/\/terminology\.hl7\.org\/CodeSystem\/v2-(\d{4})$/.exec(system)?.[1];
  if (known !== undefined || table !== undefined) return known ?? `HL7${table}`;
  if (system.startsWith('urn:oid:')) return system.slice('urn:oid:'.length);
  // The last part is the name; before it stands whose it is, where it means something at its sender only.
  const name = OWN_NAME.exec(system)?.[1];
  return name === undefined ? 'L' : decodeURIComponent(name);
}

/** A name as `codeSystemOf` writes it, as far as it is ASCII: anything else may be no text. */
const OWN_NAME = /^urn:waystation:codesystem:(?:[^:]*:)?((?:[\w.~!*'()-]|%[2-7][0-9A-F])+)$/;

const CODING_SYSTEM: ReadonlyMap<string, string> = new Map([
  ['C4', 'http://www.ama-assn.org/go/cpt'],
  ['CPT', 'http://www.ama-assn.org/go/cpt'], // not in the table, but written
  ['CPT4', 'http://www.ama-assn.org/go/cpt'],
  ['CDCREC', 'urn:oid:2.16.840.1.113883.6.238'],
  ['CVX', 'http://hl7.org/fhir/sid/cvx'],
  ['DCM', 'http://dicom.nema.org/resources/ontology/DCM'],
  ['HCPCS', 'https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets'],
  ['HPC', 'https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets'],
  ['I10', 'http://hl7.org/fhir/sid/icd-10'],
  ['ICD10', 'http://hl7.org/fhir/sid/icd-10'], // not in the table, but written
  ['ICD-10', 'http://hl7.org/fhir/sid/icd-10'],
  ['I10C', 'http://hl7.org/fhir/sid/icd-10-cm'],
  ['ICD10CM', 'http://hl7.org/fhir/sid/icd-10-cm'],
  ['ICD-10-CM', 'http://hl7.org/fhir/sid/icd-10-cm'],
  ['I10P', 'http://www.cms.gov/Medicare/Coding/ICD10'],
  ['I9', 'http://hl7.org/fhir/sid/icd-9'],
  ['I9C', 'http://hl7.org/fhir/sid/icd-9-cm'],
  ['I9CDX', 'http://hl7.org/fhir/sid/icd-9-cm'],
  ['I9CP', 'http://hl7.org/fhir/sid/icd-9-cm'],
  ['ICDO3', 'http://terminology.hl7.org/CodeSystem/icd-o-3'],
  ['ISO3166_1', 'urn:iso:std:iso:3166'],
  ['ISO639', 'urn:ietf:bcp:47'],
  ['LN', 'http://loinc.org'],
  ['LOINC', 'http://loinc.org'],
  ['MDC', 'urn:iso:std:iso:11073:10101'],
  ['NDC', 'http://hl7.org/fhir/sid/ndc'],
  ['NULLFL', 'http://terminology.hl7.org/CodeSystem/v3-NullFlavor'],
  ['RADLEX', 'http://www.radlex.org'],
  ['RXNORM', 'http://www.nlm.nih.gov/research/umls/rxnorm'],
  ['SCT', 'http://snomed.info/sct'],
  ['SCT2', 'http://snomed.info/sct'],
  ['SNOMED', 'http://snomed.info/sct'],
  ['SNOMED-CT', 'http://snomed.info/sct'],
  ['UCUM', 'http://unitsofmeasure.org'],
  ['WC', 'http://www.whocc.no/atc'],
]);

const OIDS: ReadonlyMap<string, string> = new Map([
  ['2.16.840.1.113883.6.1', 'http://loinc.org'],
  ['2.16.840.1.113883.6.8', 'http://unitsofmeasure.org'],
  ['2.16.840.1.113883.6.12', 'http://www.ama-assn.org/go/cpt'],
  ['2.16.840.1.113883.6.90', 'http://hl7.org/fhir/sid/icd-10-cm'],
  ['2.16.840.1.113883.6.96', 'http://snomed.info/sct'],
  ['2.16.840.1.113883.6.3', 'http://hl7.org/fhir/sid/icd-10'],
  ['2.16.840.1.113883.6.256', 'http://www.radlex.org'],
  ['1.2.840.10008.2.16.4', 'http://dicom.nema.org/resources/ontology/DCM'],
]);

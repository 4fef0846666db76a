/**
 * FHIR codings as DICOM codes (PS3.3 §8.8, schemes of PS3.16 Table 8-1). In: a CodeableConcept. Out: its first coding of a scheme that the
 * table lists, else of one that it does not, under a private designator (99…) made from the URI of the system, which goes along in
 * Coding Scheme Identification Sequence. Null where the concept has no code.
 */
import { createHash } from 'node:crypto';
import type { CodeableConcept, Coding, Quantity } from '@medplum/fhirtypes';
import type { Coded } from '../../protocols/dicom/sr-content.ts';
import { conceptText } from '../../protocols/fhir/observation-text.ts';

export function codedOf(concept: CodeableConcept | undefined): Coded | null {
  const codings = (concept?.coding ?? []).filter(
    ({ code }) => code !== undefined && /^[!-~]+( [!-~]+)*$/.test(code) && !code.includes('\\'),
  );
  const coding = codings.find(({ system }) => SCHEMES.has(system ?? '')) ?? codings[0];
  return coding ? codedAs(coding, coding.display ?? conceptText(concept)) : null;
}

/** UCUM (PS3.16 CID 82) where the quantity says so; `1` where it has no unit (PS3.16 §7.2.2). */
export function unitOf({ code, unit, system }: Quantity): Coded {
  if (code === undefined && unit === undefined) return { code: '1', scheme: 'UCUM', meaning: 'no units' };
  const text = unit ?? (code as string);
  return codedAs({ code: code ?? text, ...(system === undefined ? {} : { system }) }, text);
}

function codedAs({ code = '', system = '' }: Coding, meaning: string): Coded {
  const scheme = SCHEMES.get(system);
  if (scheme !== undefined) return { code, scheme, meaning: meaning || code };
  const digest = createHash('sha256').update(system).digest('hex');
  return { code, scheme: `99${digest.slice(0, 12).toUpperCase()}`, meaning: meaning || code, system: system || 'local' };
}

/** PS3.16 Table 8-1. */
const SCHEMES: ReadonlyMap<string, string> = new Map([
  ['http://dicom.nema.org/resources/ontology/DCM', 'DCM'],
  ['http://loinc.org', 'LN'],
  ['http://snomed.info/sct', 'SCT'],
  ['http://unitsofmeasure.org', 'UCUM'],
  ['http://www.radlex.org', 'RADLEX'],
  ['http://radlex.org', 'RADLEX'],
  ['http://www.ama-assn.org/go/cpt', 'C4'],
  ['http://hl7.org/fhir/sid/icd-10', 'I10'],
  ['http://hl7.org/fhir/sid/icd-10-cm', 'I10C'],
  ['http://www.cms.gov/Medicare/Coding/ICD10', 'I10P'],
  ['http://hl7.org/fhir/sid/icd-9-cm', 'I9C'],
  ['http://terminology.hl7.org/CodeSystem/icd-o-3', 'ICDO3'],
  ['urn:ietf:bcp:47', 'RFC5646'],
]);

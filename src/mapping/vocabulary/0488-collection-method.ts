/**
 * HL7 Table 0488, specimen collection method (SPM-7): the codes that HL7's guide translates, with their code of SNOMED CT
 * (guide: SpecimenCollectionMethod). The others are carried as they are.
 */
import type { Coding } from '@medplum/fhirtypes';

/** The code as it was sent, and what it is in SNOMED CT. */
export function withSnomed(coding: Coding): Coding[] {
  const isOwn = coding.system === undefined || coding.system === COLLECTION_METHOD;
  const known = isOwn ? SNOMED_METHODS.get(coding.code ?? '') : undefined;
  return known ? [coding, known] : [coding];
}

const COLLECTION_METHOD = 'http://terminology.hl7.org/CodeSystem/v2-0488';
const SNOMED = 'http://snomed.info/sct';

const SNOMED_METHODS: ReadonlyMap<string, Coding> = new Map([
  ['BIO', { system: SNOMED, code: '129314006', display: 'Biopsy - action' }],
  ['SCRAPS', { system: SNOMED, code: '129323009', display: 'Scraping - action' }],
]);

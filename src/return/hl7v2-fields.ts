/** FHIR values as HL7 v2 fields (HL7 v2.5.1 chapter 2A), the way back from `mapping/datatypes`. In: FHIR elements. Out: what `buildMessage` writes. */
import type { CodeableConcept, Coding, Quantity } from '@medplum/fhirtypes';
import type { Signer } from '../model/config.ts';
import type { ComponentValue } from '../protocols/hl7v2/escape.ts';

/** TS/DTM of a dateTime, date or instant, with the precision and offset it has; fractions of a second are left out. */
export function dateTimeField(value: string | undefined): string {
  const [, year, month = '', day = '', hour = '', minute = '', second = '', offset = ''] = DATE_TIME.exec(value ?? '') ?? [];
  return year === undefined ? '' : `${year}${month}${day}${hour}${minute}${second}${offset === 'Z' ? '+0000' : offset.replace(':', '')}`;
}

/** CE (§2.A.8): identifier, text, name of coding system. `suffix` is a further part of the identifier (`&IMP`). */
export function codedField(concept: CodeableConcept | undefined, suffix = ''): readonly ComponentValue[] {
  const coding: Coding = concept?.coding?.find(({ system }) => CODING_SYSTEMS.has(system ?? '')) ?? concept?.coding?.[0] ?? {};
  const text = coding.display ?? concept?.text ?? '';
  const system = coding.code === undefined ? '' : (CODING_SYSTEMS.get(coding.system ?? '') ?? 'L');
  return [suffix === '' ? (coding.code ?? '') : [coding.code ?? '', suffix], text, system];
}

/** CE of a unit. */
export function unitField({ code, unit, system }: Quantity): readonly ComponentValue[] {
  return code === undefined ? ['', unit ?? ''] : [code, unit ?? code, system === 'http://unitsofmeasure.org' ? 'UCUM' : 'L'];
}

/**
 * XCN (§2.A.87) of who signed. Deviation: the name stands whole in the family name, because configuration has it as one text, and a name cut in
 * the wrong place is another name.
 */
export function personField({ name, identifier }: Signer): readonly ComponentValue[] {
  return [identifier.value, name, '', '', '', '', '', '', authority(identifier.system)];
}

/** NDL (§2.A.47), whose first component is the person as a CNN. */
export function interpreterField({ name, identifier }: Signer): readonly ComponentValue[] {
  return [[identifier.value, name, '', '', '', '', '', '', ...authority(identifier.system)]];
}

/** HD (§2.A.33) of an identifier system: `urn:oid:` is an ISO object identifier, any other URI a URI. */
function authority(system: string): readonly string[] {
  const name = /^urn:waystation:authority:(.+)$/.exec(system)?.[1];
  if (name !== undefined) return [decodeURIComponent(name)];
  const oid = system === 'http://hl7.org/fhir/sid/us-npi' ? '2.16.840.1.113883.4.6' : /^urn:oid:(.+)$/.exec(system)?.[1];
  return oid === undefined ? ['', system, 'URI'] : ['', oid, 'ISO'];
}

const DATE_TIME = /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d):(\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d))?)?)?$/;

/** HL7 Table 0396, coding systems. */
const CODING_SYSTEMS: ReadonlyMap<string, string> = new Map([
  ['http://loinc.org', 'LN'],
  ['http://snomed.info/sct', 'SCT'],
  ['http://radlex.org', 'RADLEX'],
  ['http://www.radlex.org', 'RADLEX'],
  ['http://hl7.org/fhir/sid/icd-10', 'I10'],
  ['http://dicom.nema.org/resources/ontology/DCM', 'DCM'],
]);

/**
 * PN of the DICOM JSON Model to HumanName (PS3.5 §6.2.1, PS3.18 §F.2.2). In: component groups. Out: a name a group, undefined for none.
 * The order differs from HL7 v2: family, given, middle, prefix, suffix. Names in other scripts say so (extension iso21090-EN-representation).
 */
import type { HumanName } from '@medplum/fhirtypes';
import type { DicomJsonValue } from '../../protocols/dicom/header.ts';
import { filled } from './components.ts';

export function pnHumanNames(value: DicomJsonValue | undefined): HumanName[] {
  if (typeof value !== 'object' || value === null) return [];
  return REPRESENTATIONS.flatMap(([group, representation]) => {
    const text = (value as Record<string, unknown>)[group];
    const name = typeof text === 'string' ? nameOf(text) : undefined;
    if (!name) return [];
    return [group === 'Alphabetic' ? name : { ...name, extension: [{ url: REPRESENTATION, valueCode: representation }] }];
  });
}

function nameOf(text: string): HumanName | undefined {
  const [family = '', given = '', middle = '', prefix = '', suffix = ''] = text.split('^').map((part) => part.trim());
  const listed = (...parts: string[]): string[] => parts.filter((part) => part !== '');
  return filled<HumanName>({ family, given: listed(given, middle), prefix: listed(prefix), suffix: listed(suffix) });
}

const REPRESENTATION = 'http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation';
const REPRESENTATIONS = [
  ['Alphabetic', 'ABC'],
  ['Ideographic', 'IDE'],
  ['Phonetic', 'SYL'],
] as const;

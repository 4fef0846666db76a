/** Check digit and its scheme beside a number (CX-2 and 3, XCN-11 and 12, XON-4 and 5; guide: extensions of the Identifier). */
import type { Extension, Identifier } from '@medplum/fhirtypes';
import type { Components } from './components.ts';

/** Nothing where there is no check digit. */
export function checkDigit(at: Components, digit: number, scheme: number): Pick<Identifier, 'extension'> {
  const extension: Extension[] = [
    ...(at(digit) === '' ? [] : [{ url: DIGIT, valueString: at(digit) }]),
    ...(at(scheme) === '' ? [] : [{ url: SCHEME, valueString: at(scheme) }]),
  ];
  return extension.length > 0 ? { extension } : {};
}

const DIGIT = 'http://hl7.org/fhir/StructureDefinition/identifier-checkDigit';
const SCHEME = 'http://hl7.org/fhir/StructureDefinition/namingsystem-checkDigit';

/** HL7 Table 0201, telecommunication use, to ContactPoint.use (guide: TelecommunicationUseCode). Other codes have no use in FHIR. */
import type { ContactPoint } from '@medplum/fhirtypes';

export const TELECOM_USE: ReadonlyMap<string, NonNullable<ContactPoint['use']>> = new Map([
  ['ORN', 'home'], // other residence: no row in the guide
  ['PRN', 'home'],
  ['PRS', 'mobile'],
  ['VHN', 'home'], // vacation home: no row in the guide
  ['WPN', 'work'],
]);

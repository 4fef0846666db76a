/**
 * HL7 Table 0202, telecommunication equipment, to ContactPoint.system (guide: TelecommunicationEquipmentType), keys in capitals.
 * The guide says `mobile` for CP, which is a use and no system in R4: the system is phone, the use mobile.
 */
import type { ContactPoint } from '@medplum/fhirtypes';

export const TELECOM_SYSTEM: ReadonlyMap<string, NonNullable<ContactPoint['system']>> = new Map([
  ['BP', 'pager'],
  ['CP', 'phone'],
  ['FX', 'fax'],
  ['INTERNET', 'email'],
  ['MD', 'other'], // modem
  ['PH', 'phone'],
  ['SAT', 'other'], // satellite
  ['TDD', 'other'],
  ['TTY', 'other'],
  ['X.400', 'email'],
]);

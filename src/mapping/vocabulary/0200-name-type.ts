/** HL7 Table 0200, name type, to HumanName.use (guide: NameType). Codes without a use in FHIR (birth, alias, tribal …) are left without one. */
import type { HumanName } from '@medplum/fhirtypes';

export const NAME_USE: ReadonlyMap<string, NonNullable<HumanName['use']>> = new Map([
  ['BAD', 'old'],
  ['D', 'usual'], // customary
  ['L', 'official'],
  ['M', 'maiden'],
  ['MSK', 'anonymous'],
  ['N', 'nickname'],
  ['NAV', 'temp'],
  ['NOUSE', 'old'], // no longer to be used: no row in the guide
  ['R', 'official'], // registered
  ['TEMP', 'temp'],
]);

/** HL7 Table 0190, address type, to Address.use and Address.type (guide: AddressType[Use], AddressType[Type]). Other codes say neither. */
import type { Address } from '@medplum/fhirtypes';

export const ADDRESS_USE: ReadonlyMap<string, NonNullable<Address['use']>> = new Map([
  ['B', 'work'], // firm, business
  ['BA', 'old'], // bad address
  ['BI', 'billing'],
  ['C', 'temp'], // current or temporary
  ['H', 'home'],
  ['O', 'work'], // office
]);

export const ADDRESS_TYPE: ReadonlyMap<string, NonNullable<Address['type']>> = new Map([
  ['M', 'postal'],
  ['SH', 'postal'], // shipping
]);

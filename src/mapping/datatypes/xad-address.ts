/**
 * XAD, extended address, to Address (HL7 v2.5.1 §2.A.86, SAD §2.A.67; guide: XAD[Address], SAD[Address]).
 * In: a repetition. Out: the address, undefined where nothing is given. Census tract (XAD-10) is left to the message.
 */
import type { Address } from '@medplum/fhirtypes';
import { ADDRESS_TYPE, ADDRESS_USE } from '../vocabulary/0190-address-type.ts';
import { type Components, filled, knownCode } from './components.ts';
import { type Datatype, each } from './datatype.ts';
import { periodOf } from './ts-datetime.ts';

export const XAD_ADDRESS: Datatype<Address> = each((at, { draft }) => xadAddress(at, draft.zone));

export function xadAddress(at: Components, zone: string): Address | undefined {
  const kind = knownCode(at, 7, (code) => ADDRESS_USE.has(code) || ADDRESS_TYPE.has(code));
  const place = filled<Address>({
    line: [at(1, 1), [at(1, 3), at(1, 2)].filter(Boolean).join(' '), at(2), at(19)].filter((line) => line !== ''),
    city: at(3),
    district: at(9),
    state: at(4),
    postalCode: at(5),
    country: at(6),
  });
  // A use or a period alone is no address.
  if (!place) return undefined;
  const period = periodOf(at(13) || at(12), at(14) || at(12, 2), zone);
  return filled<Address>({ use: ADDRESS_USE.get(kind), type: ADDRESS_TYPE.get(kind), ...place, period });
}

/**
 * XAD, extended address, to Address (HL7 v2.5.1 §2.A.86, SAD §2.A.67; guide: XAD[Address], SAD[Address]).
 * In: a repetition. Out: the address, undefined where nothing is given.
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
  return filled<Address>({ use: ADDRESS_USE.get(kind), type: ADDRESS_TYPE.get(kind), ...place, period, extension: extensionsOf(at) });
}

/** The kind as it was sent (HL7 Table 0190), which says more than use and type; HV, a vacation home; the census tract. */
function extensionsOf(at: Components): Address['extension'] {
  const kind = at(7);
  return [
    ...(kind === 'HV' ? [{ url: `${HL7}/iso21090-AD-use`, valueCode: 'HV' }] : []),
    ...(kind === '' || SAYS_ALL.has(kind.toUpperCase())
      ? []
      : [{ url: ALTERNATE_CODES, valueCodeableConcept: { coding: [{ system: ADDRESS_TYPE_SYSTEM, code: kind }] } }]),
    ...(at(10) === '' ? [] : [{ url: `${HL7}/iso21090-ADXP-censusTract`, valueString: at(10) }]),
  ];
}

const HL7 = 'http://hl7.org/fhir/StructureDefinition';
const ALTERNATE_CODES = `${HL7}/alternate-codes`;
const ADDRESS_TYPE_SYSTEM = 'http://terminology.hl7.org/CodeSystem/v2-0190';
/** Home, office, mailing: use and type say all of it. */
const SAYS_ALL: ReadonlySet<string> = new Set(['H', 'O', 'M']);

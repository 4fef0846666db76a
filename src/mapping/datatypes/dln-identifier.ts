/** DLN, driver's licence number, to Identifier (HL7 v2.5.1 §2.A.22; guide: DLN[Identifier]): who issued it is a name in an authority. */
import type { Identifier } from '@medplum/fhirtypes';
import { type Datatype, each } from './datatype.ts';
import { identifierType } from './identifier-type.ts';
import { systemOfName } from './systems.ts';
import { dateTimeOf } from './ts-datetime.ts';

export const DLN_IDENTIFIER: Datatype<Identifier> = each((at, { draft }) => {
  if (at(1) === '') return undefined;
  const end = dateTimeOf(at(3), draft.zone);
  return {
    type: identifierType('DL') as object,
    ...(at(2) === '' ? {} : { system: systemOfName(at(2)) }),
    value: at(1),
    ...(end === null ? {} : { period: { end } }),
  };
});

/**
 * CX, extended composite id with check digit, to Identifier (HL7 v2.5.1 §2.A.14; guide: CX[Identifier]).
 * In: a repetition, and the peer's authority for numbers that come without one. Out: the Identifier and its authority, undefined without a number.
 */
import type { Identifier } from '@medplum/fhirtypes';
import { checkDigit } from './check-digit.ts';
import { type Components, filled, within } from './components.ts';
import { type Datatype, each } from './datatype.ts';
import { hdAuthority } from './hd-authority.ts';
import { identifierType } from './identifier-type.ts';
import { type Authority, systemOf } from './systems.ts';
import { periodOf } from './ts-datetime.ts';

/** A number of a person, of the peer's patient authority where it names none. */
export const CX_IDENTIFIER: Datatype<Identifier> = each(
  (at, { draft }) => cxIdentifier(at, draft.peer.patientAuthority, draft.zone)?.identifier,
);

/** Of the type of its field (HL7 Table 0203), where it says none; `text` is how people call it. */
export function cxIdentifierOf(type: string, text: string): Datatype<Identifier> {
  return each((at, { draft }) => {
    const identifier = cxIdentifier(at, draft.peer.patientAuthority, draft.zone, type)?.identifier;
    return identifier && { ...identifier, type: { ...identifier.type, text } };
  });
}

export type ReadIdentifier = { readonly identifier: Identifier; readonly authority: Authority; readonly type: string };

export function cxIdentifier(at: Components, fallback: string, zone: string, defaultType = ''): ReadIdentifier | undefined {
  const value = at(1);
  if (value === '') return undefined;
  const authority = hdAuthority(within(at, 4));
  const type = at(5) || defaultType;
  const identifier: Identifier = {
    ...checkDigit(at, 2, 3),
    ...filled({ type: identifierType(type) }),
    system: systemOf(authority, fallback),
    value,
    ...filled({ period: periodOf(at(7), at(8), zone) }),
    ...(authority.namespace === '' ? {} : { assigner: { display: authority.namespace } }),
  };
  return { identifier, authority, type };
}

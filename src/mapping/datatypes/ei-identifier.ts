/**
 * EI, entity identifier, to Identifier (HL7 v2.5.1 §2.A.28; guide: EI[Identifier-Extension], EI[Identifier-System]).
 * In: a repetition, the fallback authority, the type (PLAC, FILL, ACSN …). Out: the Identifier and its authority.
 */
import type { Identifier } from '@medplum/fhirtypes';
import type { Components } from './components.ts';
import { type Datatype, each } from './datatype.ts';
import { eiAuthority } from './hd-authority.ts';
import { identifierType } from './identifier-type.ts';
import { type Authority, systemOf } from './systems.ts';

/** `type` of HL7 Table 0203 (PLAC, FILL …), '' for none. */
export function eiIdentifierOf(type = ''): Datatype<Identifier> {
  return each((at, { draft }) => eiIdentifier(at, draft.peer.accessionIssuer, type)?.identifier);
}

export type EntityIdentifier = { readonly identifier: Identifier; readonly authority: Authority; readonly value: string };

export function eiIdentifier(at: Components, fallback: string, type: string): EntityIdentifier | undefined {
  const value = at(1);
  if (value === '') return undefined;
  const authority = eiAuthority(at);
  const coded = identifierType(type);
  const identifier: Identifier = {
    ...(coded ? { type: coded } : {}),
    system: systemOf(authority, fallback),
    value,
    ...(authority.namespace === '' ? {} : { assigner: { display: authority.namespace } }),
  };
  return { identifier, authority, value };
}

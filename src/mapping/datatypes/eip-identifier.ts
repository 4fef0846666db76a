/**
 * EIP, entity identifier pair, to Identifiers (HL7 v2.5.1 §2.A.29; guide: EIP[Identifier-PlacerAssignedIdentifier],
 * EIP[Identifier-FillerAssignedIdentifier]): the placer's number first, each with its own authority.
 */
import type { Identifier } from '@medplum/fhirtypes';
import { type Components, within } from './components.ts';
import { type Datatype, each } from './datatype.ts';
import { type EntityIdentifier, eiIdentifier } from './ei-identifier.ts';

/** PGN and FGN of HL7 Table 0203: placer group number, filler group number, as the guide has them. */
export const EIP_PLACER: Datatype<Identifier> = each((at, { draft }) => eipPair(at, draft.peer.accessionIssuer).placer?.identifier);
export const EIP_FILLER: Datatype<Identifier> = each((at, { draft }) => eipPair(at, draft.peer.accessionIssuer).filler?.identifier);

export type IdentifierPair = { readonly placer: EntityIdentifier | undefined; readonly filler: EntityIdentifier | undefined };

export function eipPair(at: Components, fallback: string): IdentifierPair {
  return { placer: eiIdentifier(within(at, 1), fallback, 'PGN'), filler: eiIdentifier(within(at, 2), fallback, 'FGN') };
}

/**
 * Numbers of orders: EI, EIP and CX as they stand in ORC and OBR, to Identifier and to a reference by number.
 * In: a repetition. Out: Identifiers of the peer's issuer where they name none.
 * ORC-4 is EIP up to v2.3 and in v2.6 to v2.8, EI otherwise: a pair is told by the subcomponents of its first two components.
 */
import type { Identifier, Reference, ServiceRequest } from '@medplum/fhirtypes';
import { type Components, within } from './components.ts';
import { cxIdentifier } from './cx-identifier.ts';
import { type Datatype, each } from './datatype.ts';
import { eiIdentifier } from './ei-identifier.ts';
import { identifierType } from './identifier-type.ts';

/** The placer's group number. */
export const EI_GROUP: Datatype<Identifier> = each((at, { draft }) => {
  const number = isPair(at) ? within(at, 1) : at;
  return eiIdentifier(number, draft.peer.accessionIssuer, 'PGN')?.identifier;
});

/** The filler's group number beside it. */
export const EIP_FILLERGROUP: Datatype<Identifier> = each((at, { draft }) =>
  isPair(at) ? eiIdentifier(within(at, 2), draft.peer.accessionIssuer, 'FGN')?.identifier : undefined,
);

/** Another number of the placer: what kind it says to be, and PLAC. */
export const CX_PLACER: Datatype<Identifier> = each((at, { draft }) => {
  const identifier = cxIdentifier(at, draft.peer.accessionIssuer, draft.zone)?.identifier;
  if (!identifier) return undefined;
  const said = (identifier.type?.coding ?? []).filter(({ code }) => code !== 'PLAC');
  return { ...identifier, type: { coding: [...(identifierType('PLAC')?.coding ?? []), ...said] } };
});

/** The order that this one comes from: by its placer's number, then by its filler's. */
export const EIP_PLACER_ORDER: Datatype<Reference<ServiceRequest>> = orderOf(1, 'PLAC');
export const EIP_FILLER_ORDER: Datatype<Reference<ServiceRequest>> = orderOf(2, 'FILL');

function orderOf(component: 1 | 2, type: string): Datatype<Reference<ServiceRequest>> {
  return each((at, { draft }) => {
    const identifier = eiIdentifier(within(at, component), draft.peer.accessionIssuer, type)?.identifier;
    return identifier && { type: 'ServiceRequest', identifier };
  });
}

function isPair(at: Components): boolean {
  return [2, 3, 4].some((subcomponent) => at(1, subcomponent) !== '' || at(2, subcomponent) !== '');
}

/**
 * What the case of an order is found by. In: its numbers. Out: CaseKeys.
 * An accession number is a key in every name of its issuer and in the peer's own: images seldom carry the issuer (DICOM makes it optional),
 * and a key only joins when the patient agrees. Placer and filler numbers are keys under their authorities only.
 */
import type { CaseKey } from '../../model/case.ts';
import type { Peer } from '../../model/peer.ts';
import type { EntityIdentifier } from '../datatypes/ei-identifier.ts';
import { bounded, systemOfName, systemsOf } from '../datatypes/systems.ts';
import type { ImagingKeys } from '../segments/obr-servicerequest.ts';
import type { OrderNumbers } from '../segments/orc-servicerequest.ts';

export function orderKeys({ placer, filler }: OrderNumbers, { accession, studyUid }: ImagingKeys, peer: Peer): CaseKey[] {
  return [
    ...keysOf('placer', placer),
    ...keysOf('filler', filler),
    ...accessionKeys(accession, peer),
    ...(studyUid === '' ? [] : [{ kind: 'study' as const, system: 'urn:dicom:uid', value: studyUid }]),
  ];
}

function keysOf(kind: 'placer' | 'filler', number: EntityIdentifier | undefined): CaseKey[] {
  if (!number) return [];
  const systems = systemsOf(number.authority);
  const named = systems.length > 0 ? systems : [number.identifier.system as string];
  return named.map((system) => ({ kind, system: bounded(system), value: bounded(number.value) }));
}

function accessionKeys(number: EntityIdentifier | undefined, peer: Peer): CaseKey[] {
  if (!number) return [];
  const systems = new Set([...systemsOf(number.authority), systemOfName(peer.accessionIssuer)]);
  return [...systems].map((system) => ({ kind: 'accession', system: bounded(system), value: bounded(number.value) }));
}

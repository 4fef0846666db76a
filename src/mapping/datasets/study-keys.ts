/**
 * What the case of a study is found by. In: its instances. Out: CaseKeys: the study, and every accession, placer and filler number that an
 * instance carries, also inside the Request Attributes Sequence, where one study for several orders names them all (PS3.3 §C.7.3.1, Table 10-9).
 */
import type { CaseKey } from '../../model/case.ts';
import type { Peer } from '../../model/peer.ts';
import { type DicomJson, textOf } from '../../protocols/dicom/header.ts';
import { type Authority, bounded, systemOfName, systemsOf } from '../datatypes/systems.ts';
import { authorityOf, itemsOf, type ReadInstance } from './attributes.ts';

/** An accession number with the system of its issuer. */
export type Accession = { readonly system: string; readonly value: string };

export function studyKeys(uid: string, instances: readonly ReadInstance[], peer: Peer): CaseKey[] {
  return [studyKey(uid), ...requestKeys(requestsOf(instances), peer)];
}

export function studyKey(uid: string): CaseKey {
  return { kind: 'study', system: 'urn:dicom:uid', value: uid };
}

/** The numbers of orders: of datasets, or of items that name what was requested. */
export function requestKeys(items: readonly DicomJson[], peer: Peer): CaseKey[] {
  return distinct(items.flatMap((item) => (['accession', 'placer', 'filler'] as const).flatMap((kind) => keysOf(kind, item, peer))));
}

/** Accession numbers, each once, under the strongest name of its issuer. */
export function accessionsOf(instances: readonly ReadInstance[], peer: Peer): Accession[] {
  const keys = requestsOf(instances).flatMap((item) => keysOf('accession', item, peer).slice(0, 1));
  return distinct(keys).map(({ system, value }) => ({ system, value }));
}

/** Every dataset and every item of its Request Attributes Sequence. */
function requestsOf(instances: readonly ReadInstance[]): DicomJson[] {
  return instances.flatMap(({ header }) => [header, ...itemsOf(header, 'RequestAttributesSequence')]);
}

function keysOf(kind: 'accession' | 'placer' | 'filler', item: DicomJson, peer: Peer): CaseKey[] {
  const [number, issuer] = NUMBERS[kind];
  const value = textOf(item, number);
  if (value === '') return [];
  return systemsFor(authorityOf(itemsOf(item, issuer)[0]), peer).map((system) => ({ kind, system, value: bounded(value) }));
}

function systemsFor(authority: Authority, peer: Peer): readonly string[] {
  const systems = systemsOf(authority);
  return systems.length > 0 ? systems.map(bounded) : [systemOfName(peer.accessionIssuer)];
}

function distinct(keys: readonly CaseKey[]): CaseKey[] {
  return [...new Map(keys.map((key) => [`${key.kind}|${key.system}|${key.value}`, key])).values()];
}

const NUMBERS = {
  accession: ['AccessionNumber', 'IssuerOfAccessionNumberSequence'],
  placer: ['PlacerOrderNumberImagingServiceRequest', 'OrderPlacerIdentifierSequence'],
  filler: ['FillerOrderNumberImagingServiceRequest', 'OrderFillerIdentifierSequence'],
} as const;

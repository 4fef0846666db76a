/**
 * OBR (and IPC, ZDS) to ServiceRequest: what is asked, why, and by which accession number (HL7 v2.5.1 §4.5.3; guide: OBR[ServiceRequest]).
 * In: the segments of one order. Out: parts of a ServiceRequest, and what its case is found by.
 * OBR-13 has no home of its own in R4 (the guide uses an R5 extension): indication and clinical information are both reasonCode,
 * where every reader looks.
 */
import type { CodeableConcept, Identifier, ServiceRequest } from '@medplum/fhirtypes';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { type Components, components, eachRepetition, filled, firstValue, textOf } from '../datatypes/components.ts';
import { cweCodeableConcept } from '../datatypes/cwe-codeableconcept.ts';
import { type EntityIdentifier, eiIdentifier } from '../datatypes/ei-identifier.ts';
import { isOid } from '../datatypes/systems.ts';
import type { Draft } from '../draft.ts';
import { DIAGNOSTIC_SERVICE_SYSTEM, diagnosticService, IMAGING_CATEGORY, PERFORMER_TYPE } from '../vocabulary/0074-diagnostic-service.ts';

/** What images of the order are known by. */
export type ImagingKeys = { readonly accession: EntityIdentifier | undefined; readonly studyUid: string };

/** The segments of one order that speak of imaging. */
export type ImagingSegments = { readonly obr: Segment | undefined; readonly ipc: readonly Segment[]; readonly zds: readonly Segment[] };

export function obrServiceRequest({ obr, ipc }: ImagingSegments, draft: Draft): Partial<ServiceRequest> {
  if (!obr) return {};
  const { peer } = draft;
  const concepts = (field: number) => eachRepetition(obr, field, (at) => cweCodeableConcept(at, peer.name));
  const section = firstValue(obr, 24);
  const service = diagnosticService(section);
  if (section !== '' && service === null) draft.gap('OBR-24', 'code is not in HL7 Table 0074');
  const imaging = service?.practice === 'imaging' || ipc.length > 0;
  const category = section === '' ? [] : [categoryOf(section, service?.display ?? '')];
  const performerType = PERFORMER_TYPE[imaging ? 'imaging' : (service?.practice ?? '')];
  const code = concepts(4)[0];
  return {
    ...(firstValue(obr, 11) === 'G' ? { intent: 'reflex-order' as const } : {}),
    ...filled<Partial<ServiceRequest>>({
      category: [...(imaging ? [IMAGING_CATEGORY] : []), ...category],
      code,
      // Details need what they detail (prr-1).
      orderDetail: code ? [...concepts(46), ...concepts(47)] : [],
      performerType,
      reasonCode: reasonsOf(
        concepts(31),
        eachRepetition(obr, 13, (at) => informationOf(at, peer.name)),
        textOf(obr, 13),
      ),
      bodySite: bodySiteOf(obr, peer.name),
    }),
  };
}

/** Accession number by the peer's habit, Study Instance UID from ZDS-1 (IHE SWF) or IPC-3. Both UIDs must agree: a wrong one joins wrong images. */
export function imagingKeys({ obr, ipc, zds }: ImagingSegments, draft: Draft): ImagingKeys {
  const uids = new Set([...zds.map((one) => firstValue(one, 1)), ...ipc.map((one) => firstValue(one, 3))].filter((uid) => uid !== ''));
  const [studyUid = ''] = uids;
  if (uids.size > 1) draft.gap('ZDS-1', 'several Study Instance UIDs: none is taken');
  const valid = uids.size === 1 && isOid(studyUid) && studyUid.length <= 64;
  if (uids.size === 1 && !valid) draft.gap('ZDS-1', 'is no UID');
  return { accession: accessionOf(obr, ipc, draft), studyUid: valid ? studyUid : '' };
}

/** Identifiers of the request that images carry too. */
export function imagingIdentifiers({ accession, studyUid }: ImagingKeys): Identifier[] {
  const study = studyUid === '' ? [] : [{ system: 'urn:dicom:uid', value: `urn:oid:${studyUid}` }];
  return [...(accession ? [accession.identifier] : []), ...study];
}

/** Hints that choose a specialty. */
export function imagingHints({ obr, ipc }: ImagingSegments): string[] {
  const section = firstValue(obr, 24);
  const modalities = [diagnosticService(section)?.modality ?? '', ...ipc.map((one) => firstValue(one, 5))];
  const hints = [
    section === '' ? '' : `service:${section}`,
    ...modalities.map((modality) => (modality === '' ? '' : `modality:${modality}`)),
  ];
  return [...new Set(hints.filter((hint) => hint !== ''))];
}

function accessionOf(obr: Segment | undefined, ipc: readonly Segment[], draft: Draft): EntityIdentifier | undefined {
  const { accession: place, accessionIssuer } = draft.peer;
  const read = (at: Components) => eiIdentifier(at, accessionIssuer, 'ACSN');
  const [found] =
    place === 'IPC-1' ? ipc.flatMap((one) => eachRepetition(one, 1, read)) : eachRepetition(obr, ACCESSION_FIELD[place], read);
  // PS3.5 §6.2, SH: an image cannot carry a longer one, and a shortened one would be another number.
  if (found && found.value.length > 16) draft.gap(place, 'accession number is longer than the 16 characters DICOM has for it');
  return found;
}

function categoryOf(code: string, display: string): CodeableConcept {
  return { coding: [{ system: DIAGNOSTIC_SERVICE_SYSTEM, code: code.replace(/\s+/g, ' '), ...filled({ display }) }] };
}

/** OBR-31, then OBR-13 unless it repeats one of them. Before v2.9 OBR-13 is text, cut nowhere. */
function reasonsOf(indications: readonly CodeableConcept[], coded: readonly CodeableConcept[], text: string): CodeableConcept[] {
  const said = new Set(indications.flatMap((one) => [one.text, ...(one.coding ?? []).map((coding) => coding.display)]));
  const information = coded.length > 0 ? coded : text === '' ? [] : [{ text }];
  return [...indications, ...information.filter((one) => one.text === undefined || !said.has(one.text))];
}

/** OBR-13 as CWE (v2.9) where it names a coding system. */
function informationOf(at: Components, owner: string): CodeableConcept | undefined {
  return at(3) === '' ? undefined : cweCodeableConcept(at, owner);
}

/** OBR-15.4 and .5 (SPS: site and its modifier), where IHE RAD-4 puts the side. */
function bodySiteOf(obr: Segment, owner: string): CodeableConcept[] {
  const at = components(obr, 15);
  const site = cweCodeableConcept((component) => at(4, component), owner);
  const modifier = at(5, 2) || at(5, 1);
  if (modifier === '') return site ? [site] : [];
  const words = [site?.text ?? site?.coding?.[0]?.display ?? site?.coding?.[0]?.code ?? '', modifier];
  return [{ ...site, text: words.filter((word) => word !== '').join(', ') }];
}

const ACCESSION_FIELD = { 'OBR-18': 18, 'OBR-3': 3, 'OBR-20': 20 } as const;

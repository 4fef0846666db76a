/**
 * OBR to ServiceRequest: what is asked, why, and by which accession number (HL7 v2.5.1 §4.5.3; guide: OBR[ServiceRequest]).
 * In: the segments of one order. Out: parts of a ServiceRequest, and what its case is found by. Priority and time: order-timing.ts.
 *
 * Different from the guide:
 * - OBR-13 has no home of its own in R4 (the guide uses an extension of R5 with a type that R4 lacks): indication and clinical information
 *   are both reasonCode, where every reader looks.
 * - OBR-11 A: see vocabulary/0065-specimen-action.ts.
 * - OBR-17: the same extension of the request as ORC-14; the guide hangs it on the requester and leaves its url open.
 * - OBR-29 (and OBR-54, which has no target): numbers of one order, PLAC and FILL, not of a group: a search by them must find that order.
 * - OBR-15 and OBR-24 (no target) are bodySite and category.
 */
import type { CodeableConcept, Identifier, ServiceRequest } from '@medplum/fhirtypes';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { type Components, components, eachRepetition, filled, firstValue, textOf } from '../datatypes/components.ts';
import { cweCode, originalCode } from '../datatypes/cwe-code.ts';
import { CWE_CODEABLECONCEPT, cweCodeableConcept } from '../datatypes/cwe-codeableconcept.ts';
import { type EntityIdentifier, eiIdentifier } from '../datatypes/ei-identifier.ts';
import { CX_PLACER, EIP_FILLER_ORDER, EIP_PLACER_ORDER } from '../datatypes/order-identifier.ts';
import { isOid } from '../datatypes/systems.ts';
import { xtnContactPointOf } from '../datatypes/xtn-contactpoint.ts';
import type { Draft } from '../draft.ts';
import { notValued, SET_ID, segmentTable, valued } from '../segment-table.ts';
import { SPECIMEN_ACTION } from '../vocabulary/0065-specimen-action.ts';
import { DIAGNOSTIC_SERVICE_SYSTEM, diagnosticService, IMAGING_CATEGORY, PERFORMER_TYPE } from '../vocabulary/0074-diagnostic-service.ts';
import { CALLBACK } from './orc-servicerequest.ts';

/** What images of the order are known by. */
export type ImagingKeys = { readonly accession: EntityIdentifier | undefined; readonly studyUid: string };

/** The segments of one order that speak of imaging. */
export type ImagingSegments = { readonly obr: Segment | undefined; readonly ipc: readonly Segment[]; readonly zds: readonly Segment[] };

export function obrServiceRequest({ obr, ipc }: Pick<ImagingSegments, 'obr' | 'ipc'>, draft: Draft): Partial<ServiceRequest> {
  if (!obr) return {};
  const { reasonCode = [], ...said } = OBR_SERVICEREQUEST(obr, draft);
  const section = firstValue(obr, 24);
  const service = diagnosticService(section);
  if (section !== '' && service === null) draft.unmapped('OBR-24', 'HL7 Table 0074', section);
  const imaging = service?.practice === 'imaging' || ipc.length > 0;
  const category = section === '' ? [] : [categoryOf(section, service?.display ?? '')];
  const information = eachRepetition(obr, 13, (at) => informationOf(at, draft.peer.name));
  return {
    ...said,
    ...filled<Partial<ServiceRequest>>({
      category: [...(imaging ? [IMAGING_CATEGORY] : []), ...category],
      performerType: PERFORMER_TYPE[imaging ? 'imaging' : (service?.practice ?? '')],
      reasonCode: reasonsOf(reasonCode, information, textOf(obr, 13)),
      bodySite: bodySiteOf(obr, draft.peer.name),
    }),
  };
}

/** Accession number by the peer's habit, Study Instance UID from ZDS-1 (IHE SWF) or IPC-3. Both UIDs must agree: a wrong one joins wrong images. */
export function imagingKeys({ obr, ipc, zds }: ImagingSegments, draft: Draft): ImagingKeys {
  const uids = new Set([...zds.map((one) => firstValue(one, 1)), ...ipc.map((one) => firstValue(one, 3))].filter((uid) => uid !== ''));
  const [studyUid = ''] = uids;
  if (zds.length > 0) draft.leave('ZDS', { 1: 'a UID is known without its application' });
  const path = zds.length > 0 ? 'ZDS-1' : 'IPC-3';
  if (uids.size > 1) draft.gap(path, 'several Study Instance UIDs: none is taken', [...uids].join(' '));
  const valid = uids.size === 1 && isOid(studyUid) && studyUid.length <= 64;
  if (uids.size === 1 && !valid) draft.gap(path, 'is no UID', studyUid);
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

/** Where the peer puts it; where that is empty IPC-1, which is nothing else. */
function accessionOf(obr: Segment | undefined, ipc: readonly Segment[], draft: Draft): EntityIdentifier | undefined {
  const { accession: place, accessionIssuer } = draft.peer;
  const read = (at: Components) => eiIdentifier(at, accessionIssuer, 'ACSN');
  const [own] = place === 'IPC-1' ? [] : eachRepetition(obr, ACCESSION_FIELD[place], read);
  const found = own ?? ipc.flatMap((one) => eachRepetition(one, 1, read))[0];
  // PS3.5 §6.2, SH: an image cannot carry a longer one, and a shortened one would be another number.
  if (found && found.value.length > 16)
    draft.gap(own ? place : 'IPC-1', 'accession number is longer than the 16 characters DICOM has for it', found.value);
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

/** Details need what they detail (R4 prr-1). */
const OBR_SERVICEREQUEST = segmentTable<ServiceRequest>(
  [
    ['OBR-4', 'code', CWE_CODEABLECONCEPT],
    ['OBR-11', 'intent', cweCode(SPECIMEN_ACTION)],
    ['OBR-11', '_intent', originalCode(SPECIMEN_ACTION, (intent) => intent !== 'order')],
    ['OBR-17', `extension[${CALLBACK}].valueContactPoint`, xtnContactPointOf('work')],
    ['OBR-29', 'basedOn[]', EIP_PLACER_ORDER, notValued('OBR-50')],
    ['OBR-29', 'basedOn[]', EIP_FILLER_ORDER, notValued('OBR-50')],
    ['OBR-31', 'reasonCode[]', CWE_CODEABLECONCEPT],
    ['OBR-46', 'orderDetail[]', CWE_CODEABLECONCEPT, valued('OBR-4')],
    ['OBR-47', 'orderDetail[]', CWE_CODEABLECONCEPT, valued('OBR-4')],
    ['OBR-53', 'identifier[]', CX_PLACER],
    ['OBR-54', 'basedOn[]', EIP_PLACER_ORDER],
    ['OBR-54', 'basedOn[]', EIP_FILLER_ORDER],
  ],
  { left: { 1: SET_ID } },
);

const ACCESSION_FIELD = { 'OBR-18': 18, 'OBR-3': 3, 'OBR-20': 20 } as const;

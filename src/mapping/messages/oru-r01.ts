/**
 * ORU^R01, unsolicited observations, to FHIR (HL7 v2.5.1 §7.3.1; guide: ORU_R01): results and reports, of a case or from before it.
 * In: the message, its entry and its peer. Out: resources, one part a report, gaps.
 *
 * A report joins the case whose order, filler or accession number it names, and never opens one: what comes in a hospital's whole feed of
 * results is kept for who may see it. ORC-1 OK and OC with no result are the French answer to an order (the filler takes it, or cancels):
 * they are mapped as the order they speak of. A document beside a report (v2.9 ORDER_DOCUMENT) is a part of its own.
 */
import type { Encounter, Observation, Reference } from '@medplum/fhirtypes';
import type { CasePart } from '../../model/case.ts';
import { type Failure, failure } from '../../model/failure.ts';
import type { Identity } from '../../model/identity.ts';
import type { Mapped } from '../../model/mapped.ts';
import type { Hl7Message, Segment } from '../../protocols/hl7v2/message.ts';
import { firstValue } from '../datatypes/components.ts';
import { bounded, identity, keyOf } from '../datatypes/systems.ts';
import { offsetOf } from '../datatypes/ts-datetime.ts';
import { Draft } from '../draft.ts';
import type { MapContext } from '../map-context.ts';
import { mshProvenance } from '../segments/msh-provenance.ts';
import { obxObservation } from '../segments/obx-observation.ts';
import { orderNumbers } from '../segments/orc-servicerequest.ts';
import { pidPatient, type ReadPatient } from '../segments/pid-patient.ts';
import { isDeleted, prtRelatedPerson } from '../segments/prt-participation.ts';
import { mapDocument } from './document.ts';
import { headSpread } from './head-spread.ts';
import { observationsIn } from './observation-groups.ts';
import { mapOrder, orderIdentities } from './order.ts';
import { patientMembers, patientRecords, visitOf } from './patient-context.ts';
import { mapResult, type ResultContext, readRequest, reportIdentities } from './result.ts';
import { type ResultGroup, resultGroups } from './result-groups.ts';

/** A Failure where there is no PID (the door refuses such messages), or where the head is too large for so many reports. */
export function mapOruR01(message: Hl7Message, { entry, peer }: MapContext): Mapped | Failure {
  const msh = message.segments[0] as Segment;
  const draft = new Draft(peer, offsetOf(firstValue(msh, 7)) || peer.zone);
  const { head, groups } = resultGroups(message);
  const pid = head.find(({ name }) => name === 'PID');
  if (!pid) return failure('mapping', 'segment-sequence', 'results without PID');
  const spread = headSpread(head, groups.length);
  if (spread) return spread;
  const name = `${bounded(entry.peer)}|${entry.digest.toString('hex')}`;
  const patient = pidPatient(pid, draft, name, patientMembers(head, draft));
  const reports = reportIdentities(groups, name, draft);
  const first = reports[0]?.[0] ?? identity('DiagnosticReport', 'urn:waystation:report-of-message', name);
  const encounter = visitOf(head, patient, first, draft)?.reference;
  patientRecords(head, patient, draft);
  const observed = readHead(head, patient, encounter, first, draft);
  const notes = head.filter((segment) => segment.name === 'NTE');
  const sft = head.filter((segment) => segment.name === 'SFT');
  const parts = groups.flatMap((group, index): CasePart[] => {
    const context = { n: index + 1, msh, sft, notes, patient, encounter, entry };
    if (isOrderResponse(group)) return [mapResponse(group, `${name}|${index + 1}`, context, draft)];
    const result = mapResult(group, reports[index] as readonly Identity[], context, draft);
    return [result, ...documentsOf(group, { ...context, n: groups.length + index + 1 }, draft)];
  });
  // Without a report nothing else says where the observations come from.
  if (groups.length === 0) mshProvenance({ msh, sft }, undefined, 1, [patient.reference, ...observed], entry, draft);
  draft.listUnread(message.segments);
  return { resources: draft.resources, parts, gaps: [...message.gaps, ...draft.gaps], ...draft.kept };
}

/** Observations of the patient himself, and who is something to him. */
function readHead(
  head: readonly Segment[],
  patient: ReadPatient,
  encounter: Reference<Encounter> | undefined,
  owner: Identity,
  draft: Draft,
): Reference<Observation>[] {
  const observed = observationsIn(head).map((segments, index) => {
    const place = [firstValue(segments.obx, 1) || String(index + 1), segments.obx.peek(3), segments.obx.peek(4)].join('|');
    const known = identity('Observation', 'urn:waystation:observation-of-patient', `${keyOf(owner)}|${place}`);
    return obxObservation(segments, { subject: patient.reference, encounter, known }, draft).reference;
  });
  const before = head.slice(0, head.findIndex(({ name }) => name === 'OBX' || name === 'PV1') >>> 0);
  for (const prt of before) if (prt.name === 'PRT' && !isDeleted(prt)) prtRelatedPerson(prt, patient.reference, draft);
  return observed;
}

/** ORDER_DOCUMENT (v2.9): a document that comes with a report, as an MDM would bring it. With an answer to an order it is listed. */
function documentsOf(group: ResultGroup, context: ResultContext, draft: Draft): CasePart[] {
  if (!group.document) return [];
  const orders = [readRequest(group, { ...context, notes: [] }, draft)];
  return [mapDocument(group.document, { ...context, event: '', orders, beside: [], orc: undefined }, draft)];
}

/** HL7 Table 0119, OK and OC, where nothing was observed: OBX-11 O describes what was ordered. */
function isOrderResponse({ orc, obr, observations, specimens }: ResultGroup): boolean {
  if (orc === undefined || !RESPONSES.has(orc.peek(1).trim())) return false;
  const described = observations.every(({ obx }) => obx.peek(11).trim() === 'O');
  return described && specimens.length === 0 && NO_RESULT.has(obr?.peek(25).trim() ?? '');
}

function mapResponse(group: ResultGroup, fallback: string, context: ResultContext, draft: Draft): CasePart {
  const orc = group.orc as Segment;
  const order = { ...group, orc, otherDetail: '', ctd: [], diagnoses: [], allergies: [], specimens: [], own: [], prior: [] };
  const numbers = orderNumbers(orc, group.obr, draft);
  return mapOrder(
    { group: order, numbers, identities: orderIdentities(numbers, fallback) },
    { ...context, own: [], gsc: [], orders: 1 },
    draft,
  );
}

const RESPONSES: ReadonlySet<string> = new Set(['OK', 'OC']);
/** OBR-25 (HL7 Table 0123) of an order that has no result: empty, received, scheduled, in progress, cancelled. */
const NO_RESULT: ReadonlySet<string> = new Set(['', 'O', 'S', 'I', 'X']);

/**
 * MDM^T01 to T11, documents and notices of them, to FHIR (HL7 v2.5.1 §9.6; guide: MDM_T02; the other events are not in it).
 * In: the message, its entry and its peer. Out: resources, one part, gaps.
 *
 * A document is known by its number (TXA-12): a later status (T03, T04) or edit (T07, T08) changes the same DocumentReference. An addendum
 * (T05, T06) and a replacement (T09, T10) are documents of their own that relate to the one in TXA-13; that one is superseded by its
 * replacement, if it is here. T11 takes a document back. A notice (odd events) leaves the content as it was.
 * Like a result, a document joins the case whose order it names, and opens none.
 */
import { type Failure, failure } from '../../model/failure.ts';
import type { Mapped } from '../../model/mapped.ts';
import type { Hl7Message, Segment } from '../../protocols/hl7v2/message.ts';
import { firstValue } from '../datatypes/components.ts';
import { bounded, identity } from '../datatypes/systems.ts';
import { offsetOf } from '../datatypes/ts-datetime.ts';
import { Draft } from '../draft.ts';
import type { MapContext } from '../map-context.ts';
import { conConsent } from '../segments/con-consent.ts';
import { pidPatient } from '../segments/pid-patient.ts';
import { type DocumentContext, mapDocument } from './document.ts';
import { observationsIn } from './observation-groups.ts';
import { patientMembers, patientRecords, visitOf } from './patient-context.ts';
import { readRequest } from './result.ts';
import { resultGroups } from './result-groups.ts';

/** A Failure only where there is no PID or TXA: the door refuses such messages. */
export function mapMdm(message: Hl7Message, { entry, peer }: MapContext): Mapped | Failure {
  const msh = message.segments[0] as Segment;
  const draft = new Draft(peer, offsetOf(firstValue(msh, 7)) || peer.zone);
  const [pid, txa] = [message.first('PID'), message.first('TXA')];
  if (!pid || !txa) return failure('mapping', 'segment-sequence', 'a document without PID or TXA');
  const name = `${bounded(entry.peer)}|${entry.digest.toString('hex')}`;
  const at = message.segments.indexOf(txa);
  const { head, groups } = resultGroups({ ...message, segments: message.segments.slice(0, at) });
  const patient = pidPatient(pid, draft, name, patientMembers(head, draft));
  const encounter = visitOf(head, patient, identity('Encounter', 'urn:waystation:encounter-of-message', name), draft)?.reference;
  patientRecords(head, patient, draft);
  const sft = head.filter((segment) => segment.name === 'SFT');
  const shared = { msh, sft, notes: [], patient, encounter, entry };
  const orders = groups.map((group, index) => readRequest(group, { ...shared, notes: group.notes, n: index + 1 }, draft));
  const behind = message.segments.slice(at + 1);
  const consents = behind.filter(({ name: segment }) => segment === 'CON').map((con) => conConsent(con, patient.reference, name, draft));
  const context: DocumentContext = {
    ...shared,
    n: 1,
    event: msh.peek(9, 2),
    orders,
    beside: consents,
    orc: groups[0]?.orc,
  };
  const part = mapDocument({ txa, observations: observationsIn(behind) }, context, draft);
  draft.listUnread(message.segments);
  return { resources: draft.resources, parts: [part], gaps: [...message.gaps, ...draft.gaps], ...draft.kept };
}

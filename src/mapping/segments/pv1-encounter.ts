/**
 * PV1 to Encounter (HL7 v2.5.1 §3.4.3; guide: PV1[Encounter]).
 * In: the segment, the patient. Out: a reference to the Encounter in the draft; undefined where PV1 says nothing.
 * The visit number (PV1-19) is its identity. Without one it is the encounter of its order, so that a status change does not open another.
 * Locations (PV1-3) are shown and not yet resources of their own; the guide makes a chain of Locations of each.
 */
import type { Encounter, EncounterParticipant, Identifier, Patient, Reference } from '@medplum/fhirtypes';
import type { Identity } from '../../model/identity.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { compact, components, eachRepetition, filled, firstValue } from '../datatypes/components.ts';
import { cweCodeableConcept } from '../datatypes/cwe-codeableconcept.ts';
import { cxIdentifier } from '../datatypes/cx-identifier.ts';
import { identity } from '../datatypes/systems.ts';
import { dateTimeField, periodOf } from '../datatypes/ts-datetime.ts';
import { xcnPractitioners } from '../datatypes/xcn-practitioner.ts';
import type { Draft } from '../draft.ts';
import { PATIENT_CLASS, PATIENT_CLASS_SYSTEM, UNKNOWN_CLASS } from '../vocabulary/0004-patient-class.ts';

/** `order`: what the encounter is known by when it has no number. */
export function pv1Encounter(
  pv1: Segment | undefined,
  subject: Reference<Patient>,
  order: Identity,
  draft: Draft,
): Reference<Encounter> | undefined {
  if (!pv1 || pv1.length < 2) return undefined;
  const { peer, zone } = draft;
  const visit = eachRepetition(pv1, 19, (at) => cxIdentifier(at, peer.patientAuthority, zone, 'VN')?.identifier);
  const others = eachRepetition(pv1, 50, (at) => cxIdentifier(at, peer.patientAuthority, zone)?.identifier);
  const concept = (field: number) => eachRepetition(pv1, field, (at) => cweCodeableConcept(at, peer.name))[0];
  const type = concept(4);
  const encounter = compact<Encounter>({
    resourceType: 'Encounter',
    identifier: [...visit, ...others],
    ...classOf(pv1),
    type: type ? [type] : [],
    serviceType: concept(10),
    subject,
    participant: participantsOf(pv1, draft),
    period: periodOf(
      dateTimeField(pv1, 44, draft) ? firstValue(pv1, 44) : '',
      dateTimeField(pv1, 45, draft) ? firstValue(pv1, 45) : '',
      zone,
    ),
    location: locationOf(pv1),
    hospitalization: filled({ admitSource: concept(14), dischargeDisposition: concept(36) }),
  });
  return draft.add(encounter, [identityOf(visit[0], order)]);
}

function identityOf(visit: Identifier | undefined, order: Identity): Identity {
  if (visit) return identity('Encounter', visit.system as string, visit.value as string);
  return identity('Encounter', 'urn:waystation:encounter-of-order', `${order.system}|${order.value}`);
}

function classOf(pv1: Segment): Pick<Encounter, 'class' | 'status'> {
  const code = firstValue(pv1, 2);
  const known = PATIENT_CLASS.get(code.toUpperCase());
  const status = firstValue(pv1, 45) === '' ? (known?.status ?? 'unknown') : 'finished';
  if (known) return { class: known.coding, status };
  return { class: code === '' ? UNKNOWN_CLASS : { system: PATIENT_CLASS_SYSTEM, code: code.replace(/\s+/g, ' ') }, status };
}

function participantsOf(pv1: Segment, draft: Draft): EncounterParticipant[] {
  return PARTICIPANTS.flatMap(([field, code, display]) =>
    xcnPractitioners(pv1, field, draft).map((individual) => ({
      type: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType', code, display }] }],
      individual,
    })),
  );
}

/** Point of care, room, bed, facility (PL, HL7 v2.5.1 §2.A.53). */
function locationOf(pv1: Segment): Encounter['location'] {
  const at = components(pv1, 3);
  const display = [at(4), at(7), at(8), at(1), at(2), at(3), at(9)].filter((part) => part !== '').join(', ');
  return display === '' ? [] : [{ location: { display }, status: firstValue(pv1, 2) === 'P' ? 'planned' : 'active' }];
}

/** v3 ParticipationType (guide). */
const PARTICIPANTS: readonly (readonly [field: number, code: string, display: string])[] = [
  [7, 'ATND', 'attender'],
  [8, 'REF', 'referrer'],
  [9, 'CON', 'consultant'],
  [17, 'ADM', 'admitter'],
];

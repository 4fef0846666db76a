/**
 * OBX in an order to Observation (HL7 v2.5.1 §7.4.2; guide: OBX[Observation]).
 * In: OBX with its NTEs, in order. Out: references to Observations in the draft. They inform the order (supportingInfo) and are no results
 * of it: they have no basedOn.
 * An Observation is known by its order and its place in it (OBX-1, -3, -4), or by its own number (OBX-21), so that a change of the order
 * changes it. Several values (repetitions of OBX-5 other than text) are components, as in the guide.
 */
import type { Encounter, Observation, Patient, Reference } from '@medplum/fhirtypes';
import type { Identity } from '../../model/identity.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { compact, components, eachRepetition, firstValue, textOf } from '../datatypes/components.ts';
import { codeConcept, cweCodeableConcept } from '../datatypes/cwe-codeableconcept.ts';
import { eiIdentifier } from '../datatypes/ei-identifier.ts';
import { identity } from '../datatypes/systems.ts';
import { dateTimeField } from '../datatypes/ts-datetime.ts';
import { xcnPractitioners } from '../datatypes/xcn-practitioner.ts';
import { xonOrganization } from '../datatypes/xon-organization.ts';
import type { Draft } from '../draft.ts';
import { interpretationSystem } from '../vocabulary/0078-interpretation.ts';
import { OBSERVATION_STATUS, OBSERVATION_STATUS_SYSTEM } from '../vocabulary/0085-observation-status.ts';
import { alternateCode } from './alternate-code.ts';
import { nteAnnotations } from './nte-annotation.ts';
import { NO_VALUE, obxValues } from './obx-value.ts';

export type ObservationContext = {
  readonly subject: Reference<Patient>;
  readonly encounter: Reference<Encounter> | undefined;
  /** The order that the observation came with. */
  readonly order: Identity;
  /** Place of the OBX among those of the order, from 1. */
  readonly position: number;
};

export function obxObservation(obx: Segment, notes: readonly Segment[], context: ObservationContext, draft: Draft): Reference<Observation> {
  const { peer } = draft;
  const concept = (field: number) => eachRepetition(obx, field, (at) => cweCodeableConcept(at, peer.name));
  const number = eachRepetition(obx, 21, (at) => eiIdentifier(at, peer.accessionIssuer, 'FILL')?.identifier)[0];
  const code = codeOf(obx, draft);
  const { value, component, extension } = obxValues(obx, code, draft);
  const observation = compact<Observation>({
    resourceType: 'Observation',
    identifier: number ? [number] : [],
    ...statusOf(obx, draft),
    code,
    subject: context.subject,
    encounter: context.encounter,
    effectiveDateTime: dateTimeField(obx, 14, draft),
    performer: performersOf(obx, draft),
    ...value,
    ...absenceOf(obx, value),
    interpretation: interpretationOf(obx),
    note: nteAnnotations(notes, draft),
    bodySite: concept(20)[0],
    method: concept(17)[0],
    referenceRange: textOf(obx, 7) === '' ? [] : [{ text: textOf(obx, 7) }],
    component: component as Observation['component'],
    extension: extension as Observation['extension'],
  });
  const known = number ? identity('Observation', number.system as string, number.value as string) : identityOf(obx, context);
  return draft.add({ ...NO_VALUE, ...observation }, [known]);
}

function identityOf(obx: Segment, { order, position }: ObservationContext): Identity {
  const place = [firstValue(obx, 1) || String(position), firstValue(obx, 3), firstValue(obx, 4)].join('|');
  return identity('Observation', 'urn:waystation:observation-of-order', `${order.system}|${order.value}|${place}`);
}

/** Observation.code is required: one that the sender left out is said to be unknown (R4 data-absent-reason). */
function codeOf(obx: Segment, draft: Draft): Observation['code'] {
  const code = cweCodeableConcept(components(obx, 3), draft.peer.name);
  if (code) return code;
  draft.gap('OBX-3', 'is empty: nobody can tell what was observed');
  return { extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'unknown' }] };
}

function statusOf(obx: Segment, draft: Draft): Pick<Observation, 'status'> & { _status?: unknown } {
  const code = firstValue(obx, 11);
  const known = OBSERVATION_STATUS.get(code.toUpperCase());
  if (code !== '' && !known) draft.gap('OBX-11', 'code is not in HL7 Table 0085');
  if (known?.exact || code === '') return { status: known?.status ?? 'unknown' };
  return { status: known?.status ?? 'unknown', _status: alternateCode(OBSERVATION_STATUS_SYSTEM, code) };
}

/** OBX-11 N: not asked (guide). obs-6: only without a value. */
function absenceOf(obx: Segment, value: Partial<Observation>): Partial<Observation> {
  if (firstValue(obx, 11) !== 'N' || Object.keys(value).length > 0) return {};
  return { dataAbsentReason: codeConcept('not-asked', 'http://terminology.hl7.org/CodeSystem/data-absent-reason', 'Not Asked') };
}

function interpretationOf(obx: Segment): Observation['interpretation'] {
  return eachRepetition(obx, 8, (at) => codeConcept(at(1), interpretationSystem(at(1)), at(2)));
}

/** OBX-16 (person), OBX-23 (organization). */
function performersOf(obx: Segment, draft: Draft): Observation['performer'] {
  const organization = xonOrganization(obx, 23, draft)?.reference;
  return [...xcnPractitioners(obx, 16, draft), ...(organization ? [organization] : [])];
}

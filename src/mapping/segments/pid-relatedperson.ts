/**
 * PID-21, the mother's identifier, to RelatedPerson (HL7 v2.5.1 §3.4.2.21; guide: CX[RelatedPerson-Mother]).
 * In: PID, the patient. Out: a reference to the RelatedPerson in the draft; undefined without a number. She is somebody else than the Patient of
 * that number, if there is one: nothing is joined by it.
 */
import type { Identifier, Patient, Reference, RelatedPerson } from '@medplum/fhirtypes';
import type { Identity } from '../../model/identity.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { CX_IDENTIFIER } from '../datatypes/cx-identifier.ts';
import { identity, keyOf } from '../datatypes/systems.ts';
import type { Draft } from '../draft.ts';
import { segmentTable } from '../segment-table.ts';

export function pidMother(
  pid: Segment | undefined,
  patient: Reference<Patient>,
  known: Identity,
  draft: Draft,
): Reference<RelatedPerson> | undefined {
  const { identifier = [] } = PID_MOTHER(pid, draft);
  if (identifier.length === 0) return undefined;
  return draft.add<RelatedPerson>({ resourceType: 'RelatedPerson', patient, identifier, relationship: [MOTHER] }, [
    identity('RelatedPerson', 'urn:waystation:mother-of', keyOf(known)),
  ]);
}

const PID_MOTHER = segmentTable<{ identifier: Identifier[] }>([['PID-21', 'identifier[]', CX_IDENTIFIER]]);

const MOTHER = { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-RoleCode', code: 'MTH', display: 'mother' }] };

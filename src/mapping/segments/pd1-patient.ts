/**
 * PD1 to Patient and, where it says that there is a living will, to an Observation (HL7 v2.5.1 §3.4.10; guide: PD1[Patient],
 * PD1[Observation-LivingWill]).
 * In: the segment. Out: members of the Patient that its PID makes; a reference to the Observation in the draft.
 */
import type { CodeableConcept, Observation, Patient, Reference } from '@medplum/fhirtypes';
import type { Identity } from '../../model/identity.ts';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { cweConceptIn } from '../datatypes/cwe-code.ts';
import { CWE_CODEABLECONCEPT } from '../datatypes/cwe-codeableconcept.ts';
import { identity, keyOf } from '../datatypes/systems.ts';
import { XCN_PRACTITIONER } from '../datatypes/xcn-practitioner.ts';
import { XON_ORGANIZATION, XON_STRING } from '../datatypes/xon-organization.ts';
import type { Draft } from '../draft.ts';
import { segmentTable } from '../segment-table.ts';

const HL7 = 'http://hl7.org/fhir/StructureDefinition';

export const PD1_PATIENT = segmentTable<Patient>([
  ['PD1-3', 'generalPractitioner[]', XON_ORGANIZATION],
  ['PD1-4', 'generalPractitioner[]', XCN_PRACTITIONER],
  ['PD1-6', `extension[${HL7}/patient-disability].valueCodeableConcept`, CWE_CODEABLECONCEPT],
  ['PD1-14', `extension[${HL7}/patient-congregation].valueString`, XON_STRING],
]);

/** LOINC 75320-2, advance directive; known by the patient, so that the next message changes it. */
export function pd1LivingWill(
  pd1: Segment | undefined,
  subject: Reference<Patient>,
  patient: Identity,
  draft: Draft,
): Reference<Observation> | undefined {
  const { valueCodeableConcept } = PD1_LIVINGWILL(pd1, draft);
  if (!valueCodeableConcept) return undefined;
  const observation: Observation = {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '75320-2', display: 'Advance directive' }] },
    subject,
    valueCodeableConcept,
  };
  return draft.add(observation, [identity('Observation', 'urn:waystation:living-will-of', keyOf(patient))]);
}

const PD1_LIVINGWILL = segmentTable<{ valueCodeableConcept: CodeableConcept }>([
  ['PD1-7', 'valueCodeableConcept', cweConceptIn('http://terminology.hl7.org/CodeSystem/v2-0315')],
]);

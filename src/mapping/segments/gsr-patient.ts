/**
 * GSR to Patient: sex or gender as a document or another record has it (HL7 v2.9.1 §3.3, GSR; the guide has no map of it). In: the
 * segment. Out: the extension individual-recordedSexOrGender of HL7's extensions pack.
 */
import type { Extension } from '@medplum/fhirtypes';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { CWE_CODEABLECONCEPT } from '../datatypes/cwe-codeableconcept.ts';
import { DR_PERIOD } from '../datatypes/dr-period.ts';
import { DTM_DATETIME } from '../datatypes/ts-datetime.ts';
import { TX_STRING } from '../datatypes/tx-string.ts';
import type { Draft } from '../draft.ts';
import { SET_ID, segmentTable } from '../segment-table.ts';
import { declaredExtension, type Extended, SNAPSHOT_NUMBER } from './declared-extension.ts';

const RECORDED = 'http://hl7.org/fhir/StructureDefinition/individual-recordedSexOrGender';

export function gsrPatient(gsr: Segment, draft: Draft): Extension[] {
  return gsr.peek(4) === '' && gsr.raw(3) === '' ? [] : declaredExtension(gsr, { table: GSR_PATIENT, url: RECORDED, value: 4 }, draft);
}

const GSR_PATIENT = segmentTable<Extended>(
  [
    ['GSR-4', `extension[${RECORDED}].extension[value].valueCodeableConcept`, CWE_CODEABLECONCEPT],
    ['GSR-5', `extension[${RECORDED}].extension[type].valueCodeableConcept`, CWE_CODEABLECONCEPT],
    ['GSR-6', `extension[${RECORDED}].extension[sourceDocument].valueCodeableConcept`, CWE_CODEABLECONCEPT],
    ['GSR-7', `extension[${RECORDED}].extension[jurisdiction].valueCodeableConcept`, CWE_CODEABLECONCEPT],
    ['GSR-8', `extension[${RECORDED}].extension[acquisitionDate].valueDateTime`, DTM_DATETIME],
    ['GSR-9', `extension[${RECORDED}].extension[effectivePeriod].valuePeriod`, DR_PERIOD],
    ['GSR-10', `extension[${RECORDED}].extension[comment].valueString`, TX_STRING],
  ],
  { left: { 1: SET_ID, 3: SNAPSHOT_NUMBER } },
);

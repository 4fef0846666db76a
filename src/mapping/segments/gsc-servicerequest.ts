/**
 * GSC to ServiceRequest, and where no order is, to Patient: the sex by which ranges and settings are chosen (HL7 v2.9.1 §3.3, GSC; the guide
 * has no map of it). In: the segment. Out: the extension patient-sexParameterForClinicalUse of HL7's extensions pack.
 * It holds in the context that GSC-6 names (`OBR^2`), so it stands at that order and not at the patient, whose other orders it may not be for.
 */
import type { Extension } from '@medplum/fhirtypes';
import type { Segment } from '../../protocols/hl7v2/message.ts';
import { CWE_CODEABLECONCEPT } from '../datatypes/cwe-codeableconcept.ts';
import { DR_PERIOD } from '../datatypes/dr-period.ts';
import { TX_STRING } from '../datatypes/tx-string.ts';
import type { Draft } from '../draft.ts';
import { SET_ID, segmentTable } from '../segment-table.ts';
import { declaredExtension, type Extended, SNAPSHOT_NUMBER } from './declared-extension.ts';

const PARAMETER = 'http://hl7.org/fhir/StructureDefinition/patient-sexParameterForClinicalUse';

export function gscParameter(gsc: Segment, draft: Draft): Extension[] {
  return gsc.peek(4) === '' && gsc.raw(3) === '' ? [] : declaredExtension(gsc, { table: GSC_PARAMETER, url: PARAMETER, value: 4 }, draft);
}

/** Of an order, one of `orders` in its message. Where GSC-6 names no ORC or OBR it is of all, and of the only one whatever it names. */
export function gscServiceRequest(gsc: Segment, { orc, obr }: OrderPlace, orders: number, draft: Draft): Extension[] {
  const places = Array.from({ length: Math.min(gsc.repetitions(6), MAX_PLACES) }, (_, index) => index + 1);
  const naming = places.filter((repetition) => ['ORC', 'OBR'].includes(gsc.peek(6, 1, repetition)));
  const own = naming.filter((repetition) => {
    const [name, sequence] = [gsc.peek(6, 1, repetition), gsc.peek(6, 2, repetition) || '1'];
    return [orc, obr].some((one) => one?.name === name && String(one.occurrence) === sequence);
  });
  for (const repetition of own) for (const component of [1, 2]) gsc.get(6, component, repetition);
  return own.length > 0 || naming.length === 0 || orders === 1 ? gscParameter(gsc, draft) : [];
}

export type OrderPlace = { readonly orc: Segment; readonly obr: Segment | undefined };

const MAX_PLACES = 200;

const GSC_PARAMETER = segmentTable<Extended>(
  [
    ['GSC-4', `extension[${PARAMETER}].extension[value].valueCodeableConcept`, CWE_CODEABLECONCEPT],
    ['GSC-5', `extension[${PARAMETER}].extension[period].valuePeriod`, DR_PERIOD],
    ['GSC-8', `extension[${PARAMETER}].extension[comment].valueString`, TX_STRING],
  ],
  {
    left: {
      1: SET_ID,
      3: SNAPSHOT_NUMBER,
      6: 'names no order of the message',
      7: 'what it was concluded from: a place in the message, which keeps it',
    },
  },
);

/**
 * TQ1 to ServiceRequest: how much, when, how often (HL7 v2.5.1 §4.5.4; guide: TQ1[ServiceRequest]). The priority (TQ1-9) is read with those
 * of the other places (order-timing.ts).
 * In: one TQ1. Out: quantity, occurrence, note, precondition.
 *
 * Different from the guide: TQ1-14 is count as well as countMax, which R4 allows only beside it. TQ1-10 (no target in the guide) is the
 * precondition (asNeeded). A start or an end alone is no Timing but a time or a period: see `occurrenceOf`.
 */
import type { ServiceRequest } from '@medplum/fhirtypes';
import { NM_POSITIVEINT } from '../datatypes/id-primitive.ts';
import { CQ_QUANTITY } from '../datatypes/nm-quantity.ts';
import { RPT_TIMING, TM_TIME } from '../datatypes/rpt-timing.ts';
import { CQ_DECIMAL, CQ_DURATION, CQ_MINUTES, CQ_UNIT, cqShifted } from '../datatypes/timing-unit.ts';
import { DTM_DATETIME } from '../datatypes/ts-datetime.ts';
import { TX_STRING } from '../datatypes/tx-string.ts';
import { all, notValued, SET_ID, segmentTable, valued } from '../segment-table.ts';

export const TQ1_SERVICEREQUEST = segmentTable<ServiceRequest>(
  [
    ['TQ1-2', 'quantityQuantity', CQ_QUANTITY],
    ['TQ1-3', 'occurrenceTiming', RPT_TIMING],
    ['TQ1-4', 'occurrenceTiming.repeat.timeOfDay[]', TM_TIME],
    ['TQ1-5', 'occurrenceTiming.repeat.offset', CQ_MINUTES, notValued('TQ1-3.9')],
    ['TQ1-6', 'occurrenceTiming.repeat.boundsDuration', CQ_DURATION, all(notValued('TQ1-7'), notValued('TQ1-8'))],
    ['TQ1-6', 'occurrenceTiming.repeat.boundsPeriod.end', cqShifted(7, 1), all(valued('TQ1-7'), notValued('TQ1-8'))],
    ['TQ1-6', 'occurrenceTiming.repeat.boundsPeriod.start', cqShifted(8, -1), all(notValued('TQ1-7'), valued('TQ1-8'))],
    ['TQ1-7', 'occurrenceTiming.repeat.boundsPeriod.start', DTM_DATETIME],
    ['TQ1-8', 'occurrenceTiming.repeat.boundsPeriod.end', DTM_DATETIME],
    ['TQ1-10', 'asNeededCodeableConcept.text', TX_STRING],
    ['TQ1-11', 'note[].text', TX_STRING],
    ['TQ1-13', 'occurrenceTiming.repeat.duration', CQ_DECIMAL],
    ['TQ1-13', 'occurrenceTiming.repeat.durationUnit', CQ_UNIT],
    ['TQ1-14', 'occurrenceTiming.repeat.count', NM_POSITIVEINT],
    ['TQ1-14', 'occurrenceTiming.repeat.countMax', NM_POSITIVEINT],
  ],
  { left: { 1: SET_ID } },
);

/**
 * HL7 Table 0065, specimen action code (OBR-11), to ServiceRequest.intent (guide: OBR[ServiceRequest]). Every code but G is an order of
 * the placer's. Deviation: A (add a test to a specimen) is `#add-on#` in the guide, which R4 does not know; it is an order whose code is
 * kept beside it, as those of L, O, P, R and S are.
 */
import type { ServiceRequest } from '@medplum/fhirtypes';
import type { CodeTable } from './code-table.ts';

type Intent = NonNullable<ServiceRequest['intent']>;

export const SPECIMEN_ACTION: CodeTable<Intent> = {
  name: 'HL7 Table 0065',
  system: 'http://terminology.hl7.org/CodeSystem/v2-0065',
  codes: new Map<string, Intent>([
    ['A', 'order'], // add ordered tests to the existing specimen
    ['G', 'reflex-order'], // generated order
    ['L', 'order'], // lab to obtain specimen
    ['O', 'order'], // specimen obtained by another
    ['P', 'order'], // pending specimen
    ['R', 'order'], // revised order
    ['S', 'order'], // schedule the tests
  ]),
  otherwise: 'order',
};

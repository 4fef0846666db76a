/**
 * HL7 Table 0528, event related period (RPT-8), to Timing.repeat.when (guide: EventRelatedPeriod).
 * Deviation: IC, ICM, ICD, ICV (between meals) are codes that R4 has no word for there, and the binding is required; the guide keeps them.
 */
import type { TimingRepeat } from '@medplum/fhirtypes';
import type { CodeTable } from './code-table.ts';

export type TimingEvent = NonNullable<TimingRepeat['when']>[number];

export const EVENT_RELATED_PERIOD: CodeTable<TimingEvent> = {
  name: 'HL7 Table 0528',
  system: 'http://terminology.hl7.org/CodeSystem/v2-0528',
  codes: new Map<string, TimingEvent>([
    ['HS', 'HS'],
    ['AC', 'AC'],
    ['PC', 'PC'],
    ['ACM', 'ACM'],
    ['ACD', 'ACD'],
    ['ACV', 'ACV'],
    ['PCM', 'PCM'],
    ['PCD', 'PCD'],
    ['PCV', 'PCV'],
  ]),
};

/** HL7 Table 0136, yes or no, where it says something else: whether a specimen is to be had (guide: Yes/NoIndicator[AvailabilityStatus]). */
import type { Specimen } from '@medplum/fhirtypes';
import type { CodeTable } from './code-table.ts';

export const SPECIMEN_AVAILABILITY: CodeTable<NonNullable<Specimen['status']>> = {
  name: 'HL7 Table 0136',
  system: 'http://terminology.hl7.org/CodeSystem/v2-0136',
  codes: new Map<string, NonNullable<Specimen['status']>>([
    ['Y', 'available'],
    ['N', 'unavailable'],
  ]),
};

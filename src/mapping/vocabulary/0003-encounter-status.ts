/**
 * HL7 Table 0003, event type, to Encounter.status (guide: Event[EncounterStatus]). Null: the event says nothing of how far the stay is.
 *
 * Different from the guide, because its value would say what is not so:
 * - A04 is `arrived`, not `planned`: the patient "has arrived or checked in" (HL7 v2.5.1 §3.3.4).
 * - A08 leaves the status as it was, not `unknown`: an update of a name must not undo a discharge.
 */
import type { Encounter } from '@medplum/fhirtypes';

export const ENCOUNTER_STATUS: ReadonlyMap<string, Encounter['status'] | null> = new Map<string, Encounter['status'] | null>([
  ['A01', 'in-progress'],
  ['A02', 'in-progress'],
  ['A03', 'finished'],
  ['A04', 'arrived'],
  ['A05', 'planned'],
  ['A06', 'in-progress'], // §3.3.6: now an inpatient
  ['A07', 'in-progress'], // §3.3.7: now an outpatient
  ['A08', null],
  ['A09', null], // §3.3.9: on the way, still the same stay
  ['A10', null],
  ['A11', 'cancelled'],
  ['A12', 'in-progress'], // §3.3.12: the patient is where he was before
  ['A13', 'in-progress'],
  ['A28', null],
  ['A31', null],
]);

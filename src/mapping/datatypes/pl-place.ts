/**
 * PL, person location, as a reference that shows it (HL7 v2.5.1 §2.A.53): facility, building, floor, point of care, room, bed.
 * Deviation: the guide makes a chain of up to six Locations of each (PL[Location]); nobody looks them up here, and the text says all of it.
 */
import type { Location, Reference } from '@medplum/fhirtypes';
import { type Datatype, each } from './datatype.ts';

export const PL_PLACE: Datatype<Reference<Location>> = each((at) => {
  const parts = [4, 7, 8, 1, 2, 3, 9].map((component) => at(component)).filter((part) => part !== '');
  return parts.length === 0 ? undefined : { type: 'Location', display: parts.join(', ') };
});

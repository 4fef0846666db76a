/**
 * ORU^R30, unsolicited point-of-care observation without an order, to FHIR (HL7 v2.5.1 §7.3.3; not in the guide): ORU^R01 for one order
 * whose ORC follows the patient. It tells its receiver to place an order; here the ServiceRequest is written, and no case is opened to be
 * read: the observation is made.
 */
import type { MessageMapper } from '../map-context.ts';
import { mapOruR01 } from './oru-r01.ts';

export const mapOruR30: MessageMapper = mapOruR01;

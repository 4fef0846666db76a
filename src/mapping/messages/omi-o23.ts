/**
 * OMI^O23, imaging order, to FHIR (HL7 v2.5.1 §4.4.12; IHE RAD-4; not in the guide, so after its ORM_O01, with IPC).
 *
 *   MSH [SFT…] [NTE…] PID [PD1] [NTE…] [PV1 [PV2]] [IN1 …] [GT1] [AL1…]
 *   { ORC [{ TQ1 [TQ2…] }] OBR [NTE…] [CTD] [DG1…] { OBX [NTE…] } IPC… }
 *
 * French teleradiology (ANS) answers and asks by it with ORC-1 SR, and names the acquisition in IPC-2 by LOINC.
 */
import type { MessageMapper } from '../map-context.ts';
import { mapOrders } from './order-message.ts';

export const mapOmiO23: MessageMapper = mapOrders;

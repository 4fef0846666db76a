/**
 * ORM^O01, general order message, to FHIR (HL7 v2.5.1 §4.4.1; guide: ORM_O01).
 *
 *   MSH [NTE…] PID [PD1] [NTE…] [PV1 [PV2]] [IN1 …] [GT1] [AL1…]  { ORC [ OBR [NTE…] [CTD] [DG1…] { OBX [NTE…] } ] [FT1…] … }
 *
 * IPC and ZDS follow the OBR they speak of; TQ1 follows ORC. Orders of pharmacy, diet and supply in a mixed message are listed and left.
 */
import type { MessageMapper } from '../map-context.ts';
import { mapOrders } from './order-message.ts';

export const mapOrmO01: MessageMapper = mapOrders;

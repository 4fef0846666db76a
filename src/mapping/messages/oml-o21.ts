/**
 * OML^O21, laboratory order, to FHIR (HL7 v2.5.1 §4.4.6; guide: OML_O21). Pathology asks with it: each specimen has its SPM.
 *
 *   MSH [SFT…] [NTE…] PID [PD1] [NTE…] [NK1…] [PV1 [PV2]] [IN1 …] [GT1] [AL1…]
 *   { ORC [{ TQ1 [TQ2…] }] [ OBR [TCD] [NTE…] [CTD] [DG1…] { OBX [TCD] [NTE…] }
 *       { SPM { OBX } { SAC { OBX } } }
 *       { [PID [PD1]] [PV1 [PV2]] [AL1…] { [ORC] OBR [NTE…] [TQ1…] { OBX [NTE…] } } } ] [FT1…] [CTI…] [BLG] }
 *
 * Several orders of one message are one case each, whatever other converters make of repeated groups.
 */
import type { MessageMapper } from '../map-context.ts';
import { mapOrders } from './order-message.ts';

export const mapOmlO21: MessageMapper = mapOrders;

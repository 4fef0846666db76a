/**
 * OMG^O19, general clinical order, to FHIR (HL7 v2.5.1 §4.4.4; not in the guide, so after its ORM_O01 and OML_O21). IHE 360X sends a referral
 * with it, whose note (LOINC 57133-1) is a CDA document in an OBX.
 *
 *   MSH [SFT…] [NTE…] PID [PD1] [NTE…] [NK1…] [PV1 [PV2]] [IN1 …] [GT1] [AL1…]
 *   { ORC [{ TQ1 [TQ2…] }] OBR [NTE…] [CTD] [DG1…] { OBX [NTE…] } { SPM { OBX } { SAC { OBX } } }
 *     { [PID [PD1]] [PV1 [PV2]] [AL1…] { [ORC] OBR [NTE…] [TQ1…] [CTD…] { OBX [NTE…] } } } [FT1…] [CTI…] [BLG] }
 */
import type { MessageMapper } from '../map-context.ts';
import { mapOrders } from './order-message.ts';

export const mapOmgO19: MessageMapper = mapOrders;

/**
 * Which abstract syntaxes this gateway takes: Verification (PS3.4 Annex A) and storage (PS3.4 Annex B), by rule rather than by list,
 * so that a SOP class newer than this code is stored too.
 */
import { isUid } from './uid.ts';

export const VERIFICATION = '1.2.840.10008.1.1';
/** Storage Commitment Push Model (PS3.4 Annex J), and its well-known instance. */
export const STORAGE_COMMITMENT_PUSH = '1.2.840.10008.1.20.1';
export const STORAGE_COMMITMENT_INSTANCE = '1.2.840.10008.1.20.1.1';

/** Modality Performed Procedure Step (PS3.4 Annex F) and Instance Availability Notification (PS3.4 Annex R). */
export const PERFORMED_STEP = '1.2.840.10008.3.1.2.3.3';
/** Modality Performed Procedure Step Retrieve (PS3.4 §F.8): the same instances, asked for. */
export const PERFORMED_STEP_RETRIEVE = '1.2.840.10008.3.1.2.3.4';
export const INSTANCE_AVAILABILITY = '1.2.840.10008.5.1.4.33';

/** All SOP classes of PS3.4 Table B.5-1, the retired ones and those to come, stand below this root. */
const STORAGE_ROOT = '1.2.840.10008.5.1.4.1.1.';
const DICOM_ROOT = '1.2.840.10008.';

/**
 * True for a storage SOP class. A UID outside DICOM's own root is a private SOP class (PS3.5 §9.2) and counts as storage:
 * the service is known from the operation asked for, and any but C-STORE is answered "unrecognized operation".
 */
export function isStorageClass(uid: string): boolean {
  if (!isUid(uid)) return false;
  if (!uid.startsWith(DICOM_ROOT)) return true;
  return (uid.startsWith(STORAGE_ROOT) && !NOT_OF_A_PATIENT.has(uid)) || ELSEWHERE.has(uid);
}

/** Storage SOP classes with another root. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  '1.2.840.10008.5.1.1.27', // Stored Print Storage (Retired)
  '1.2.840.10008.5.1.1.29', // Hardcopy Grayscale Image Storage (Retired)
  '1.2.840.10008.5.1.1.30', // Hardcopy Color Image Storage (Retired)
  '1.2.840.10008.5.1.4.34.1', // RT Beams Delivery Instruction Storage - Trial (Retired)
  '1.2.840.10008.5.1.4.34.7', // RT Beams Delivery Instruction Storage
  '1.2.840.10008.5.1.4.34.10', // RT Brachy Application Setup Delivery Instruction Storage
]);

/** Below the root, yet of no patient and study (PS3.4 Annex GG), or no storage at all (Annexes II, JJ, KK). */
const NOT_OF_A_PATIENT: ReadonlySet<string> = new Set([
  '1.2.840.10008.5.1.4.1.1.200.1', // CT Defined Procedure Protocol Storage
  '1.2.840.10008.5.1.4.1.1.200.3', // Protocol Approval Storage
  '1.2.840.10008.5.1.4.1.1.200.4', // Protocol Approval Information Model - FIND
  '1.2.840.10008.5.1.4.1.1.200.5', // Protocol Approval Information Model - MOVE
  '1.2.840.10008.5.1.4.1.1.200.6', // Protocol Approval Information Model - GET
  '1.2.840.10008.5.1.4.1.1.200.7', // XA Defined Procedure Protocol Storage
  '1.2.840.10008.5.1.4.1.1.201.1', // Inventory Storage
  '1.2.840.10008.5.1.4.1.1.201.2', // Inventory - FIND
  '1.2.840.10008.5.1.4.1.1.201.3', // Inventory - MOVE
  '1.2.840.10008.5.1.4.1.1.201.4', // Inventory - GET
  '1.2.840.10008.5.1.4.1.1.201.5', // Inventory Creation
  '1.2.840.10008.5.1.4.1.1.201.6', // Repository Query
]);

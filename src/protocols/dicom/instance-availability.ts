/**
 * Instance Availability Notification (PS3.4 Annex R): a PACS says which instances of a study can be had.
 * In: the dataset of the N-CREATE (DICOM JSON Model). Out: the study, and those of its instances that are there for good.
 */
import { type Failure, failure } from '../../model/failure.ts';
import type { DicomJson } from './header.ts';
import { itemsAt, textAt, uidsIn } from './performed-procedure.ts';
import { isUid } from './uid.ts';

export type AvailabilityFacts = { readonly study: string; readonly instances: readonly string[] };

/** PS3.4 Table R.3.2-1: the study and its series are type 1. */
export function availabilityFacts(notification: DicomJson): AvailabilityFacts | Failure {
  const study = textAt(notification, STUDY);
  if (!isUid(study)) return failure('dicom', 'required-field', 'Study Instance UID is missing or no UID');
  const named = itemsAt(notification, REFERENCED_SERIES).flatMap((series) => itemsAt(series, REFERENCED_SOPS));
  if (named.length === 0) return failure('dicom', 'required-field', 'no instances are named');
  const there = named.filter((item) => textAt(item, AVAILABILITY) !== 'UNAVAILABLE');
  return { study, instances: uidsIn(there, SOP_INSTANCE) };
}

const STUDY = '0020000D';
const REFERENCED_SERIES = '00081115';
const REFERENCED_SOPS = '00081199';
const SOP_INSTANCE = '00081155';
const AVAILABILITY = '00080056';

/** The tags to hand to a DatasetReader. */
export const AVAILABILITY_TAGS: ReadonlySet<number> = new Set([0x00080005, 0x0020000d, 0x00081115, 0x00081111]);

/**
 * Instance Availability Notification (PS3.4 Annex R): a PACS says which instances of a study can be had, or we say it.
 * In: the dataset of the N-CREATE (DICOM JSON Model). Out: the study, and those of its instances that are there for good. And the other way.
 */
import type { AvailabilityContent } from '../../model/delivery.ts';
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

/** PS3.4 Table R.3.2-1. Which performed procedure step the objects are of is type 2, and not told. */
export function availabilityDataset({ studyUid, aeTitle, series }: AvailabilityContent): DicomJson {
  return {
    [REFERENCED_STEP]: { vr: 'SQ', Value: [] },
    [REFERENCED_SERIES]: {
      vr: 'SQ',
      Value: series.map(({ uid, objects }) => ({
        [REFERENCED_SOPS]: {
          vr: 'SQ',
          Value: objects.map(({ sopClassUid, sopInstanceUid }) => ({
            [RETRIEVE_AE_TITLE]: { vr: 'AE', Value: [aeTitle] },
            [AVAILABILITY]: { vr: 'CS', Value: ['ONLINE'] },
            [SOP_CLASS]: { vr: 'UI', Value: [sopClassUid] },
            [SOP_INSTANCE]: { vr: 'UI', Value: [sopInstanceUid] },
          })),
        },
        [SERIES]: { vr: 'UI', Value: [uid] },
      })),
    },
    [STUDY]: { vr: 'UI', Value: [studyUid] },
  };
}

const REFERENCED_STEP = '00081111';
const RETRIEVE_AE_TITLE = '00080054';
const SOP_CLASS = '00081150';
const SERIES = '0020000E';
const STUDY = '0020000D';
const REFERENCED_SERIES = '00081115';
const REFERENCED_SOPS = '00081199';
const SOP_INSTANCE = '00081155';
const AVAILABILITY = '00080056';

/** The tags to hand to a DatasetReader. */
export const AVAILABILITY_TAGS: ReadonlySet<number> = new Set([0x00080005, 0x0020000d, 0x00081115, 0x00081111]);

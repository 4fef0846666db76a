/**
 * The storage SOP classes that photos and films become (PS3.4 Table B.5-1, PS3.3 §A.32.4, §A.32.7, §A.32.11, §A.41), with the modality of their
 * series (PS3.3 §C.7.3.1.1.1). In: the order of a photo. Out: UIDs, always the same for the same order.
 */
import { uidFromName } from './uid.ts';

export type PhotoClass = {
  readonly sopClassUid: string;
  readonly modality: 'XC' | 'DMS' | 'OP';
  readonly seriesNumber: string;
  readonly seriesDescription: string;
};

export const PHOTO_CLASSES = {
  photographic: {
    sopClassUid: '1.2.840.10008.5.1.4.1.1.77.1.4',
    modality: 'XC',
    seriesNumber: '1',
    seriesDescription: 'Photographs',
  },
  dermoscopic: {
    sopClassUid: '1.2.840.10008.5.1.4.1.1.77.1.7',
    modality: 'DMS',
    seriesNumber: '2',
    seriesDescription: 'Dermoscopic photographs',
  },
  ophthalmic: {
    sopClassUid: '1.2.840.10008.5.1.4.1.1.77.1.5.1',
    modality: 'OP',
    seriesNumber: '3',
    seriesDescription: 'Ophthalmic photographs',
  },
  film: {
    sopClassUid: '1.2.840.10008.5.1.4.1.1.77.1.4.1',
    modality: 'XC',
    seriesNumber: '4',
    seriesDescription: 'Films',
  },
} as const satisfies Readonly<Record<string, PhotoClass>>;

export type PhotoClassName = keyof typeof PHOTO_CLASSES;

/** The photos and films of one order are one study, of one class a series of it. */
export function photoStudyUid(serviceRequest: string): string {
  return uidFromName(`photos of ${serviceRequest}`);
}

export function photoSeriesUid(studyUid: string, name: PhotoClassName): string {
  return uidFromName(`${studyUid} ${name}`);
}

/** One picture of one resource, in one study. */
export function photoInstanceUid(studyUid: string, media: string, digest: string): string {
  return uidFromName(`${studyUid} ${media} ${digest}`);
}

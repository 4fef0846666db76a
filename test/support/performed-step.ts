/** Datasets of Modality Performed Procedure Step and Instance Availability Notification, as a modality or a PACS sends them. */
import type { DatasetElement } from '../../src/protocols/dicom/write.ts';

export type StepWords = {
  readonly status?: string;
  readonly study?: string;
  readonly accession?: string;
  readonly patient?: string;
  readonly issuer?: string;
  readonly series?: readonly DatasetElement[][];
  /** Code of DCM. */
  readonly reason?: string;
};

/** PS3.4 Table F.7.2-1. */
export function performedStep(words: StepWords = {}): DatasetElement[] {
  const {
    status = 'IN PROGRESS',
    study = '1.2.840.99999.1',
    accession = 'ACC-1',
    patient = '4711',
    issuer = 'HOSP',
    series = [],
    reason,
  } = words;
  const code: DatasetElement[] = [
    [0x00080100, 'SH', reason ?? ''],
    [0x00080102, 'SH', 'DCM'],
    [0x00080104, 'LO', 'reason'],
  ];
  return [
    [0x00080060, 'CS', 'CT'],
    [0x00100010, 'PN', 'DOE^JANE'],
    [0x00100020, 'LO', patient],
    ...(issuer === '' ? [] : [[0x00100021, 'LO', issuer] as const]),
    [0x00400241, 'AE', 'CT1'],
    [0x00400244, 'DA', '20260301'],
    [0x00400245, 'TM', '101500'],
    [0x00400250, 'DA', status === 'IN PROGRESS' ? '' : '20260301'],
    [0x00400251, 'TM', status === 'IN PROGRESS' ? '' : '103000'],
    [0x00400252, 'CS', status],
    [0x00400253, 'SH', 'PPS-1'],
    [0x00400270, 'SQ', [[[0x00080050, 'SH', accession] as const, [0x0020000d, 'UI', study] as const]]],
    [0x00400281, 'SQ', reason === undefined ? [] : [code]],
    [0x00400340, 'SQ', series],
  ];
}

/** An item of the Performed Series Sequence: images, and objects that are none. */
export function seriesOf(uid: string, images: readonly string[], others: readonly string[] = []): DatasetElement[] {
  const reference = (instance: string): DatasetElement[] => [
    [0x00081150, 'UI', '1.2.840.10008.5.1.4.1.1.2'],
    [0x00081155, 'UI', instance],
  ];
  return [
    [0x00081140, 'SQ', images.map(reference)],
    [0x00181030, 'LO', 'Head'],
    [0x0020000e, 'UI', uid],
    [0x00400220, 'SQ', others.map(reference)],
  ];
}

/** PS3.4 Table R.3.2-1: instances and their availability. */
export function availability(study: string, instances: Readonly<Record<string, string>>): DatasetElement[] {
  const sops = Object.entries(instances).map(([uid, word]): DatasetElement[] => [
    [0x00080054, 'AE', 'PACS'],
    [0x00080056, 'CS', word],
    [0x00081150, 'UI', '1.2.840.10008.5.1.4.1.1.2'],
    [0x00081155, 'UI', uid],
  ]);
  const series: DatasetElement[] = [
    [0x0020000e, 'UI', `${study}.1`],
    [0x00081199, 'SQ', sops],
  ];
  return [
    [0x00081111, 'SQ', []],
    [0x00081115, 'SQ', sops.length === 0 ? [] : [series]],
    [0x0020000d, 'UI', study],
  ];
}

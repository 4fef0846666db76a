/** Small objects of an invented patient, for tests that need one or some; each call may change what it is about. */
import { type SampleObject, type SampleSeries, sampleSeries } from '../../src/protocols/dicom/sample-series.ts';
import { EXPLICIT_LITTLE_ENDIAN } from '../../src/protocols/dicom/transfer-syntax.ts';
import { type DatasetElement, writeDataset } from '../../src/protocols/dicom/write.ts';
import type { Proposal } from './dicom-sender.ts';

export const CT = '1.2.840.10008.5.1.4.1.1.2';

/** What a sender proposes for CT. */
export const CT_EXPLICIT: Proposal = { abstractSyntax: CT, transferSyntaxes: [EXPLICIT_LITTLE_ENDIAN] };

export function ctSeries(changes: Partial<SampleSeries> = {}): SampleObject[] {
  const patient = { patientId: 'P-4711', patientName: 'Invented^Ida', birthDate: '19570612', sex: 'F' };
  const study = { studyUid: '2.25.4711', studyDate: '20260302', studyTime: '101500', description: 'CT head', accession: 'ACC-1' };
  return [...sampleSeries({ ...patient, ...study, seriesUid: '2.25.4711.1', bodyPart: 'HEAD', slices: 1, size: 16, ...changes })];
}

export function ctSlice(changes: Partial<SampleSeries> = {}): SampleObject {
  return ctSeries({ ...changes, slices: 1 })[0] as SampleObject;
}

export const IDENTITY = { sopClassUid: CT, sopInstanceUid: '2.25.99.1.1', studyUid: '2.25.99', seriesUid: '2.25.99.1' };

/** A dataset of any SOP class with any elements after those that say what it is. */
export function objectOf(elements: readonly DatasetElement[], identity: Partial<typeof IDENTITY> = {}): SampleObject {
  const { sopClassUid, sopInstanceUid, studyUid, seriesUid } = { ...IDENTITY, ...identity };
  const uids: DatasetElement[] = [
    [0x00080016, 'UI', sopClassUid],
    [0x00080018, 'UI', sopInstanceUid],
    [0x0020000d, 'UI', studyUid],
    [0x0020000e, 'UI', seriesUid],
  ];
  const dataset = writeDataset([...uids.filter(([, , value]) => value !== ''), ...elements]);
  return { sopClassUid, sopInstanceUid, transferSyntax: EXPLICIT_LITTLE_ENDIAN, dataset };
}

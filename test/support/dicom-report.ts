/** A signed report of an invented patient and what an archive's study says of it, for tests of what is composed from it. */
import { readStudyModules, type StudyModules } from '../../src/protocols/dicom/study-modules.ts';
import { EXPLICIT_LITTLE_ENDIAN, type TransferSyntax, transferSyntax } from '../../src/protocols/dicom/transfer-syntax.ts';
import { type DatasetElement, writeDataset } from '../../src/protocols/dicom/write.ts';
import type { DicomReport } from '../../src/return/dicom/dicom-document.ts';
import { ctSeries } from './dicom-objects.ts';

const EXPLICIT = transferSyntax(EXPLICIT_LITTLE_ENDIAN) as TransferSyntax;

export const SLICES = ctSeries({ slices: 3, accessionIssuer: 'NORDSTADT', patientIdIssuer: 'HOSP' });

export function studyOf(dataset: Buffer): StudyModules {
  return readStudyModules(dataset, EXPLICIT) as StudyModules;
}

/** A study whose patient has a name in bytes of some character set. */
export function studyIn(charset: string, name: Buffer, more: readonly DatasetElement[] = []): StudyModules {
  const elements: DatasetElement[] = [
    [0x00080005, 'CS', charset],
    [0x00100010, 'PN', name],
    [0x00100020, 'LO', 'P-4711'],
    [0x0020000d, 'UI', '2.25.4711'],
    ...more,
  ];
  return studyOf(writeDataset(elements));
}

export const RESULTS: DicomReport['report']['contained'] = [
  {
    resourceType: 'Observation',
    id: 'lesion',
    status: 'final',
    code: { coding: [{ system: 'http://snomed.info/sct', code: '103339001', display: 'Long axis' }] },
    bodySite: { coding: [{ system: 'http://snomed.info/sct', code: '39607008', display: 'Lung structure' }] },
    valueQuantity: { value: 12.5, unit: 'mm', system: 'http://unitsofmeasure.org', code: 'mm' },
    note: [{ text: 'Right upper lobe.' }],
  },
  {
    resourceType: 'Observation',
    id: 'below',
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '12345-6', display: 'Density' }] },
    valueQuantity: { value: 20, comparator: '<', unit: 'HU' },
  },
  {
    resourceType: 'Observation',
    id: 'grade',
    status: 'final',
    code: { coding: [{ system: 'urn:example:scores', code: 'LUNG', display: 'Lung score' }] },
    valueCodeableConcept: { coding: [{ system: 'urn:example:scores', code: '4A', display: 'Suspicious' }] },
  },
  { resourceType: 'Observation', id: 'words', status: 'final', code: { text: 'Airways' }, valueString: 'open' },
];

export function dicomReport(changes: Partial<DicomReport> = {}): DicomReport {
  const [first, second] = SLICES.map(({ sopClassUid, sopInstanceUid }) => ({ sopClassUid, sopInstanceUid }));
  const placed = SLICES.map((slice) => ({ ...slice, studyUid: '2.25.4711', seriesUid: '2.25.4711.1' }));
  return {
    report: {
      resourceType: 'DiagnosticReport',
      status: 'final',
      language: 'en',
      code: { coding: [{ system: 'http://loinc.org', code: '18748-4', display: 'Diagnostic imaging study' }] },
      conclusion: 'No intracranial haemorrhage.\nNo fracture.',
      conclusionCode: [{ coding: [{ system: 'http://snomed.info/sct', code: '17621005', display: 'Normal' }] }],
    },
    document: { reference: 'DiagnosticReport/0199-1', version: '1' },
    caseId: '0199-case',
    signer: { name: 'Dr. Ada Example', identifier: { system: 'urn:example:physician-number', value: '100001' }, jwk: {} },
    signedAt: '2026-03-02T10:30:00+01:00',
    organization: 'Reading room',
    title: { code: '18748-4', scheme: 'LN', meaning: 'Diagnostic imaging study' },
    study: studyOf(SLICES[0]?.dataset as Buffer),
    zone: '+01:00',
    order: {
      accession: 'ACC-1',
      placer: 'PL-1',
      filler: 'FL-1',
      procedure: { coding: [{ system: 'http://loinc.org', code: '30799-1', display: 'CT Head' }] },
    },
    evidence: placed.map(({ sopClassUid, sopInstanceUid, studyUid, seriesUid }) => ({ sopClassUid, sopInstanceUid, studyUid, seriesUid })),
    keyImages: [
      { ...(first as { sopClassUid: string; sopInstanceUid: string }), frames: [] },
      { ...(second as { sopClassUid: string; sopInstanceUid: string }), frames: [] },
    ],
    replaced: [],
    ...changes,
  };
}

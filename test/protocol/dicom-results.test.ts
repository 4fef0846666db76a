/**
 * What is composed from a report, to programs that nobody here wrote: dciodvfy (dicom3tools) finds no error, dsrdump reads the text, dcm2pdf
 * gives the PDF, pydicom the names, Orthanc keeps them all.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { isFailure } from '../../src/model/failure.ts';
import type { ComposedObject } from '../../src/protocols/dicom/composed-object.ts';
import { part10Prefix } from '../../src/protocols/dicom/part10.ts';
import type { PlacedReference } from '../../src/return/dicom/dicom-document.ts';
import { composeEncapsulatedPdf } from '../../src/return/dicom/encapsulated-pdf.ts';
import { composeKeyImages, composeRejectionNote } from '../../src/return/dicom/key-objects.ts';
import { composeMeasurementSr } from '../../src/return/dicom/measurement-sr.ts';
import { composeReportSr } from '../../src/return/dicom/report-sr.ts';
import { type DicomServer, startOrthanc } from '../support/dicom-peers.ts';
import { dicomReport, RESULTS, studyIn } from '../support/dicom-report.ts';
import { isInstalled, run } from '../support/programs.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const PYTHON = '/usr/bin/python3';
const directory = temporaryDirectory('waystation-results-');
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const PDFS = [Buffer.from('%PDF-1.4 even length\n%%EOF\n'), Buffer.from('%PDF-1.4 odd length\n%%EOF\n')] as const;
const withResults = dicomReport({ report: { ...dicomReport().report, contained: [...(RESULTS ?? [])] } });
const long = 'Endoscopic retrograde cholangiopancreatography with placement of a stent, and everything else that was done';

function made(object: ComposedObject | { failure: true }): ComposedObject {
  if (isFailure(object)) throw new Error(object.detail);
  return object as ComposedObject;
}

function placed({ sopClassUid, sopInstanceUid, studyUid, seriesUid }: ComposedObject): PlacedReference {
  return { sopClassUid, sopInstanceUid, studyUid, seriesUid };
}

const pdf = made(composeEncapsulatedPdf(dicomReport(), PDFS[0]));
const basic = made(composeReportSr(dicomReport(), 'basic'));
const corrected = dicomReport({
  report: { ...dicomReport().report, status: 'corrected', conclusion: 'A small subdural haematoma.' },
  document: { reference: 'DiagnosticReport/0199-2', version: '2' },
  replaced: [placed(pdf), placed(basic)],
});
const japanese = dicomReport({
  study: studyIn('\\ISO 2022 IR 87', Buffer.from('59616d6164615e5461726f753d1b24423b3345441b28425e1b244242404f3a1b2842', 'hex')),
});
const latin = { study: studyIn('ISO_IR 100', Buffer.from('M\xfcller^J\xf6rg', 'latin1')) };

const ENHANCED_CT = '1.2.840.10008.5.1.4.1.1.2.1';
const framed = {
  document: { reference: 'DiagnosticReport/0199-5', version: '1' },
  evidence: dicomReport().evidence.map((one) => ({ ...one, sopClassUid: ENHANCED_CT })),
  keyImages: dicomReport().keyImages.map((one) => ({ ...one, sopClassUid: ENHANCED_CT, frames: [2, 17] })),
};

const OBJECTS: Readonly<Record<string, ComposedObject>> = {
  pdf,
  'pdf-odd': made(composeEncapsulatedPdf(dicomReport({ document: { reference: 'DiagnosticReport/0199-3', version: '1' } }), PDFS[1])),
  basic,
  enhanced: made(composeReportSr(withResults, 'basic')),
  comprehensive: made(composeReportSr(withResults, 'comprehensive')),
  measurements: made(composeMeasurementSr(withResults)),
  'key-images': made(composeKeyImages(dicomReport())),
  'key-frames': made(composeKeyImages(dicomReport(framed))),
  'corrected-pdf': made(composeEncapsulatedPdf(corrected, PDFS[0])),
  'corrected-sr': made(composeReportSr(corrected, 'basic')),
  rejection: made(composeRejectionNote(corrected, 'quality')),
  safety: made(composeRejectionNote(corrected, 'safety')),
  worklist: made(composeRejectionNote(corrected, 'worklist')),
  retention: made(composeRejectionNote(corrected, 'retention')),
  japanese: made(composeReportSr(japanese, 'basic')),
  latin: made(composeReportSr(dicomReport({ ...latin, report: { ...dicomReport().report, conclusion: 'Kein Bruch, größer.' } }), 'basic')),
  'beyond-latin': made(
    composeReportSr(dicomReport({ ...latin, report: { ...dicomReport().report, conclusion: '骨折なし ≥ 2' } }), 'basic'),
  ),
  long: made(
    composeReportSr(
      dicomReport({
        document: { reference: 'DiagnosticReport/0199-4', version: '1' },
        report: {
          ...dicomReport().report,
          code: { coding: [{ system: 'urn:example:a-system', code: 'a-code-of-more-than-16', display: long }] },
        },
      }),
      'enhanced',
    ),
  ),
};

const pathOf = (name: string): string => join(directory, `${name}.dcm`);
beforeAll(() => {
  for (const [name, object] of Object.entries(OBJECTS)) writeFileSync(pathOf(name), Buffer.concat([part10Prefix(object), object.dataset]));
});

(isInstalled('dciodvfy') ? describe : describe.skip)('dciodvfy', () => {
  it.each(Object.keys(OBJECTS))('finds no error in %s', async (name) => {
    const { output } = await run('dciodvfy', ['-new', pathOf(name)]);
    expect(output.split('\n').filter((line) => line.startsWith('Error'))).toEqual([]);
  });
});

const textOf = async (name: string): Promise<string> => (await run('dsrdump', ['+U8', '+Pl', '+Pc', pathOf(name)])).output;

(isInstalled('dsrdump') ? describe : describe.skip)('dsrdump', () => {
  it('reads what the report says, and who verified it', async () => {
    const text = await textOf('basic');
    expect(text).toContain('No intracranial haemorrhage.');
    expect(text).toContain('(17621005,SCT,"Normal")');
    expect(text).toMatch(/Verification Flag.*: VERIFIED|VERIFIED/);
    expect(text).toContain('Dr. Ada Example');
  });
  it('reads numbers with their units, and says what a number cannot', async () => {
    const text = await textOf('enhanced');
    expect(text).toContain('"12.5" (mm,UCUM,"mm")');
    expect(text).toContain('<20 HU');
    expect(text).toContain('Airways: open');
  });
  it('reads the measurements', async () => {
    const text = await textOf('measurements');
    expect(text).toContain('Imaging Measurement Report');
    expect(text).toContain('"12.5" (mm,UCUM,"mm")');
    expect(text).toContain('Lung structure');
  });
  it('finds what a correction replaces', async () => {
    expect(await textOf('corrected-sr')).toContain('Predecessor');
    expect(await textOf('corrected-sr')).toContain('A small subdural haematoma.');
  });
  it('reads every text in the characters it was written in', async () => {
    expect(await textOf('latin')).toContain('größer');
    expect(await textOf('beyond-latin')).toContain('骨折なし ≥ 2');
    expect(await textOf('long')).toContain(long);
  });
});

(isInstalled('dcm2pdf') ? describe : describe.skip)('dcm2pdf', () => {
  it.each([
    ['pdf', PDFS[0]],
    ['pdf-odd', PDFS[1]],
  ])('gives the very bytes of the PDF: %s', async (name, bytes) => {
    await run('dcm2pdf', [pathOf(name), join(directory, `${name}.pdf`)]);
    const read = readFileSync(join(directory, `${name}.pdf`));
    // Before 3.6.8 it does not know Encapsulated Document Length, and gives the padding as well.
    expect(read.subarray(0, bytes.length).equals(bytes)).toBe(true);
    expect(read.subarray(bytes.length).every((byte) => byte === 0) && read.length - bytes.length <= bytes.length % 2).toBe(true);
  });
});

const PYDICOM = `
import json, sys, pydicom
found = {}
for path in sys.argv[1:]:
    ds = pydicom.dcmread(path)
    found[path.split('/')[-1][:-4]] = {
        'charset': ds.get('SpecificCharacterSet', ''), 'name': str(ds.PatientName), 'patient': ds.PatientID, 'study': ds.StudyInstanceUID,
        'accession': ds.AccessionNumber, 'uid': ds.SOPInstanceUID, 'length': ds.get('EncapsulatedDocumentLength'),
        'request': [[r.AccessionNumber, r.PlacerOrderNumberImagingServiceRequest, r.FillerOrderNumberImagingServiceRequest] for r in ds.get('ReferencedRequestSequence', [])],
        'evidence': sorted(i.ReferencedSOPInstanceUID for s in ds.get('CurrentRequestedProcedureEvidenceSequence', []) for q in s.ReferencedSeriesSequence for i in q.ReferencedSOPSequence),
        'predecessors': [i.ReferencedSOPInstanceUID for s in ds.get('PredecessorDocumentsSequence', []) for q in s.ReferencedSeriesSequence for i in q.ReferencedSOPSequence],
        'title': ds.ConceptNameCodeSequence[0].CodeMeaning, 'completion': ds.get('CompletionFlag'),
        'content': [ds.get('ContentDate'), ds.get('ContentTime')],
    }
json.dump(found, sys.stdout, default=list)
`;
type Read = Record<string, unknown>;

(isInstalled(PYTHON) ? describe : describe.skip)('pydicom', () => {
  let read: Record<string, Read>;
  beforeAll(async () => {
    const { code, output } = await run(PYTHON, ['-c', PYDICOM, ...Object.keys(OBJECTS).map(pathOf)], { PYTHONIOENCODING: 'utf-8' });
    if (code !== 0) throw new Error(output);
    read = JSON.parse(output);
  });
  it('reads the names in the character set of the study, and in UTF-8 where the text needs it', () => {
    expect(read.japanese).toMatchObject({ charset: ['', 'ISO 2022 IR 87'], name: 'Yamada^Tarou=山田^太郎' });
    expect(read.latin).toMatchObject({ charset: 'ISO_IR 100', name: 'Müller^Jörg' });
    expect(read['beyond-latin']).toMatchObject({ charset: 'ISO_IR 192', name: 'Müller^Jörg' });
  });
  it('reads patient, study and request as the study and the order say them', () => {
    expect(read.basic).toMatchObject({
      patient: 'P-4711',
      study: '2.25.4711',
      accession: 'ACC-1',
      request: [['ACC-1', 'PL-1', 'FL-1']],
      content: ['20260302', '103000'],
      completion: 'COMPLETE',
    });
    expect(read.basic?.evidence).toHaveLength(3);
    expect(read['key-images']?.evidence).toHaveLength(2);
  });
  it('finds what a correction replaces, and what a rejection note names', () => {
    expect(read['corrected-pdf']?.predecessors).toEqual([pdf.sopInstanceUid]);
    expect(read['corrected-sr']?.predecessors).toEqual([basic.sopInstanceUid]);
    expect(read.rejection).toMatchObject({
      title: 'Rejected for Quality Reasons',
      evidence: [pdf.sopInstanceUid, basic.sopInstanceUid].sort(),
    });
    expect(read['pdf-odd']?.length).toBe(PDFS[1].length);
  });
});

(isInstalled('Orthanc') ? describe : describe.skip)('Orthanc', () => {
  let orthanc: DicomServer;
  beforeAll(async () => {
    orthanc = await startOrthanc();
  });
  afterAll(() => orthanc?.stop());

  it('keeps every one, all of one patient and study', async () => {
    const own = Object.keys(OBJECTS).filter((name) => !['japanese', 'latin', 'beyond-latin'].includes(name));
    for (const name of own) {
      const response = await fetch(`${orthanc.http}/instances`, { method: 'POST', body: readFileSync(pathOf(name)) });
      expect([name, response.status, ((await response.json()) as { Status: string }).Status]).toEqual([name, 200, 'Success']);
    }
    const studies = (await (await fetch(`${orthanc.http}/studies`)).json()) as string[];
    expect(studies.length).toBe(1);
  });
});

import { describe, expect, it } from '@jest/globals';
import { isFailure } from '../../../../src/model/failure.ts';
import type { ComposedObject } from '../../../../src/protocols/dicom/composed-object.ts';
import { headerReader } from '../../../../src/protocols/dicom/header-reader.ts';
import { EXPLICIT_LITTLE_ENDIAN, type TransferSyntax, transferSyntax } from '../../../../src/protocols/dicom/transfer-syntax.ts';
import { isUid } from '../../../../src/protocols/dicom/uid.ts';
import type { DicomReport } from '../../../../src/return/dicom/dicom-document.ts';
import { composeEncapsulatedPdf } from '../../../../src/return/dicom/encapsulated-pdf.ts';
import { composeKeyImages, composeRejectionNote } from '../../../../src/return/dicom/key-objects.ts';
import { composeMeasurementSr } from '../../../../src/return/dicom/measurement-sr.ts';
import { composeReportSr } from '../../../../src/return/dicom/report-sr.ts';
import { dicomReport, RESULTS, studyIn } from '../../../support/dicom-report.ts';
import fc from '../../../support/properties.ts';

const PDF = Buffer.from('%PDF-1.4 invented');
const made = (object: unknown): ComposedObject => {
  if (isFailure(object)) throw new Error(object.detail);
  return object as ComposedObject;
};
const saying = (report: Partial<DicomReport['report']>): DicomReport => dicomReport({ report: { ...dicomReport().report, ...report } });
const ALL = [
  (input: DicomReport) => composeEncapsulatedPdf(input, PDF),
  (input: DicomReport) => composeReportSr(input, 'basic'),
  (input: DicomReport) => composeKeyImages(input),
] as const;

describe('documents of a report', () => {
  it('are the same bytes whenever they are composed from the same', () => {
    for (const compose of ALL) expect(made(compose(dicomReport())).dataset.equals(made(compose(dicomReport())).dataset)).toBe(true);
  });

  it('are told apart by report and kind, and those of a case share a series of their kind', () => {
    const objects = ['1', '2'].flatMap((version) =>
      ALL.map((compose) => made(compose(dicomReport({ document: { reference: `DiagnosticReport/${version}`, version } })))),
    );
    expect(new Set(objects.map(({ sopInstanceUid }) => sopInstanceUid)).size).toBe(6);
    expect(new Set(objects.map(({ seriesUid }) => seriesUid)).size).toBe(3);
    expect(objects.every(({ sopInstanceUid, seriesUid }) => isUid(sopInstanceUid) && isUid(seriesUid))).toBe(true);
  });

  it('name the element whose value its VR cannot hold, and nothing of the value', () => {
    const failed = composeReportSr(dicomReport({ study: { ...dicomReport().study, studyUid: 'x'.repeat(65) } }), 'basic');
    expect(failed).toMatchObject({ failure: true, detail: expect.stringContaining('(0020,000D)') });
    expect(JSON.stringify(failed)).not.toContain('xxx');
  });

  it('shorten the name of who signed where his titles are too long for a PN', () => {
    const name = `Univ.-Prof. Dr. med. Dr. rer. nat. Dipl.-Phys. Ada Maximiliane Freiin von Example, FEBVS`;
    const { dataset } = made(composeReportSr(dicomReport({ signer: { ...dicomReport().signer, name } }), 'basic'));
    expect(dataset.includes(`${name.slice(0, 61).trimEnd()}...`)).toBe(true);
  });

  it('shorten the name of a house that is too long for an LO, and say all of it in the content', () => {
    const organization = 'Universitätsklinikum Beispielstadt, Klinik für Diagnostische und Interventionelle Radiologie';
    const { dataset } = made(composeReportSr(dicomReport({ organization }), 'basic'));
    expect(dataset.includes(`${organization.slice(0, 61).trimEnd()}...`)).toBe(true);
    expect(dataset.includes(organization)).toBe(true);
  });

  it('name several frames of an image, and fail where they are too many for one element', () => {
    const [image] = dicomReport().keyImages as [DicomReport['keyImages'][number]];
    const framed = (frames: number[]) => dicomReport({ keyImages: [{ ...image, frames }] });
    for (const compose of [composeKeyImages, (input: DicomReport) => composeReportSr(input, 'basic')]) {
      expect(made(compose(framed([2, 17, 300]))).dataset.includes('2\\17\\300')).toBe(true);
      expect(compose(framed(Array.from({ length: 20_000 }, (_, index) => index + 1)))).toMatchObject({ failure: true, code: 'invalid' });
    }
  });

  it('leave a number of the order empty that its VR cannot hold, rather than cut it', () => {
    const order = { ...dicomReport().order, accession: 'A-NUMBER-OF-MORE-THAN-16' };
    expect(made(composeReportSr(dicomReport({ order }), 'basic')).dataset.includes('A-NUMBER-OF-MORE')).toBe(false);
  });

  it('keep a value of the study as it stands there, even one that is too long', () => {
    const study = studyIn('ISO_IR 100', Buffer.from('Invented^Ida'), [[0x00081030, 'LO', 'd'.repeat(70)]]);
    expect(made(composeReportSr(dicomReport({ study }), 'basic')).dataset.includes('d'.repeat(70))).toBe(true);
  });

  it('are not made where there is nothing to say', () => {
    expect(composeReportSr(saying({ conclusion: undefined, conclusionCode: [] }), 'basic')).toMatchObject({ code: 'not-found' });
    expect(composeMeasurementSr(dicomReport())).toMatchObject({ code: 'not-found' });
    expect(composeKeyImages(dicomReport({ keyImages: [] }))).toMatchObject({ code: 'not-found' });
    expect(composeRejectionNote(dicomReport(), 'quality')).toMatchObject({ code: 'not-found' });
  });

  it('are of the lowest class that can say it, or of the one the receiver takes', () => {
    const withNumbers = saying({ contained: RESULTS });
    expect(made(composeReportSr(dicomReport(), 'basic')).sopClassUid).toBe('1.2.840.10008.5.1.4.1.1.88.11');
    expect(made(composeReportSr(withNumbers, 'basic')).sopClassUid).toBe('1.2.840.10008.5.1.4.1.1.88.22');
    expect(made(composeReportSr(dicomReport(), 'comprehensive')).sopClassUid).toBe('1.2.840.10008.5.1.4.1.1.88.33');
  });

  it('are readable whatever a report says', async () => {
    const words = fc.string({ unit: 'grapheme', maxLength: 120 });
    const concept = fc.record({
      text: words,
      coding: fc.array(fc.record({ system: words, code: words, display: words }), { maxLength: 2 }),
    });
    const result = fc.record({
      resourceType: fc.constant('Observation' as const),
      status: fc.constant('final' as const),
      code: concept,
      valueQuantity: fc.record({ value: fc.double({ noNaN: true }), unit: words }),
    });
    const reports = fc.record({
      code: concept,
      conclusion: words,
      conclusionCode: fc.array(concept),
      contained: fc.array(result, { maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(reports, async (report) => {
        const object = composeReportSr(saying(report), 'basic');
        if (isFailure(object)) return expect(object.code).toBe('not-found');
        const reader = headerReader(transferSyntax(EXPLICIT_LITTLE_ENDIAN) as TransferSyntax);
        expect(await reader.push(object.dataset)).toBeNull();
        expect(await reader.end()).toMatchObject({ header: { sopInstanceUid: object.sopInstanceUid, studyUid: '2.25.4711' } });
      }),
      { numRuns: 60 },
    );
  });
});

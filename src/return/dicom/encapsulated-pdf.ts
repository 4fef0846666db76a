/**
 * A report's PDF in its study: Encapsulated PDF (PS3.3 §A.45.1, §C.24). In: the report, its PDF. Out: the object, the PDF in it byte by byte
 * (Encapsulated Document Length tells where it ends before the padding).
 */
import type { Failure } from '../../model/failure.ts';
import { type ComposedObject, holds } from '../../protocols/dicom/composed-object.ts';
import { codeElements } from '../../protocols/dicom/sr-content.ts';
import { conceptText } from '../../protocols/fhir/observation-text.ts';
import { composeDocument, type DicomReport, type DocumentKind, predecessors, titleOf } from './dicom-document.ts';

export const ENCAPSULATED_PDF: DocumentKind = {
  name: 'pdf',
  sopClassUid: '1.2.840.10008.5.1.4.1.1.104.1',
  modality: 'DOC',
  seriesNumber: 9001,
  seriesDescription: 'Report (PDF)',
};

export function composeEncapsulatedPdf(input: DicomReport, pdf: Buffer): ComposedObject | Failure {
  const title = titleOf(input);
  const words = conceptText(input.report.code) || title.meaning;
  const length = Buffer.alloc(4);
  length.writeUInt32LE(pdf.length);
  return composeDocument(
    input,
    ENCAPSULATED_PDF,
    [
      [0x0008002a, 'DT', ''],
      [0x00080064, 'CS', 'WSD'],
      // The name of the patient stands in the document.
      [0x00280301, 'CS', 'YES'],
      [0x0040a043, 'SQ', [codeElements(title)]],
      [0x0040a493, 'CS', 'VERIFIED'],
      [0x00420010, 'ST', holds('ST', words) ? words : title.meaning],
      [0x00420011, 'OB', pdf],
      [0x00420012, 'LO', 'application/pdf'],
      [0x00420015, 'UL', length],
      ...predecessors(input, ENCAPSULATED_PDF),
    ],
    [title],
  );
}

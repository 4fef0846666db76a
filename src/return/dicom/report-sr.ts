/**
 * A report as a structured report (PS3.16 TID 2000, Basic Diagnostic Imaging Report). In: the report. Out: Basic Text SR (PS3.3 §A.35.1) where
 * it is words and codes, Enhanced SR (§A.35.2) where it has numbers, or a higher class where the receiver wants one; a Failure where the
 * report says nothing but what its file says.
 */
import { type Failure, failure } from '../../model/failure.ts';
import type { ComposedObject } from '../../protocols/dicom/composed-object.ts';
import { container, dcm, documentContent, text } from '../../protocols/dicom/sr-content.ts';
import { conceptText } from '../../protocols/fhir/observation-text.ts';
import { codedOf } from './dicom-code.ts';
import { composeDocument, type DicomReport, type DocumentKind, documentGeneral, titleOf } from './dicom-document.ts';
import {
  conclusionItems,
  headed,
  isMeasured,
  keyImageItems,
  languageItem,
  observerItems,
  procedureItem,
  resultItems,
  resultsOf,
} from './sr-words.ts';

export type SrClass = 'basic' | 'enhanced' | 'comprehensive';

/** `least`: a receiver that takes only one class says so. */
export function reportSrKind(input: Pick<DicomReport, 'report'>, least: SrClass): DocumentKind {
  const numeric = resultsOf(input.report).some(isMeasured);
  return { ...REPORT, sopClassUid: SOP_CLASSES[least === 'basic' && numeric ? 'enhanced' : least] };
}

export function composeReportSr(input: DicomReport, least: SrClass): ComposedObject | Failure {
  const kind = reportSrKind(input, least);
  const numeric = kind.sopClassUid !== SOP_CLASSES.basic;
  const results = resultsOf(input.report).flatMap((result) => resultItems(result, numeric));
  const conclusions = conclusionItems(input.report);
  if (results.length === 0 && conclusions.length === 0)
    return failure('return', 'not-found', 'the report says nothing but what its file says: there is no structured report of it');
  const root = container('CONTAINS', titleOf(input), [
    ...(codedOf(input.order.procedure) ? [procedureItem(input, 'HAS CONCEPT MOD')] : []),
    languageItem(input.report),
    ...observerItems(input),
    ...headed(CURRENT_PROCEDURE, procedureWords(input)),
    ...headed(FINDINGS, results),
    ...headed(CONCLUSIONS, conclusions),
    ...headed(KEY_IMAGES, keyImageItems(input, BEST_ILLUSTRATION)),
  ]);
  const general = documentGeneral(input, kind);
  return composeDocument(input, kind, [...documentContent(root, '2000'), ...general.elements], [...root.codes, ...general.codes]);
}

function procedureWords({ order }: DicomReport) {
  const words = conceptText(order.procedure);
  return words === '' ? [] : [text('CONTAINS', PROCEDURE_DESCRIPTION, words)];
}

const SOP_CLASSES: Readonly<Record<SrClass, string>> = {
  basic: '1.2.840.10008.5.1.4.1.1.88.11',
  enhanced: '1.2.840.10008.5.1.4.1.1.88.22',
  comprehensive: '1.2.840.10008.5.1.4.1.1.88.33',
};
const REPORT = { name: 'report', modality: 'SR', seriesNumber: 9002, seriesDescription: 'Report' } as const;

/** PS3.16 CID 7001. */
const CURRENT_PROCEDURE = dcm('121064', 'Current Procedure Descriptions');
const FINDINGS = dcm('121070', 'Findings');
const CONCLUSIONS = dcm('121076', 'Conclusions');
const KEY_IMAGES = dcm('121180', 'Key Images');
/** PS3.16 CID 7002 and CID 7003. */
const PROCEDURE_DESCRIPTION = dcm('121065', 'Procedure Description');
const BEST_ILLUSTRATION = dcm('121080', 'Best illustration of finding');

/**
 * The measurements of a report as a structured report (PS3.16 TID 1500, Measurement Report), for systems that compute with them. In: the
 * report. Out: Comprehensive SR (PS3.3 §A.35.3), each measured result a Measurement Group (TID 1501) with its own tracking UID, the others
 * as qualitative evaluations; a Failure where nothing of the report is a number with a unit.
 */
import type { Observation } from '@medplum/fhirtypes';
import { type Failure, failure } from '../../model/failure.ts';
import type { ComposedObject } from '../../protocols/dicom/composed-object.ts';
import {
  type Coded,
  type ContentItem,
  code,
  container,
  dcm,
  documentContent,
  number,
  text,
  uid,
} from '../../protocols/dicom/sr-content.ts';
import { uidFromName } from '../../protocols/dicom/uid.ts';
import { conceptText } from '../../protocols/fhir/observation-text.ts';
import { codedOf } from './dicom-code.ts';
import { composeDocument, type DicomReport, type DocumentKind, documentGeneral } from './dicom-document.ts';
import { headed, isMeasured, languageItem, measurementsOf, observerItems, procedureItem, resultItems, resultsOf } from './sr-words.ts';

export const MEASUREMENT_SR: DocumentKind = {
  name: 'measurements',
  sopClassUid: '1.2.840.10008.5.1.4.1.1.88.33',
  modality: 'SR',
  seriesNumber: 9003,
  seriesDescription: 'Measurements',
};

export function composeMeasurementSr(input: DicomReport): ComposedObject | Failure {
  const results = resultsOf(input.report);
  const groups = results.flatMap((result, index) => (isMeasured(result) ? [groupOf(input, result, index)] : []));
  if (groups.length === 0)
    return failure('return', 'not-found', 'nothing in the report is a number with a code: there are no measurements');
  const evaluations = results.filter((result) => !isMeasured(result)).flatMap((result) => resultItems(result, false));
  const root = container('CONTAINS', MEASUREMENT_REPORT, [
    languageItem(input.report),
    ...observerItems(input),
    procedureItem(input, 'HAS CONCEPT MOD'),
    container('CONTAINS', IMAGING_MEASUREMENTS, groups),
    ...headed(QUALITATIVE_EVALUATIONS, evaluations),
  ]);
  const general = documentGeneral(input, MEASUREMENT_SR);
  return composeDocument(input, MEASUREMENT_SR, [...documentContent(root, '1500'), ...general.elements], [...root.codes, ...general.codes]);
}

/** A result is the same finding in the correction of its report: it is known by its place there. */
function groupOf({ caseId }: DicomReport, result: Observation, index: number): ContentItem {
  const site = codedOf(result.bodySite);
  return container('CONTAINS', MEASUREMENT_GROUP, [
    text('HAS OBS CONTEXT', TRACKING_IDENTIFIER, conceptText(result.code) || `Result ${index + 1}`),
    uid('HAS OBS CONTEXT', TRACKING_UID, uidFromName(`${caseId} result ${result.id ?? index}`)),
    ...(site ? [code('HAS CONCEPT MOD', FINDING_SITE, site)] : []),
    ...measurementsOf(result).map(({ name, value, unit }) => number('CONTAINS', name, value, unit)),
    ...resultItems(result, true).filter(({ type }) => type !== 'NUM'),
  ]);
}

/** PS3.16 CID 7021. */
const MEASUREMENT_REPORT = dcm('126000', 'Imaging Measurement Report');
const IMAGING_MEASUREMENTS = dcm('126010', 'Imaging Measurements');
const MEASUREMENT_GROUP = dcm('125007', 'Measurement Group');
const TRACKING_IDENTIFIER = dcm('112039', 'Tracking Identifier');
const TRACKING_UID = dcm('112040', 'Tracking Unique Identifier');
const FINDING_SITE: Coded = { code: '363698007', scheme: 'SCT', meaning: 'Finding Site' };
const QUALITATIVE_EVALUATIONS: Coded = { code: 'C0034375', scheme: 'UMLS', meaning: 'Qualitative Evaluations' };

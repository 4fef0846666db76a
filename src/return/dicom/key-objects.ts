/**
 * Key Object Selection documents (PS3.3 §A.35.4, PS3.16 TID 2010). The images a report names as its key images; and the rejection note of
 * IHE RAD IOCM, which tells an archive to show no longer what a correction has replaced, or its signer has taken back.
 * Promises: a rejection note names nothing but objects made here, those of the report that is replaced or taken back, and no earlier note.
 */
import { type Failure, failure } from '../../model/failure.ts';
import type { ComposedObject } from '../../protocols/dicom/composed-object.ts';
import { type Coded, type ContentItem, composite, container, dcm, documentContent, text } from '../../protocols/dicom/sr-content.ts';
import {
  composeDocument,
  type DicomReport,
  type DocumentKind,
  type PlacedReference,
  requestAndEvidence,
  seriesUid,
} from './dicom-document.ts';
import { keyImageItems, observerItems } from './sr-words.ts';

const SOP_CLASS = '1.2.840.10008.5.1.4.1.1.88.59';

export const KEY_IMAGES: DocumentKind = {
  name: 'key images',
  sopClassUid: SOP_CLASS,
  modality: 'KO',
  seriesNumber: 9004,
  seriesDescription: 'Key images',
};

export function composeKeyImages(input: DicomReport): ComposedObject | Failure {
  if (input.keyImages.length === 0) return failure('return', 'not-found', 'the report names no key image that is here');
  const named = new Set(input.keyImages.map(({ sopInstanceUid }) => sopInstanceUid));
  const evidence = input.evidence.filter(({ sopInstanceUid }) => named.has(sopInstanceUid));
  return composeSelection(input, KEY_IMAGES, OF_INTEREST, 'Images named in the report', keyImageItems(input, null), evidence);
}

/** Why objects are rejected (PS3.16 CID 7011). */
export type Rejection = 'quality' | 'safety' | 'worklist' | 'retention';

export function rejectionKind(rejection: Rejection): DocumentKind {
  return { ...KEY_IMAGES, name: `rejection ${rejection}`, seriesNumber: 9005, seriesDescription: 'Rejection note' };
}

export function composeRejectionNote(input: DicomReport, rejection: Rejection): ComposedObject | Failure {
  const notes = Object.keys(REJECTIONS).map((one) => seriesUid(input, rejectionKind(one as Rejection)));
  const rejected = input.replaced.filter((one) => !notes.includes(one.seriesUid));
  if (rejected.length === 0) return failure('return', 'not-found', 'no object of an earlier report is there to be rejected');
  const items = rejected.map((one) => composite('CONTAINS', null, one));
  const why = input.report.status === 'entered-in-error' ? 'Withdrawn by its signer' : 'Replaced by a later report';
  return composeSelection(input, rejectionKind(rejection), REJECTIONS[rejection], why, items, rejected);
}

function composeSelection(
  input: DicomReport,
  kind: DocumentKind,
  title: Coded,
  description: string,
  items: readonly ContentItem[],
  evidence: readonly PlacedReference[],
): ComposedObject | Failure {
  const root = container('CONTAINS', title, [...observerItems(input), text('CONTAINS', DESCRIPTION, description), ...items]);
  const { elements, codes } = requestAndEvidence(input, evidence);
  return composeDocument(input, kind, [...documentContent(root, '2010'), ...elements], [...root.codes, ...codes]);
}

/** PS3.16 CID 7010. */
const OF_INTEREST = dcm('113000', 'Of Interest');
const DESCRIPTION = dcm('113012', 'Key Object Description');

const REJECTIONS: Readonly<Record<Rejection, Coded>> = {
  quality: dcm('113001', 'Rejected for Quality Reasons'),
  safety: dcm('113037', 'Rejected for Patient Safety Reasons'),
  worklist: dcm('113038', 'Incorrect Modality Worklist Entry'),
  retention: dcm('113039', 'Data Retention Policy Expired'),
};

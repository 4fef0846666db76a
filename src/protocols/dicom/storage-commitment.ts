/**
 * Storage Commitment Push Model (PS3.4 Annex J): what a sender asks us to keep (N-ACTION), and what we answer (N-EVENT-REPORT).
 * In: the dataset of the action as it streams by; later, which objects are safe. Out: the request, the dataset of the event.
 * Promises: memory is bounded by the number of objects one request may name.
 */
import type { CommitmentAnswer, CommitmentRequest, FailedReference, SopReference } from '../../model/commitment.ts';
import { type Failure, failure } from '../../model/failure.ts';
import { type DatasetSink, DatasetWalker } from './dataset-walker.ts';
import type { TransferSyntax } from './transfer-syntax.ts';
import { isUid } from './uid.ts';
import { type DatasetElement, writeDataset } from './write.ts';

/** Request Storage Commitment (PS3.4 §J.3.2.1). */
export const REQUEST_COMMITMENT = 1;
/** More than the slices of any study; a request beyond it is refused whole, for it must be answered whole. */
const MAX_REFERENCES = 20_000;
const MAX_UID_BYTES = 66;

export type RequestReader = { push(chunk: Buffer): Failure | null; end(): CommitmentRequest | Failure };

export function requestReader(syntax: TransferSyntax): RequestReader {
  const found = { transactionUid: '', references: [] as { sopClassUid: string; sopInstanceUid: string }[] };
  const walker = new DatasetWalker(syntax, sinkInto(found));
  return {
    push: (chunk) =>
      walker.push(chunk) ?? (found.references.length > MAX_REFERENCES ? failure('dicom', 'too-large', 'too many objects') : null),
    end: () => walker.end() ?? requestOf(found),
  };
}

function sinkInto(found: { transactionUid: string; references: { sopClassUid: string; sopInstanceUid: string }[] }): DatasetSink {
  return {
    wants: ({ tag, topLevel, length }) =>
      length <= MAX_UID_BYTES && (topLevel ? tag === TRANSACTION_UID : tag === SOP_CLASS || tag === SOP_INSTANCE),
    value: ({ tag }, value) => {
      const uid = value.toString('latin1').replace(/[\0 ]+$/, '');
      const item = found.references.at(-1);
      if (tag === TRANSACTION_UID) found.transactionUid = uid;
      else if (item && tag === SOP_CLASS) item.sopClassUid = uid;
      else if (item) item.sopInstanceUid = uid;
    },
    entered: ({ tag, topLevel }) => topLevel && tag === REFERENCED_SOP_SEQUENCE,
    left: () => {},
    itemEntered: () => void found.references.push({ sopClassUid: '', sopInstanceUid: '' }),
    itemLeft: () => {},
  };
}

/** PS3.4 Table J.3-1: both types 1. */
function requestOf(found: CommitmentRequest): CommitmentRequest | Failure {
  if (!isUid(found.transactionUid)) return failure('dicom', 'invalid', 'Transaction UID is missing or no UID');
  if (found.references.length === 0) return failure('dicom', 'invalid', 'no objects are named');
  const whole = found.references.every(({ sopClassUid, sopInstanceUid }) => isUid(sopClassUid) && isUid(sopInstanceUid));
  return whole ? found : failure('dicom', 'invalid', 'an object is named without its UIDs');
}

export type ReportReader = { push(chunk: Buffer): Failure | null; end(): CommitmentAnswer | Failure };

/** Reads the dataset of an N-EVENT-REPORT (PS3.4 Table J.3-2) as it streams by. */
export function reportReader(syntax: TransferSyntax): ReportReader {
  const found = { transactionUid: '', committed: [] as Named[], failed: [] as (Named & { reason: number })[] };
  let items: Named[] = found.committed;
  const walker = new DatasetWalker(syntax, {
    wants: ({ tag, topLevel, length }) =>
      length <= MAX_UID_BYTES && (topLevel ? tag === TRANSACTION_UID : tag === SOP_CLASS || tag === SOP_INSTANCE || tag === FAILURE_REASON),
    value: ({ tag, bigEndian }, value) => {
      const uid = value.toString('latin1').replace(/[\0 ]+$/, '');
      const item = items.at(-1);
      if (tag === TRANSACTION_UID) found.transactionUid = uid;
      else if (item && tag === SOP_CLASS) item.sopClassUid = uid;
      else if (item && tag === SOP_INSTANCE) item.sopInstanceUid = uid;
      else if (item && value.length === 2) Object.assign(item, { reason: bigEndian ? value.readUInt16BE() : value.readUInt16LE() });
    },
    entered: ({ tag, topLevel }) => {
      items = tag === FAILED_SOP_SEQUENCE ? found.failed : found.committed;
      return topLevel && (tag === REFERENCED_SOP_SEQUENCE || tag === FAILED_SOP_SEQUENCE);
    },
    left: () => {},
    itemEntered: () => void items.push({ sopClassUid: '', sopInstanceUid: '', ...(items === found.failed ? { reason: 0 } : {}) }),
    itemLeft: () => {},
  });
  const tooMany = (): boolean => found.committed.length + found.failed.length > MAX_REFERENCES;
  return {
    push: (chunk) => walker.push(chunk) ?? (tooMany() ? failure('dicom', 'too-large', 'too many objects') : null),
    end: () => walker.end() ?? reportOf(found),
  };
}

type Named = { sopClassUid: string; sopInstanceUid: string };

function reportOf(found: CommitmentAnswer): CommitmentAnswer | Failure {
  if (!isUid(found.transactionUid)) return failure('dicom', 'invalid', 'Transaction UID is missing or no UID');
  const whole = [...found.committed, ...found.failed].every(({ sopInstanceUid }) => isUid(sopInstanceUid));
  return whole ? found : failure('dicom', 'invalid', 'an object is named without its UID');
}

/** The dataset of an N-ACTION (PS3.4 Table J.3-1). */
export function writeRequest({ transactionUid, references }: CommitmentRequest, explicit: boolean): Buffer {
  return writeEvent({ transactionUid, committed: references, failed: [] }, explicit);
}

/** Event Type ID (PS3.4 §J.3.3.1): 1 when all are safe, 2 when there are failures. */
export function eventTypeOf({ failed }: CommitmentAnswer): number {
  return failed.length === 0 ? 1 : 2;
}

/** The dataset of the N-EVENT-REPORT (PS3.4 Table J.3-2), in Explicit or Implicit VR Little Endian. */
export function writeEvent({ transactionUid, committed, failed }: CommitmentAnswer, explicit: boolean): Buffer {
  const elements: DatasetElement[] = [[TRANSACTION_UID, 'UI', transactionUid]];
  if (committed.length > 0) elements.push([REFERENCED_SOP_SEQUENCE, 'SQ', committed.map(referenceItem)]);
  if (failed.length > 0) {
    elements.push([FAILED_SOP_SEQUENCE, 'SQ', failed.map(failedItem)]);
  }
  return writeDataset(elements, explicit);
}

function referenceItem({ sopClassUid, sopInstanceUid }: SopReference): DatasetElement[] {
  return [
    [SOP_CLASS, 'UI', sopClassUid],
    [SOP_INSTANCE, 'UI', sopInstanceUid],
  ];
}

function failedItem(one: FailedReference): DatasetElement[] {
  return [...referenceItem(one), [FAILURE_REASON, 'US', one.reason]];
}

const SOP_CLASS = 0x00081150;
const SOP_INSTANCE = 0x00081155;
const TRANSACTION_UID = 0x00081195;
const FAILURE_REASON = 0x00081197;
const FAILED_SOP_SEQUENCE = 0x00081198;
const REFERENCED_SOP_SEQUENCE = 0x00081199;

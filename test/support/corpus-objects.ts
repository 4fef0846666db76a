/** Files of the DICOM corpora as the objects that a sender would make of them. */
import dicomParser from 'dicom-parser';
import { isFailure } from '../../src/model/failure.ts';
import { readPart10 } from '../../src/protocols/dicom/part10.ts';
import { IDENTITY } from './dicom-objects.ts';

export type CorpusObject = {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntax: string;
  readonly dataset: Buffer;
};

/** What a sender would say of the file: by its dataset as another parser reads it, else by its File Meta Information. */
export function objectIn(file: Buffer, transferSyntax: string): CorpusObject {
  const meta = readPart10(file);
  const found = isFailure(meta) ? { ...IDENTITY, transferSyntax: '', datasetOffset: 0 } : meta;
  const uids = uidsOf(file, transferSyntax);
  return {
    sopClassUid: uids.sopClassUid || found.sopClassUid || IDENTITY.sopClassUid,
    sopInstanceUid: uids.sopInstanceUid || found.sopInstanceUid || IDENTITY.sopInstanceUid,
    transferSyntax: transferSyntax || found.transferSyntax,
    dataset: file.subarray(found.datasetOffset),
  };
}

function uidsOf(file: Buffer, transferSyntax: string): { sopClassUid: string; sopInstanceUid: string } {
  const dataset = parsed(file, { untilTag: 'x0020000e', ...(transferSyntax ? { TransferSyntaxUID: transferSyntax } : {}) });
  return { sopClassUid: dataset?.string('x00080016') ?? '', sopInstanceUid: dataset?.string('x00080018') ?? '' };
}

/** As dicom-parser reads it, or null. */
export function parsed(file: Buffer, options: dicomParser.ParseDicomOptions): dicomParser.DataSet | null {
  try {
    return dicomParser.parseDicom(file, options);
  } catch {
    return null;
  }
}

/** Whether a dataset is there with all its bytes, and one of padding where they are odd (PS3.8 §E.1). */
export function isSent(received: Buffer, sent: Buffer): boolean {
  return received.subarray(0, sent.length).equals(sent) && received.length - sent.length === sent.length % 2;
}

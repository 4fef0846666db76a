/** Objects in a blob store of their own, and deliveries that name them, as the corridor orders them. */
import { rmSync } from 'node:fs';
import type { NewDelivery } from '../../src/model/delivery.ts';
import { isFailure } from '../../src/model/failure.ts';
import { part10Prefix, readPart10 } from '../../src/protocols/dicom/part10.ts';
import type { SampleObject } from '../../src/protocols/dicom/sample-series.ts';
import { objectDelivery } from '../../src/return/dicom/object-delivery.ts';
import { type BlobStore, openBlobs } from '../../src/store/blob-store.ts';
import { temporaryDirectory } from './temporary-directory.ts';

export type StoredObjects = {
  readonly blobs: BlobStore;
  /** Stores an object as the DIMSE door does. */
  deliver(object: SampleObject, attempts?: number): Promise<NewDelivery & { lane: string; attempts: number }>;
  remove(): void;
};

export async function openStoredObjects(): Promise<StoredObjects> {
  const directory = temporaryDirectory('waystation-outgoing-');
  const blobs = await openBlobs(directory);
  let count = 0;
  return {
    blobs,
    deliver: async ({ sopClassUid, sopInstanceUid, transferSyntax, dataset }, attempts = 1) => {
      const prefix = part10Prefix({ sopClassUid, sopInstanceUid, transferSyntax });
      const { digest: blob, bytes } = await blobs.put(Buffer.concat([prefix, dataset]));
      const object = { studyUid: '2.25.4711', sopClassUid, sopInstanceUid, transferSyntax, blob, bytes, datasetOffset: prefix.length };
      const destination = { name: 'pacs', associations: 1 };
      return { ...objectDelivery({ id: `delivery-${count++}`, destination, caseId: '', seq: 1, object }), attempts };
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** What stands behind the File Meta Information of a file. */
export function datasetIn(file: Buffer): Buffer {
  const read = readPart10(file);
  if (isFailure(read)) throw new Error(read.detail);
  return file.subarray(read.datasetOffset);
}

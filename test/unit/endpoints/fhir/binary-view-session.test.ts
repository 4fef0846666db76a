import { expect, it } from '@jest/globals';
import { binaryViews } from '../../../../src/endpoints/fhir/binary-view-session.ts';
import type { StoredBinary } from '../../../../src/model/binary.ts';
import { isFailure } from '../../../../src/model/failure.ts';
import { openBlobs } from '../../../../src/store/blob-store.ts';
import type { StoredResource } from '../../../../src/store/resource-store.ts';
import { locatedJpeg } from '../../../support/located-photo.ts';
import { temporaryDirectory } from '../../../support/temporary-directory.ts';

const READER = { client: 'room', group: 'readers', role: 'reader' } as const;
const MIB = 1024 * 1024;

it('gives a reader a file of any size beside pictures that are held, and no more pictures than there is room for', async () => {
  const blobs = await openBlobs(temporaryDirectory('waystation-views-'));
  const view = binaryViews(blobs);
  const stored = async (bytes: Buffer, contentType: string, size = bytes.length): Promise<StoredResource> => {
    const { digest } = await blobs.put(bytes);
    const resource = { resourceType: 'Binary', id: '1', contentType, digest, size } as StoredBinary;
    return { version: 1, author: 'hospital', resource } as unknown as StoredResource;
  };
  const photo = await stored(await locatedJpeg(), 'image/jpeg');
  const held = await view(photo, READER);
  if (isFailure(held)) throw new Error(held.detail);
  const large = await stored(Buffer.from('a file of another kind'), 'application/zip', 1_024 * MIB);
  for (let time = 0; time < 5; time++) expect(isFailure(await view(large, READER))).toBe(false);

  const padded = await stored(Buffer.concat([await locatedJpeg(), Buffer.alloc(60 * MIB)]), 'image/jpeg');
  const views = await Promise.all([1, 2, 3, 4, 5].map(() => view(padded, READER)));
  expect(views.map(isFailure)).toEqual([false, false, false, false, true]);
  for (const one of views) if (!isFailure(one)) one.release();
  expect(isFailure(await view(padded, READER))).toBe(false);
});

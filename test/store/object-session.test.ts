/** One object on its way in where it cannot land and the disk does not take it either: real files, but for a disk that is full. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { ObjectSession } from '../../src/endpoints/dicom/object-session.ts';
import { systemClock } from '../../src/model/clock.ts';
import type { Peer } from '../../src/model/peer.ts';
import { openBlobs } from '../../src/store/blob-store.ts';
import { spareBlocks } from '../../src/store/spare-blocks.ts';
import { ctSlice } from '../support/dicom-objects.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

it('leaves no file of what found no room on the disk', async () => {
  const directory = temporaryDirectory('waystation-object-');
  const blobs = await openBlobs(directory);
  const full = async () => ({
    ...(await blobs.writer()),
    write: () => Promise.reject(Object.assign(new Error('no space'), { code: 'ENOSPC' })),
  });
  const landing = {
    ...{ maxBytes: 2 ** 21, blocks: spareBlocks(2 ** 18, 1) },
    ...{ land: async () => false, settled: async () => {}, close: async () => {} },
  };
  const { sopClassUid, sopInstanceUid, dataset } = ctSlice();
  const announced = { sopClassUid, sopInstanceUid, transferSyntax: '1.2.840.10008.1.2.1', studyUid: null };
  const session = new ObjectSession('dimse', announced, { name: 'ct' } as Peer, {
    journal: { append: () => Promise.reject(new Error('nothing is journaled')) },
    blobs: { writer: full, freeBytes: blobs.freeBytes },
    ...{ landing, reserveBytes: 0, log: silentLog, clock: systemClock },
  });
  await session.write(dataset);
  expect(await session.end()).toMatchObject({ code: 'out-of-resources', class: 'transient' });
  expect(await readdir(join(directory, 'blobs', 'tmp'))).toEqual([]);
});

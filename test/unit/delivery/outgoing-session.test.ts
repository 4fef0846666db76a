import { expect, it } from '@jest/globals';
import { openStored } from '../../../src/delivery/outgoing-session.ts';
import { isFailure } from '../../../src/model/failure.ts';

const CONTENT = {
  ...{ studyUid: '2.25.1', sopClassUid: '1.2.840.10008.5.1.4.1.1.2', sopInstanceUid: '2.25.2', transferSyntax: '1.2.840.10008.1.2.5' },
  ...{ blob: 'gone', bytes: 100, datasetOffset: 10 },
};

it('tells that a file has gone between two looks at it, rather than throwing what would leave its lane unsettled', async () => {
  const blobs = {
    read: () => {
      throw new Error('not read');
    },
    stat: async () => ({ bytes: CONTENT.bytes }),
    path: () => '/nowhere/gone',
  };
  const open = openStored(blobs, async () => Buffer.alloc(0));
  const outgoing = await open({ content: Buffer.from(JSON.stringify(CONTENT)), caseId: '' });
  if (isFailure(outgoing)) throw new Error(outgoing.detail);
  expect(await outgoing.decompress()).toMatchObject({ failure: true, class: 'transient', detail: expect.stringContaining('ENOENT') });
});

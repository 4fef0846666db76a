/** `strace` on a gateway and its database: what lies between a message and its answer. Skipped where processes cannot be traced. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { type Chains, traceDoors } from '../support/fsync-order.ts';
import { whyNoTrace } from '../support/syscall-trace.ts';

const hindrance = whyNoTrace();
const traced = hindrance === '' ? describe : describe.skip;

traced(`the order of system calls${hindrance === '' ? '' : ` (${hindrance})`}`, () => {
  let chains: Chains;
  beforeAll(async () => {
    chains = await traceDoors();
  });

  it('has an HL7 v2 message in the synced write-ahead log before its AA is written', () => {
    expect(chains.mllp.map(({ says, call }) => `${says}: ${call.name}`)).toEqual([
      expect.stringContaining('the message is read'),
      'it is in the write-ahead log: pwrite64',
      'the log is on disk: fdatasync',
      'the database says so: sendto',
      expect.stringContaining('the acknowledgment is written'),
    ]);
  });

  it('has a DICOM object in the synced landing log before C-STORE-RSP', () => {
    expect(chains.dimse.map(({ says, call }) => `${says}: ${call.name}`)).toEqual([
      expect.stringContaining('the object is read'),
      expect.stringContaining('it is in the landing log'),
      'the landing log is on disk: fdatasync',
      expect.stringContaining('the C-STORE-RSP is written'),
    ]);
  });

  it('keeps it there until its index row is in the synced write-ahead log, and its file and the name of that are synced', () => {
    expect(chains.landed.map(({ says, call }) => `${says}: ${call.name}`)).toEqual([
      expect.stringContaining('it is in the landing log'),
      'the file gets its name: rename',
      'it is in the write-ahead log: pwrite64',
      'the log is on disk: fdatasync',
      'the database says so: sendto',
      'the file is on disk: fdatasync',
      'the name is on disk: fsync',
      expect.stringContaining('its segment is free'),
    ]);
  });

  it('has a large DICOM object synced, named, its directory synced and its index row in the synced log before C-STORE-RSP', () => {
    expect(chains.large.map(({ says, call }) => `${says}: ${call.name}`)).toEqual([
      expect.stringContaining('the object is read'),
      expect.stringContaining('its last bytes are written'),
      'the file is on disk: fdatasync',
      'the file gets its name: rename',
      'the name is on disk: fsync',
      'it is in the write-ahead log: pwrite64',
      'the log is on disk: fdatasync',
      'the database says so: sendto',
      expect.stringContaining('the C-STORE-RSP is written'),
    ]);
  });
});

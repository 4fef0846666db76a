import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { headerReader } from '../../../../src/protocols/dicom/header-reader.ts';
import { sampleSeries } from '../../../../src/protocols/dicom/sample-series.ts';
import { type TransferSyntax, transferSyntax } from '../../../../src/protocols/dicom/transfer-syntax.ts';

const DEFLATED = '1.2.840.10008.1.2.1.99';
const EXPLICIT = '1.2.840.10008.1.2.1';

const dataset = sliceOf(64);

describe('the header reader', () => {
  it('reads a deflated dataset like the same one that is not', async () => {
    const plain = await read(EXPLICIT, dataset);
    expect(plain).toMatchObject({ header: { studyUid: '1.2.3', sopInstanceUid: '1.2.3.4.1' } });
    expect(await read(DEFLATED, deflateRawSync(dataset))).toEqual(plain);
  });

  it('takes the byte that pads a deflated dataset to an even length (PS3.5 §A.5)', async () => {
    expect(await read(DEFLATED, Buffer.concat([deflateRawSync(dataset), Buffer.alloc(1)]))).toMatchObject({
      header: { studyUid: '1.2.3' },
    });
  });

  it.each([
    ['is not deflated', dataset],
    ['ends early', deflateRawSync(dataset).subarray(0, -20)],
    ['inflates to a truncated dataset', deflateRawSync(dataset.subarray(0, -2))],
    ['is empty', Buffer.alloc(0)],
  ])('refuses a deflated dataset that %s', async (_, bytes) => {
    expect(await read(DEFLATED, bytes)).toMatchObject({ failure: true, code: 'malformed' });
  });

  it('stops inflating at its limit', async () => {
    expect(await read(DEFLATED, deflateRawSync(sliceOf(1024)), 1_000_000)).toMatchObject({ failure: true, code: 'too-large' });
  });

  it('can be abandoned in the middle', async () => {
    const reader = headerReader(transferSyntax(DEFLATED) as TransferSyntax);
    await reader.push(deflateRawSync(dataset).subarray(0, 100));
    reader.abandon();
    expect(await reader.push(Buffer.alloc(10))).toBeNull();
  });
});

async function read(syntax: string, bytes: Buffer, limit?: number) {
  const reader = headerReader(transferSyntax(syntax) as TransferSyntax, limit);
  for (let at = 0; at < bytes.length; at += 61) {
    const fault = await reader.push(bytes.subarray(at, at + 61));
    if (fault) return fault;
  }
  return reader.end();
}

function sliceOf(size: number): Buffer {
  const patient = { patientId: 'P', patientName: 'A^B', birthDate: '', sex: '', accession: '' };
  const study = { studyUid: '1.2.3', seriesUid: '1.2.3.4', studyDate: '20260101', studyTime: '1200', description: 'd', bodyPart: 'CHEST' };
  const [slice] = sampleSeries({ ...patient, ...study, slices: 1, size });
  return slice?.dataset as Buffer;
}

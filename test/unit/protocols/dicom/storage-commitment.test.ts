import { describe, expect, it } from '@jest/globals';
import type { CommitmentAnswer } from '../../../../src/model/commitment.ts';
import { isFailure } from '../../../../src/model/failure.ts';
import { eventTypeOf, reportReader, requestReader, writeEvent } from '../../../../src/protocols/dicom/storage-commitment.ts';
import {
  EXPLICIT_LITTLE_ENDIAN,
  IMPLICIT_LITTLE_ENDIAN,
  type TransferSyntax,
  transferSyntax,
} from '../../../../src/protocols/dicom/transfer-syntax.ts';
import fc from '../../../support/properties.ts';

const CT = '1.2.840.10008.5.1.4.1.1.2';
const ANSWER: CommitmentAnswer = {
  transactionUid: '1.2.3',
  committed: [{ sopClassUid: CT, sopInstanceUid: '1.2.3.4' }],
  failed: [{ sopClassUid: CT, sopInstanceUid: '1.2.3.5', reason: 0x0112 }],
};

function readRequest(bytes: Buffer, syntax = EXPLICIT_LITTLE_ENDIAN, size = bytes.length) {
  const reader = requestReader(transferSyntax(syntax) as TransferSyntax);
  for (let at = 0; at < bytes.length; at += size) {
    const fault = reader.push(bytes.subarray(at, at + size));
    if (fault) return fault;
  }
  return reader.end();
}

describe('storage commitment', () => {
  it('writes the event as PS3.4 Table J.3-2 lays it out, in Implicit VR Little Endian', () => {
    expect(writeEvent({ ...ANSWER, committed: [] }, false).toString('hex')).toBe(
      [
        ...['0800951106000000', Buffer.from('1.2.3\0').toString('hex')], // Transaction UID
        ...['0800981144000000', 'feff00e03c000000'], // Failed SOP Sequence of 68 bytes, one item of 60
        ...['080050111a000000', Buffer.from(`${CT}\0`).toString('hex')],
        ...['0800551108000000', Buffer.from('1.2.3.5\0').toString('hex')],
        '08009711020000001201', // Failure Reason 0112
      ].join(''),
    );
  });

  it('is complete success only where nothing failed', () => {
    expect([eventTypeOf(ANSWER), eventTypeOf({ ...ANSWER, failed: [] })]).toEqual([2, 1]);
  });

  it.each([EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN])('reads a request however it is cut, in %s', (syntax) => {
    const uid = fc.integer({ min: 1, max: 1_000_000 }).map((n) => `1.2.${n}`);
    const references = fc.array(fc.record({ sopClassUid: uid, sopInstanceUid: uid }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(uid, references, fc.integer({ min: 1, max: 100 }), (transactionUid, committed, size) => {
        const bytes = writeEvent({ transactionUid, committed, failed: [] }, syntax === EXPLICIT_LITTLE_ENDIAN);
        expect(readRequest(bytes, syntax, size)).toEqual({ transactionUid, references: committed });
      }),
    );
  });

  it.each([
    ['without a Transaction UID', { ...ANSWER, transactionUid: '' }, 'invalid'],
    ['that names no objects', { ...ANSWER, committed: [] }, 'invalid'],
    ['that names an object without its UID', { ...ANSWER, committed: [{ sopClassUid: CT, sopInstanceUid: '' }] }, 'invalid'],
    ['of more objects than we answer for', { ...ANSWER, committed: Array(20_001).fill(ANSWER.committed[0]) }, 'too-large'],
  ])('refuses a request %s', (_, request, code) => {
    expect(readRequest(writeEvent({ ...request, failed: [] }, true))).toMatchObject({ failure: true, code });
  });

  it('answers any bytes with a request or a failure', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const found = readRequest(Buffer.from(bytes));
        expect(isFailure(found) || found.references.length > 0).toBe(true);
      }),
    );
  });
});

describe('the report of an archive', () => {
  const uid = fc.integer({ min: 1, max: 1e9 }).map((number) => `1.2.${number}`);
  const reference = fc.record({ sopClassUid: fc.constant(CT), sopInstanceUid: uid });
  const answer = fc.record({
    transactionUid: uid,
    committed: fc.array(reference, { maxLength: 5 }),
    failed: fc.array(fc.record({ sopClassUid: fc.constant(CT), sopInstanceUid: uid, reason: fc.nat(0xffff) }), { maxLength: 5 }),
  });
  const readReport = (bytes: Buffer, explicit: boolean, size = bytes.length) => {
    const reader = reportReader(transferSyntax(explicit ? EXPLICIT_LITTLE_ENDIAN : IMPLICIT_LITTLE_ENDIAN) as TransferSyntax);
    for (let at = 0; at < bytes.length; at += size) {
      const fault = reader.push(bytes.subarray(at, at + size));
      if (fault) return fault;
    }
    return reader.end();
  };

  it('is read as it was written, in any fragments and both encodings', () => {
    fc.assert(
      fc.property(answer, fc.boolean(), fc.integer({ min: 1, max: 64 }), (one, explicit, size) => {
        expect(readReport(writeEvent(one, explicit), explicit, size)).toEqual(one);
      }),
    );
  });

  it('of any bytes is an answer or a Failure, never an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, explicit) => {
        const read = readReport(Buffer.from(bytes), explicit);
        expect(isFailure(read) || 'transactionUid' in read).toBe(true);
      }),
    );
  });

  it('without a Transaction UID is none', () => {
    expect(isFailure(readReport(writeEvent({ ...ANSWER, transactionUid: '' }, true), true))).toBe(true);
  });
});

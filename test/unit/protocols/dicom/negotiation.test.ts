import { describe, expect, it } from '@jest/globals';
import { failure, isFailure } from '../../../../src/model/failure.ts';
import { negotiate, type Offer } from '../../../../src/protocols/dicom/negotiation.ts';
import { APPLICATION_CONTEXT, type AssociateRq } from '../../../../src/protocols/dicom/pdu.ts';
import { isStorageClass } from '../../../../src/protocols/dicom/sop-class.ts';
import { abortReasonOf, rejectionOf, statusName, statusOf } from '../../../../src/protocols/dicom/status.ts';
import { transferSyntax } from '../../../../src/protocols/dicom/transfer-syntax.ts';
import { isUid } from '../../../../src/protocols/dicom/uid.ts';

const CT = '1.2.840.10008.5.1.4.1.1.2';
const EXPLICIT = '1.2.840.10008.1.2.1';
const IMPLICIT = '1.2.840.10008.1.2';
const COMMITMENT = '1.2.840.10008.1.20.1';
const offer: Offer = (uid) => (uid === COMMITMENT ? 'written' : isStorageClass(uid) || uid === '1.2.840.10008.1.1' ? 'stored' : null);

describe('negotiation', () => {
  it.each([
    ['CT with what it prefers', CT, ['1.2.840.10008.1.2.4.90', EXPLICIT], 0, '1.2.840.10008.1.2.4.90'],
    ['CT in big endian, when that comes first', CT, ['1.2.840.10008.1.2.2', EXPLICIT], 0, '1.2.840.10008.1.2.2'],
    ['the first syntax it knows', CT, ['1.3.6.1.4.1.5962.300.1', IMPLICIT], 0, IMPLICIT],
    ['a syntax newer than this code', CT, ['1.2.840.10008.1.2.4.299'], 0, '1.2.840.10008.1.2.4.299'],
    ['a private SOP class', '1.3.12.2.1107.5.9.1', [EXPLICIT], 0, EXPLICIT],
    ['Verification', '1.2.840.10008.1.1', [IMPLICIT], 0, IMPLICIT],
    ['what we answer with datasets of our own, as we write best', COMMITMENT, ['1.2.840.10008.1.2.2', IMPLICIT, EXPLICIT], 0, EXPLICIT],
    ['no such service in big endian', COMMITMENT, ['1.2.840.10008.1.2.2'], 4, IMPLICIT],
    ['no query', '1.2.840.10008.5.1.4.1.2.2.1', [IMPLICIT], 3, IMPLICIT],
    ['no media directory', '1.2.840.10008.1.3.10', [IMPLICIT], 3, IMPLICIT],
    ['no private syntax alone', CT, ['1.2.840.113619.5.2'], 4, IMPLICIT],
    ['no pixels that stay on another server', CT, ['1.2.840.10008.1.2.4.94', '1.2.840.10008.1.2.4.205'], 4, IMPLICIT],
    ['no context without a syntax', CT, [], 4, IMPLICIT],
  ])('accepts %s', (_, abstractSyntax, transferSyntaxes, result, chosen) => {
    const negotiated = negotiate(request({ contexts: [{ id: 5, abstractSyntax, transferSyntaxes }] }), 1000, offer);
    if (isFailure(negotiated)) throw new Error(negotiated.detail);
    expect(negotiated.answer.results).toEqual([{ id: 5, result, transferSyntax: chosen }]);
    expect(negotiated.contexts.get(5)).toEqual(result === 0 ? { id: 5, abstractSyntax, transferSyntax: chosen } : undefined);
  });

  it('says how long a PDU it takes, and sends back the AE titles', () => {
    expect(negotiate(request({}), 123_456, offer)).toMatchObject({
      answer: { called: 'US', calling: 'THEM', user: { maxPduLength: 123_456 } },
    });
  });

  it('refuses another protocol version and another application context', () => {
    expect(rejection(negotiate(request({ protocolVersion: 2 }), 1000, offer))).toEqual([1, 2, 2]);
    expect(rejection(negotiate(request({ applicationContext: '1.2' }), 1000, offer))).toEqual([1, 1, 2]);
  });
});

describe('rejections (PS3.8 Table 9-21)', () => {
  it.each([
    ['forbidden', [1, 1, 3]],
    ['not-found', [1, 1, 7]],
    ['out-of-resources', [2, 3, 2]],
    ['internal', [1, 1, 1]],
  ] as const)('%s is %j', (code, numbers) => {
    expect(rejection(failure('test', code, ''))).toEqual(numbers);
  });
});

describe('statuses (PS3.4 Table B.2-1, PS3.7 Annex C)', () => {
  it.each([
    ['malformed', 'C000'],
    ['invalid', 'A900'],
    ['out-of-resources', 'A700'],
    ['unreachable', 'A700'],
    ['unsupported-type', '0122'],
    ['not-found', '0117'],
    ['forbidden', '0124'],
    ['unsupported-event', '0211'],
    ['internal', '0110'],
  ] as const)('%s is %s', (code, status) => {
    expect(statusName(statusOf(failure('test', code, '')))).toBe(status);
  });
});

describe('abort reasons (PS3.8 Table 9-26)', () => {
  it.each([
    ['unsupported-type', 1],
    ['conflict', 2],
    ['malformed', 6],
    ['too-large', 6],
    ['internal', 0],
  ] as const)('%s is %i', (code, reason) => {
    expect(abortReasonOf(failure('test', code, ''))).toBe(reason);
  });
});

describe('storage SOP classes', () => {
  it.each([
    ['Enhanced CT', '1.2.840.10008.5.1.4.1.1.2.1', true],
    ['VL Photographic', '1.2.840.10008.5.1.4.1.1.77.1.4', true],
    ['CT Performed Procedure Protocol', '1.2.840.10008.5.1.4.1.1.200.2', true],
    ['RT Beams Delivery Instruction', '1.2.840.10008.5.1.4.34.7', true],
    ['a storage class of the next edition', '1.2.840.10008.5.1.4.1.1.999', true],
    ['Siemens CSA Non-Image', '1.3.12.2.1107.5.9.1', true],
    ['CT Defined Procedure Protocol, of no patient', '1.2.840.10008.5.1.4.1.1.200.1', false],
    ['Inventory - FIND', '1.2.840.10008.5.1.4.1.1.201.2', false],
    ['Storage Commitment Push Model', '1.2.840.10008.1.20.1', false],
    ['Modality Worklist', '1.2.840.10008.5.1.4.31', false],
    ['no UID at all', 'CT', false],
    ['no UID behind the storage root', '1.2.840.10008.5.1.4.1.1.2\0', false],
  ])('%s: %s is %s', (_, uid, storage) => {
    expect(isStorageClass(uid)).toBe(storage);
  });
});

describe('UIDs (PS3.5 §9.1)', () => {
  it.each([
    ['1.2.840', true],
    ['2.25.329800735698586629295641978511506172918', true],
    [`1.${'2'.repeat(62)}`, true],
    [`1.${'2'.repeat(63)}`, false],
    ['dccc9599087131742838cc1162a630fea87ba9bf61ac09bfda90d4adfa5ddaed', false],
    ['1..2', false],
    ['1.2.', false],
    ['1', false],
    ['', false],
    ['1.2/../3', false],
  ])('%s: %s', (text, valid) => {
    expect(isUid(text)).toBe(valid);
  });
});

describe('transfer syntaxes', () => {
  it.each([
    ['1.2.840.10008.1.2', { explicit: false, bigEndian: false, deflated: false, pixels: 'native' }],
    ['1.2.840.10008.1.2.2', { explicit: true, bigEndian: true, deflated: false, pixels: 'native' }],
    ['1.2.840.10008.1.2.1.99', { explicit: true, bigEndian: false, deflated: true, pixels: 'native' }],
    ['1.2.840.10008.1.2.4.50', { explicit: true, bigEndian: false, pixels: 'encapsulated', frameType: 'image/jpeg' }],
    ['1.2.840.10008.1.2.4.107', { pixels: 'encapsulated', frameType: '' }],
    ['1.2.840.10008.1.2.4.95', { pixels: 'elsewhere', deflated: true }],
  ])('%s is read as %j', (uid, expected) => {
    expect(transferSyntax(uid)).toMatchObject(expected);
  });

  it.each(['1.2.840.10008.1.2.6.2', '1.2.840.10008.1.2.7.1', '1.2.840.113619.5.2', '1.2.840.10008.1.2.4.50\r\n', ''])(
    '%s cannot be read',
    (uid) => {
      expect(transferSyntax(uid)).toBeNull();
    },
  );
});

function request(changes: Partial<AssociateRq>): AssociateRq {
  const user = { maxPduLength: 0, implementationClassUid: '', implementationVersionName: '' };
  const fixed = { protocolVersion: 1, called: 'US', calling: 'THEM', applicationContext: APPLICATION_CONTEXT, user };
  return { type: 'A-ASSOCIATE-RQ', ...fixed, contexts: [], ...changes };
}

function rejection(problem: unknown): number[] {
  if (!isFailure(problem)) throw new Error('not refused');
  const { result, source, reason } = rejectionOf(problem);
  return [result, source, reason];
}

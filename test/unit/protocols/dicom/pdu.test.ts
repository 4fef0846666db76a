import { describe, expect, it } from '@jest/globals';
import { isFailure } from '../../../../src/model/failure.ts';
import { APPLICATION_CONTEXT, type AssociateRq, decodePdu, encodePdu, type Pdu } from '../../../../src/protocols/dicom/pdu.ts';
import fc from '../../../support/properties.ts';
import { readPdu } from '../../../support/read-pdu.ts';

const RQ: Pdu = {
  type: 'A-ASSOCIATE-RQ',
  protocolVersion: 1,
  called: 'WAYSTATION',
  calling: 'CT1',
  applicationContext: APPLICATION_CONTEXT,
  contexts: [{ id: 1, abstractSyntax: '1.2.840.10008.1.1', transferSyntaxes: ['1.2.840.10008.1.2'] }],
  user: { maxPduLength: 0x4000, implementationClassUid: '1.2.3', implementationVersionName: 'X_1' },
};

/** PS3.8 Table 9-11, written by hand. */
const RQ_BYTES = Buffer.concat([
  Buffer.from('0100000000ab', 'hex'), // PDU type, reserved, length 171
  Buffer.from('00010000', 'hex'), // protocol version, reserved
  Buffer.from('WAYSTATION      CT1             '),
  Buffer.alloc(32),
  Buffer.from('10000015', 'hex'),
  Buffer.from('1.2.840.10008.3.1.1.1'),
  Buffer.from('2000002e01000000', 'hex'), // presentation context 1
  Buffer.from('30000011', 'hex'),
  Buffer.from('1.2.840.10008.1.1'),
  Buffer.from('40000011', 'hex'),
  Buffer.from('1.2.840.10008.1.2'),
  Buffer.from('50000018', 'hex'), // user information
  Buffer.from('5100000400004000', 'hex'),
  Buffer.from('52000005', 'hex'),
  Buffer.from('1.2.3'),
  Buffer.from('55000003', 'hex'),
  Buffer.from('X_1'),
]);

const AC: Pdu = {
  type: 'A-ASSOCIATE-AC',
  protocolVersion: 1,
  called: 'WAYSTATION',
  calling: 'CT1',
  applicationContext: APPLICATION_CONTEXT,
  results: [
    { id: 1, result: 0, transferSyntax: '1.2.840.10008.1.2.1' },
    { id: 3, result: 4, transferSyntax: '1.2.840.10008.1.2' },
  ],
  user: { maxPduLength: 0, implementationClassUid: '2.25.1', implementationVersionName: '' },
};

describe('PDUs', () => {
  it('writes an A-ASSOCIATE-RQ as PS3.8 Table 9-11 lays it out', () => {
    expect(encodePdu(RQ).toString('hex')).toBe(RQ_BYTES.toString('hex'));
  });

  it('reads what PS3.8 Table 9-11 lays out', () => {
    expect(decode(RQ_BYTES)).toEqual(RQ);
  });

  it.each<[string, Pdu, string]>([
    ['A-ASSOCIATE-RJ', { type: 'A-ASSOCIATE-RJ', result: 2, source: 3, reason: 2 }, '03000000000400020302'],
    ['A-RELEASE-RQ', { type: 'A-RELEASE-RQ' }, '05000000000400000000'],
    ['A-RELEASE-RP', { type: 'A-RELEASE-RP' }, '06000000000400000000'],
    ['A-ABORT', { type: 'A-ABORT', source: 2, reason: 6 }, '07000000000400000206'],
    [
      'P-DATA-TF',
      {
        type: 'P-DATA-TF',
        values: [
          { context: 1, command: true, last: true, fragment: Buffer.from('ab') },
          { context: 3, command: false, last: false, fragment: Buffer.alloc(0) },
        ],
      },
      `04000000000e${'0000000401036162'}${'000000020300'}`,
    ],
  ])('writes and reads %s byte for byte', (_, pdu, hex) => {
    expect(encodePdu(pdu).toString('hex')).toBe(hex);
    expect(decode(Buffer.from(hex, 'hex'))).toEqual(pdu);
  });

  it('reads back an A-ASSOCIATE-AC with accepted and refused contexts', () => {
    expect(decode(encodePdu(AC))).toEqual(AC);
  });

  it('skips items of types it does not know', () => {
    expect(decode(Buffer.concat([RQ_BYTES, Buffer.from('99000002ffff', 'hex')]))).toEqual(RQ);
  });

  it('skips the proposals that an answer without them declines: asynchronous window', () => {
    const user = RQ_BYTES.indexOf(Buffer.from('50000018', 'hex'));
    const proposals = Buffer.from('5300000400080008', 'hex');
    const bytes = Buffer.concat([RQ_BYTES, proposals]);
    bytes.writeUInt16BE(0x18 + proposals.length, user + 2);
    expect(decode(bytes)).toEqual(RQ);
  });

  it('reads the roles that are proposed, and skips one that cannot be read', () => {
    const roles = [{ sopClassUid: '1.2', scu: true, scp: false }];
    const proposed = { ...RQ, user: { ...(RQ as AssociateRq).user, roles: [...roles, { sopClassUid: '1.2.3', scu: false, scp: true }] } };
    const bytes = encodePdu(proposed as Pdu);
    expect(decode(bytes)).toEqual(proposed);
    bytes.writeUInt16BE(9, bytes.lastIndexOf(Buffer.from('0005312e322e33', 'hex')));
    expect(decode(bytes)).toMatchObject({ user: { roles } });
  });

  it('reads what is negotiated of a SOP class beyond the default, and skips one that cannot be read', () => {
    const first = { sopClassUid: '1.2', information: Buffer.from([1, 0]) };
    const proposed = {
      ...RQ,
      user: { ...(RQ as AssociateRq).user, extended: [first, { sopClassUid: '1.2.3', information: Buffer.from([1]) }] },
    };
    const bytes = encodePdu(proposed as Pdu);
    expect(decode(bytes)).toEqual(proposed);
    bytes.writeUInt16BE(99, bytes.lastIndexOf(Buffer.from('0005312e322e33', 'hex')));
    expect(decode(bytes)).toMatchObject({ user: { extended: [first] } });
  });

  it('takes AE titles without their padding, and UIDs without the NUL some end them with', () => {
    const bytes = Buffer.concat([encodePdu({ ...RQ, called: ' A ', calling: 'B' } as Pdu)]);
    bytes[bytes.indexOf('1.2.840.10008.1.2') + 16] = 0;
    expect(decode(bytes)).toMatchObject({ called: 'A', calling: 'B', contexts: [{ transferSyntaxes: ['1.2.840.10008.1.'] }] });
  });

  it.each([
    ['an A-ABORT of five bytes', 7, '0000000000'],
    ['an A-ASSOCIATE-RQ that ends within the AE titles', 1, '0001'],
    ['an item that runs past its PDU', 1, `00010000${'20'.repeat(32)}${'00'.repeat(32)}10000015`],
    ['a presentation context without its id', 1, `00010000${'20'.repeat(32)}${'00'.repeat(32)}20000000`],
    ['PDU type 9', 9, '00000000'],
  ])('calls %s a failure', (_, type, hex) => {
    expect(isFailure(decodePdu(type, Buffer.from(hex, 'hex')))).toBe(true);
  });

  it('reads back whatever it wrote', () => {
    fc.assert(
      fc.property(anyPdu, (pdu) => {
        expect(decode(encodePdu(pdu))).toEqual(pdu);
      }),
    );
  });

  it('answers any bytes with a PDU or a failure, never with an exception', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 8 }), fc.uint8Array({ maxLength: 400 }), (type, bytes) => {
        const body = Buffer.from(bytes);
        const header = Buffer.from([type, 0, 0, 0, body.length >> 8, body.length & 0xff]);
        const pdu = readPdu(Buffer.concat([header, body]));
        expect(isFailure(pdu) || typeof pdu.type === 'string').toBe(true);
      }),
    );
  });

  it('survives one flipped byte anywhere in an A-ASSOCIATE-RQ', () => {
    fc.assert(
      fc.property(fc.integer({ min: 6, max: RQ_BYTES.length - 1 }), fc.integer({ min: 0, max: 255 }), (at, byte) => {
        const bytes = Buffer.from(RQ_BYTES);
        bytes[at] = byte;
        expect(() => decode(bytes)).not.toThrow();
      }),
    );
  });
});

function decode(bytes: Buffer) {
  const framed = Buffer.from(bytes);
  framed.writeUInt32BE(bytes.length - 6, 2);
  return readPdu(framed);
}

const uid = fc.stringMatching(/^[1-9][0-9.]{0,40}[0-9]$/);
const aeTitle = fc.stringMatching(/^[A-Z][A-Z0-9_]{0,15}$/);
const byte = fc.integer({ min: 0, max: 255 });
const user = fc.record({
  maxPduLength: fc.integer({ min: 0, max: 0xffffffff }),
  implementationClassUid: uid,
  implementationVersionName: fc.stringMatching(/^[A-Z0-9_]{0,16}$/),
});
const association = { protocolVersion: fc.constant(1), called: aeTitle, calling: aeTitle, applicationContext: uid, user };
const pdv = fc.record({
  context: byte,
  command: fc.boolean(),
  last: fc.boolean(),
  fragment: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
});
const context = fc.record({ id: byte, abstractSyntax: uid, transferSyntaxes: fc.array(uid, { maxLength: 5 }) });
const result = fc.record({ id: byte, result: fc.integer({ min: 0, max: 4 }), transferSyntax: uid });
const anyPdu: fc.Arbitrary<Pdu> = fc.oneof(
  fc.record({ type: fc.constant('A-ASSOCIATE-RQ' as const), ...association, contexts: fc.array(context, { maxLength: 8 }) }),
  fc.record({ type: fc.constant('A-ASSOCIATE-AC' as const), ...association, results: fc.array(result, { maxLength: 8 }) }),
  fc.record({ type: fc.constant('A-ASSOCIATE-RJ' as const), result: byte, source: byte, reason: byte }),
  fc.record({ type: fc.constant('A-ABORT' as const), source: byte, reason: byte }),
  fc.record({ type: fc.constant('P-DATA-TF' as const), values: fc.array(pdv, { minLength: 1, maxLength: 6 }) }),
);

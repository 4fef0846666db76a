import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isFailure } from '../../../../src/model/failure.ts';
import { encodePdu } from '../../../../src/protocols/dicom/pdu.ts';
import { pduSplitter } from '../../../../src/protocols/dicom/pdu-splitter.ts';

const RELEASE = encodePdu({ type: 'A-RELEASE-RQ' });

describe('the PDU splitter', () => {
  it('gives the same PDUs however the stream is cut', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }), { minLength: 1, maxLength: 8 }), sizes, (fragments, cuts) => {
        const pdus = fragments.map((fragment) =>
          encodePdu({ type: 'P-DATA-TF', values: [{ context: 1, command: false, last: false, fragment: Buffer.from(fragment) }] }),
        );
        const bodies = split(Buffer.concat(pdus), cuts, 1000).map((raw) => (isFailure(raw) ? raw.code : raw.body.toString('hex')));
        expect(bodies).toEqual(pdus.map((pdu) => pdu.subarray(6).toString('hex')));
      }),
    );
  });

  it('puts a long PDU together from single bytes', () => {
    const fragment = Buffer.from(Array.from({ length: 3000 }, (_, index) => index % 251));
    const pdu = encodePdu({ type: 'P-DATA-TF', values: [{ context: 1, command: false, last: true, fragment }] });
    const [raw] = split(pdu, [1], 4000);
    expect(raw).toEqual({ type: 4, body: pdu.subarray(6) });
  });

  it('refuses a length of 4 GiB from the header alone', () => {
    const [raw] = [...pduSplitter(16_384).push(Buffer.from('0400ffffffff', 'hex'))];
    expect(raw).toMatchObject({ failure: true, code: 'too-large' });
  });

  it('refuses a P-DATA-TF one byte longer than what was advertised', () => {
    expect([...pduSplitter(100).push(Buffer.from('040000000065', 'hex'))]).toMatchObject([{ code: 'too-large' }]);
    expect([...pduSplitter(101).push(Buffer.from('040000000065', 'hex'))]).toEqual([]);
  });

  it('refuses an A-RELEASE-RQ longer than 4 bytes and an A-ASSOCIATE-RQ of a megabyte', () => {
    expect([...pduSplitter(100).push(Buffer.from('050000000005', 'hex'))]).toMatchObject([{ code: 'too-large' }]);
    expect([...pduSplitter(100).push(Buffer.from('010000100000', 'hex'))]).toMatchObject([{ code: 'too-large' }]);
  });

  it('knows what is no PDU by its first byte', () => {
    expect([...pduSplitter(100).push(Buffer.from('GET / HTTP/1.1\r\n'))]).toMatchObject([{ code: 'unsupported-type' }]);
    expect([...pduSplitter(100).push(Buffer.alloc(6))]).toMatchObject([{ code: 'unsupported-type' }]);
  });

  it('believes nothing after the first fault', () => {
    const splitter = pduSplitter(100);
    expect([...splitter.push(Buffer.concat([Buffer.from('ff0000000004', 'hex'), RELEASE]))]).toHaveLength(1);
    expect([...splitter.push(RELEASE)]).toEqual([]);
  });
});

function split(stream: Buffer, cuts: readonly number[], limit: number) {
  const splitter = pduSplitter(limit);
  const found = [];
  for (let at = 0, turn = 0; at < stream.length; turn++) {
    const size = cuts[turn % cuts.length] as number;
    found.push(...splitter.push(stream.subarray(at, at + size)));
    at += size;
  }
  return found;
}

import { describe, expect, it } from '@jest/globals';
import type { Failure } from '../../../../src/model/failure.ts';
import { encodePdu, type PData, type Pdv } from '../../../../src/protocols/dicom/pdu.ts';
import { pduSplitter, type RawPdu } from '../../../../src/protocols/dicom/pdu-splitter.ts';
import fc from '../../../support/properties.ts';

const RELEASE = encodePdu({ type: 'A-RELEASE-RQ' });

describe('the PDU splitter', () => {
  it('gives the same fragments however the stream is cut', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 60 });
    const values = fc.array(fc.array(pdv, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(values, sizes, (pdus, cuts) => {
        const stream = Buffer.concat(pdus.map((pdu) => encodePdu({ type: 'P-DATA-TF', values: pdu })));
        expect(whole(split(stream, cuts, 1000))).toEqual(pdus.flat());
      }),
    );
  });

  it('hands on a long fragment in pieces as it arrives, and only the last of them ends the message', () => {
    const fragment = Buffer.from(Array.from({ length: 50_000 }, (_, index) => index % 251));
    const pdu = encodePdu({ type: 'P-DATA-TF', values: [{ context: 1, command: false, last: true, fragment }] });
    const pieces = split(pdu, [20_000], 60_000).flatMap(valuesOf);
    expect(pieces.map((piece) => [piece.fragment.length, piece.last])).toEqual([
      [19_988, false],
      [20_000, false],
      [10_012, true],
    ]);
    expect(Buffer.concat(pieces.map((piece) => piece.fragment))).toEqual(fragment);
  });

  it('gathers a fragment that comes byte by byte', () => {
    const fragment = Buffer.alloc(40_000, 7);
    const pdu = encodePdu({ type: 'P-DATA-TF', values: [{ context: 1, command: false, last: true, fragment }] });
    const pieces = split(pdu, [1], 60_000).flatMap(valuesOf);
    expect(pieces.length).toBeLessThan(1000);
    expect(Buffer.concat(pieces.map((piece) => piece.fragment))).toEqual(fragment);
  });

  it.each([
    ['a PDV of one byte', '00000001010000'],
    ['a PDV longer than its PDU', '0000000501036162'],
    ['half a PDV header', '000000'],
    ['no PDV at all', ''],
  ])('calls %s a failure', (_, hex) => {
    const body = Buffer.from(hex, 'hex');
    const [found] = split(Buffer.concat([Buffer.from([4, 0, 0, 0, 0, body.length]), body]), [100], 1000);
    expect(found).toMatchObject({ failure: true, code: 'malformed' });
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

const pdv = fc.record({
  context: fc.integer({ min: 0, max: 255 }),
  command: fc.boolean(),
  last: fc.constant(true),
  fragment: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
});

/** Each of these ends its message: pieces up to the last one are one fragment. */
function whole(found: ReturnType<typeof split>): Pdv[] {
  const values: Pdv[] = [];
  const held: Buffer[] = [];
  for (const piece of found.flatMap(valuesOf)) {
    held.push(piece.fragment);
    if (piece.last) values.push({ ...piece, fragment: Buffer.concat(held.splice(0)) });
  }
  return values;
}

function copied<One extends RawPdu | PData | Failure>(one: One): One {
  if ('body' in one) return { ...one, body: Buffer.from(one.body) };
  return 'values' in one ? { ...one, values: one.values.map((value) => ({ ...value, fragment: Buffer.from(value.fragment) })) } : one;
}

function valuesOf(found: RawPdu | PData | Failure): readonly Pdv[] {
  return 'values' in found ? found.values : [];
}

function split(stream: Buffer, cuts: readonly number[], limit: number) {
  const splitter = pduSplitter(limit);
  const found = [];
  for (let at = 0, turn = 0; at < stream.length; turn++) {
    const size = cuts[turn % cuts.length] as number;
    const chunk = Buffer.from(stream.subarray(at, at + size));
    for (const one of splitter.push(chunk)) found.push(copied(one));
    // Its memory is used again.
    chunk.fill(0xee);
    at += size;
  }
  return found;
}

import { describe, expect, it } from '@jest/globals';
import { bulkLocator } from '../../../../src/protocols/dicom/bulk-path.ts';
import { type DatasetSink, DatasetWalker } from '../../../../src/protocols/dicom/dataset-walker.ts';
import { metadataJson, withBase } from '../../../../src/protocols/dicom/metadata-json.ts';
import { type TransferSyntax, transferSyntax } from '../../../../src/protocols/dicom/transfer-syntax.ts';
import { type DatasetElement, writeDataset } from '../../../../src/protocols/dicom/write.ts';
import fc from '../../../support/properties.ts';

const EXPLICIT = '1.2.840.10008.1.2.1';
const IMPLICIT = '1.2.840.10008.1.2';
const BIG_ENDIAN = '1.2.840.10008.1.2.2';

describe('metadata', () => {
  it.each([
    ['text, its padding gone', EXPLICIT, '10002000 4c4f 0400 50312020', { '00100020': { vr: 'LO', Value: ['P1'] } }],
    ['a number in text as a number', EXPLICIT, '28000800 4953 0200 3132', { '00280008': { vr: 'IS', Value: [12] } }],
    ['what is no number in text as it is', EXPLICIT, '28000800 4953 0400 30783130', { '00280008': { vr: 'IS', Value: ['0x10'] } }],
    ['an empty element without a value', EXPLICIT, '10002000 4c4f 0000', { '00100020': { vr: 'LO' } }],
    ['an empty value among others as null', EXPLICIT, '08000800 4353 0400 415c5c42', { '00080008': { vr: 'CS', Value: ['A', null, 'B'] } }],
    ['a tag as eight digits', EXPLICIT, '28000900 4154 0400 18006310', { '00280009': { vr: 'AT', Value: ['00181063'] } }],
    ['a single-precision number without noise', EXPLICIT, '18000990 464c 0400 cdcccc3d', { '00189009': { vr: 'FL', Value: [0.1] } }],
    ['what JSON has no number for as text', EXPLICIT, '18000990 464c 0400 0000807f', { '00189009': { vr: 'FL', Value: ['inf'] } }],
    ['bytes of a private element', IMPLICIT, '09000110 02000000 0102', { '00091001': { vr: 'UN', InlineBinary: 'AQI=' } }],
    ['who made a private block', IMPLICIT, '09001000 04000000 41434d45', { '00090010': { vr: 'LO', Value: ['ACME'] } }],
    [
      'big-endian words in the other order',
      BIG_ENDIAN,
      '60003000 4f57 0000 00000002 0102',
      { '60003000': { vr: 'OW', InlineBinary: 'AgE=' } },
    ],
    ['an overlay without a VR', IMPLICIT, '02600030 02000000 0102', { '60023000': { vr: 'OW', InlineBinary: 'AQI=' } }],
    [
      'signed pixel values where Pixel Representation says so',
      IMPLICIT,
      '28000301 02000000 0100 28000601 02000000 ffff',
      { '00280103': { vr: 'US', Value: [1] }, '00280106': { vr: 'SS', Value: [-1] } },
    ],
    [
      'an empty Pixel Representation',
      IMPLICIT,
      '28000301 00000000 28000601 02000000 ffff',
      { '00280103': { vr: 'US' }, '00280106': { vr: 'US', Value: [65535] } },
    ],
    ['a sequence without items', EXPLICIT, '40007502 5351 0000 00000000', { '00400275': { vr: 'SQ' } }],
    ['an item without elements', EXPLICIT, '40007502 5351 0000 08000000 feff00e0 00000000', { '00400275': { vr: 'SQ', Value: [{}] } }],
    ['no group length and no padding', EXPLICIT, '10000000 554c 0400 08000000 fcfffcff 4f42 0000 02000000 0000', {}],
    [
      'the character set it is written in',
      EXPLICIT,
      '08000500 4353 0a00 49534f5f495220313434 10001000 504e 0400 bbeeda20',
      { '00080005': { vr: 'CS', Value: ['ISO_IR 192'] }, '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Люк' }] } },
    ],
  ])('has %s', (_, syntax, hex, expected) => {
    expect(metadataOf(Buffer.from(hex.replaceAll(' ', ''), 'hex'), syntax)).toEqual(expected);
  });

  it('leaves large values and all pixels to their own address, which finds them again', () => {
    const large = Buffer.alloc(2000, 7);
    const bytes = writeDataset([
      [0x00091001, 'OB', large],
      [0x54000100, 'SQ', [[[0x54001010, 'OW', Buffer.alloc(4)]], [[0x54001010, 'OW', large]]]],
      [0x7fe00010, 'OW', Buffer.alloc(2)],
    ]);
    expect(metadataOf(bytes, EXPLICIT)).toEqual({
      '00091001': { vr: 'OB', BulkDataURI: 'http://here/i/bulkdata/00091001' },
      '54000100': {
        vr: 'SQ',
        Value: [
          { '54001010': { vr: 'OW', InlineBinary: 'AAAAAA==' } },
          { '54001010': { vr: 'OW', BulkDataURI: 'http://here/i/bulkdata/54000100/2/54001010' } },
        ],
      },
      '7FE00010': { vr: 'OW', BulkDataURI: 'http://here/i/bulkdata/7FE00010' },
    });
    const { start, length } = located(bytes, '54000100/2/54001010') ?? { start: 0, length: 0 };
    expect(bytes.subarray(start, start + length)).toEqual(large);
    expect(located(bytes, '54000100/3/54001010')).toBeNull();
    expect(located(bytes, '54000100')).toBeNull();
    expect(located(bytes, '7FE00010')).toMatchObject({ length: 2, topLevel: true });
  });

  it.each(['', '7fe00010', '7FE00010/', '7FE00010/0/00080005', '../7FE00010', '7FE00010/1'])('has no value at the path %p', (path) => {
    expect(bulkLocator(path)).toBeNull();
  });

  it('leaves text alone that only looks like an address', () => {
    const text = '"BulkDataURI":"./x';
    expect(metadataOf(writeDataset([[0x00104000, 'LT', text]]), EXPLICIT)).toEqual({ '00104000': { vr: 'LT', Value: [text] } });
  });

  it('is the same however the bytes are cut, and whatever a text holds', () => {
    const value = fc.string({ unit: 'binary', maxLength: 40 });
    fc.assert(
      fc.property(fc.array(value, { maxLength: 5 }), fc.integer({ min: 1, max: 30 }), (texts, size) => {
        const items: DatasetElement[][] = texts.map((text) => [[0x00104000, 'LT', text]]);
        const bytes = writeDataset([
          [0x00104000, 'LT', texts.join()],
          [0x00400275, 'SQ', items],
        ]);
        expect(metadataOf(bytes, EXPLICIT, size)).toEqual(metadataOf(bytes, EXPLICIT));
      }),
    );
  });
});

function metadataOf(bytes: Buffer, syntax: string, size = bytes.length): Record<string, unknown> {
  const metadata = metadataJson();
  const text = walk(bytes, syntax, metadata.sink, size, () => metadata.take()) + metadata.end();
  return JSON.parse(withBase(text, 'http://here/i'));
}

function located(bytes: Buffer, path: string) {
  const locator = bulkLocator(path);
  if (!locator) throw new Error(path);
  walk(bytes, EXPLICIT, locator.sink, bytes.length, () => '');
  return locator.found();
}

function walk(bytes: Buffer, syntax: string, sink: DatasetSink, size: number, take: () => string): string {
  const walker = new DatasetWalker(transferSyntax(syntax) as TransferSyntax, sink);
  let text = '';
  for (let at = 0; at < bytes.length; at += size) {
    expect(walker.push(bytes.subarray(at, at + size))).toBeNull();
    text += take();
  }
  expect(walker.end()).toBeNull();
  return text + take();
}

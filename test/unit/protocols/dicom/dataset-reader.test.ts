import { describe, expect, it } from '@jest/globals';
import { DatasetReader, type RawDataset } from '../../../../src/protocols/dicom/dataset-reader.ts';
import { transferSyntax } from '../../../../src/protocols/dicom/transfer-syntax.ts';
import { type DatasetElement, writeDataset } from '../../../../src/protocols/dicom/write.ts';
import fc from '../../../support/properties.ts';

const EXPLICIT = '1.2.840.10008.1.2.1';
const IMPLICIT = '1.2.840.10008.1.2';
const BIG_ENDIAN = '1.2.840.10008.1.2.2';
const PATIENT_ID = 0x00100020;
const REQUEST_ATTRIBUTES = 0x00400275;
const PIXELS = 0x7fe00010;

describe('the dataset reader', () => {
  it('keeps what is wanted and walks over the rest', () => {
    const bytes = writeDataset([
      [0x00080060, 'CS', 'CT'],
      [PATIENT_ID, 'LO', 'P1'],
      [0x00280010, 'US', 512],
    ]);
    expect(kept(read(bytes, EXPLICIT, [PATIENT_ID]))).toEqual({ '100020': 'LO P1' });
  });

  it.each([
    ['Explicit VR Little Endian', EXPLICIT, '10002000 4c4f 0200 5031'],
    ['Implicit VR Little Endian', IMPLICIT, '10002000 02000000 5031'],
    ['Explicit VR Big Endian', BIG_ENDIAN, '00100020 4c4f 0002 5031'],
  ])('reads %s', (_, syntax, hex) => {
    expect(kept(read(bytesOf(hex), syntax, [PATIENT_ID]))).toEqual({ '100020': 'LO P1' });
  });

  it('gives an element of unknown VR the VR that the standard has for its tag (PS3.5 §6.2.2)', () => {
    expect(kept(read(bytesOf('10002000 554e 0000 02000000 5031'), EXPLICIT, [PATIENT_ID]))).toEqual({ '100020': 'LO P1' });
  });

  it('takes a VR that is newer than this code for one with a 32-bit length', () => {
    expect(kept(read(bytesOf('10002000 5a5a 0000 02000000 5031'), EXPLICIT, [PATIENT_ID]))).toEqual({ '100020': 'ZZ P1' });
  });

  it.each([
    ['defined lengths', '40007502 5351 0000 12000000 feff00e0 0a000000 40000700 4c4f 0200 5231'],
    ['delimiters', '40007502 5351 0000 ffffffff feff00e0 ffffffff 40000700 4c4f 0200 5231 feff0de0 00000000 feffdde0 00000000'],
    ['an item within a delimited sequence', '40007502 5351 0000 ffffffff feff00e0 0a000000 40000700 4c4f 0200 5231 feffdde0 00000000'],
    [
      'VR UN of undefined length, implicit inside',
      '40007502 554e 0000 ffffffff feff00e0 0a000000 40000700 02000000 5231 feffdde0 00000000',
    ],
    ['VR UN of defined length, implicit inside', '40007502 554e 0000 12000000 feff00e0 0a000000 40000700 02000000 5231'],
  ])('reads a sequence with %s', (_, hex) => {
    const raw = read(bytesOf(hex), EXPLICIT, [REQUEST_ATTRIBUTES]);
    expect(raw.get(REQUEST_ATTRIBUTES)?.items?.map(kept)).toEqual([{ '400007': 'LO R1' }]);
  });

  it('gives the same result however the bytes are cut', () => {
    const bytes = writeDataset(SAMPLE);
    const whole = read(
      bytes,
      EXPLICIT,
      SAMPLE.map(([tag]) => tag),
    );
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 }), (cuts) => {
        expect(
          read(
            bytes,
            EXPLICIT,
            SAMPLE.map(([tag]) => tag),
            cuts,
          ),
        ).toEqual(whole);
      }),
    );
  });

  it('finds the pixels of the top level, not those of an icon', () => {
    const icon: DatasetElement = [0x00880200, 'SQ', [[[PIXELS, 'OW', Buffer.alloc(4)]]]];
    const before = writeDataset([[PATIENT_ID, 'LO', 'P1'], icon]);
    const reader = readerOf(EXPLICIT, []);
    reader.push(Buffer.concat([before, writeDataset([[PIXELS, 'OW', Buffer.alloc(8)]])]));
    expect(reader.end()).toBeNull();
    expect(reader.pixelOffset).toBe(before.length);
  });

  it('walks over encapsulated pixels by their items, whatever the code stream looks like', () => {
    const delimiterInside = 'feffdde0 00000000';
    const hex = `e07f1000 4f42 0000 ffffffff feff00e0 00000000 feff00e0 08000000 ${delimiterInside} feffdde0 00000000`;
    const reader = readerOf(EXPLICIT, []);
    reader.push(bytesOf(hex));
    expect(reader.end()).toBeNull();
  });

  describe('refuses a dataset', () => {
    it.each([
      ['of no bytes', EXPLICIT, ''],
      ['that ends within a value', EXPLICIT, '10002000 4c4f 0400 5031'],
      ['that ends within a header', EXPLICIT, '10002000 4c4f 0200 5031 1000'],
      ['that ends within a sequence', EXPLICIT, '40007502 5351 0000 ffffffff feff00e0 00000000'],
      ['that ends within its pixels', EXPLICIT, 'e07f1000 4f42 0000 ffffffff feff00e0 00000000 feff00e0 08000000 0000'],
      ['whose encapsulated pixels have no delimiter', EXPLICIT, 'e07f1000 4f42 0000 ffffffff feff00e0 00000000'],
      ['that is a whole file, preamble and all', EXPLICIT, '00'.repeat(132)],
      ['with File Meta Information in it', EXPLICIT, '02001000 5549 0200 3100'],
      ['with a directory record in it', EXPLICIT, '04003011 4353 0200 4131'],
      ['without value representations where they must be', EXPLICIT, '10002000 02000000 5031'],
      ['with an item outside a sequence', EXPLICIT, 'feff00e0 00000000'],
      ['with a delimiter outside a sequence', EXPLICIT, 'feffdde0 00000000'],
      ['with an element directly in a sequence', EXPLICIT, '40007502 5351 0000 ffffffff 10002000 4c4f 0200 5031'],
      ['with an item longer than its sequence', EXPLICIT, '40007502 5351 0000 0a000000 feff00e0 0a000000 4000'],
      ['with an element longer than its item', EXPLICIT, '40007502 5351 0000 12000000 feff00e0 0a000000 40000700 4c4f 0300 52315252'],
      ['with text of undefined length', EXPLICIT, '10002000 5554 0000 ffffffff'],
      ['with a delimiter that ends an item of defined length', EXPLICIT, '40007502 5351 0000 ffffffff feff00e0 10000000 feff0de0 00000000'],
    ])('%s', (_, syntax, hex) => {
      const reader = readerOf(syntax, [PATIENT_ID, REQUEST_ATTRIBUTES]);
      expect(reader.push(bytesOf(hex)) ?? reader.end()).toMatchObject({ failure: true, code: 'malformed' });
    });

    it('with sequences in sequences without end, in bounded depth', () => {
      const nested = Buffer.concat(Array.from({ length: 100_000 }, () => bytesOf('40007502 5351 0000 ffffffff feff00e0 ffffffff')));
      expect(readerOf(EXPLICIT, []).push(nested)).toMatchObject({ code: 'malformed' });
    });
  });

  describe('keeps a bounded amount', () => {
    it('of values: one of a megabyte is walked over', () => {
      const bytes = writeDataset([
        [0x00080005, 'CS', 'ISO_IR 100'],
        [0x00104000, 'UT', 'x'.repeat(1_000_000)],
      ]);
      expect([...read(bytes, EXPLICIT, [0x00080005, 0x00104000]).keys()]).toEqual([0x00080005]);
    });

    it('of items: a wanted sequence of a million empty ones is walked over to its end', () => {
      const items = Buffer.concat(Array.from({ length: 1_000_000 }, () => bytesOf('feff00e0 00000000')));
      const reader = readerOf(EXPLICIT, [REQUEST_ATTRIBUTES]);
      for (const part of [bytesOf('40007502 5351 0000 ffffffff'), items, bytesOf('feffdde0 00000000')])
        expect(reader.push(part)).toBeNull();
      expect(reader.end()).toBeNull();
      expect(reader.dataset.get(REQUEST_ATTRIBUTES)?.items?.length).toBeLessThan(10_000);
    });
  });

  it('never throws, whatever bytes come in whatever syntax', () => {
    const syntaxes = fc.constantFrom(EXPLICIT, IMPLICIT, BIG_ENDIAN);
    fc.assert(
      fc.property(syntaxes, fc.uint8Array({ maxLength: 300 }), (syntax, bytes) => {
        const reader = readerOf(syntax, [PATIENT_ID, REQUEST_ATTRIBUTES]);
        if (!reader.push(Buffer.from(bytes))) reader.end();
      }),
      { numRuns: 500 },
    );
  });

  it('never throws on a dataset with some bytes changed', () => {
    const sample = writeDataset(SAMPLE);
    const changes = fc.array(fc.tuple(fc.integer({ min: 0, max: sample.length - 1 }), fc.integer({ min: 0, max: 255 })), { maxLength: 5 });
    fc.assert(
      fc.property(changes, (list) => {
        const bytes = Buffer.from(sample);
        for (const [at, value] of list) bytes[at] = value;
        const reader = readerOf(
          EXPLICIT,
          SAMPLE.map(([tag]) => tag),
        );
        if (!reader.push(bytes)) reader.end();
      }),
      { numRuns: 500 },
    );
  });
});

const SAMPLE: readonly DatasetElement[] = [
  [0x00080005, 'CS', 'ISO_IR 192'],
  [PATIENT_ID, 'LO', 'P-17'],
  [0x00280010, 'US', 512],
  [
    REQUEST_ATTRIBUTES,
    'SQ',
    [
      [
        [0x00400007, 'LO', 'Thorax'],
        [0x00400008, 'SQ', [[[0x00080100, 'SH', 'CT1']]]],
      ],
      [],
    ],
  ],
  [PIXELS, 'OW', Buffer.alloc(600, 7)],
];

function readerOf(syntax: string, wanted: readonly number[]): DatasetReader {
  const found = transferSyntax(syntax);
  if (!found) throw new Error(`no transfer syntax ${syntax}`);
  return new DatasetReader(found, new Set(wanted));
}

function read(bytes: Buffer, syntax: string, wanted: readonly number[], cuts: readonly number[] = [bytes.length]): RawDataset {
  const reader = readerOf(syntax, wanted);
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = cuts[turn % cuts.length] as number;
    const chunk = Buffer.from(bytes.subarray(at, at + size));
    expect(reader.push(chunk)).toBeNull();
    // Its memory is used again.
    chunk.fill(0xee);
    at += size;
  }
  expect(reader.end()).toBeNull();
  return reader.dataset;
}

/** Tag without leading zeros → VR and value. */
function kept(dataset: RawDataset): Record<string, string> {
  return Object.fromEntries([...dataset].map(([tag, { vr, value }]) => [tag.toString(16), `${vr} ${value.toString('latin1')}`]));
}

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(' ', ''), 'hex');
}

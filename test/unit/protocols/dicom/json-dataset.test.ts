import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { isFailure } from '../../../../src/model/failure.ts';
import { DatasetWalker } from '../../../../src/protocols/dicom/dataset-walker.ts';
import { datasetOf, type Piece } from '../../../../src/protocols/dicom/json-dataset.ts';
import { metadataJson } from '../../../../src/protocols/dicom/metadata-json.ts';
import { readPart10 } from '../../../../src/protocols/dicom/part10.ts';
import { type TransferSyntax, transferSyntax } from '../../../../src/protocols/dicom/transfer-syntax.ts';
import fc from '../../../support/properties.ts';

/** Of bytes that stay bulk data. */
const LARGE = 2_000;
const EXPLICIT = '1.2.840.10008.1.2.1';
const CHARSET = '08000500 4353 0a00 49534f5f495220313932';

describe('a dataset out of its metadata', () => {
  it.each([
    ['text, padded', { '00100020': { vr: 'LO', Value: ['P1X'] } }, '10002000 4c4f 0400 50315820'],
    ['a UID, padded', { '00080018': { vr: 'UI', Value: ['1.2'] } }, '08001800 5549 0400 312e3200'],
    ['a number in text', { '00280008': { vr: 'IS', Value: [12] } }, '28000800 4953 0200 3132'],
    [
      'a long number in sixteen characters',
      { '00281053': { vr: 'DS', Value: [1 / 3] } },
      '28005310 4453 1000 302e33333333333333333333333333 33',
    ],
    ['an empty element', { '00100020': { vr: 'LO' } }, '10002000 4c4f 0000'],
    ['empty values among others', { '00080008': { vr: 'CS', Value: ['A', null, 'B'] } }, '08000800 4353 0400 415c5c42'],
    ['a name in its groups', { '00100010': { vr: 'PN', Value: [{ Alphabetic: 'A', Phonetic: 'C' }] } }, '10001000 504e 0400 413d3d43'],
    ['a tag', { '00280009': { vr: 'AT', Value: ['00181063'] } }, '28000900 4154 0400 18006310'],
    ['what JSON has no number for', { '00189009': { vr: 'FL', Value: ['inf'] } }, '18000990 464c 0400 0000807f'],
    [
      'a number beyond 53 bits',
      { '00189009': { vr: 'UV', Value: ['18446744073709551615'] } },
      '18000990 5556 0000 08000000 ffffffffffffffff',
    ],
    ['bytes', { '00091001': { vr: 'UN', InlineBinary: 'AQI=' } }, '09000110 554e 0000 02000000 0102'],
    [
      'a sequence of open length',
      { '00400275': { vr: 'SQ', Value: [{ '00400007': { vr: 'LO', Value: ['X'] } }] } },
      '40007502 5351 0000 ffffffff feff00e0 ffffffff 40000700 4c4f 0200 5820 feff0de0 00000000 feffdde0 00000000',
    ],
    ['no group length and no file meta', { '00020010': { vr: 'UI', Value: ['1.2'] }, '00100000': { vr: 'UL', Value: [8] } }, ''],
    ['bulk data of odd length', { '00420011': { vr: 'OB', BulkDataURI: 'three' } }, '42001100 4f42 0000 04000000 01020300'],
  ])('has %s', (_, json, hex) => {
    const expected = [CHARSET, hex].map((one) => Buffer.from(one.replaceAll(' ', ''), 'hex'));
    expect(bytesOf(datasetOf(json, lengthsOf, false))).toEqual(Buffer.concat(expected));
  });

  it('has compressed frames as fragments behind an empty offset table', () => {
    const bytes = bytesOf(datasetOf({ '7FE00010': { vr: 'OB', BulkDataURI: 'frames' } }, lengthsOf, true));
    const hex = `${CHARSET} e07f1000 4f42 0000 ffffffff feff00e0 00000000 feff00e0 02000000 0102 feff00e0 04000000 01020300 feffdde0 00000000`;
    expect(bytes).toEqual(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
  });

  it.each([
    ['an array', []],
    ['a member that is no tag', { PatientID: { vr: 'LO' } }],
    ['a VR that is none', { '00100020': { vr: 'XX', Value: ['1'] } }],
    ['a number that is too large', { '00280010': { vr: 'US', Value: [65536] } }],
    ['a number that is none', { '00280010': { vr: 'US', Value: ['many'] } }],
    ['an empty number', { '00280010': { vr: 'US', Value: [''] } }],
    ['a fraction where there is none', { '00280010': { vr: 'US', Value: [1.5] } }],
    ['text in bytes', { '00091001': { vr: 'OB', Value: ['x'] } }],
    ['bytes that are no Base64', { '00091001': { vr: 'OB', InlineBinary: '§' } }],
    ['a sequence that is none', { '00400275': { vr: 'SQ', Value: 'x' } }],
    ['a value too long for its VR', { '00100020': { vr: 'LO', Value: ['x'.repeat(70_000)] } }],
    ['bulk data that did not come', { '00420011': { vr: 'OB', BulkDataURI: 'nothing' } }],
    ['several parts that are no pixels', { '00420011': { vr: 'OB', BulkDataURI: 'frames' } }],
    [
      'several parts that are pixels of an icon',
      { '00880200': { vr: 'SQ', Value: [{ '7FE00010': { vr: 'OB', BulkDataURI: 'frames' } }] } },
    ],
    ['bulk data without an address', { '00420011': { vr: 'OB', BulkDataURI: 7 } }],
    ['items without end', nested(40)],
  ])('refuses %s', (_, json) => {
    const result = datasetOf(json, lengthsOf, false);
    expect(isFailure(result) && result.code).toBe('invalid');
  });

  it('is the same again after a look at its metadata, whatever text and numbers it holds', () => {
    // Without what parts or pads values, and without control characters.
    const text = fc.string({ unit: 'grapheme', maxLength: 20 }).map((value) => value.replace(/[\\=^\p{C}\s]/gu, ''));
    const short = fc.integer({ min: -32768, max: 32767 });
    // JSON knows no negative zero.
    const real = fc.float({ noNaN: true }).map((value) => value + 0);
    fc.assert(
      fc.property(text, short, real, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (word, number, single, long) => {
        const json = {
          '00080005': { vr: 'CS', Value: ['ISO_IR 192'] },
          '00100010': word === '' ? { vr: 'PN' } : { vr: 'PN', Value: [{ Alphabetic: word }] },
          '00280106': { vr: 'SS', Value: [number] },
          '00400275': { vr: 'SQ', Value: [word === '' ? {} : { '00400007': { vr: 'LO', Value: [word] } }] },
          '00720076': { vr: 'FL', Value: [single] },
          '00720083': { vr: 'UV', Value: [String(long)] },
        };
        const written = bytesOf(datasetOf(json, lengthsOf, false));
        expect(bytesOf(datasetOf(metadataOf(written, EXPLICIT), lengthsOf, false))).toEqual(written);
      }),
    );
  });
});

const CORPUS = '../shared/corpora/dicom';
const files = existsSync(CORPUS) ? readdirSync(CORPUS, { recursive: true }).map(String).sort() : [];

(existsSync(CORPUS) ? describe : describe.skip)('the metadata of what is in the corpora', () => {
  it.each(files.filter((file) => file.endsWith('.dcm') && !file.includes('malformed')))('%s comes to the same metadata again', (file) => {
    const bytes = readFileSync(`${CORPUS}/${file}`);
    const meta = readPart10(bytes);
    const syntax = isFailure(meta) ? null : transferSyntax(meta.transferSyntax);
    if (isFailure(meta) || !syntax || syntax.deflated) return;
    const metadata = metadataOf(bytes.subarray(meta.datasetOffset), syntax.uid);
    const written = bytesOf(datasetOf(metadata, () => [LARGE], false));
    expect(withoutCharset(metadataOf(written, EXPLICIT))).toEqual(withoutCharset(metadata));
  });
});

function lengthsOf(uri: string): readonly number[] | null {
  return uri === 'three' ? [3] : uri === 'frames' ? [2, 3] : null;
}

function bytesOf(pieces: ReturnType<typeof datasetOf>): Buffer {
  if (isFailure(pieces)) throw new Error(pieces.detail);
  return Buffer.concat(pieces.map((piece: Piece) => (Buffer.isBuffer(piece) ? piece : bulkOf(piece))));
}

function bulkOf({ uri, part }: { readonly uri: string; readonly part: number }): Buffer {
  return Buffer.concat([Buffer.from([1, 2, 3]), Buffer.alloc(LARGE)]).subarray(0, lengthsOf(uri)?.[part] ?? LARGE);
}

function metadataOf(bytes: Buffer, syntax: string): Record<string, unknown> {
  const metadata = metadataJson();
  const walker = new DatasetWalker(transferSyntax(syntax) as TransferSyntax, metadata.sink);
  expect(walker.push(bytes) ?? walker.end()).toBeNull();
  return JSON.parse(metadata.take() + metadata.end());
}

/** Items have the character set of the whole. */
function withoutCharset(json: unknown): unknown {
  return JSON.parse(JSON.stringify(json, (key, value) => (key === '00080005' ? undefined : value)));
}

function nested(depth: number): unknown {
  return depth === 0 ? {} : { '00400275': { vr: 'SQ', Value: [nested(depth - 1)] } };
}

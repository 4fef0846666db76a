import { describe, expect, it } from '@jest/globals';
import { isFailure } from '../../../../src/model/failure.ts';
import type { DicomJson } from '../../../../src/protocols/dicom/header.ts';
import { type Identifier, identifierReader, writeIdentifier } from '../../../../src/protocols/dicom/identifier.ts';
import { type TransferSyntax, transferSyntax } from '../../../../src/protocols/dicom/transfer-syntax.ts';
import { writeDataset } from '../../../../src/protocols/dicom/write.ts';
import fc from '../../../support/properties.ts';

const EXPLICIT = transferSyntax('1.2.840.10008.1.2.1') as TransferSyntax;
const IMPLICIT = transferSyntax('1.2.840.10008.1.2') as TransferSyntax;

function read(bytes: Buffer, syntax = EXPLICIT, cut = bytes.length): Identifier {
  const reader = identifierReader(syntax);
  for (let at = 0; at < bytes.length; at += cut) reader.push(bytes.subarray(at, at + cut));
  const identifier = reader.end();
  if (isFailure(identifier)) throw new Error(identifier.detail);
  return identifier;
}

const word = fc.stringMatching(/^[A-Za-z0-9äöüßéñЖ漢-]{1,12}$/u);
const uid = fc.array(fc.nat(99_999), { minLength: 1, maxLength: 6 }).map((parts) => ['1', '2', ...parts].join('.'));
const many = <T>(value: fc.Arbitrary<T>) => fc.array(value, { maxLength: 4 });
const element = (vr: string, values: fc.Arbitrary<readonly (string | number | DicomJson | null | object)[]>) =>
  values.map((Value) => (Value.length === 0 ? { vr } : { vr, Value }));
const name = fc.record({ Alphabetic: word, Ideographic: word }, { requiredKeys: ['Alphabetic'] });
const flat = {
  '00080020': element('DA', many(fc.constantFrom('20260101', '20260101-20261231'))),
  '00080050': element('SH', many(word)),
  '0020000D': element('UI', many(uid)),
  '00100010': element('PN', many(name)),
  '00101040': element('LO', many(word)),
  '00280010': element('US', many(fc.nat(0xffff))),
  '00280106': element('US', many(fc.nat(0xffff))),
  '00189087': element('FD', many(fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0))),
};
const item = fc.record(flat, { requiredKeys: [] });
const anyIdentifier = fc
  .record({ ...flat, '00400100': element('SQ', fc.array(item, { maxLength: 2 })) }, { requiredKeys: ['0020000D'] })
  .map((json) => json as unknown as DicomJson);

describe('identifiers', () => {
  it.each([
    ['Explicit VR Little Endian', EXPLICIT],
    ['Implicit VR Little Endian', IMPLICIT],
  ])('read back what was written, in %s, however the bytes are cut', (_, syntax) => {
    fc.assert(
      fc.property(anyIdentifier, fc.integer({ min: 1, max: 64 }), (json, cut) => {
        const written = writeIdentifier(json, syntax.explicit);
        expect(read(written, syntax, cut).json).toEqual(json);
      }),
    );
  });

  it('never throw, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(EXPLICIT, IMPLICIT), (bytes, syntax) => {
        const reader = identifierReader(syntax);
        reader.push(Buffer.from(bytes));
        reader.end();
      }),
    );
  });

  it('are written in the set of the question where every character fits it', () => {
    const json = { '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Müller^Ada' }] } };
    const latin = writeIdentifier(json, true, ['ISO_IR 100']);
    expect(latin.includes(Buffer.from('M\u00fcller^Ada', 'latin1'))).toBe(true);
    expect(read(latin)).toEqual({ json, charsets: ['ISO_IR 100'] });
    for (const asked of [['ISO_IR 144'], ['ISO 2022 IR 6', 'ISO 2022 IR 100'], ['ISO_IR 13'], ['none']])
      expect(read(writeIdentifier(json, true, asked))).toEqual({ json, charsets: ['ISO_IR 192'] });
  });

  it('say no character set where the default repertoire is enough', () => {
    const json = { '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Meyer^Bo' }] } };
    expect(read(writeIdentifier(json, true, ['ISO_IR 100'])).charsets).toEqual(['']);
  });

  it('are refused when they are longer than any question, or hold a value that is', () => {
    const long = writeDataset([[0x00100010, 'PN', 'x'.repeat(17 * 1024)]]);
    const many = writeDataset([[0x00400100, 'SQ', Array.from({ length: 5_000 }, () => [])]]);
    for (const bytes of [long, many]) {
      const reader = identifierReader(EXPLICIT);
      reader.push(bytes);
      expect(reader.end()).toMatchObject({ code: 'too-large' });
    }
  });

  it('keep every element that fits, however small', () => {
    const items = Array.from({ length: 3_900 }, () => []);
    const { json } = read(writeDataset([[0x00400100, 'SQ', items]]));
    expect(json['00400100']?.Value).toHaveLength(3_900);
  });
});

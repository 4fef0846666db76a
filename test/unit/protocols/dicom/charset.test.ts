import { describe, expect, it } from '@jest/globals';
import { decodeText } from '../../../../src/protocols/dicom/charset.ts';
import fc from '../../../support/properties.ts';

describe('text of a dataset', () => {
  it.each([
    ['ASCII without a declaration', '4d756c6c6572', [], 'Muller'],
    ['ISO_IR 100', 'c4', ['ISO_IR 100'], 'Ä'],
    ['ISO_IR 101', 'b1', ['ISO_IR 101'], 'ą'],
    ['ISO_IR 109', 'a1', ['ISO_IR 109'], 'Ħ'],
    ['ISO_IR 110', 'a1', ['ISO_IR 110'], 'Ą'],
    ['ISO_IR 126', 'c4', ['ISO_IR 126'], 'Δ'],
    ['ISO_IR 127', 'e2', ['ISO_IR 127'], 'ق'],
    ['ISO_IR 138', 'f9', ['ISO_IR 138'], 'ש'],
    ['ISO_IR 144', 'bb', ['ISO_IR 144'], 'Л'],
    ['ISO_IR 148', 'fe', ['ISO_IR 148'], 'ş'],
    ['ISO_IR 166', 'a1', ['ISO_IR 166'], 'ก'],
    ['ISO_IR 203', 'a4', ['ISO_IR 203'], '€'],
    ['ISO_IR 13', 'd4cf', ['ISO_IR 13'], 'ﾔﾏ'],
    ['ISO_IR 192', 'e5b1b1', ['ISO_IR 192'], '山'],
    ['GB18030', 'cdf5', ['GB18030'], '王'],
    ['GBK', 'cdf5', ['GBK'], '王'],
    ['a name as some write it', 'c4', ['ISO-IR 100'], 'Ä'],
    ['UTF-8 that was not declared', 'c384', [], 'Ä'],
    ['Latin-1 that was not declared', 'c4', [], 'Ä'],
    ['Latin-1 under a set that does not exist', 'c4', ['LATIN'], 'Ä'],
  ])('%s', (_, hex, charsets, text) => {
    expect(decodeText(Buffer.from(hex, 'hex'), charsets, 'LO')).toBe(text);
  });

  describe('with code extension (PS3.5 Annexes H, I, J, K)', () => {
    it.each([
      ['Japanese kanji', '5961 ^ 1b2442 3b33 4544 1b2842^', ['', 'ISO 2022 IR 87'], 'PN', 'Ya^山田^'],
      ['the supplementary kanji', '1b242844 3b77 1b2842 61', ['', 'ISO 2022 IR 159'], 'LO', '巇a'],
      ['Korean', '1b242943 b1e8 41', ['', 'ISO 2022 IR 149'], 'LO', '김A'],
      ['simplified Chinese', '1b242941 cdf5', ['', 'ISO 2022 IR 58'], 'LO', '王'],
      ['Cyrillic and Greek in one value', '1b2d4c bb 1b2d46 c4', ['', 'ISO 2022 IR 144', 'ISO 2022 IR 126'], 'LO', 'ЛΔ'],
      ['katakana of the first set', 'd4cf 1b2442 3b33 1b284a', ['ISO 2022 IR 13', 'ISO 2022 IR 87'], 'LO', 'ﾔﾏ山'],
    ])('%s', (_, pattern, charsets, vr, text) => {
      expect(decodeText(bytesOf(pattern), charsets, vr)).toBe(text);
    });

    it('is switched back by a delimiter: the next component is read in the first set', () => {
      const bytes = bytesOf('1b2d4c bb^bb');
      expect(decodeText(bytes, ['ISO 2022 IR 100', 'ISO 2022 IR 144'], 'PN')).toBe('Л^»');
      expect(decodeText(bytes, ['ISO 2022 IR 100', 'ISO 2022 IR 144'], 'LO')).toBe('Л^Л');
    });

    it('does not take the second byte of a kanji for a backslash', () => {
      expect(decodeText(bytesOf('1b2442 305c 1b2842'), ['', 'ISO 2022 IR 87'], 'LO')).toBe('移');
    });
  });

  it('never throws, whatever bytes and sets come', () => {
    const sets = fc.array(
      fc.constantFrom('', 'ISO 2022 IR 87', 'ISO 2022 IR 159', 'ISO 2022 IR 149', 'ISO_IR 192', 'GB18030', 'nonsense'),
      { maxLength: 3 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), sets, fc.constantFrom('PN', 'LO'), (bytes, charsets, vr) => {
        expect(typeof decodeText(Buffer.from(bytes), charsets, vr)).toBe('string');
      }),
    );
  });
});

/** Hexadecimal bytes; `^` stands for itself. */
function bytesOf(pattern: string): Buffer {
  return Buffer.from(pattern.replaceAll(' ', '').replaceAll('^', '5e'), 'hex');
}

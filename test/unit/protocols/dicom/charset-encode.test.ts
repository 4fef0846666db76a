import { describe, expect, it } from '@jest/globals';
import { decodeText } from '../../../../src/protocols/dicom/charset.ts';
import { encodeText } from '../../../../src/protocols/dicom/charset-encode.ts';
import fc from '../../../support/properties.ts';

const written = (text: string, charsets: readonly string[], vr = 'LO') => encodeText(text, charsets, vr)?.toString('hex') ?? null;

describe('text in a Specific Character Set', () => {
  it.each([
    ['ASCII', 'Muller', [], '4d756c6c6572'],
    ['ISO_IR 100', 'Ä', ['ISO_IR 100'], 'c4'],
    ['ISO_IR 144', 'Л', ['ISO_IR 144'], 'bb'],
    ['ISO_IR 192', '山', ['ISO_IR 192'], 'e5b1b1'],
    ['GB18030', '王', ['GB18030'], 'cdf5'],
  ])('%s', (_, text, charsets, hex) => {
    expect(written(text, charsets)).toBe(hex);
  });

  // PS3.5 Annexes H.3.1 and I.2: the names as the standard writes them.
  it('writes a Japanese name as PS3.5 has it', () => {
    const hex =
      '59616d6164615e5461726f753d1b24423b3345441b28425e1b24424240 4f3a1b28423d1b2442246424 5e24401b28425e1b2442243f246d24261b2842';
    expect(written('Yamada^Tarou=山田^太郎=やまだ^たろう', ['', 'ISO 2022 IR 87'], 'PN')).toBe(hex.replaceAll(' ', ''));
  });

  it('writes a Korean name as PS3.5 has it', () => {
    const hex = '486f6e675e47696c646f6e673d1b242943fbf35e1b242943d1ced4d73d1b242943c8ab5e1b242943b1e6b5bf';
    expect(written('Hong^Gildong=洪^吉洞=홍^길동', ['', 'ISO 2022 IR 149'], 'PN')).toBe(hex);
  });

  it.each([
    ['a letter beyond Latin alphabet No. 1', 'Ł', ['ISO_IR 100']],
    ['a quotation mark that only windows-1252 has', '“', ['ISO_IR 100']],
    ['any letter with an accent where nothing is declared', 'Ä', []],
    ['an ideograph among Cyrillic', '山', ['ISO 2022 IR 144', 'ISO 2022 IR 126']],
  ])('has no bytes for %s', (_, text, charsets) => {
    expect(encodeText(text, charsets, 'LO')).toBeNull();
  });

  it('gives bytes that are read as the same text, or none', () => {
    const sets = [[], ['ISO_IR 100'], ['ISO_IR 101'], ['ISO_IR 13'], ['GB18030'], ['GBK'], ['ISO_IR 166'], ['ISO_IR 138']];
    const extended = [
      ['', 'ISO 2022 IR 87'],
      ['', 'ISO 2022 IR 149'],
      ['', 'ISO 2022 IR 58'],
      ['ISO 2022 IR 13', 'ISO 2022 IR 87'],
      ['ISO 2022 IR 100', 'ISO 2022 IR 144', 'ISO 2022 IR 126'],
    ];
    const characters = fc.constantFrom(...'aZ 09^=-.\nÄéßąĦЛюΔقשş€ก山田王김やﾔ');
    const text = fc.array(characters, { maxLength: 20 }).map((all) => all.join(''));
    fc.assert(
      fc.property(text, fc.constantFrom(...sets, ...extended), fc.constantFrom('PN', 'LO', 'UT'), (value, charsets, vr) => {
        const bytes = encodeText(value, charsets, vr);
        if (bytes) expect(decodeText(bytes, charsets, vr)).toBe(value);
      }),
    );
  });
});

import { describe, expect, it } from '@jest/globals';
import { CHARSETS, type CharsetName } from '../../../../src/model/charset.ts';
import { isFailure } from '../../../../src/model/failure.ts';
import { charsetNamed, decodeText, strictly } from '../../../../src/protocols/hl7v2/charset.ts';
import { encodeMessage, encodeText } from '../../../../src/protocols/hl7v2/encode.ts';
import { buildMessage, STANDARD_DELIMITERS, segment, unescapeText } from '../../../../src/protocols/hl7v2/escape.ts';
import { isRefusal, readFields, readHeader, readSegments } from '../../../../src/protocols/hl7v2/header.ts';
import { decodeIso2022 } from '../../../../src/protocols/hl7v2/iso-2022.ts';
import { parseMessage } from '../../../../src/protocols/hl7v2/message.ts';
import fc from '../../../support/properties.ts';

/** A sentence in each set, with bytes that were written by other programs where they are given. */
const SAMPLES: Readonly<Record<CharsetName, readonly [text: string, hex?: string]>> = {
  ASCII: ['Muster', '4d7573746572'],
  'UNICODE UTF-8': ['Müster 山田', '4dc3bc7374657220e5b1b1e794b0'],
  '8859/1': ['Åse Müller', 'c57365204dfc6c6c6572'],
  '8859/2': ['Łęcka', 'a3ea636b61'],
  '8859/3': ['Ħaż-Żebbuġ', 'a161bf2daf65626275f5'],
  '8859/4': ['Jānis Ģērmanis'],
  '8859/5': ['Иванов', 'b8d2d0dddeD2'],
  '8859/6': ['محمد', 'e5cde5cf'],
  '8859/7': ['Παπαδόπουλος'],
  '8859/8': ['כהן', 'ebe4ef'],
  '8859/9': ['Işık', '49fefd6b'],
  '8859/10': ['Ķīlis'],
  '8859/11': ['สมชาย', 'cac1aad2c2'],
  '8859/13': ['Žemaitė'],
  '8859/14': ['Ŵyn'],
  '8859/15': ['Œuvre 5 €', 'bc757672652035 20a4'],
  'WINDOWS-1250': ['Dvořák – Žižka'],
  'WINDOWS-1251': ['Иванов №', 'c8e2e0edeee220b9'],
  'WINDOWS-1252': ['5 € – “so”', '35208020962093736f94'],
  'WINDOWS-1253': ['Παπαδόπουλος'],
  'WINDOWS-1254': ['Işık'],
  'WINDOWS-1255': ['כהן'],
  'WINDOWS-1256': ['محمد'],
  'WINDOWS-1257': ['Žemaitė'],
  'WINDOWS-1258': ['Đào'],
  'ISO IR14': ['ﾔﾏﾀﾞ', 'd4cfc0de'],
  'ISO IR87': ['Yamada 山田', '59616d616461201b24423b3345441b2842'],
  'ISO IR159': ['丂', '1b242844 3021 1b2842'],
  'GB 18030-2000': ['王小东 €', 'cdf5d0a1b6ab20a2e3'],
  'KS X 1001': ['홍길동', 'c8abb1e6b5bf'],
  'BIG-5': ['許功蓋', 'b3 5ca55c bb5c'],
};

const hexOf = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');

describe.each(CHARSETS.map((name) => [name, ...SAMPLES[name]] as const))('%s', (name, text, hex) => {
  it('reads what it writes', () => {
    const written = encodeText(text, name);
    expect(written.missing).toEqual([]);
    expect(decodeText(written.bytes, [name])).toEqual({ text, charset: name, doubt: '' });
  });

  it('reads and writes the bytes of others', () => {
    if (hex === undefined) return;
    expect(strictly(hexOf(hex), name)).toBe(text);
    expect(encodeText(text, name).bytes.toString('hex')).toBe(hexOf(hex).toString('hex'));
  });

  it('gives any text back, or says which characters it has not', () => {
    const unit = fc.oneof(
      fc.constantFrom(...text),
      fc.constantFrom(...'|^~\\&\rM'),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    );
    fc.assert(
      fc.property(
        fc.string({ unit }).filter((one) => one.isWellFormed() && !one.includes('\x1b') && !one.includes('\ufeff')),
        (any) => {
          const { bytes, missing } = encodeText(any, name);
          const left = [...any].filter((character) => !missing.includes(character)).join('');
          expect(strictly(bytes, name)).toBe(left);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('never fails on any bytes, and replaces none in silence', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const { text: read, charset, doubt } = decodeText(bytes, [name]);
        if (charset !== name) expect(doubt).not.toBe('');
        const sent = charset === 'UNICODE UTF-8' || charset === 'GB 18030-2000';
        if (!sent) expect(read).not.toContain('\ufffd');
      }),
      { numRuns: 50 },
    );
  });
});

describe('names of sets', () => {
  it.each([
    ['8859/1', '8859/1'],
    ['ISO-8859-1', '8859/1'],
    ['iso8859/15', '8859/15'],
    ['latin1', '8859/1'],
    ['utf-8', 'UNICODE UTF-8'],
    ['UNICODE', 'UNICODE UTF-8'],
    ['Windows-1252', 'WINDOWS-1252'],
    ['CP1251', 'WINDOWS-1251'],
    ['ISO IR6', 'ASCII'],
    ['GB18030', 'GB 18030-2000'],
    ['KS X 1001', 'KS X 1001'],
    ['Big5', 'BIG-5'],
    ['UNICODE UTF-16', null],
    ['EBCDIC', null],
  ])('%s is %s', (written, name) => {
    expect(charsetNamed(written)).toBe(name);
  });
});

describe('a message that names no set', () => {
  it('is read in the set of its sender', () => {
    const message = parseMessage(Buffer.from('MSH|^~\\&|A\rPID|||||\xc5se', 'latin1'), '8859/1');
    expect(!isFailure(message) && message.first('PID')?.get(5)).toBe('Åse');
    expect(!isFailure(message) && message.gaps).toEqual([]);
  });

  it('is read as its own mark says, whatever it declares', () => {
    const message = parseMessage(Buffer.from('\ufeffMSH|^~\\&|A|||||||||||||||8859/1\rPID|||||Åse'));
    expect(!isFailure(message) && message.first('PID')?.get(5)).toBe('Åse');
  });
});

describe('a message in several sets', () => {
  const declared = (sets: string, pid: string): ReturnType<typeof parseMessage> =>
    parseMessage(Buffer.from(`MSH|^~\\&|A|||||||||||||||${sets}||ISO 2022-1994\rPID|||||${pid}|\rNTE|1||x`, 'latin1'));

  it.each([
    ['~ISO IR87', 'Yamada^Tarou~\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B', ['Tarou', '太郎']],
    ['ASCII~ISO IR87~ISO IR159', 'A^B~X^\x1b$(D0!\x1b(B', ['B', '丂']],
    ['ISO IR14~ISO IR87', '\xd4\xcf^B~X^\x1b$BB@O:\x1b(J', ['B', '太郎']],
    ['8859/1~8859/5', 'M\xfcller^B~X^\x1b-L\xb8\xd2', ['B', 'Ив']],
    ['ASCII~KS X 1001', 'A^B~X^\x1b$)C\xb1\xe6\xb5\xbf', ['B', '길동']],
  ])('%s switches by escape sequences', (sets, pid, names) => {
    const message = declared(sets, pid);
    if (isFailure(message)) throw new Error(message.detail);
    expect([1, 2].map((repetition) => message.first('PID')?.get(5, 2, repetition))).toEqual(names);
    expect(message.gaps).toEqual([]);
  });

  it('with bytes that are none of them is read otherwise, and listed', () => {
    const message = declared('~ISO IR87', '\x1b$B~~\x1b(B');
    expect(!isFailure(message) && message.gaps).toMatchObject([{ path: 'MSH-18', reason: expect.stringContaining('bytes are not') }]);
  });

  it('that are changed more often than in any text are not followed', () => {
    const changing = Buffer.alloc(8_100_000, Buffer.from('A\xc1', 'latin1'));
    expect(decodeIso2022(changing.subarray(0, 1_000), 'windows-1252')).toHaveLength(1_000);
    expect(decodeIso2022(changing, 'windows-1252')).toBeNull();
  });

  it('with a set that nobody knows is listed', () => {
    const message = declared('ASCII~CNS 11643-1992', 'A^B');
    expect(!isFailure(message) && message.gaps).toMatchObject([{ path: 'MSH-18' }]);
  });
});

describe('escape sequences that switch the set', () => {
  it.each([
    ['\\M2442\\;3ED\\C2842\\ T', '山田 T', 'UNICODE UTF-8'],
    ['\\M242844\\0!\\C2842\\', '丂', 'ASCII'],
    ['\\C2D4C\\\xb8\xd2\\C2842\\', 'Ив', 'WINDOWS-1252'],
    ['a\\C2D42\\\xa3\\F\\\xea', 'aŁ|ę', '8859/1'],
    ['\\C4141\\kept', '\\C4141\\kept', 'ASCII'],
    ['\\M2442\\odd', 'odd', 'ASCII'],
  ] as const)('%j is %j', (raw, text, charset) => {
    expect(unescapeText(raw, STANDARD_DELIMITERS, charset)).toBe(text);
  });

  it('bytes in hexadecimal that are no characters stay as they came', () => {
    expect(unescapeText('\\XFF\\', STANDARD_DELIMITERS, 'UNICODE UTF-8')).toBe('\\XFF\\');
    expect(unescapeText('\\XA3\\', STANDARD_DELIMITERS, '8859/2')).toBe('Ł');
  });
});

describe('the header of a message in two bytes a character', () => {
  it.each([
    ['BIG-5', [0xa5, 0x7c]],
    ['BIG-5', [0xb3, 0x5c]],
    ['GB 18030-2000', [0x81, 0x7c]],
    ['~ISO IR87', [...Buffer.from('\x1b$BB|N>\x1b(B', 'latin1')]],
  ])('%s is cut at delimiters, not within characters', (charset, facility) => {
    const line = Buffer.concat([
      Buffer.from('MSH|^~\\&|RIS|'),
      Buffer.from(facility),
      Buffer.from(`|W|H|||ORM^O01|N-1|P|2.5||||||${charset}\rPID|||`),
      Buffer.from(facility),
      Buffer.from('^^^H'),
    ]);
    const header = readHeader(line);
    if (isRefusal(header)) throw new Error(header.failure.detail);
    expect([header.code, header.controlId]).toEqual(['ORM', 'N-1']);
    expect(Buffer.from(header.fields[4] ?? '', 'latin1')).toEqual(Buffer.from(facility));
    expect(readFields(line, readSegments(line, header)[0] as never, header, 3)[3]).toMatch(/\^\^\^H$/);
    const message = parseMessage(line);
    expect(!isFailure(message) && [message.first('MSH')?.get(10), message.first('PID')?.get(3, 4), message.gaps]).toEqual(['N-1', 'H', []]);
  });

  it('in UTF-16 or UTF-32 is refused for what it is', () => {
    for (const bytes of [Buffer.from('MSH|^~\\&|', 'utf16le'), Buffer.from('\ufeffMSH|^~\\&|', 'utf16le')]) {
      expect(readHeader(bytes)).toMatchObject({ failure: { code: 'invalid' }, location: { segment: 'MSH', field: 18 } });
    }
  });
});

describe('a message for its receiver', () => {
  const written = (text: string, charset: CharsetName) =>
    encodeMessage(buildMessage([segment('MSH', { 3: 'WAY', 18: 'UNICODE UTF-8' }), segment('OBX', { 5: text })]), charset);

  it.each(CHARSETS)('in %s says so, and reads back', (charset) => {
    const encoded = written(SAMPLES[charset][0], charset);
    if (isFailure(encoded)) throw new Error(encoded.detail);
    const message = parseMessage(encoded.bytes);
    expect(!isFailure(message) && [message.first('OBX')?.text(5), message.gaps]).toEqual([SAMPLES[charset][0], []]);
    expect(encoded.rewritten).toEqual([]);
  });

  it('joins accents to their letters', () => {
    expect(written('Mu\u0308ller', '8859/1')).toMatchObject({ rewritten: [] });
  });

  it('writes otherwise what says the same, and tells it', () => {
    const encoded = written('5 \u03bcg \u2013 \u2265 3', 'ASCII');
    expect(!isFailure(encoded) && encoded.bytes.toString().split('\r')[1]).toBe('OBX|||||5 ug - >= 3');
    expect(!isFailure(encoded) && encoded.rewritten).toEqual(['U+03BC', 'U+2013', 'U+2265']);
  });

  it('is refused with the code points that have no place in it', () => {
    expect(written('山 and 田', '8859/1')).toMatchObject({ failure: true, detail: '8859/1 has no U+5C71, U+7530' });
  });
});

import { describe, expect, it } from '@jest/globals';
import { byteWriter } from '../../../../src/protocols/hl7v2/byte-writer.ts';
import { encodeText } from '../../../../src/protocols/hl7v2/encode.ts';

describe('bytes that are written one after another', () => {
  it.each([0, 1, 64, 65, 10_000])('are all there where %d were expected', (expected) => {
    const out = byteWriter(expected);
    const bytes = Array.from({ length: 5_000 }, (_, n) => n % 256);
    for (const byte of bytes) out.write(byte);
    expect(out.bytes()).toEqual(Buffer.from(bytes));
  });

  it.each(['ISO IR87', 'GB 18030-2000', 'BIG-5'] as const)('are those of a long text in %s, read back', (charset) => {
    const text = '山 a '.repeat(3_000);
    const { bytes, missing } = encodeText(text, charset);
    const read = new TextDecoder(charset === 'ISO IR87' ? 'iso-2022-jp' : charset === 'BIG-5' ? 'big5' : 'gb18030').decode(bytes);
    expect([read === text, missing]).toEqual([true, []]);
  });
});

import { describe, expect, it } from '@jest/globals';
import { isFailure } from '../../../../src/model/failure.ts';
import { elementBytes, type NewElement, type Setting } from '../../../../src/protocols/dicom/element-bytes.ts';
import { conversionsOf, transcoded } from '../../../../src/protocols/dicom/transcoder.ts';
import { EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN } from '../../../../src/protocols/dicom/transfer-syntax.ts';
import fc from '../../../support/properties.ts';

const BIG_ENDIAN = '1.2.840.10008.1.2.2';
const SETTINGS: Readonly<Record<string, Setting>> = {
  [EXPLICIT_LITTLE_ENDIAN]: { explicit: true, bigEndian: false, charsets: [] },
  [IMPLICIT_LITTLE_ENDIAN]: { explicit: false, bigEndian: false, charsets: [] },
};

const bytesOf = async (chunks: AsyncIterable<Buffer>): Promise<Buffer> => {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
};
const convert = (dataset: Buffer, from: string, to: string, size = dataset.length || 1): Promise<Buffer> =>
  bytesOf(
    transcoded(
      Array.from({ length: Math.ceil(dataset.length / size) }, (_, n) => dataset.subarray(n * size, (n + 1) * size)),
      from,
      to,
    ),
  );

/** Elements of known VRs, sequences within sequences among them. */
const text = (length: number) => fc.string({ unit: fc.constantFrom('A', 'b', '7'), maxLength: length });
const leaf: fc.Arbitrary<NewElement> = fc.oneof(
  text(8).map((value) => ({ tag: 0x00080060, vr: 'CS', value }) as const),
  text(9).map((value) => ({ tag: 0x00100020, vr: 'LO', value }) as const),
  fc.uint8Array({ minLength: 2, maxLength: 2 }).map((value) => ({ tag: 0x00280010, vr: 'US', value: Buffer.from(value) }) as const),
  fc.uint8Array({ maxLength: 40 }).map((value) => ({ tag: 0x00420011, vr: 'OB', value: Buffer.from(value) }) as const),
);
const { dataset } = fc.letrec<{ dataset: NewElement[]; sequence: NewElement }>((tie) => ({
  dataset: fc.uniqueArray(fc.oneof({ depthSize: 'small' }, leaf, tie('sequence')), { selector: ({ tag }) => tag, maxLength: 5 }),
  sequence: fc.array(tie('dataset'), { maxLength: 3 }).map((value) => ({ tag: 0x00400275, vr: 'SQ', value }) as const),
}));

function written(elements: readonly NewElement[], syntax: string): Buffer {
  const bytes = [...elements].sort((a, b) => a.tag - b.tag).map((one) => elementBytes(one, SETTINGS[syntax] as Setting));
  return Buffer.concat(bytes.filter((one): one is Buffer => !isFailure(one)));
}

describe('a dataset in another transfer syntax', () => {
  it('is the same whichever way it went, in whatever pieces it came', async () => {
    await fc.assert(
      fc.asyncProperty(dataset, fc.integer({ min: 1, max: 60 }), async (elements, size) => {
        if (elements.length === 0) return;
        const [explicit, implicit] = [written(elements, EXPLICIT_LITTLE_ENDIAN), written(elements, IMPLICIT_LITTLE_ENDIAN)];
        const wanted = await convert(explicit, EXPLICIT_LITTLE_ENDIAN, EXPLICIT_LITTLE_ENDIAN);
        expect(await convert(implicit, IMPLICIT_LITTLE_ENDIAN, EXPLICIT_LITTLE_ENDIAN, size)).toEqual(wanted);
        const there = await convert(explicit, EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN, size);
        expect(await convert(there, IMPLICIT_LITTLE_ENDIAN, EXPLICIT_LITTLE_ENDIAN, size)).toEqual(wanted);
      }),
    );
  });

  it('turns numbers round that were big-endian, also where a chunk ends within one', async () => {
    const big = Buffer.from('00280010 5553 0002 0102 7fe00010 4f57 0000 00000006 010203040506'.replaceAll(' ', ''), 'hex');
    const little = Buffer.from('28001000 5553 0200 0201 e07f1000 4f57 0000 06000000 020104030605'.replaceAll(' ', ''), 'hex');
    for (const size of [1, 3, 5, 27, 100]) expect(await convert(big, BIG_ENDIAN, EXPLICIT_LITTLE_ENDIAN, size)).toEqual(little);
  });

  it('takes the VR of what depends on the pixels by their representation', async () => {
    const implicit = Buffer.from('28000301 02000000 0100 28000601 02000000 ffff'.replaceAll(' ', ''), 'hex');
    for (const size of [1, 9, 100]) {
      const explicit = await convert(implicit, IMPLICIT_LITTLE_ENDIAN, EXPLICIT_LITTLE_ENDIAN, size);
      expect(explicit.toString('latin1')).toBe('\x28\x00\x03\x01US\x02\x00\x01\x00\x28\x00\x06\x01SS\x02\x00\xff\xff');
    }
  });

  it('is not made of what ends early', async () => {
    await expect(convert(Buffer.from('2800100055530200', 'hex'), EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN)).rejects.toThrow(
      'ends before',
    );
  });

  it('can be had of uncompressed syntaxes only', () => {
    expect(conversionsOf(EXPLICIT_LITTLE_ENDIAN)).toEqual([IMPLICIT_LITTLE_ENDIAN]);
    expect(conversionsOf(IMPLICIT_LITTLE_ENDIAN)).toEqual([EXPLICIT_LITTLE_ENDIAN]);
    for (const syntax of [BIG_ENDIAN, '1.2.840.10008.1.2.1.99'])
      expect(conversionsOf(syntax)).toEqual([EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN]);
    for (const syntax of ['1.2.840.10008.1.2.4.50', '1.2.840.10008.1.2.5', '1.2.3']) expect(conversionsOf(syntax)).toEqual([]);
  });
});

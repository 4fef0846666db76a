import { describe, expect, it } from '@jest/globals';
import { isFailure } from '../../../../src/model/failure.ts';
import type { RetainOption } from '../../../../src/model/outgoing.ts';
import { deidentification } from '../../../../src/protocols/dicom/deidentification.ts';
import { editDataset, readElements } from '../../../../src/protocols/dicom/edited-dataset.ts';
import { EXPLICIT_LITTLE_ENDIAN, transferSyntax } from '../../../../src/protocols/dicom/transfer-syntax.ts';
import { type DatasetElement, writeDataset } from '../../../../src/protocols/dicom/write.ts';
import { storedDataset } from '../../../support/stored-dataset.ts';

async function made(
  object: readonly DatasetElement[],
  retain: RetainOption[] = ['safePrivate'],
  syntax = EXPLICIT_LITTLE_ENDIAN,
): Promise<string> {
  const stored = storedDataset(writeDataset(object, transferSyntax(syntax)?.explicit), syntax);
  const judged = await readElements(stored, new Set());
  if (isFailure(judged)) throw new Error(judged.detail);
  const result = deidentification(judged, { retain, burnedIn: 'refuse' }, { secret: Buffer.alloc(32), destination: 'd' });
  if (isFailure(result)) throw new Error(result.detail);
  const edited = await editDataset(stored, result.edits);
  if (isFailure(edited)) throw new Error(edited.detail);
  const chunks: Buffer[] = [];
  for await (const chunk of edited.read()) chunks.push(chunk);
  return Buffer.concat(chunks).toString('latin1');
}

const GE: DatasetElement[] = [
  [0x00430010, 'LO', 'GEMS_PARM_01'],
  [0x00431027, 'SH', '0.984:1'],
  [0x00431039, 'IS', '800\\8\\0\\0'],
  [0x00431061, 'UI', '1.2.3'],
];

describe('private attributes', () => {
  it('stay where they are declared safe, and only with the option, which is said as a code', async () => {
    const kept = await made(GE);
    expect([kept.includes('GEMS_PARM_01'), kept.includes('0.984:1'), kept.includes('800\\8'), kept.includes('1.2.3')]).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(kept).toContain('113111');
    expect(await made(GE, [])).not.toMatch(/GEMS|0\.984|800/);
  });

  it('stay in the encoding that does not say what they are', async () => {
    expect(await made(GE, ['safePrivate'], '1.2.840.10008.1.2')).toMatch(/GEMS_PARM_01.*0\.984:1.*800/s);
  });

  it('are known by the creator of their block, of their own group, in their own item', async () => {
    const item = (creator: string, value: string): DatasetElement[] => [
      [0x00190011, 'LO', creator],
      [0x0019110c, 'IS', value],
    ];
    const object: DatasetElement[] = [
      [0x00081199, 'SQ', [item('SIEMENS MR HEADER', '700'), [[0x0019110c, 'IS', '801']], item('SOMEBODY', '802')]],
      [0x00190010, 'LO', 'SIEMENS MR HEADER'],
      [0x0019100c, 'IS', '701'],
      [0x0019110c, 'IS', '803'],
      [0x00210010, 'LO', 'SIEMENS MR HEADER'],
      [0x0021100c, 'IS', '804'],
    ];
    const text = await made(object);
    expect([700, 701, 801, 802, 803, 804].filter((value) => text.includes(String(value)))).toEqual([700, 701]);
    expect(text).not.toContain('SOMEBODY');
  });

  it.each([
    ['text where a number is declared', [0x00431039, 'IS', 'Muster^Erika']],
    ['another VR than is declared', [0x00431039, 'LO', '800']],
    ['more than some numbers', [0x00431039, 'IS', '1\\'.repeat(200)]],
  ] as [string, DatasetElement][])('do not stay with %s', async (_, [tag, vr, value]) => {
    const text = await made([
      [0x00430010, 'LO', 'GEMS_PARM_01'],
      [tag, vr, value],
    ]);
    expect(text).not.toContain(String(value).slice(0, 3));
  });
});

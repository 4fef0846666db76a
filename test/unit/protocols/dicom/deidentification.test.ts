import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { isFailure } from '../../../../src/model/failure.ts';
import type { DeidentifyRules } from '../../../../src/model/outgoing.ts';
import { type Deidentification, deidentification, JUDGED } from '../../../../src/protocols/dicom/deidentification.ts';
import { vrOf } from '../../../../src/protocols/dicom/dictionary.ts';
import { editDataset, readElements, type StoredDataset } from '../../../../src/protocols/dicom/edited-dataset.ts';
import { EXPLICIT_LITTLE_ENDIAN } from '../../../../src/protocols/dicom/transfer-syntax.ts';
import { type DatasetElement, writeDataset } from '../../../../src/protocols/dicom/write.ts';
import { storedDataset } from '../../../support/stored-dataset.ts';

const RULES: DeidentifyRules = { retain: [], burnedIn: 'refuse' };
const KEY = { secret: Buffer.alloc(32, 7), destination: 'research' };
const CT = '1.2.840.10008.5.1.4.1.1.2';
const OBJECT: DatasetElement[] = [
  [0x00080016, 'UI', CT],
  [0x00080018, 'UI', '1.2.3.4.5'],
  [0x00080020, 'DA', '20260302'],
  [0x00080030, 'TM', '101500'],
  [0x00080050, 'SH', 'ACC-1'],
  [0x00080060, 'CS', 'CT'],
  [0x00080080, 'LO', 'North Hospital'],
  [0x00100010, 'PN', 'Invented^Ida'],
  [0x00100020, 'LO', 'P-4711'],
  [0x00100040, 'CS', 'F'],
  [0x00181000, 'LO', 'SERIAL-7'],
  [0x0020000d, 'UI', '1.2.3.4'],
  [0x0020000e, 'UI', '1.2.3.4.1'],
];
const TEXT_VRS = new Set(['LO', 'SH', 'LT', 'ST', 'UT', 'UC', 'PN', 'CS', 'AE', 'UR', 'UN', 'OB']);

describe('de-identification by the Basic Profile', () => {
  it('leaves nothing of any attribute that the profile lists, at the root or within any sequence', async () => {
    const listed = LISTED.filter((tag) => TEXT_VRS.has(vrOf(tag))).map((tag): DatasetElement => [tag, vrOf(tag), 'SECRET']);
    expect(listed.length).toBeGreaterThan(280);
    const nested: DatasetElement[] = [0x00081199, 0x0040a730, 0x0040a073, 0x00081140, 0x54000100].map((tag) => [tag, 'SQ', [listed]]);
    const persons: DatasetElement[] = [0x00401101, 0x00081049, 0x00400275].map((tag) => [tag, 'SQ', [[[0x00080104, 'LO', 'SECRET']]]]);
    const odd: DatasetElement[] = [
      [0x00091001, 'LO', 'SECRET'],
      [0x60003000, 'OW', 'SECRET'],
      [0x50003000, 'OW', 'SECRET'],
    ];
    const named = new Set(listed.map(([tag]) => tag));
    const object = [
      ...OBJECT.filter(([tag]) => !named.has(tag)),
      ...listed,
      ...nested,
      ...persons,
      ...odd,
      [0x00080015, 'DT', '1'] as DatasetElement,
    ];
    const { bytes } = await made(object.filter(([tag]) => tag !== 0x00280301));
    expect(bytes.includes('SECRET')).toBe(false);
  });

  it('says so, with the profile and its options as codes', async () => {
    const { text } = await made(OBJECT, { ...RULES, retain: ['device', 'modifiedDates'] });
    expect(text).toMatch(/113100.*113107.*113109/s);
    expect(text).toContain('MODIFIED');
    expect((await made(OBJECT)).text).toMatch(/YES.*113100(?!.*1131)/s);
  });

  it('names one patient alike in all objects for a destination, and otherwise for another', async () => {
    const [one, again] = [await made(OBJECT), await made([...OBJECT, [0x00200013, 'IS', '2']])];
    expect(one.result.pseudonym).toBe(again.result.pseudonym);
    expect(one.text).toContain(one.result.pseudonym);
    const elsewhere = await made(OBJECT, RULES, { ...KEY, destination: 'registry' });
    expect(elsewhere.result.pseudonym).not.toBe(one.result.pseudonym);
    expect(elsewhere.result.mapped('1.2.3.4')).not.toBe(one.result.mapped('1.2.3.4'));
  });

  it('puts other UIDs in place, the same wherever one stands, and tells which', async () => {
    const references: DatasetElement = [
      0x00081140,
      'SQ',
      [
        [
          [0x00081150, 'UI', CT],
          [0x00081155, 'UI', '1.2.3.4.5'],
        ],
      ],
    ];
    const { text, result } = await made([...OBJECT, references]);
    const instance = result.mapped('1.2.3.4.5');
    expect(instance).toMatch(/^2\.25\.\d{1,39}$/);
    expect(text.split(instance)).toHaveLength(3);
    expect(text.split(CT)).toHaveLength(3);
    expect(result.uids.get(instance)).toBe('1.2.3.4.5');
    expect(text).not.toContain('1.2.3.4');
  });

  it('sends no UID of an object that the profile does not list, nor what stands for a UID and is none; private classes stay', async () => {
    const unlisted: DatasetElement[] = [
      [0x00080016, 'UI', '1.3.6.1.4.1.99999.7'],
      [0x00081167, 'UI', '1.2.3.4.5.1'], // Multi-frame Source SOP Instance UID
      [0x00200242, 'UI', '1.2.3.4.5.2'], // SOP Instance UID of Concatenation Source
      [0x00209312, 'UI', '1.2.3.4.5.3'], // Volume Frame of Reference UID
      [0x00640003, 'UI', '1.2.3.4.5.4'], // Source Frame of Reference UID
      [0x00083010, 'UI', 'INVENTED-4711'],
    ];
    const { text, result } = await made([...OBJECT.filter(([tag]) => tag !== 0x00080016), ...unlisted]);
    expect(text).not.toMatch(/1\.2\.3\.4|INVENTED/);
    expect(text).toContain('1.3.6.1.4.1.99999.7');
    expect(text).toContain(result.mapped('1.2.3.4.5.2'));
    expect([...result.uids.values()]).not.toContain('INVENTED-4711');
  });

  it('leaves nothing of elements that no dictionary has, whatever VR they claim, nor of what tells as much as what is listed', async () => {
    const unknown: DatasetElement[] = [
      [0x00089998, 'LO', 'SECRET'],
      [0x00089999, 'SQ', [[[0x00080104, 'LO', 'SECRET']]]],
      [0x00100033, 'LO', 'SECRET'],
      [0x00402006, 'SH', 'SECRET'],
      [0x30060026, 'LO', 'SECRET'],
      [0x0018937f, 'UT', 'SECRET'],
    ];
    const { text } = await made([...OBJECT, ...unknown, [0x00081199, 'SQ', [unknown]]]);
    expect(text).not.toContain('SECRET');
  });

  it('refuses a UID that would fill the memory, without reading it', async () => {
    const header = Buffer.alloc(8);
    header.writeUInt32LE(0x30100008, 0);
    header.writeUInt32LE(3_000_000_000, 4);
    let read = 0;
    const huge: StoredDataset = {
      ...storedDataset(header, '1.2.840.10008.1.2'),
      bytes: 8 + 3_000_000_000,
      readAt: async (position, length) => {
        read += length;
        return position === 0 ? header : Buffer.alloc(length);
      },
    };
    const result = deidentification(new Map(), RULES, KEY);
    const edited = isFailure(result) ? result : await editDataset(huge, result.edits);
    expect(edited).toMatchObject({ failure: true, code: 'too-large' });
    expect(read).toBeLessThan(1_000_000);
  });

  it.each([
    [['uids'], '1.2.3.4.5'],
    [['device'], 'SERIAL-7'],
    [['institution'], 'North Hospital'],
    [['dates'], '20260302'],
  ] as [DeidentifyRules['retain'], string][])('keeps with %j what that option keeps, and nothing without', async (retain, kept) => {
    expect((await made(OBJECT, { ...RULES, retain })).text).toContain(kept);
    expect((await made(OBJECT)).text).not.toContain(kept);
  });

  it('shifts all dates of a patient by the same days, and leaves the time of the day', async () => {
    const dated: DatasetElement[] = [...OBJECT, [0x00080022, 'DA', '20260312'], [0x0008002a, 'DT', '20260312101500.5+0100']];
    const { text } = await made(dated, { ...RULES, retain: ['modifiedDates'] });
    expect(text).not.toContain('202603');
    const [study, acquired, at] = [...text.matchAll(/(?:DA..|DT..)(\d{8})/g)].map(([, date]) => date as string);
    const day = (date = '') => Date.parse(`${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6, 8)}`);
    expect(day(acquired) - day(study)).toBe(10 * 24 * 3_600_000);
    expect(at).toBe(acquired);
    expect(text).toContain('101500.5+0100');
  });

  it.each([
    ['Burned In Annotation YES', [[0x00280301, 'CS', 'YES']], 'is YES'],
    ['ultrasound that does not say', [[0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.6.1']], 'SOP class'],
    ['a secondary capture', [[0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.7']], 'SOP class'],
    [
      'a photograph that does not say what it shows',
      [
        [0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.77.1.4'],
        [0x00280301, 'CS', 'NO'],
      ],
      'may show a face',
    ],
    [
      'a photograph that does not say what is written in it',
      [
        [0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.77.1.4'],
        [0x00280302, 'CS', 'NO'],
      ],
      'SOP class is likely to',
    ],
    ['a dermoscopic photograph', [[0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.77.1.7']], 'may show a face'],
    [
      'Recognizable Visual Features YES, whatever is said of annotation',
      [
        [0x00280301, 'CS', 'NO'],
        [0x00280302, 'CS', 'YES'],
      ],
      'is YES',
    ],
    [
      'an encapsulated document, whatever it says',
      [
        [0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.104.1'],
        [0x00280301, 'CS', 'NO'],
      ],
      'document',
    ],
    ['a modality that is likely to', [[0x00080060, 'CS', 'XC']], 'modality XC'],
    ['a screenshot', [[0x00080008, 'CS', 'DERIVED\\SECONDARY\\SCREEN SAVE']], 'screenshot'],
  ] as [string, DatasetElement[], string][])('refuses %s, unless a rule allows it', async (_, changes, why) => {
    const object = [...OBJECT.filter(([tag]) => !changes.some(([other]) => other === tag)), ...changes];
    const refused = await judged(object);
    expect(refused).toMatchObject({ failure: true, class: 'permanent', code: 'forbidden' });
    expect(isFailure(refused) && refused.detail).toContain(why);
    expect(isFailure(await judged(object, { ...RULES, burnedIn: 'allow' }))).toBe(false);
  });

  it.each([
    ['1.2.840.10008.5.1.4.1.1.77.1.4', ['NO', 'NO']],
    ['1.2.840.10008.5.1.4.1.1.77.1.7', ['', 'NO']],
    ['1.2.840.10008.5.1.4.1.1.77.1.5.1', ['', '']],
  ])('believes a photograph of class %s that says %j of annotation and features', async (sopClass, [annotation, features]) => {
    const object = [
      ...OBJECT.filter(([tag]) => tag !== 0x00080016),
      ...[
        [0x00080016, 'UI', sopClass],
        [0x00280301, 'CS', annotation],
        [0x00280302, 'CS', features],
      ],
    ] as DatasetElement[];
    expect(isFailure(await judged(object))).toBe(false);
  });

  it('believes ultrasound that says NO', async () => {
    const object = [
      ...OBJECT.filter(([tag]) => tag !== 0x00080016),
      [0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.6.1'],
      [0x00280301, 'CS', 'NO'],
    ] as DatasetElement[];
    expect(isFailure(await judged(object))).toBe(false);
  });
});

/** Every tag that has a row. */
const LISTED = [...readFileSync('src/protocols/dicom/confidentiality-table.ts', 'utf8').matchAll(/^([0-9A-F]{8}) [DZXU]/gm)].map(
  ([, tag]) => Number.parseInt(tag as string, 16),
);

async function judged(object: readonly DatasetElement[], rules = RULES, key = KEY) {
  const elements = await readElements(storedDataset(writeDataset(object), EXPLICIT_LITTLE_ENDIAN), JUDGED);
  if (isFailure(elements)) throw new Error(elements.detail);
  return deidentification(elements, rules, key);
}

async function made(
  object: readonly DatasetElement[],
  rules = RULES,
  key = KEY,
): Promise<{ bytes: Buffer; text: string; result: Deidentification }> {
  const result = await judged(object, rules, key);
  if (isFailure(result)) throw new Error(result.detail);
  const edited = await editDataset(storedDataset(writeDataset(object), EXPLICIT_LITTLE_ENDIAN), result.edits);
  if (isFailure(edited)) throw new Error(edited.detail);
  const chunks: Buffer[] = [];
  for await (const chunk of edited.read()) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  return { bytes, text: bytes.toString('latin1'), result };
}

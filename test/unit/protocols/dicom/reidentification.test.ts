import { describe, expect, it } from '@jest/globals';
import { isFailure } from '../../../../src/model/failure.ts';
import { deidentification, JUDGED } from '../../../../src/protocols/dicom/deidentification.ts';
import { editDataset, readElements } from '../../../../src/protocols/dicom/edited-dataset.ts';
import { namedUids, type Originals, reidentification } from '../../../../src/protocols/dicom/reidentification.ts';
import { readStudyModules } from '../../../../src/protocols/dicom/study-modules.ts';
import { EXPLICIT_LITTLE_ENDIAN, transferSyntax } from '../../../../src/protocols/dicom/transfer-syntax.ts';
import { type DatasetElement, writeDataset } from '../../../../src/protocols/dicom/write.ts';
import fc from '../../../support/properties.ts';
import { storedDataset } from '../../../support/stored-dataset.ts';

const NOTHING: Originals = {
  uids: new Map(),
  dates: new Map(),
  patient: { pseudonym: 'P51F0', id: 'P-4711', name: 'Müller^Ida' },
  elements: [],
  system: 'WAYSTATION',
};

async function made(elements: DatasetElement[], originals: Partial<Originals>, syntax = EXPLICIT_LITTLE_ENDIAN): Promise<Buffer> {
  return edited(writeDataset(elements, transferSyntax(syntax)?.explicit), reidentification({ ...NOTHING, ...originals }), syntax);
}

async function edited(bytes: Buffer, edits: Parameters<typeof editDataset>[1], syntax = EXPLICIT_LITTLE_ENDIAN): Promise<Buffer> {
  const result = await editDataset(storedDataset(bytes, syntax), edits);
  if (isFailure(result)) throw new Error(result.detail);
  const chunks: Buffer[] = [];
  for await (const chunk of result.read()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function contents(bytes: Buffer, tags: readonly number[]): Promise<string[]> {
  const read = await readElements(storedDataset(bytes, EXPLICIT_LITTLE_ENDIAN), new Set(tags));
  if (isFailure(read)) throw new Error(read.detail);
  return tags.map(
    (tag) =>
      read
        .get(tag)
        ?.value.toString('utf8')
        .replace(/[\0 ]+$/, '') ?? 'absent',
  );
}

describe('re-identification', () => {
  it('puts UIDs back wherever they stand, but not those of kinds, and leaves those that it does not know', async () => {
    const uids = new Map([
      ['2.25.1', '1.2.1'],
      ['2.25.2', '1.2.2'],
      ['1.2.840.10008.5.1.4.1.1.2', '9.9.9'],
    ]);
    const reference: DatasetElement[] = [
      [0x00081150, 'UI', '1.2.840.10008.5.1.4.1.1.2'],
      [0x00081155, 'UI', '2.25.2'],
    ];
    const object: DatasetElement[] = [
      [0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.2'],
      [0x00080018, 'UI', '2.25.77'],
      [0x00081199, 'SQ', [reference]],
      [0x00091010, 'UI', '2.25.2\\2.25.78'],
      [0x0020000d, 'UI', '2.25.1'],
    ];
    const bytes = await made(object, { uids });
    expect(await contents(bytes, [0x0020000d, 0x00080018, 0x00091010])).toEqual(['1.2.1', '2.25.77', '1.2.2\\2.25.78']);
    expect([bytes.includes('2.25.2'), bytes.includes('1.2.2'), bytes.includes('9.9.9')]).toEqual([false, true, false]);
    // What a private element is, an implicit VR does not tell.
    const known = object.filter(([tag]) => tag !== 0x00091010);
    const implicit = await made(known, { uids }, '1.2.840.10008.1.2');
    expect([implicit.includes('2.25.2'), implicit.includes('1.2.2')]).toEqual([false, true]);
  });

  it('shifts back the dates that were sent, and no others', async () => {
    const dates = new Map([['20240110', '20260302']]);
    const object: DatasetElement[] = [
      [0x00080020, 'DA', '20240110'],
      [0x0008002a, 'DT', '20240110101500.5+0100'],
      [0x00080023, 'DA', '20260401'],
      [0x00080030, 'TM', '202401'],
    ];
    expect(await contents(await made(object, { dates }), [0x00080020, 0x0008002a, 0x00080023, 0x00080030])).toEqual([
      '20260302',
      '20260302101500.5+0100',
      '20260401',
      '202401',
    ]);
  });

  it('says the patient and study as the stored study does, and where a pseudonym stands who it is; UTF-8 where a name needs it', async () => {
    const elements: DatasetElement[] = [
      [0x00080050, 'SH', 'ACC-1'],
      [0x00100010, 'PN', 'Müller^Ida'],
      [0x00100020, 'LO', 'P-4711'],
      [0x00101002, 'SQ', [[[0x00100020, 'LO', 'ALT']]]],
    ];
    const content: DatasetElement[][] = [
      [[0x0040a160, 'UT', 'P51F0']],
      [[0x0040a123, 'PN', 'P51F0']],
      [[0x0040a160, 'UT', 'P51F0 is not he alone']],
    ];
    const object: DatasetElement[] = [
      [0x00100010, 'PN', 'P51F0'],
      [0x00100020, 'LO', 'P51F0'],
      [0x00120062, 'CS', 'YES'],
      [0x00280303, 'CS', 'MODIFIED'],
      [0x0040a730, 'SQ', content],
    ];
    const bytes = await made(object, { elements });
    expect(await contents(bytes, [0x00080005, 0x00080050, 0x00100010, 0x00100020, 0x00120062, 0x00280303])).toEqual([
      'ISO_IR 192',
      'ACC-1',
      'Müller^Ida',
      'P-4711',
      'absent',
      'absent',
    ]);
    expect(bytes.toString('utf8').match(/Müller\^Ida/g)).toHaveLength(2);
    expect(bytes.toString('utf8').match(/P51F0/g)).toHaveLength(1);
    expect(bytes.toString('utf8')).toMatch(/ALT.*109103.*Modifying Equipment/s);
  });

  it('makes the same object each time', async () => {
    const object: DatasetElement[] = [[0x00100020, 'LO', 'P51F0']];
    expect(await made(object, {})).toEqual(await made(object, {}));
  });

  it('undoes what de-identification did to UIDs and dates, whatever they are', async () => {
    const component = fc.integer({ min: 1, max: 99_999 });
    const uid = fc.array(component, { minLength: 2, maxLength: 6 }).map((parts) => `1.2.${parts.join('.')}`);
    const date = fc.date({ min: new Date('1990-01-01'), max: new Date('2030-01-01'), noInvalidDate: true });
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(uid, { minLength: 3, maxLength: 9 }), date, async (uids, day) => {
        const when = day.toISOString().slice(0, 10).replaceAll('-', '');
        const object = originalObject(uids, when);
        const before = storedDataset(writeDataset(object), EXPLICIT_LITTLE_ENDIAN);
        const judged = await readElements(before, JUDGED);
        if (isFailure(judged)) throw new Error(judged.detail);
        const hidden = deidentification(
          judged,
          { retain: ['modifiedDates'], burnedIn: 'refuse' },
          { secret: Buffer.alloc(32, 3), destination: 'd' },
        );
        if (isFailure(hidden)) throw new Error(hidden.detail);
        const sent = await edited(writeDataset(object), hidden.edits);
        expect(uids.some((one) => sent.includes(`${one}\0`))).toBe(false);
        const named = namedUids();
        await edited(sent, named.edits);
        expect([...hidden.uids.keys()].every((one) => named.uids.has(one))).toBe(true);
        const modules = readStudyModules(writeDataset(object), transferSyntax(EXPLICIT_LITTLE_ENDIAN) as never);
        const patient = { pseudonym: hidden.pseudonym, id: 'P-4711', name: 'Invented^Ida' };
        const elements = modules?.elements ?? [];
        const back = await edited(
          sent,
          reidentification({ uids: hidden.uids, dates: hidden.dates, patient, elements, system: 'WAYSTATION' }),
        );
        const tags = object.filter(([, vr]) => vr !== 'SQ').map(([tag]) => tag);
        expect(await contents(back, tags)).toEqual(await contents(writeDataset(object), tags));
        expect(back.includes(hidden.pseudonym)).toBe(false);
      }),
      { numRuns: 40 },
    );
  });
});

function originalObject(uids: readonly string[], when: string): DatasetElement[] {
  const [study, series, instance] = uids as [string, string, string];
  return [
    [0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.2'],
    [0x00080018, 'UI', instance],
    [0x00080020, 'DA', when],
    [0x00080021, 'DA', when],
    [0x0008002a, 'DT', `${when}101500`],
    [0x00081140, 'SQ', uids.map((uid): DatasetElement[] => [[0x00081155, 'UI', uid]])],
    [0x00100010, 'PN', 'Invented^Ida'],
    [0x00100020, 'LO', 'P-4711'],
    [0x0020000d, 'UI', study],
    [0x0020000e, 'UI', series],
  ];
}

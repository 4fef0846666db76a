import { describe, expect, it } from '@jest/globals';
import { isFailure } from '../../../../src/model/failure.ts';
import { DatasetReader } from '../../../../src/protocols/dicom/dataset-reader.ts';
import { dicomJson, HEADER_TAGS, type Header, headerOf } from '../../../../src/protocols/dicom/header.ts';
import { sampleSeries } from '../../../../src/protocols/dicom/sample-series.ts';
import { type TransferSyntax, transferSyntax } from '../../../../src/protocols/dicom/transfer-syntax.ts';
import { type DatasetElement, writeDataset } from '../../../../src/protocols/dicom/write.ts';

const IDENTITY: readonly DatasetElement[] = [
  [0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.2'],
  [0x00080018, 'UI', '1.2.3.4'],
  [0x0020000d, 'UI', '1.2.3'],
  [0x0020000e, 'UI', '1.2.3.1'],
];

describe('the header of a dataset', () => {
  it('has the facts by which an object is indexed', () => {
    expect(header([...IDENTITY, [0x00080060, 'CS', 'CT'], [0x00280008, 'IS', '25 ']])).toMatchObject({
      sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
      sopInstanceUid: '1.2.3.4',
      studyUid: '1.2.3',
      seriesUid: '1.2.3.1',
      modality: 'CT',
      frames: 25,
    });
  });

  it.each([
    ['without a SOP Class UID', 0x00080016],
    ['without a SOP Instance UID', 0x00080018],
    ['without a Study Instance UID', 0x0020000d],
    ['without a Series Instance UID', 0x0020000e],
  ])('%s does not match any storage SOP class', (_, tag) => {
    expect(read(IDENTITY.filter(([other]) => other !== tag))).toMatchObject({ failure: true, code: 'invalid' });
  });

  it('whose Study Instance UID is no UID does not match either', () => {
    expect(read(IDENTITY.map(([tag, vr, value]) => [tag, vr, tag === 0x0020000d ? 'abc' : value]))).toMatchObject({ code: 'invalid' });
  });

  it.each([
    ['1A', 1],
    ['0', 1],
    ['-3', 1],
    ['99999999999', 1],
    ['', 1],
  ])('with Number of Frames "%s" counts as %i frame', (text, frames) => {
    expect(header([...IDENTITY, [0x00280008, 'IS', text]]).frames).toBe(frames);
  });

  it('says nothing of a modality that is no code string', () => {
    expect(header([...IDENTITY, [0x00080060, 'CS', 'x\0y']]).modality).toBe('');
  });

  it('is DICOM JSON: values by VR, names by component group, empty values without Value (PS3.18 §F.2)', () => {
    const { json } = header([
      ...IDENTITY,
      [0x00080005, 'CS', 'ISO_IR 192'],
      [0x00080008, 'CS', 'ORIGINAL\\PRIMARY\\\\AXIAL'],
      [0x00080090, 'PN', 'Weiß^Rosa^^Dr.'],
      [0x00100010, 'PN', 'Yamada^Tarou=山田^太郎=やまだ^たろう'],
      [0x00100020, 'LO', ' P1 '],
      [0x00100030, 'DA', ''],
      [0x00200013, 'IS', '7 '],
      [0x00200011, 'IS', 'seven'],
      [0x00280010, 'US', 512],
      [0x00081030, 'LO', 'Thorax'],
    ]);
    expect(json).toMatchObject({
      '00080008': { vr: 'CS', Value: ['ORIGINAL', 'PRIMARY', null, 'AXIAL'] },
      '00080090': { vr: 'PN', Value: [{ Alphabetic: 'Weiß^Rosa^^Dr.' }] },
      '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎', Phonetic: 'やまだ^たろう' }] },
      '00100020': { vr: 'LO', Value: ['P1'] },
      '00100030': { vr: 'DA' },
      '00200013': { vr: 'IS', Value: [7] },
      '00200011': { vr: 'IS', Value: ['seven'] },
      '00280010': { vr: 'US', Value: [512] },
      '00081030': { vr: 'LO', Value: ['Thorax'] },
    });
    expect(json).not.toHaveProperty('00080005');
    expect(json['00100030']).toEqual({ vr: 'DA' });
  });

  it('has the tags in ascending order', () => {
    const tags = Object.keys(header([...IDENTITY, [0x00100020, 'LO', 'P1'], [0x00080060, 'CS', 'CT']]).json);
    expect(tags).toEqual([...tags].sort());
  });

  it('reads each item of a sequence in its own character set, or in that of the dataset', () => {
    const { json } = header([
      ...IDENTITY,
      [0x00080005, 'CS', 'ISO_IR 100'],
      [
        0x00321064,
        'SQ',
        [
          [[0x00080104, 'LO', Buffer.from([0xc4])]],
          [
            [0x00080005, 'CS', 'ISO_IR 144'],
            [0x00080104, 'LO', Buffer.from([0xbb])],
          ],
        ],
      ],
    ]);
    expect(json['00321064']?.Value).toEqual([{ '00080104': { vr: 'LO', Value: ['Ä'] } }, { '00080104': { vr: 'LO', Value: ['Л'] } }]);
  });

  it('keeps the order of each study that shares the images: Request Attributes Sequence', () => {
    const { json } = header([
      ...IDENTITY,
      [
        0x00400275,
        'SQ',
        [
          [
            [0x00401001, 'SH', 'RP1'],
            [0x00080050, 'SH', 'A1'],
          ],
          [[0x00080050, 'SH', 'A2']],
        ],
      ],
    ]);
    expect(json['00400275']?.Value).toEqual([
      { '00080050': { vr: 'SH', Value: ['A1'] }, '00401001': { vr: 'SH', Value: ['RP1'] } },
      { '00080050': { vr: 'SH', Value: ['A2'] } },
    ]);
  });

  it('holds no control characters', () => {
    expect(header([...IDENTITY, [0x00100020, 'LO', 'P\x001\x1b[0m']]).json['00100020']?.Value).toEqual(['P1[0m']);
  });
});

describe('the sample series', () => {
  const series = {
    studyUid: '2.25.1',
    seriesUid: '2.25.1.1',
    patientId: 'P-1',
    patientName: 'Muñoz^Ana',
    birthDate: '19700101',
    sex: 'F',
    accession: 'A-1',
    accessionIssuer: 'NORTH',
    patientIdIssuer: 'NORTH',
    studyDate: '20260301',
    studyTime: '101500',
    description: 'CT thorax',
    bodyPart: 'CHEST',
    slices: 3,
    size: 16,
  };

  it('says what it was asked to say', () => {
    const objects = [...sampleSeries(series)];
    expect(objects.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual(['2.25.1.1.1', '2.25.1.1.2', '2.25.1.1.3']);
    const first = headerFrom(objects[0]?.dataset as Buffer);
    expect(first).toMatchObject({ studyUid: '2.25.1', seriesUid: '2.25.1.1', modality: 'CT', frames: 1 });
    expect(first.json).toMatchObject({
      '00080050': { Value: ['A-1'] },
      '00080051': { Value: [{ '00400031': { Value: ['NORTH'] } }] },
      '00100010': { Value: [{ Alphabetic: 'Muñoz^Ana' }] },
      '00100021': { Value: ['NORTH'] },
    });
  });

  it('is the same bytes each time', () => {
    const bytes = () => Buffer.concat([...sampleSeries(series)].map(({ dataset }) => dataset));
    expect(bytes().equals(bytes())).toBe(true);
  });
});

function read(elements: readonly DatasetElement[]): ReturnType<typeof headerOf> {
  const reader = new DatasetReader(transferSyntax('1.2.840.10008.1.2.1') as TransferSyntax, HEADER_TAGS);
  expect(reader.push(writeDataset(elements)) ?? reader.end()).toBeNull();
  return headerOf(reader.dataset);
}

function header(elements: readonly DatasetElement[]): Header {
  const found = read(elements);
  if (isFailure(found)) throw new Error(found.detail);
  return found;
}

function headerFrom(dataset: Buffer): Header {
  const reader = new DatasetReader(transferSyntax('1.2.840.10008.1.2.1') as TransferSyntax, HEADER_TAGS);
  expect(reader.push(dataset) ?? reader.end()).toBeNull();
  expect(dicomJson(reader.dataset)).toBeDefined();
  return headerOf(reader.dataset) as Header;
}

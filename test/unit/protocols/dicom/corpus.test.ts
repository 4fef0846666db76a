/** The third-party DICOM corpora, read by the header reader, and held against what is known of them and against another parser. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import dicomParser from 'dicom-parser';
import { isFailure } from '../../../../src/model/failure.ts';
import { DatasetReader } from '../../../../src/protocols/dicom/dataset-reader.ts';
import { type DicomJson, dicomJson, HEADER_TAGS, integerOf, textOf } from '../../../../src/protocols/dicom/header.ts';
import { readPart10 } from '../../../../src/protocols/dicom/part10.ts';
import { type TransferSyntax, transferSyntax } from '../../../../src/protocols/dicom/transfer-syntax.ts';

const CORPUS = '../shared/corpora/dicom';
const withCorpus = existsSync(CORPUS) ? describe : describe.skip;
const files = existsSync(CORPUS) ? readdirSync(CORPUS, { recursive: true }).map(String).sort() : [];

withCorpus('names in every character set of the corpora', () => {
  it.each([
    ['chrArab', 'قباني^لنزار', '', ''],
    ['chrFren', 'Buc^Jérôme', '', ''],
    ['chrFrenMulti', 'Buc^Jérôme', '', ''],
    ['chrGerm', 'Äneas^Rüdiger', '', ''],
    ['chrGreek', 'Διονυσιος', '', ''],
    ['chrH31', 'Yamada^Tarou', '山田^太郎', 'やまだ^たろう'],
    ['chrH32', 'ﾔﾏﾀﾞ^ﾀﾛｳ', '山田^太郎', 'やまだ^たろう'],
    ['chrHbrw', 'שרון^דבורה', '', ''],
    ['chrI2', 'Hong^Gildong', '洪^吉洞', '홍^길동'],
    ['chrJapMulti', 'やまだ^たろう', '', ''],
    ['chrJapMultiExplicitIR6', 'やまだ^たろう', '', ''],
    ['chrKoreanMulti', '김희중', '', ''],
    ['chrRuss', 'Люкceмбypг', '', ''],
    ['chrX1', 'Wang^XiaoDong', '王^小東', ''],
    ['chrX2', 'Wang^XiaoDong', '王^小东', ''],
  ])('%s', (file, Alphabetic, Ideographic, Phonetic) => {
    const { json } = readHeader(`pydicom/charset/${file}.dcm`);
    const groups = Object.entries({ Alphabetic, Ideographic, Phonetic }).filter(([, text]) => text !== '');
    expect(json['00100010']?.Value).toEqual([Object.fromEntries(groups)]);
  });

  it.each(['chrSQEncoding', 'chrSQEncoding1'])('%s, within a sequence', (file) => {
    const { json } = readHeader(`pydicom/charset/${file}.dcm`);
    const [item] = (json['00321064']?.Value ?? []) as DicomJson[];
    const name = { Alphabetic: 'ﾔﾏﾀﾞ^ﾀﾛｳ', Ideographic: '山田^太郎', Phonetic: 'やまだ^たろう' };
    expect(item?.['00100010']?.Value).toEqual([name]);
  });

  it('are all of them', () => {
    expect(files.filter((file) => /charset\/.*\.dcm$/.test(file))).toHaveLength(17);
  });
});

withCorpus('the header of what dicom-parser reads to the end', () => {
  it.each(files.filter(isReadByAnother))('%s is the same', (file) => {
    const { json, pixelOffset, datasetOffset } = readHeader(file);
    const other = dicomParser.parseDicom(readFileSync(`${CORPUS}/${file}`));
    for (const [keyword, tag] of Object.entries(TEXTS)) {
      expect([keyword, textOf(json, keyword as keyof typeof TEXTS)]).toEqual([keyword, other.string(tag) ?? '']);
    }
    expect(integerOf(json, 'Rows') ?? undefined).toBe(other.uint16('x00280010'));
    expect(integerOf(json, 'Columns') ?? undefined).toBe(other.uint16('x00280011'));
    const pixels = other.elements.x7fe00010;
    if (pixels) expect(pixels.dataOffset - datasetOffset - (pixelOffset as number)).toBeLessThanOrEqual(12);
    expect(pixelOffset !== null).toBe(pixels !== undefined);
  });
});

const TEXTS = {
  SOPClassUID: 'x00080016',
  SOPInstanceUID: 'x00080018',
  StudyInstanceUID: 'x0020000d',
  SeriesInstanceUID: 'x0020000e',
  Modality: 'x00080060',
  StudyDate: 'x00080020',
  PatientID: 'x00100020',
} as const;

/** dicom-parser takes encapsulated pixels that end early for whole, and inflates beside the bytes. */
function isReadByAnother(file: string): boolean {
  const path = `${CORPUS}/${file}`;
  if (!statSync(path).isFile() || file.includes('too_short')) return false;
  try {
    const found = dicomParser.parseDicom(readFileSync(path));
    return found.string('x0020000d') !== undefined && found.string('x00020010') !== '1.2.840.10008.1.2.1.99';
  } catch {
    return false;
  }
}

function readHeader(file: string) {
  const bytes = readFileSync(`${CORPUS}/${file}`);
  const meta = readPart10(bytes);
  if (isFailure(meta)) throw new Error(meta.detail);
  const reader = new DatasetReader(transferSyntax(meta.transferSyntax) as TransferSyntax, HEADER_TAGS);
  expect(reader.push(bytes.subarray(meta.datasetOffset)) ?? reader.end()).toBeNull();
  return { json: dicomJson(reader.dataset), pixelOffset: reader.pixelOffset, datasetOffset: meta.datasetOffset };
}

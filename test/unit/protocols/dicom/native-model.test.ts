import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { isFailure } from '../../../../src/model/failure.ts';
import { DatasetWalker } from '../../../../src/protocols/dicom/dataset-walker.ts';
import { metadataJson } from '../../../../src/protocols/dicom/metadata-json.ts';
import { nativeModel } from '../../../../src/protocols/dicom/native-model.ts';
import { readPart10 } from '../../../../src/protocols/dicom/part10.ts';
import { type TransferSyntax, transferSyntax } from '../../../../src/protocols/dicom/transfer-syntax.ts';
import { isInstalled, run } from '../../../support/programs.ts';

const CORPUS = '../shared/corpora/dicom/pydicom';
const FILES = [
  'files/CT_small.dcm',
  'files/MR_small.dcm',
  'files/test-SR.dcm',
  'files/rtplan.dcm',
  'charset/chrFren.dcm',
  'charset/chrRuss.dcm',
];

describe('the Native DICOM Model of a dataset', () => {
  it.each([
    ['00100020', { vr: 'LO', Value: ['a<b&"c"'] }, 'keyword="PatientID"><Value number="1">a&#60;b&#38;&#34;c&#34;</Value>'],
    ['00080008', { vr: 'CS', Value: ['A', null, 'B'] }, '<Value number="1">A</Value><Value number="2"/><Value number="3">B</Value>'],
    ['00280010', { vr: 'US', Value: [512] }, '<Value number="1">512</Value>'],
    ['00100010', { vr: 'PN' }, 'vr="PN" keyword="PatientName"></DicomAttribute>'],
    [
      '00100010',
      { vr: 'PN', Value: [{ Alphabetic: 'Doe^Jane^^Dr', Phonetic: 'x' }] },
      '<PersonName number="1"><Alphabetic><FamilyName>Doe</FamilyName><GivenName>Jane</GivenName><NamePrefix>Dr</NamePrefix></Alphabetic>' +
        '<Phonetic><FamilyName>x</FamilyName></Phonetic></PersonName>',
    ],
    ['7FE00010', { vr: 'OW', BulkDataURI: 'http://a/b?c&d' }, '<BulkData uri="http://a/b?c&#38;d"/>'],
    ['00420011', { vr: 'OB', InlineBinary: 'AQI=' }, '<InlineBinary>AQI=</InlineBinary>'],
    ['60003000', { vr: 'OW' }, 'keyword="OverlayData"'],
    ['60023000', { vr: 'OW' }, 'tag="60023000" vr="OW" keyword="OverlayData"'],
    ['00080001', { vr: 'UL' }, 'keyword="LengthToEnd"'],
    ['00100020', { vr: 'LO', Value: ['a\u0001\ud800b'] }, '<Value number="1">ab</Value>'],
  ])('has %s %j', (tag, element, expected) => {
    expect(nativeModel({ [tag]: element })).toContain(expected);
  });

  it('names who reserved a private element', () => {
    const json = { '00091001': { vr: 'LO', Value: ['x'] }, '00090010': { vr: 'LO', Value: ['ACME "1"'] } };
    expect(nativeModel(json)).toContain('<DicomAttribute tag="00090001" vr="LO" privateCreator="ACME &#34;1&#34;">');
  });
});

(isInstalled('dcm2xml') && existsSync(CORPUS) ? describe : describe.skip)('of files of the corpora', () => {
  it.each(FILES)('%s is what dcm2xml makes of it', async (file) => {
    const { output } = await run('dcm2xml', ['-nat', '+U8', '-q', `${CORPUS}/${file}`]);
    const document = nativeModel(metadataOf(readFileSync(`${CORPUS}/${file}`)));
    const theirs = attributesOf(output);
    expect(attributesOf(document)).toEqual(theirs);
    expect(theirs.length).toBeGreaterThan(20);
  });
});

function metadataOf(file: Buffer): unknown {
  const meta = readPart10(file);
  if (isFailure(meta)) throw new Error(meta.detail);
  const metadata = metadataJson();
  const walker = new DatasetWalker(transferSyntax(meta.transferSyntax) as TransferSyntax, metadata.sink);
  expect(walker.push(file.subarray(meta.datasetOffset)) ?? walker.end()).toBeNull();
  return JSON.parse(metadata.take() + metadata.end());
}

/** Each element and value, in order; numbers by what they are, bytes not at all, and nothing of File Meta Information and lengths. */
function attributesOf(xml: string): string[] {
  return [
    ...xml.matchAll(
      /<DicomAttribute tag="(\w+)" vr="(\w+)"([^>]*)>|<(Value|Item|FamilyName|GivenName|NamePrefix|NameSuffix|MiddleName)[^>]*>([^<]*)/g,
    ),
  ]
    .map(([, tag, vr, rest = '', kind, text = '']) => {
      const value = text.trim();
      const plain = value !== '' && Number.isFinite(Number(value)) ? String(Math.fround(Number(value))) : unescaped(value);
      return tag ? `${tag} ${vr} ${/privateCreator="[^"]*"/.exec(rest)?.[0] ?? ''}` : `${kind} ${plain}`;
    })
    .filter((line) => !/^(0002|....0000 UL|00080005|FFFCFFFC|Value ISO_IR)/.test(line));
}

function unescaped(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)));
}

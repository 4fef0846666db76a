import { describe, expect, it } from '@jest/globals';
import { isFailure } from '../../../../src/model/failure.ts';
import type { CoercionFacts, CoercionRules } from '../../../../src/model/outgoing.ts';
import { COERCED, coercion } from '../../../../src/protocols/dicom/coercion.ts';
import { DatasetReader } from '../../../../src/protocols/dicom/dataset-reader.ts';
import { editDataset, readElements } from '../../../../src/protocols/dicom/edited-dataset.ts';
import { dicomJson } from '../../../../src/protocols/dicom/header.ts';
import { EXPLICIT_LITTLE_ENDIAN, type TransferSyntax, transferSyntax } from '../../../../src/protocols/dicom/transfer-syntax.ts';
import { type DatasetElement, writeDataset } from '../../../../src/protocols/dicom/write.ts';
import { storedDataset } from '../../../support/stored-dataset.ts';

const RULES: CoercionRules = {
  ...{ patient: 'kept', patientIdPrefix: '', patientIdIssuer: null, accession: 'kept', accessionPrefix: '', accessionIssuer: null },
};
const NOBODY: CoercionFacts = { patient: null, accession: null };
const NORTH = { namespace: 'NORTH', universalId: '', universalIdType: '' };
const OBJECT: DatasetElement[] = [
  [0x00080050, 'SH', 'ACC-1'],
  [0x00100010, 'PN', 'Invented^Ida'],
  [0x00100020, 'LO', 'P-4711'],
];
const MODIFICATION = { system: 'WAYSTATION', source: 'north-hospital', at: new Date('2026-03-02T10:15:00.250Z') };

describe('coercion for a destination', () => {
  it('changes nothing where no rule does', async () => {
    expect(await coerced(OBJECT, RULES, NOBODY)).toBeNull();
  });

  it('writes identifier and name as they are now, and keeps what was there with source, time, system and reason', async () => {
    const patient = { id: 'P-9', issuer: null, name: 'Married^Ida' };
    expect(await coerced(OBJECT, { ...RULES, patient: 'current' }, { ...NOBODY, patient })).toEqual({
      '00080050': 'ACC-1',
      '00100010': 'Married^Ida',
      '00100020': 'P-9',
      '04000561': [
        {
          '04000550': [{ '00100010': 'Invented^Ida', '00100020': 'P-4711' }],
          '04000562': '20260302101500.250+0000',
          '04000563': 'WAYSTATION',
          '04000564': 'north-hospital',
          '04000565': 'COERCE',
        },
      ],
    });
  });

  it('follows the items that other systems left in the Original Attributes Sequence', async () => {
    const earlier: DatasetElement = [0x04000561, 'SQ', [[[0x04000563, 'LO', 'OTHER']]]];
    const after = await coerced([...OBJECT, earlier], { ...RULES, patientIdPrefix: 'N-' }, NOBODY);
    expect(after?.['04000561']).toMatchObject([{ '04000563': 'OTHER' }, { '04000550': [{ '00100020': 'P-4711' }] }]);
  });

  it('prefixes once what comes back and goes out again, and not what only begins so', async () => {
    const rules = { ...RULES, patientIdPrefix: 'N-', accessionPrefix: 'N-' };
    const replaced = (system: string, id: string): DatasetElement => {
      const former: DatasetElement[] = [
        [0x00080050, 'SH', 'ACC-1'],
        [0x00100020, 'LO', id],
      ];
      const item: DatasetElement[] = [
        [0x04000550, 'SQ', [former]],
        [0x04000563, 'LO', system],
        [0x04000565, 'CS', 'COERCE'],
      ];
      return [0x04000561, 'SQ', [item]];
    };
    const back: DatasetElement[] = [
      [0x00080050, 'SH', 'N-ACC-1'],
      [0x00100020, 'LO', 'N-4711'],
    ];
    expect(await coerced([...back, replaced('WAYSTATION', '4711')], rules, NOBODY)).toBeNull();
    expect(await coerced(back, rules, NOBODY)).toMatchObject({ '00080050': 'N-N-ACC-1', '00100020': 'N-N-4711' });
    expect(await coerced([...back, replaced('OTHER', '4711')], rules, NOBODY)).toMatchObject({ '00100020': 'N-N-4711' });
    expect(await coerced([...back, replaced('WAYSTATION', '9')], rules, NOBODY)).toMatchObject({
      '00100020': 'N-N-4711',
      '00080050': 'N-ACC-1',
    });
  });

  it.each([
    ['an identifier prefix', { patientIdPrefix: 'NORTH-' }, { '00100020': 'NORTH-P-4711' }],
    ['an issuer of the patient', { patientIdIssuer: NORTH }, { '00100020': 'P-4711', '00100021': 'NORTH' }],
    [
      'an issuer with a universal name',
      { patientIdIssuer: { ...NORTH, universalId: '1.2.3', universalIdType: 'ISO' } },
      { '00100021': 'NORTH', '00100024': [{ '00400032': '1.2.3', '00400033': 'ISO' }] },
    ],
    ['an accession prefix', { accessionPrefix: 'N-' }, { '00080050': 'N-ACC-1' }],
    ['an issuer of the accession number', { accessionIssuer: NORTH }, { '00080051': [{ '00400031': 'NORTH' }] }],
  ])('supplies %s', async (_, rules, expected) => {
    expect(await coerced(OBJECT, { ...RULES, ...rules }, NOBODY)).toMatchObject(expected);
  });

  it('leaves the issuer that an object names', async () => {
    const object: DatasetElement[] = [...OBJECT, [0x00100021, 'LO', 'SOUTH'], [0x00080051, 'SQ', [[[0x00400031, 'UT', 'SOUTH']]]]];
    expect(await coerced(object, { ...RULES, patientIdIssuer: NORTH, accessionIssuer: NORTH }, NOBODY)).toBeNull();
  });

  it('names the issuer of a number that replaces one of another issuer', async () => {
    const patient = { id: 'P-9', issuer: NORTH, name: '' };
    const after = await coerced([...OBJECT, [0x00100021, 'LO', 'SOUTH']], { ...RULES, patient: 'current' }, { ...NOBODY, patient });
    expect(after).toMatchObject({ '00100020': 'P-9', '00100021': 'NORTH' });
  });

  it('writes the number of the order', async () => {
    const accession = { value: 'ORDER-7', issuer: NORTH };
    const after = await coerced(OBJECT, { ...RULES, accession: 'order' }, { ...NOBODY, accession });
    expect(after).toMatchObject({ '00080050': 'ORDER-7', '00080051': [{ '00400031': 'NORTH' }] });
  });

  it.each([
    [
      'an accession number of 17 characters',
      { accessionPrefix: 'HOSPITAL-N-' },
      [[0x00080050, 'SH', '123456']],
      'Accession Number (0008,0050)',
    ],
    ['an identifier of 65 characters', { patientIdPrefix: 'N' }, [[0x00100020, 'LO', 'x'.repeat(64)]], 'Patient ID (0010,0020)'],
  ] as [string, Partial<CoercionRules>, DatasetElement[], string][])('refuses %s, and never cuts it', async (_, rules, object, name) => {
    const elements = await elementsOf(object);
    const refused = coercion(elements, { ...RULES, ...rules }, NOBODY, MODIFICATION);
    expect(refused).toMatchObject({ failure: true, class: 'permanent', code: 'invalid' });
    expect(isFailure(refused) && refused.detail).toContain(name);
    expect(JSON.stringify(refused)).not.toContain('123456');
  });

  it('keeps the former name in the character set it is taken to', async () => {
    const object: DatasetElement[] = [
      [0x00080005, 'CS', 'ISO_IR 100'],
      [0x00100010, 'PN', Buffer.from('M\xfcller', 'latin1')],
    ];
    const patient = { id: '', issuer: null, name: '山田' };
    const after = await coerced(object, { ...RULES, patient: 'current' }, { ...NOBODY, patient });
    expect(after).toMatchObject({ '00100010': '山田', '04000561': [{ '04000550': [{ '00100010': 'Müller' }] }] });
  });
});

async function elementsOf(object: readonly DatasetElement[]) {
  const elements = await readElements(storedDataset(writeDataset(object), EXPLICIT_LITTLE_ENDIAN), COERCED);
  if (isFailure(elements)) throw new Error(elements.detail);
  return elements;
}

type Plain = { readonly [tag: string]: string | Plain[] };

/** The edited object as plain text by tag; null where there are no edits. */
async function coerced(object: readonly DatasetElement[], rules: CoercionRules, facts: CoercionFacts): Promise<Plain | null> {
  const stored = storedDataset(writeDataset(object), EXPLICIT_LITTLE_ENDIAN);
  const edits = coercion(await elementsOf(object), rules, facts, MODIFICATION);
  if (edits === null) return null;
  const edited = isFailure(edits) ? edits : await editDataset(stored, edits);
  if (isFailure(edited)) throw new Error(edited.detail);
  const reader = new DatasetReader(transferSyntax(EXPLICIT_LITTLE_ENDIAN) as TransferSyntax, ALL);
  for await (const chunk of edited.read()) reader.push(chunk);
  expect(reader.end()).toBeNull();
  return plain(dicomJson(reader.dataset));
}

function plain(json: ReturnType<typeof dicomJson>): Plain {
  const text = (value: unknown): string | Plain =>
    typeof value !== 'object'
      ? String(value)
      : 'Alphabetic' in (value as object)
        ? String((value as { Alphabetic: string }).Alphabetic)
        : plain(value as typeof json);
  return Object.fromEntries(
    Object.entries(json).map(([tag, { vr, Value = [] }]) => [
      tag,
      vr === 'SQ' ? Value.map((item) => text(item) as Plain) : String(text(Value[0])),
    ]),
  );
}

const ALL = new Set([...COERCED, 0x04000561]);

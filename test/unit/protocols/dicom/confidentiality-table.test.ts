/** What holds for every row of PS3.15 Table E.1-1, by what the dictionary says of its attribute. */
import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { type ProfileRow, profileRow } from '../../../../src/protocols/dicom/confidentiality-table.ts';
import { vrOf } from '../../../../src/protocols/dicom/dictionary.ts';

const tags = [...readFileSync('src/protocols/dicom/confidentiality-table.ts', 'utf8').matchAll(/^([0-9A-F]{8}) /gm)].map(([, tag]) =>
  Number.parseInt(tag as string, 16),
);
const rows = tags.map((tag) => ({ tag, vr: vrOf(tag), ...(profileRow(tag) as ProfileRow) }));
const keys = (some: readonly { tag: number }[]) => some.map(({ tag }) => tag.toString(16).padStart(8, '0'));

it('has each tag once, in their order, with actions and options that there are', () => {
  expect(tags).toEqual([...new Set(tags)].sort((a, b) => a - b));
  expect(tags.length).toBeGreaterThan(635);
  const actions = new Set(['D', 'Z', 'X', 'U', 'X/Z', 'X/D', 'Z/D', 'X/Z/D', 'X/Z/U']);
  const options = new Set(['uids', 'device', 'institution', 'patient', 'dates']);
  expect(rows.filter(({ action, keptBy }) => !actions.has(action) || !keptBy.every((one) => options.has(one)))).toEqual([]);
});

it('replaces UIDs, and keeps them with Retain UIDs alone or as those of a device', () => {
  const uids = rows.filter(({ vr }) => vr === 'UI');
  // Annotation Group UID has action D in the table.
  expect(keys(uids.filter(({ action }) => action !== 'U'))).toEqual(['006a0003']);
  expect(keys(rows.filter(({ action, vr }) => action === 'U' && vr !== 'UI'))).toEqual([]);
  // The UID of a content item, and that of a signature that holds no more.
  expect(keys(uids.filter(({ keptBy }) => !keptBy.includes('uids')))).toEqual(['0040a124', '04000100']);
  expect(keys(uids.filter(({ keptBy }) => keptBy.includes('device')))).toEqual(['00181002', '0018100b']);
  expect(keys(rows.filter(({ vr, keptBy }) => vr === 'SQ' && keptBy.includes('uids')))).toEqual([
    '00081110',
    '00081111',
    '00081120',
    '00081140',
    '00082112',
  ]);
});

it('keeps dates and times with Retain Longitudinal Temporal Information, but for the birth and the position of the patient', () => {
  const dates = rows.filter(({ vr }) => vr === 'DA' || vr === 'DT' || vr === 'TM');
  expect(keys(dates.filter(({ keptBy }) => !keptBy.includes('dates')))).toEqual(['00100030', '00100032', '00160077']);
  const others = rows.filter(({ vr, keptBy }) => keptBy.includes('dates') && !['DA', 'DT', 'TM', 'UN'].includes(vr));
  // Timezone Offset From UTC, Frame Origin Timestamp, Certified Timestamp.
  expect(keys(others)).toEqual(['00080201', '00340007', '04000310']);
});

it('keeps no name of a person, address or telephone number with any option', () => {
  expect(keys(rows.filter(({ vr, keptBy }) => vr === 'PN' && keptBy.length > 0))).toEqual([]);
  const contacts = [0x00080092, 0x00080094, 0x00101040, 0x00102154, 0x00102155, 0x00401102, 0x00401103, 0x00401104];
  expect(contacts.map((tag) => profileRow(tag)?.keptBy)).toEqual(contacts.map(() => []));
});

it('keeps what is of the patient, the institution and the device with the option that names them', () => {
  const groups = (option: ProfileRow['keptBy'][number]) => [
    ...new Set(rows.filter(({ keptBy }) => keptBy.includes(option)).map(({ tag }) => tag >>> 16)),
  ];
  expect(groups('patient')).toEqual([0x0010, 0x0072]);
  expect(groups('institution')).toEqual([0x0008, 0x0012]);
  const calibrated = [0x0014407c, 0x0014407e, 0x00181200, 0x00181204, 0x0018700c, 0x300c0127];
  expect(calibrated.map((tag) => profileRow(tag)?.keptBy)).toEqual(calibrated.map(() => ['device', 'dates']));
  // AE titles are to be cleaned: they tell the network.
  expect([0x00080055, 0x00321021, 0x00400001, 0x00400241, 0x21000140].map((tag) => profileRow(tag)?.keptBy)).toEqual([[], [], [], [], []]);
});

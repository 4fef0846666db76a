import { describe, expect, it } from '@jest/globals';
import type { CodeableConcept, Media } from '@medplum/fhirtypes';
import type { DatasetElement } from '../../../../src/protocols/dicom/write.ts';
import { type PhotoSource, photoOrder } from '../../../../src/return/dicom/photo-object.ts';
import { momentOf, numberOf, patientIssuer, personName } from '../../../../src/return/dicom/photo-words.ts';
import { photoSource } from '../../../support/photo-objects.ts';

const elements = (source: PhotoSource): Map<number, DatasetElement[2]> =>
  new Map((JSON.parse(photoOrder(source).elements) as DatasetElement[]).map(([tag, , value]) => [tag, value]));
const concept = (code: string, text = ''): CodeableConcept => ({ coding: [{ code }], text });
const rightEye: CodeableConcept = { coding: [{ system: 'http://snomed.info/sct', code: '18944008' }] };

describe('the class of a photo', () => {
  const rows: readonly (readonly [string, Partial<Media>, string])[] = [
    ['photographic', {}, '394582007'],
    ['dermoscopic', { modality: concept('DMS') }, ''],
    ['dermoscopic', { view: { text: 'Dermatoskopie' } }, '394582007'],
    ['ophthalmic', { modality: concept('OP'), bodySite: rightEye }, ''],
    ['ophthalmic', { bodySite: { text: 'left eye' } }, '394594003'],
    ['ophthalmic', { view: { text: 'Fundus' }, bodySite: { text: 'OS' } }, ''],
    ['photographic', { modality: concept('OP') }, '394594003'],
    ['photographic', { view: concept('face'), bodySite: rightEye }, '394594003'],
    ['photographic', { modality: concept('XC'), bodySite: rightEye }, '394594003'],
  ];
  it.each(rows)('is %s for %j, read by %s', (pictureClass, media, practice) => {
    expect(photoOrder(photoSource(media, { practice })).pictureClass).toBe(pictureClass);
  });
});

describe('what is said of a photo', () => {
  it('is the same study for every photo of the order, another object for every picture', () => {
    const [one, other] = [photoOrder(photoSource()), photoOrder(photoSource({ id: 'another' }, { number: 2 }))];
    expect(one).toEqual(photoOrder(photoSource()));
    expect(other.studyUid).toBe(one.studyUid);
    expect(
      new Set([one, other, photoOrder(photoSource({}, { blob: 'b'.repeat(64) }))].map(({ sopInstanceUid }) => sopInstanceUid)).size,
    ).toBe(3);
    const elsewhere = photoSource({}, { serviceRequest: { ...photoSource().serviceRequest, id: 'another' } });
    expect(photoOrder(elsewhere)).not.toMatchObject({ studyUid: one.studyUid, sopInstanceUid: one.sopInstanceUid });
  });

  it('leaves an accession number out that its VR does not hold, and never cuts it', () => {
    const { serviceRequest } = photoSource();
    const long = [{ ...serviceRequest.identifier?.[0], value: 'ACC-of-more-than-16-characters' }];
    expect(elements(photoSource()).get(0x00080050)).toBe('ACC-77');
    expect(elements(photoSource({}, { serviceRequest: { ...serviceRequest, identifier: long } })).get(0x00080050)).toBe('');
  });

  it('knows a patient without a number by his resource', () => {
    const { identifier: _none, ...patient } = photoSource().patient;
    expect(elements(photoSource({}, { patient })).get(0x00100020)).toBe('0199-p');
  });
});

describe('FHIR values as DICOM values', () => {
  it('writes names by their components, without what parts them, and shorter where they are too long', () => {
    expect(personName({ family: 'A^B=C\\D', given: ['Ada', 'Eva'], suffix: ['Jr.'] })).toBe('A B C D^Ada^Eva^^Jr.');
    expect(personName({ text: 'Dr. Berta Land' })).toBe('Dr. Berta Land');
    expect(personName({ family: 'Long', given: ['Ada'], prefix: ['p'.repeat(70)] })).toBe('Long^Ada');
    expect(personName(undefined)).toBe('');
  });

  it('writes all times in one offset, and a date as a date', () => {
    expect(momentOf('2026-03-02T23:30:05Z', '+01:00')).toEqual({ date: '20260303', time: '003005' });
    expect(momentOf('2026-03-02T00:30:05+01:00', '-05:00')).toEqual({ date: '20260301', time: '183005' });
    expect(momentOf('2026-03-02', '+01:00')).toEqual({ date: '20260302', time: '' });
    expect([momentOf('2026', '+01:00'), momentOf(undefined, '+01:00')].map(({ date }) => date)).toEqual(['', '']);
  });

  it('takes the medical record number, else the first in use; an authority that nobody named is not told', () => {
    const old = { system: 'urn:a', value: '1', use: 'old' as const };
    const other = { system: 'urn:b', value: '2' };
    const medical = { system: 'urn:c', value: '3', type: { coding: [{ code: 'MR' }] } };
    expect([numberOf([old, other, medical])?.value, numberOf([old, other])?.value, numberOf([old])]).toEqual(['3', '2', null]);
    expect(patientIssuer('urn:waystation:authority:default.clinic')).toEqual([]);
    expect(patientIssuer('urn:waystation:authority:HOSP')).toEqual([[0x00100021, 'LO', 'HOSP']]);
  });
});

import { describe, expect, it } from '@jest/globals';
import type { Patient } from '@medplum/fhirtypes';
import { isFailure } from '../../../src/model/failure.ts';
import { textIn } from '../../../src/protocols/dicom/study-modules.ts';
import { orderedStudy, patientNumber } from '../../../src/return/order-study.ts';

const PATIENT: Patient = {
  resourceType: 'Patient',
  identifier: [
    { system: 'urn:waystation:authority:HOSP', value: 'OLD', use: 'old' },
    { system: 'urn:example:insurance', value: 'X1' },
    { system: 'urn:waystation:authority:HOSP', value: '4711' },
  ],
  name: [{ family: 'Äskulap', given: ['Erika', 'Maria'], prefix: ['Dr.'] }],
  gender: 'female',
  birthDate: '1970-01-01',
};
const asked = { studyUid: '1.2', patient: PATIENT, identifier: patientNumber(PATIENT, 'HOSP'), accession: 'ACC-1' };

describe('a study that only its order names', () => {
  it('has the patient as the order has him, by the number of who asked', () => {
    const study = orderedStudy(asked);
    if (isFailure(study)) throw new Error(study.detail);
    const said = [0x00100010, 0x00100020, 0x00100021, 0x00100030, 0x00100040, 0x00080050].map((tag) => textIn(study.elements, tag));
    expect(said).toEqual(['Äskulap^Erika^Maria^Dr.', '4711', 'HOSP', '19700101', 'F', 'ACC-1']);
  });

  it('leaves out a part of a birth date, and a number that DICOM has no room for', () => {
    const study = orderedStudy({ ...asked, patient: { ...PATIENT, birthDate: '1970' }, accession: 'A'.repeat(17) });
    if (isFailure(study)) throw new Error(study.detail);
    expect([textIn(study.elements, 0x00100030), textIn(study.elements, 0x00080050)]).toEqual(['', '']);
  });

  it('is none where the patient cannot be written as he is called', () => {
    expect(orderedStudy({ ...asked, patient: { ...PATIENT, name: [{ family: 'x'.repeat(65) }] } })).toMatchObject({ failure: true });
  });
});

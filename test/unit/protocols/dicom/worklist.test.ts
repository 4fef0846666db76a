import { describe, expect, it } from '@jest/globals';
import type { Patient, ServiceRequest } from '@medplum/fhirtypes';
import { type Failure, isFailure } from '../../../../src/model/failure.ts';
import type { DicomJson } from '../../../../src/protocols/dicom/header.ts';
import { writeIdentifier } from '../../../../src/protocols/dicom/identifier.ts';
import { askedOf, knowsKeys, worklistItems } from '../../../../src/protocols/dicom/worklist.ts';
import fc from '../../../support/properties.ts';

const typed = (code: string, value: string, system = 'urn:waystation:authority:RIS') => ({ type: { coding: [{ code }] }, system, value });
const PATIENT: Patient = {
  resourceType: 'Patient',
  identifier: [{ system: 'urn:oid:1.2.3', value: 'P-1' }],
  name: [{ family: 'Lind', given: ['Eva', 'Maria'], prefix: ['Dr'] }],
  birthDate: '1988-03',
  gender: 'female',
};
const REQUEST: ServiceRequest = {
  ...{ resourceType: 'ServiceRequest', status: 'active', intent: 'order', subject: {} },
  identifier: [typed('PLAC', 'PLACER-NUMBER-OF-MANY-CHARACTERS'), typed('FILL', 'F-1'), typed('ACSN', 'ACC-1')],
  code: { coding: [{ system: 'http://loinc.org', code: '24725-4', display: 'CT Head' }] },
  occurrenceDateTime: '2026-03-02T23:30:00+09:00',
  priority: 'stat',
};

function items(request: Partial<ServiceRequest> = {}, patient: Partial<Patient> = {}): DicomJson[] | Failure {
  const order = { request: { ...REQUEST, ...request }, patient: { ...PATIENT, ...patient } as Patient };
  return worklistItems({ ...order, requester: undefined, modalities: ['CT'], studyUid: '1.2.3' }, 'CT1');
}

function one(request: Partial<ServiceRequest> = {}, patient: Partial<Patient> = {}): DicomJson {
  const [item] = items(request, patient) as DicomJson[];
  return item as DicomJson;
}

const step = (item: DicomJson) => item['00400100']?.Value?.[0] as DicomJson;

describe('a worklist entry', () => {
  it('says when a step is to begin as its sender does, on the clock of his wall', () => {
    expect(step(one())).toMatchObject({ '00400002': { vr: 'DA', Value: ['20260302'] }, '00400003': { vr: 'TM', Value: ['233000'] } });
    expect(step(one({ occurrenceDateTime: '2026-03-02' }))['00400003']?.Value).toEqual(['000000']);
  });

  it('takes the first number that fits for the ids of procedure and step, and cuts none', () => {
    expect([one()['00401001']?.Value, step(one())['00400009']?.Value]).toEqual([['F-1'], ['F-1']]);
    const long = [typed('PLAC', 'x'.repeat(17)), typed('FILL', 'y'.repeat(17))];
    expect(isFailure(items({ identifier: long }))).toBe(true);
  });

  it('is none where the accession number is longer than 16 characters', () => {
    expect(isFailure(items({ identifier: [typed('ACSN', 'A'.repeat(17)), typed('FILL', 'F-1')] }))).toBe(true);
    expect(one({ identifier: [typed('ACSN', 'A'.repeat(16))] })['00080050']?.Value).toEqual(['A'.repeat(16)]);
    expect(one({ identifier: [typed('FILL', 'F-1')] })['00080050']).toEqual({ vr: 'SH' });
  });

  it('knows the patient by the record number that is in use, not by one that a merge retired, nor by that of his insurance', () => {
    const retired = { ...typed('MR', 'P-OLD', 'urn:oid:1.2.3'), use: 'old' as const };
    const identifier = [retired, typed('SS', '078-05-1120', 'urn:oid:9.9'), typed('MR', 'P-NEW', 'urn:oid:1.2.3')];
    expect(one({}, { identifier })).toMatchObject({ '00100020': { Value: ['P-NEW'] }, '00100021': { Value: ['1.2.3'] } });
    expect(one({}, { identifier: [retired] })['00100020']).toEqual({ vr: 'LO' });
  });

  it('names the patient, and leaves a date of birth out that is no day', () => {
    expect(one()).toMatchObject({
      '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Lind^Eva^Maria^Dr' }] },
      '00100020': { vr: 'LO', Value: ['P-1'] },
      '00100021': { vr: 'LO', Value: ['1.2.3'] },
      '00100030': { vr: 'DA' },
      '00100040': { vr: 'CS', Value: ['F'] },
    });
    const anybody = [{ system: 'urn:waystation:authority:default.north', value: 'P-1' }];
    expect(one({}, { identifier: anybody })['00100021']).toEqual({ vr: 'LO' });
  });

  it('says nothing that breaks a dataset, whatever the names and numbers are', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        const named = one({ code: { text }, reasonCode: [{ text }] }, { name: [{ family: text, given: [text] }] });
        expect(JSON.stringify(named['00100010'])).not.toMatch(/\\\\\\\\|=/);
        writeIdentifier(named, true);
      }),
    );
  });

  it('answers the keys that were asked for, within the step too', () => {
    const keys: DicomJson = {
      '00080050': { vr: 'SH' },
      '00400100': { vr: 'SQ', Value: [{ '00080060': { vr: 'CS', Value: ['CT'] } }] },
    };
    expect(askedOf(keys, one())).toEqual({
      '00080050': { vr: 'SH', Value: ['ACC-1'] },
      '00400100': { vr: 'SQ', Value: [{ '00080060': { vr: 'CS', Value: ['CT'] } }] },
    });
    expect(knowsKeys(keys, one())).toBe(true);
    expect(knowsKeys({ '00400100': { vr: 'SQ', Value: [{ '00400440': { vr: 'SQ' } }] } }, one())).toBe(false);
  });
});

import { describe, expect, it } from '@jest/globals';
import type { Patient, ServiceRequest } from '@medplum/fhirtypes';
import { coercionFacts } from '../../../src/delivery/outgoing-facts.ts';
import type { CoercionRules } from '../../../src/model/outgoing.ts';

const HOSP = 'urn:waystation:authority:HOSP';
const RULES: CoercionRules = {
  ...{ patient: 'current', patientIdPrefix: '', patientIdIssuer: null, accession: 'order', accessionPrefix: '', accessionIssuer: null },
};

describe('what the rules need to know', () => {
  it.each([
    ['the number of the object while it is valid', [{ value: 'A', system: HOSP }], { id: 'A', issuer: null }],
    [
      'after a merge the valid one of the same authority',
      [
        { value: 'B', system: HOSP },
        { value: 'A', system: HOSP, use: 'old' },
        { value: 'C', system: 'urn:oid:1.2' },
      ],
      { id: 'B', issuer: null },
    ],
    [
      'the only one, with its authority',
      [{ value: 'C', system: 'urn:oid:1.2' }],
      { id: 'C', issuer: { namespace: '', universalId: '1.2', universalIdType: 'ISO' } },
    ],
    ['none where an authority was made up', [{ value: 'C', system: 'urn:waystation:authority:default.north' }], { id: 'C', issuer: null }],
  ] as [string, Patient['identifier'], object][])('is %s', (_, identifier, expected) => {
    expect(
      coercionFacts(RULES, { patient: { resourceType: 'Patient', ...(identifier && { identifier }) }, order: null }, 'A'),
    ).toMatchObject({ patient: expected });
  });

  it('is for a person to say where several numbers are valid, of other authorities', () => {
    const identifier = [
      { value: 'B', system: 'urn:oid:1.1' },
      { value: 'C', system: 'urn:oid:1.2' },
    ];
    const facts = coercionFacts(RULES, { patient: { resourceType: 'Patient', identifier }, order: null }, 'A');
    expect(facts).toMatchObject({ failure: true, class: 'permanent', code: 'conflict' });
  });

  it('is no Patient: the object is not sent', () => {
    expect(coercionFacts(RULES, { patient: null, order: null }, 'A')).toMatchObject({ failure: true, code: 'not-found' });
  });

  it('has the name as PN, other scripts in groups of their own, and without delimiters of PN in its parts', () => {
    const ideographic = {
      family: '山田',
      given: ['太郎'],
      extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation', valueCode: 'IDE' }],
    };
    const name = [
      { use: 'old' as const, family: 'Maiden' },
      { family: 'Yam^ada', given: ['Tarou', 'K', 'L'], prefix: ['Dr'] },
      ideographic,
    ];
    expect(coercionFacts(RULES, { patient: { resourceType: 'Patient', name }, order: null }, '')).toMatchObject({
      patient: { name: 'Yam ada^Tarou^K L^Dr=山田^太郎' },
    });
  });

  it('has the accession number of the order with its authority', () => {
    const order = {
      resourceType: 'ServiceRequest',
      identifier: [{ value: 'P' }, { value: 'A-1', system: 'urn:waystation:authority:RIS', type: { coding: [{ code: 'ACSN' }] } }],
    } as ServiceRequest;
    expect(coercionFacts({ ...RULES, patient: 'kept' }, { patient: null, order }, 'A')).toEqual({
      patient: null,
      accession: { value: 'A-1', issuer: { namespace: 'RIS', universalId: '', universalIdType: '' } },
    });
  });
});

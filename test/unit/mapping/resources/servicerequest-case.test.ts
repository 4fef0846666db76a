import { describe, expect, it } from '@jest/globals';
import type { Media, Patient, Resource, ServiceRequest } from '@medplum/fhirtypes';
import { casePartsOf } from '../../../../src/mapping/resources/servicerequest-case.ts';

const patient: Patient = { resourceType: 'Patient', id: 'p', identifier: [{ system: 'urn:clinic', value: '7' }, { value: 'no system' }] };
const order: ServiceRequest = {
  resourceType: 'ServiceRequest',
  id: 's',
  status: 'active',
  intent: 'order',
  priority: 'urgent',
  subject: { reference: 'Patient/p' },
  category: [{ coding: [{ system: 'http://snomed.info/sct', code: '394582007' }] }],
  performerType: { coding: [{ system: 'http://snomed.info/sct', code: '18803008' }] },
  identifier: [
    { type: { coding: [{ code: 'PLAC' }] }, system: 'urn:clinic:orders', value: '1' },
    { type: { coding: [{ code: 'ACSN' }] }, value: 'without a system' },
  ],
  supportingInfo: [{ reference: 'QuestionnaireResponse/q' }, { reference: 'Condition/elsewhere' }],
};
const media: Media = {
  resourceType: 'Media',
  id: 'm',
  status: 'completed',
  basedOn: [{ reference: 'ServiceRequest/s' }],
  content: { url: 'Binary/b' },
};
const form = { resourceType: 'QuestionnaireResponse', id: 'q', status: 'completed' } as Resource;
const all = new Map<string, Resource>(
  [patient, order, media, form].map((resource) => [`${resource.resourceType}/${resource.id}`, resource]),
);
const lookUp = (reference: string) => all.get(reference) ?? null;

describe('case parts of what came by FHIR', () => {
  it('makes one order of a ServiceRequest and everything that came with it', () => {
    expect(casePartsOf([patient, order, media, form], lookUp)).toEqual([
      {
        kind: 'order',
        keys: [
          { kind: 'service-request', system: '', value: 's' },
          { kind: 'placer', system: 'urn:clinic:orders', value: '1' },
        ],
        patient: [{ system: 'urn:clinic', value: '7' }],
        control: 'NW',
        event: { control: 'NW', state: '', position: 1, said: null },
        production: true,
        priority: 'urgent',
        hints: ['code:http://snomed.info/sct|394582007', 'performer:http://snomed.info/sct|18803008'],
        serviceRequest: 'ServiceRequest/s',
        subject: 'Patient/p',
        members: ['QuestionnaireResponse/q', 'Media/m', 'Binary/b'],
        study: null,
      },
    ]);
  });

  it('lets a photo that comes later join the case of its ServiceRequest', () => {
    const [part, ...others] = casePartsOf([media], lookUp);
    expect(others).toEqual([]);
    expect(part).toMatchObject({
      kind: 'material',
      keys: [{ kind: 'service-request', value: 's' }],
      members: ['Media/m', 'Binary/b'],
      serviceRequest: '',
    });
  });

  it('takes a revoked order for a cancel', () => {
    expect(casePartsOf([{ ...order, status: 'revoked' }], lookUp)[0]?.control).toBe('CA');
  });

  it('makes nothing of resources that belong to no order', () => {
    expect(casePartsOf([patient, form], lookUp)).toEqual([]);
  });
});

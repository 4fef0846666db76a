import { describe, expect, it } from '@jest/globals';
import type { Media } from '@medplum/fhirtypes';
import { brokenReferences, literalReferences, renameReferences } from '../../../../src/protocols/fhir/references.ts';

const BASE = 'https://gateway.example/fhir';

const media: Media = {
  resourceType: 'Media',
  status: 'completed',
  subject: { reference: 'Patient/1' },
  basedOn: [
    { reference: 'ServiceRequest/2/_history/4' },
    { reference: '#inside' },
    { reference: 'https://elsewhere.example/ServiceRequest/9' },
  ],
  content: { url: 'Binary/3' },
  extension: [{ url: 'Binary/not-a-reference', valueReference: { reference: 'Patient/1' } }],
};

describe('references', () => {
  it('to this server are found once each, in Reference and Attachment, not in the names of extensions', () => {
    expect(literalReferences(media)).toEqual(['Patient/1', 'ServiceRequest/2', 'Binary/3']);
  });

  it('are renamed where they are references, and the resource that was given stays as it was', () => {
    const names = new Map([
      ['Patient/1', 'Patient/new'],
      ['Binary/3', 'Binary/new'],
      ['Binary/not-a-reference', 'Binary/wrong'],
    ]);
    const renamed = renameReferences(media, names);
    expect([renamed.subject?.reference, renamed.content.url, renamed.extension?.[0]?.url]).toEqual([
      'Patient/new',
      'Binary/new',
      'Binary/not-a-reference',
    ]);
    expect(renamed.extension?.[0]?.valueReference?.reference).toBe('Patient/new');
    expect(media.subject?.reference).toBe('Patient/1');
  });

  it.each([
    ['Patient/1', true],
    ['#inside', true],
    ['https://elsewhere.example/Patient/1', true],
    ['urn:oid:1.2.3', true],
    [`${BASE}/Patient/1`, false],
    ['urn:uuid:0195a1b2-0000-7000-8000-000000000001', false],
    ['Patient?identifier=1', false],
    ['somewhere', false],
    ['patient/1', false],
    ['Patient/', false],
    ['../Patient/1', false],
  ])('%s can be followed: %s', (reference, can) => {
    expect(brokenReferences({ ...media, basedOn: [{ reference }] }, BASE)).toHaveLength(can ? 0 : 1);
  });
});

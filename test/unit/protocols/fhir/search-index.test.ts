import { describe, expect, it } from '@jest/globals';
import type { ImagingStudy, Patient, RelatedPerson, Task } from '@medplum/fhirtypes';
import { indexResource, isTooIndexed } from '../../../../src/protocols/fhir/search-index.ts';
import { resourceTypes } from '../../../../src/protocols/fhir/search-parameters.ts';

describe('the search index', () => {
  it('of a Task has its tokens, status, owner and date', () => {
    const task: Task = {
      resourceType: 'Task',
      status: 'requested',
      intent: 'order',
      code: { coding: [{ system: 'urn:codes', code: 'fulfill' }, { code: 'bare' }] },
      focus: { reference: 'ServiceRequest/1/_history/3' },
      for: { reference: 'Patient/2', identifier: { system: 'urn:mrn', value: '7' } },
      owner: { reference: 'Organization/3' },
      authoredOn: '2026-02',
    };
    const { tokens, ...rest } = indexResource(task);
    expect([...tokens].sort()).toEqual(
      [
        'Task.code=fulfill',
        'Task.code=urn:codes|fulfill',
        'Task.code=urn:codes|',
        'Task.code=bare',
        'Task.code=|bare',
        'Task.focus=ServiceRequest/1',
        'Task.intent=order',
        'Task.owner=Organization/3',
        'Task.status=requested',
        'Task.subject=Patient/2',
        'Task.subject:identifier=7',
        'Task.subject:identifier=urn:mrn|7',
        'Task.subject:identifier=urn:mrn|',
      ].sort(),
    );
    const february = { from: Date.UTC(2026, 1), to: Date.UTC(2026, 2) };
    expect(rest).toEqual({ status: 'requested', owner: 'Organization/3', dated: february, strings: null });
  });

  it('has each part of a name, folded, and each of its words; what family and given keep, name keeps not', () => {
    const name = { prefix: ['Dr.'], family: 'van der Bérg', given: ['Zoë'] };
    const { strings } = indexResource({ resourceType: 'Patient', name: [name] } as Patient);
    expect(strings?.map(({ param, value }) => `${param} ${value}`)).toEqual([
      'name dr.',
      'family van der berg',
      'family van',
      'family der',
      'family berg',
      'given zoe',
    ]);
    const { strings: whole } = indexResource({ resourceType: 'RelatedPerson', name: [name] } as RelatedPerson);
    expect(whole?.map(({ param, value }) => `${param} ${value}`)).toEqual([
      'name van der berg',
      'name van',
      'name der',
      'name berg',
      'name zoe',
      'name dr.',
    ]);
  });

  it('walks through every series of a study, and says each thing once', () => {
    const series = ['CT', 'CT', 'SR'].map((code, number) => ({ uid: `2.25.${number}`, modality: { system: 'urn:dcm', code } }));
    const study: ImagingStudy = { resourceType: 'ImagingStudy', status: 'available', subject: { reference: 'Patient/2' }, series };
    const modalities = indexResource(study).tokens.filter((token) => token.startsWith('ImagingStudy.modality=urn:dcm|'));
    expect(modalities).toEqual(['ImagingStudy.modality=urn:dcm|CT', 'ImagingStudy.modality=urn:dcm|', 'ImagingStudy.modality=urn:dcm|SR']);
  });

  it('is too large beyond two thousand tokens or a thousand strings', () => {
    const patientOf = (names: number): Patient => ({
      resourceType: 'Patient',
      name: [{ given: Array.from({ length: names }, (_, n) => `name${n}`) }],
    });
    expect([10, 5_000].map((names) => isTooIndexed(indexResource(patientOf(names))))).toEqual([false, true]);
  });

  it('of an empty resource is empty', () => {
    for (const resourceType of resourceTypes()) {
      const { strings, ...rest } = indexResource({ resourceType } as Patient);
      expect(rest).toEqual({ tokens: [], status: '', owner: '', dated: null });
      expect(strings?.length ?? 0).toBe(0);
    }
  });

  it('of anything else that is JSON does not throw', () => {
    const odd = {
      resourceType: 'Patient',
      name: 'text',
      identifier: 7,
      active: { a: [null] },
      link: [[{ other: 'x' }]],
      birthDate: 5,
      meta: null,
    };
    expect(indexResource(odd as unknown as Patient).dated).toBeNull();
  });
});

